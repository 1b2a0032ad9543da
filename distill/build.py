"""From a training run to a bundle: trace, quantise on real signal, fit the rhythm head."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from ..edge.bundle import load_bundle, write_bundle
from ..edge.errors import InputError
from ..edge.frontend import network_input
from ..edge.labels import BEATS, RHYTHMS, WAVES
from ..edge.quality import QualityLimits
from ..edge.rhythm import FEATURES, RhythmModel, terms
from ..edge.timing import HOP_SAMPLES, LOOKAHEAD_SAMPLES
from .datasets import LabelledLead
from .delineator import work_of
from .finetune import load_delineator, training_leads
from .graph import trace
from .onnx_writer import write_float, write_int8
from .quantize import quantize
from .rhythm_fit import as_manifest, collect, fit, rhythm_report

NETWORK_FILE = "model.onnx"
CALIBRATION_SAMPLES = 2560
MITDB_WINDOWS_EACH = 8
CALIBRATION_LEADS = {"ludb": ("i", "ii", "v2", "v5"), "mitdb": ("0", "1")}


def _unfitted() -> RhythmModel:
    """All classes equally likely: what reads the records that the regression is fitted on."""
    k = len(FEATURES)
    no_weights = (0.0,) * terms(np.zeros(k)).shape[-1]
    return RhythmModel((0.0,) * k, (1.0,) * k, (no_weights,) * len(RHYTHMS), (0.0,) * len(RHYTHMS))


def build_bundle(
    run: Path,
    data: Path,
    out: Path,
    *,
    name: str,
    version: str,
    arithmetic: str = "int8",
    with_rhythm: bool = True,
    progress: Callable[[float], None] | None = None,
) -> dict[str, Any]:
    """Write the bundle of a run's weights to `out`; returns its manifest.

    `data` holds ludb and mitdb for calibration (without the run's left-out fold) and, for the
    rhythm head, cinc2017. Without a rhythm head every rhythm is equally likely.
    """
    weights = run / "model.safetensors" if run.is_dir() else run
    if not weights.is_file():
        raise InputError(f"{run} holds no model.safetensors; let `leadone finetune` end first")
    model, config = load_delineator(weights)
    parameters, macs = work_of(model)
    graph = trace(model)
    leads = training_leads(data, config.fold)
    with TemporaryDirectory() as scratch:
        path = Path(scratch) / NETWORK_FILE
        if arithmetic == "int8":
            write_int8(quantize(graph, calibration_windows(leads)), path)
        else:
            write_float(graph, path)
        network = path.read_bytes()
        manifest = _manifest(name, version, arithmetic, parameters, macs)
        groups = sorted({lead.group for lead in leads})
        manifest["training"] = {"config": asdict(config), "source_records": groups}
        rhythm = _unfitted()
        if with_rhythm:
            _write(Path(scratch) / "bundle", manifest, rhythm, network)
            windows = collect(data / "cinc2017", load_bundle(Path(scratch) / "bundle"), progress)
            rhythm = fit(windows)
            manifest["metrics"] = {"cinc2017": rhythm_report(windows)}
    _write(out, manifest, rhythm, network)
    return load_bundle(out).manifest


def calibration_windows(leads: Sequence[LabelledLead]) -> torch.Tensor:
    """Real signal (windows, 2, 1, 2560): LUDB from its start, MIT-BIH from everywhere.

    Raises InputError where the leads are of neither.
    """
    chosen = [lead for lead in leads if lead.lead in CALIBRATION_LEADS.get(lead.dataset, ())]
    if not chosen:
        raise InputError(
            "--data has neither ludb nor mitdb to calibrate on; see `leadone data get`"
        )
    windows = [network_input(stretch) for lead in chosen for stretch in _cut(lead)]
    return torch.from_numpy(np.stack(windows)[:, :, None])


def _cut(lead: LabelledLead) -> Iterator[np.ndarray[Any, np.dtype[np.float32]]]:
    signal = lead.filtered_mv
    if lead.dataset == "ludb":
        held = np.full(max(CALIBRATION_SAMPLES - len(signal), 0), signal[-1], np.float32)
        yield np.concatenate([signal, held])[:CALIBRATION_SAMPLES]
        return
    for start in np.linspace(0, len(signal) - CALIBRATION_SAMPLES, MITDB_WINDOWS_EACH).astype(int):
        yield signal[start : start + CALIBRATION_SAMPLES]


def _manifest(
    name: str, version: str, arithmetic: str, parameters: int, macs: float
) -> dict[str, Any]:
    return {
        "name": name,
        "version": version,
        "licence": "Apache-2.0",
        "use": "research; not a medical device",
        "arithmetic": arithmetic,
        "network": NETWORK_FILE,
        "parameters": parameters,
        "macs_per_second": macs,
        "input": {
            "rate_hz": 250,
            "hop_samples": HOP_SAMPLES,
            "lookahead_samples": LOOKAHEAD_SAMPLES,
            "channels": "the filtered lead at +-5 mV and at +-0.625 mV, each as -1..1",
        },
        "labels": {"waves": WAVES, "beats": BEATS, "rhythm": RHYTHMS},
        "quality": asdict(QualityLimits()),
    }


def _write(out: Path, manifest: dict[str, Any], rhythm: RhythmModel, network: bytes) -> None:
    write_bundle(out, {**manifest, "rhythm": as_manifest(rhythm)}, {NETWORK_FILE: network})
