"""Other delineators on LUDB, the same lead, records, rules and code of the metrics as ours.

    pip install neurokit2 openecg ai-edge-litert          # what is not installed is left out
    python benchmarks/delineation_peers.py --data DATA --fold 1
    python benchmarks/delineation_peers.py --data DATA --fold 1 --model runs/fold1/int8

openecg (v56c, 1 M parameters) was trained on 159 of LUDB's 200 records: its row flatters it.
NeuroKit2 is not trained. Without --model ours is the shipped wrist, which has seen every fold.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table
from scipy.signal import resample_poly

from leadone import Record
from leadone.distill.datasets import fold_of, group_of, record_names
from leadone.distill.evaluate import evaluate_set, ludb_reference, reference_marks, with_progress
from leadone.distill.metrics import FIDUCIALS, BoundaryScore, DelineationScore, score_delineation
from leadone.edge.formats.wfdb_records import read_record

Floats = npt.NDArray[np.float64]
Delineator = Callable[[Record], dict[str, Floats]]  # ms of each fiducial

MS = 1000.0


def main() -> None:
    """Print a row a method."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--fold", type=int)
    parser.add_argument("--lead", default="i")
    parser.add_argument("--model", default="wrist")
    options = parser.parse_args()
    folder = options.data / "ludb"
    names = [
        name
        for name in record_names(folder)
        if options.fold in (None, fold_of(group_of("ludb", name)))
    ]
    ours = evaluate_set("ludb", options.data, options.model, fold=options.fold, lead=options.lead)
    assert isinstance(ours.score, DelineationScore)
    scores = {"leadone": ours.score}
    for label, make in PEERS.items():
        try:
            delineate = make()
        except ImportError as error:
            print(f"{label} is left out: {error}")
            continue
        scores[label] = _score(folder, names, options.lead, delineate)
    _print(scores)


def _score(folder: Path, names: list[str], lead: str, delineate: Delineator) -> DelineationScore:
    rows = []
    for name in with_progress(names):
        waves, spans = ludb_reference(folder / name, lead)
        try:
            found = delineate(read_record(folder / name, lead))
        except (ValueError, IndexError, KeyError, ZeroDivisionError):
            found = {}  # it raised: nothing was found
        rows.append(reference_marks(waves, spans, found))
    return score_delineation(rows)


def _neurokit(method: str) -> Callable[[], Delineator]:
    def make() -> Delineator:
        import neurokit2

        columns = dict(
            zip(
                FIDUCIALS,
                ("P_Onsets", "P_Offsets", "R_Onsets", "R_Offsets", "T_Onsets", "T_Offsets"),
                strict=True,
            )
        )

        def delineate(record: Record) -> dict[str, Floats]:
            rate = int(record.rate_hz)
            clean = neurokit2.ecg_clean(record.signal_mv.astype(float), sampling_rate=rate)
            _, peaks = neurokit2.ecg_peaks(clean, sampling_rate=rate)
            _, waves = neurokit2.ecg_delineate(
                clean, peaks["ECG_R_Peaks"], sampling_rate=rate, method=method
            )
            return {
                fiducial: _valid(waves.get(f"ECG_{column}", [])) / rate * MS
                for fiducial, column in columns.items()
            }

        return delineate

    return make


def _openecg() -> Delineator:
    from openecg.deploy import WINDOW_SAMPLES, Inference

    detector = Inference()

    def delineate(record: Record) -> dict[str, Floats]:
        at_250 = resample_poly(record.signal_mv.astype(float), 1, round(record.rate_hz / 250))
        found: dict[str, list[float]] = {fiducial: [] for fiducial in FIDUCIALS}
        for k, window in enumerate(detector.predict(at_250)):
            for wave in window:
                kind = ("", "P", "QRS", "T")[wave.cls]
                found[f"{kind}_on"].append((k * WINDOW_SAMPLES + wave.start) / 250 * MS)
                found[f"{kind}_off"].append((k * WINDOW_SAMPLES + wave.end) / 250 * MS)
        return {fiducial: np.array(values) for fiducial, values in found.items()}

    return delineate


PEERS: dict[str, Callable[[], Delineator]] = {
    "openecg v56c": _openecg,
    "NeuroKit2 prominence": _neurokit("prominence"),
    "NeuroKit2 dwt": _neurokit("dwt"),
}


def _valid(values: object) -> Floats:
    samples = np.asarray(values, np.float64)
    return samples[np.isfinite(samples)]


def _print(scores: dict[str, DelineationScore]) -> None:
    figures: dict[str, Callable[[BoundaryScore], str]] = {
        "F1 at 150 ms, %": lambda one: f"{100 * one.f1.value:.1f}",
        "F1 tight, %": lambda one: f"{100 * one.tight_f1.value:.1f}",
        "error, ms": lambda one: f"{one.error_mean_ms:+.1f} ± {one.error_sd_ms.value:.1f}",
    }
    for title, figure in figures.items():
        table = Table(title=title, box=None, title_justify="left")
        for column in ("", *(name.replace("_", " ") for name in FIDUCIALS)):
            table.add_column(column, justify="right" if column else "left")
        for label, score in scores.items():
            table.add_row(label, *(figure(score.fiducials[name]) for name in FIDUCIALS))
        Console(width=110).print(table)


if __name__ == "__main__":
    main()
