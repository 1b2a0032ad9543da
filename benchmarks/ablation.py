"""What pretraining, teacher and noise are worth: runs of one recipe, each without one of them.

    make ablation DATA=data            # trains the four and prints the table
    python benchmarks/ablation.py --data DATA runs/wrist/0 "no teacher=runs/alone/0"

Waves and beats are scored on the fold that the runs left out, offline in float32; in noise: muscle
and electrode noise of NSTDB's last third, which no training has heard, added at 6 dB. Rhythm (mean
F1 of normal, AF and other, by the network alone) is read on CinC 2017's validation fold, findings
(mean AUC of ten, by the network alone) on PTB-XL's folds 1 to 8: no test fold is touched.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from scipy.signal import resample_poly
from torch import Tensor

from leadone import Record
from leadone.distill.classification import macro_auc
from leadone.distill.classifier import fit_head
from leadone.distill.datasets import (
    CINC_VALIDATION_FOLD,
    fold_of,
    group_of,
    read_cinc2017,
    record_names,
)
from leadone.distill.evaluate import (
    DelineationResult,
    Reader,
    evaluate_ludb,
    evaluate_mitdb,
    evaluate_qtdb,
    with_progress,
)
from leadone.distill.findings_fit import FindingData, crossed_logits
from leadone.distill.finetune import Multitask, load_run
from leadone.distill.offline import offline_reader
from leadone.distill.ptbxl import PATHOLOGIES, TEST_FOLDS
from leadone.distill.record_heads import pooled
from leadone.distill.records import (
    CLASS_OF_REFERENCE,
    RecordBatch,
    ptbxl_records,
    read_lead,
)
from leadone.edge.analysis import Analysis
from leadone.edge.formats.wfdb_records import read_record
from leadone.edge.frontend import filter_record, network_input
from leadone.edge.timing import HOP_SAMPLES
from leadone.pretrain.augment import noise_by_kind

NOISE_DB = 6.0
NOISE_RATE_HZ = 250
UNHEARD_SHARE = 0.3  # at the end of each noise record; training ends at .66
Figures = dict[str, float]


def main() -> None:
    """Score each run; print a row each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("runs", nargs="+", metavar="[NAME=]RUN")
    options = parser.parse_args()
    rows: dict[str, Figures] = {}
    for pair in options.runs:
        name, _, run = pair.rpartition("=")
        rows[name or run] = _score(Path(run), options.data)
    table = Table(box=None)
    table.add_column("")
    for column in next(iter(rows.values())):
        table.add_column(column, justify="right")
    for name, figures in rows.items():
        table.add_row(name, *(f"{100 * value:.2f}" for value in figures.values()))
    Console(width=140).print(table)


def _score(run: Path, data: Path) -> Figures:
    reader, config = offline_reader(run)
    model, _ = load_run(run)
    chosen = {
        name: [r for r in record_names(data / name) if fold_of(group_of(name, r)) == config.fold]
        for name in ("ludb", "qtdb", "mitdb")
    }
    beats = evaluate_mitdb(data / "mitdb", reader, chosen["mitdb"]).score
    noisy = evaluate_ludb(data / "ludb", _in_noise(reader, data), chosen["ludb"])
    return {
        **_waves("LUDB", evaluate_ludb(data / "ludb", reader, chosen["ludb"])),
        **_waves("in noise", noisy),
        **_waves("QTDB", evaluate_qtdb(data / "qtdb", reader, chosen["qtdb"])),
        "beat Se": beats.qrs.sensitivity.value,
        "PPV": beats.qrs.ppv.value,
        "V F1": beats.veb.f1.value,
        "rhythm F1": _rhythm_f1(model, data),
        "findings AUC": _findings_auc(model, data),
    }


def _waves(name: str, result: DelineationResult) -> Figures:
    score = result.score
    return {f"{name} F1": score.macro_f1.value, f"{name} tight": score.macro_tight_f1.value}


def _in_noise(reader: Reader, data: Path) -> Reader:
    """The reader of records with noise added, one seeded stretch a record, by RMS of both."""
    kinds = noise_by_kind(data / "nstdb", 1.0)
    noises = [n[int(len(n) * (1 - UNHEARD_SHARE)) :] for kind in ("ma", "em") for n in kinds[kind]]
    rng = np.random.default_rng(0)

    def read(record: Record) -> Analysis:
        seconds = -(-len(record.signal_mv) // round(record.rate_hz)) + 1
        fitting = [n for n in noises if len(n) > seconds * NOISE_RATE_HZ]
        noise = fitting[rng.integers(len(fitting))]
        first = int(rng.integers(len(noise) - seconds * NOISE_RATE_HZ))
        part = noise[first : first + seconds * NOISE_RATE_HZ]
        part = resample_poly(part, round(record.rate_hz), NOISE_RATE_HZ)[: len(record.signal_mv)]
        signal = record.signal_mv - record.signal_mv.mean()
        gain = signal.std() / part.std() * 10 ** (-NOISE_DB / 20)
        noisy = (record.signal_mv + gain * part).astype(np.float32)
        return reader(replace(record, signal_mv=noisy))

    return read


def _rhythm_f1(model: Multitask, data: Path) -> float:
    truth, told = [], []
    for path, kind in with_progress(read_cinc2017(data / "cinc2017")):
        if fold_of(f"cinc2017/{path.name}") == CINC_VALIDATION_FOLD:
            truth.append(CLASS_OF_REFERENCE[kind])
            told.append(_rhythm(model, read_record(path)))
    x, y = np.array(truth), np.array(told)
    both = [2 * np.sum((x == k) & (y == k)) / (np.sum(x == k) + np.sum(y == k)) for k in range(3)]
    return float(np.mean(both))


def _findings_auc(model: Multitask, data: Path) -> float:
    """Of a readout of the network alone, each fold of 1 to 8 by the others."""
    rows = [row for row in ptbxl_records(data) if row[2].fold not in TEST_FOLDS]
    features = []
    for path, _, _ in with_progress(rows):
        x, samples = _window(read_lead(path))
        with torch.no_grad():
            deep = model.network.encoder(x)[-1].squeeze(2)
            features.append(pooled(deep, samples // HOP_SAMPLES)[0].double().numpy())
    cases = np.array([[code in label.codes for code in PATHOLOGIES] for _, _, label in rows])
    folds, patients = (
        np.array([row[2].fold for row in rows]),
        np.array([r[2].patient for r in rows]),
    )
    found = FindingData(np.array(features), cases, folds, patients, np.full(len(rows), "I"))
    logits = crossed_logits(found, lambda some: fit_head(some.features, some.cases))
    return float(macro_auc(cases, logits, np.ones((1, len(rows))))[0])


def _rhythm(model: Multitask, record: Record) -> int:
    """The network's own opinion of a whole record."""
    x, samples = _window(record)
    with torch.no_grad():
        return int(model.rhythms(RecordBatch(x, samples, torch.zeros(1)))[0].argmax())


def _window(record: Record) -> tuple[Tensor, Tensor]:
    filtered, _ = filter_record(record.signal_mv, record.rate_hz)
    n = len(filtered) // HOP_SAMPLES * HOP_SAMPLES
    return torch.from_numpy(network_input(filtered[:n])[None, :, None]), torch.tensor([n])


if __name__ == "__main__":
    main()
