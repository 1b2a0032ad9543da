"""From a training run to a bundle: trace, quantise on real signal, fit thresholds and rhythm."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from ..edge.beat_model import BeatModel
from ..edge.bundle import Bundle, load_bundle, write_bundle
from ..edge.errors import InputError
from ..edge.frontend import network_input
from ..edge.labels import BEATS, RHYTHMS, WAVES
from ..edge.quality import QualityLimits
from ..edge.record_head import RecordHead
from ..edge.rhythm import FEATURES, RhythmModel
from ..edge.timing import HOP_SAMPLES, LOOKAHEAD_SAMPLES
from .arithmetic_loss import MAX_LOSS_POINTS, SETS, Figure, arithmetic_loss, check_loss
from .beat_data import collect_beats, joined
from .beat_fit import fit_beats
from .datasets import CINC_VALIDATION_FOLD, LabelledLead
from .delineator import work_of
from .export.onnx_writer import write_float, write_int8
from .export.quantize import PERCENTILE, quantize
from .export.trace import trace
from .findings_fit import LEADS, finding_rows, fit_findings, read_findings, said_of
from .finetune import Multitask, load_run, training_leads, without_fold
from .hinted_beats import collect_hinted
from .records import fitted_records, seen_records
from .rhythm_fit import as_manifest, collect, fit

NETWORK_FILE = "model.onnx"
CALIBRATION_SAMPLES = 2560
MITDB_WINDOWS_EACH = 8
CALIBRATION_LEADS = {"ludb": ("i", "ii", "v2", "v5"), "mitdb": ("0", "1")}


@dataclass(frozen=True)
class _Parts:
    """What a bundle is written from."""

    manifest: dict[str, Any]
    network: bytes
    head: RecordHead
    rhythm: RhythmModel
    beats: BeatModel | None = None


def build_bundle(
    run: Path,
    data: Path,
    out: Path,
    *,
    name: str,
    version: str,
    arithmetic: str = "int8",
    cross: Sequence[Path] = (),
    with_rhythm: bool = True,
    percentile: float = PERCENTILE,
    max_loss_points: float | None = MAX_LOSS_POINTS,
    progress: Callable[[str, float], None] | None = None,
    compared: Callable[[list[Figure]], None] | None = None,
    said: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Write the bundle of a run's weights to `out`; returns its manifest.

    `data` holds ludb, mitdb and qtdb for calibration and beat classes (without the run's left-out
    fold), ptbxl for more of the latter and for the findings, and cinc2017 for the rhythm. Without
    ptbxl there are no findings, and without `with_rhythm` every rhythm is equally likely. `cross`
    are runs that each left a fold out: the beat classes are fitted on what these say of that fold.

    An int8 bundle is compared with its float32 twin on every set below `data`; `compared` hears the
    figures, and InputError refuses it where it loses more than `max_loss_points` of one of those
    that are bounded. None does without. `said` hears a sentence of what was not fitted.
    """
    model, config = load_run(run)
    if not config.encoder.causal:
        raise InputError(f"{run} sees both ways, as a teacher does, and can't stream; `distill` it")
    leads = training_leads(data, None)
    network = _network(model, leads, config.fold, arithmetic, percentile)
    networks = {None: network, **crossed_networks(cross, leads, arithmetic, percentile)}
    manifest = _manifest(name, version, arithmetic, *_cost(model))
    groups = {lead.group for lead in without_fold(leads, config.fold)}
    groups |= seen_records(data, config.fold)
    manifest["training"] = {"config": asdict(config), "source_records": sorted(groups)}
    parts = _Parts(manifest, network, model.head.exported(), _unfitted())

    def show(what: str) -> Callable[[float], None] | None:
        return (lambda share: progress(what, share)) if progress is not None else None

    with TemporaryDirectory() as scratch:
        if (data / "mitdb").is_dir():
            parts = replace(parts, beats=_beats(data, networks, config.fold, show))
        parts = _fitted(
            parts, data, Path(scratch), with_rhythm=with_rhythm, progress=progress, said=said
        )
        if arithmetic == "int8" and max_loss_points is not None:
            exact = _network(model, leads, config.fold, "float32", percentile)
            twins = Path(scratch) / "float32", Path(scratch) / "int8"
            for twin, its_network in zip(twins, (exact, network), strict=True):
                _write(twin, replace(parts, network=its_network))
            figures = arithmetic_loss(
                data,
                *twins,
                config.fold,
                [name for name in SETS if with_rhythm or name != "cinc2017"],
                progress=progress,
            )
            if compared is not None:
                compared(figures)
            check_loss(figures, max_loss_points)
    return _write(out, parts).manifest


def crossed_networks(
    cross: Sequence[Path],
    leads: list[LabelledLead],
    arithmetic: str = "int8",
    percentile: float = PERCENTILE,
) -> dict[int | None, bytes]:
    """The network of each run by the fold that it left out of `leads`."""
    networks = {}
    for path in cross:
        model, config = load_run(path)
        networks[config.fold] = _network(model, leads, config.fold, arithmetic, percentile)
    return networks


def _beats(
    data: Path,
    networks: Mapping[int | None, bytes],
    left_out: int | None,
    show: Callable[[str], Callable[[float], None] | None],
) -> BeatModel:
    """Beat classes of the marked and the hinted beats below `data`."""
    sets = [data / name for name in ("mitdb", "qtdb") if (data / name).is_dir()]
    marked = [collect_beats(s, networks, left_out, show(f"beats of {s.name}")) for s in sets]
    has_hints = (data / "ptbxl").is_dir()
    hinted = collect_hinted(data, networks, show("beats of ptbxl")) if has_hints else None
    return fit_beats(joined(marked), hinted)


def refit_bundle(
    bundle: Bundle,
    data: Path,
    out: Path,
    *,
    version: str,
    progress: Callable[[str, float], None] | None = None,
    said: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Fit rhythm and findings anew on a bundle's network, say with other records below `data`.

    The network and the beat classes stay as they are; returns the manifest of the bundle in `out`.
    `said` hears a sentence of what was not fitted.
    """
    fitted = ("record_head", "rhythm", "beat_model", "format", "files")
    manifest = {k: v for k, v in bundle.manifest.items() if k not in fitted}
    head = RecordHead.from_manifest(bundle.manifest["record_head"])
    training = manifest.get("training", {})
    seen = set(training.get("source_records", ())) | fitted_records(data)
    manifest["training"] = {**training, "source_records": sorted(seen)}
    beats = bundle.manifest["beat_model"]
    parts = _Parts(
        {**manifest, "version": version},
        bundle.files[manifest["network"]],
        replace(head, findings=(), finding_weights=(), finding_bias=(), thresholds=()),
        _unfitted(),
        beats and BeatModel.from_manifest(beats),
    )
    with TemporaryDirectory() as scratch:
        parts = _fitted(parts, data, Path(scratch), with_rhythm=True, progress=progress, said=said)
    return _write(out, parts).manifest


def _fitted(
    parts: _Parts,
    data: Path,
    scratch: Path,
    *,
    with_rhythm: bool,
    progress: Callable[[str, float], None] | None,
    said: Callable[[str], None] | None,
) -> _Parts:
    """With the rhythm by CinC 2017 and the findings by PTB-XL, where they are below `data`."""

    def show(what: str) -> Callable[[float], None] | None:
        return (lambda share: progress(what, share)) if progress is not None else None

    rows = finding_rows(data) if (data / "ptbxl").is_dir() else []
    if with_rhythm:
        bundle = _write(scratch / "unfitted", parts)
        windows = collect(data / "cinc2017", bundle, CINC_VALIDATION_FOLD, show("rhythm"))
        parts = replace(parts, rhythm=fit(windows))
    sentences = [f"{data} has no ptbxl: the bundle tells no findings"]
    if rows:
        bundle = _write(scratch / "rhythm", parts)
        found = read_findings(rows, bundle, LEADS, show("findings"))
        parts = replace(parts, head=fit_findings(found, parts.head))
        sentences = said_of(found)
    for sentence in sentences:
        if said is not None:
            said(sentence)
    return parts


def _network(
    model: Multitask,
    leads: Sequence[LabelledLead],
    fold: int | None,
    arithmetic: str,
    percentile: float,
) -> bytes:
    """The ONNX model, its scales measured on the leads outside the run's fold."""
    graph = trace(model.network)
    with TemporaryDirectory() as scratch:
        path = Path(scratch) / NETWORK_FILE
        if arithmetic == "int8":
            windows = calibration_windows(without_fold(leads, fold))
            write_int8(quantize(graph, windows, percentile), path)
        else:
            write_float(graph, path)
        return path.read_bytes()


def _cost(model: Multitask) -> tuple[int, float]:
    """Parameters of the network and of its heads, and multiply-accumulates a second."""
    parameters, macs = work_of(model.network)
    return parameters + sum(value.numel() for value in model.head.parameters()), macs


def _unfitted() -> RhythmModel:
    """All classes equally likely: what reads the records that the regression is fitted on."""
    k = len(FEATURES)
    return RhythmModel((0.0,) * k, (1.0,) * k, ((0.0,) * k,) * len(RHYTHMS), (0.0,) * len(RHYTHMS))


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


def _write(out: Path, parts: _Parts) -> Bundle:
    fitted = {
        "record_head": parts.head.as_manifest(),
        "rhythm": as_manifest(parts.rhythm),
        "beat_model": parts.beats.as_manifest() if parts.beats is not None else None,
    }
    write_bundle(out, {**parts.manifest, **fitted}, {NETWORK_FILE: parts.network})
    return load_bundle(out)
