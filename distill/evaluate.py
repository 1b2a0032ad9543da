"""Score the product on public sets: each record through `analyze`, compared with its annotations.

LUDB: one lead (default i) against that lead's own annotations, edge rule of `metrics.Marks`.
QTDB: the first channel, inside annotator 1's runs. Papers often take the better of two channels
beat by beat, which no device with one lead can; such figures are not comparable.
MIT-BIH: the first channel, EC57 from minute 5 on; with and without paced records, which EC57 omits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from rich.console import Console
from rich.progress import track

from ..edge.analysis import Analysis
from ..edge.analyze import analyze
from ..edge.bundle import Bundle, load_bundle
from ..edge.errors import InputError
from ..edge.events import Beat
from ..edge.formats.wfdb_records import read_record
from ..edge.labels import QRS, P, T
from ..edge.record import Record
from .datasets import (
    LUDB_LEADS,
    Wave,
    annotated_runs,
    fold_of,
    group_of,
    is_paced,
    parse_waves,
    read_annotations,
    read_beats,
    read_channel,
    read_rate,
    record_names,
    rhythm_spans,
)
from .episodes import EpisodeCounts, EpisodeScore, count_episodes, score_episodes
from .metrics import (
    CLASSES,
    FIDUCIALS,
    TOLERANCE_MS,
    BeatRecord,
    BeatScore,
    DelineationScore,
    Marks,
    Spans,
    confusion,
    count_boundaries,
    qrs_counts,
    score_confusions,
    score_delineation,
)

Reader = Callable[[Record], Analysis]
Share = Callable[[float], None]  # hears how much is done, 0 to 1
Item = TypeVar("Item")

RUN_FILE = "model.safetensors"  # what makes a folder a run of training
WAVE_RATE_HZ = 250.0  # of datasets.Wave
MS_PER_SAMPLE = 1000.0 / WAVE_RATE_HZ
KIND_OF_WAVE = {"P": P, "QRS": QRS, "T": T}
# From an annotated peak, how far its missing onset (offset mirrored) may lie: nothing is false.
UNMARKED_BEFORE_MS, UNMARKED_AFTER_MS = 300.0, 100.0


@dataclass(frozen=True)
class Run:
    """What was read: set, lead, annotator, records, model, and the share withheld.

    `withheld` is the share of the signal that the model called noisy or off the skin; `trained_on`
    counts the records that the model was trained on, as its manifest lists them.
    """

    dataset: str
    lead: str
    annotator: str
    records: tuple[str, ...]
    model: dict[str, str]
    withheld: float
    fold: int | None = None
    trained_on: int = 0


@dataclass(frozen=True)
class DelineationResult:
    """Wave boundaries on LUDB or QTDB; `marks` are what was compared, in the run's order."""

    run: Run
    score: DelineationScore
    marks: tuple[Mapping[str, Marks], ...] = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; a figure that nothing defines is null."""
        pairs = zip(self.run.records, self.marks, strict=True)
        per_record = [{"record": name, **boundary_errors(marks)} for name, marks in pairs]
        return plain_dict({**asdict(self.run), **asdict(self.score), "per_record": per_record})


@dataclass(frozen=True)
class BeatResult:
    """Beats and AF episodes on MIT-BIH; a confusion and a count a record, in the run's order.

    `score` is of all records, the `paced` included, which EC57 leaves out.
    """

    run: Run
    score: BeatScore
    af: EpisodeScore
    confusions: tuple[np.ndarray[Any, np.dtype[np.int64]], ...] = field(repr=False)
    af_counts: tuple[EpisodeCounts, ...] = field(repr=False)
    paced: tuple[str, ...] = ()

    @property
    def unpaced(self) -> BeatScore:
        """Of the records without a pacemaker, as EC57 has it."""
        rows = zip(self.run.records, self.confusions, strict=True)
        return score_confusions([matrix for name, matrix in rows if name not in self.paced])

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; a figure that nothing defines is null."""
        rows = zip(self.run.records, self.confusions, self.af_counts, strict=True)
        per_record = [
            {"record": name, **record_figures(matrix), "af": asdict(counts)}
            for name, matrix, counts in rows
        ]
        values = {**asdict(self.run), **asdict(self.score), "af": asdict(self.af)}
        if self.paced:
            values |= {"paced": list(self.paced), "unpaced": asdict(self.unpaced)}
        return plain_dict({**values, "classes": list(CLASSES), "per_record": per_record})


Result = DelineationResult | BeatResult


def evaluate_set(
    name: str,
    data: Path,
    model: str,
    *,
    fold: int | None = None,
    lead: str | None = None,
    records: Sequence[str] | None = None,
    limit: int | None = None,
    progress: Share | None = None,
) -> Result:
    """Score a bundle, or a run's weights before they are one, on ludb, qtdb or mitdb.

    `data` is the set's folder or the one above it; `fold` keeps the records of that fold only.
    """
    if lead is not None and name != "ludb":
        raise InputError(f"--lead works with ludb; {name} is scored on its first channel")
    folder = data / name if (data / name).is_dir() else data
    chosen = chosen_records(name, folder, fold, records)[:limit]
    reader, is_known = _reader_of(name, model)
    result = _evaluate(name, folder, reader, chosen, lead, progress)
    return replace(result, run=known_run(result.run, fold, is_known))


def _reader_of(name: str, model: str) -> tuple[Reader, Callable[[str], bool]]:
    """What reads records: a bundle, or a run of training; and whether it has seen a record."""
    if (Path(model) / RUN_FILE).is_file():
        from .offline import offline_reader  # torch, which bundles do without

        offline, config = offline_reader(Path(model))
        return offline, lambda record: fold_of(group_of(name, record)) != config.fold
    bundle = load_bundle(model)
    return (lambda record: analyze(record, bundle)), seen_by(bundle, partial(group_of, name))


def trained_on(bundle: Bundle) -> frozenset[str]:
    """The source records that a bundle's manifest names as its training."""
    return frozenset(bundle.manifest.get("training", {}).get("source_records", ()))


def seen_by(bundle: Bundle, group: Callable[[str], str]) -> Callable[[str], bool]:
    """Whether a record's source, which `group` names, is among the bundle's training."""
    seen = trained_on(bundle)
    return lambda record: group(record) in seen


def known_run(run: Run, fold: int | None, is_known: Callable[[str], bool]) -> Run:
    """The run with its fold, and how many of its records the model has seen."""
    return replace(run, fold=fold, trained_on=sum(map(is_known, run.records)))


def evaluate_ludb(
    data: Path,
    reader: Reader,
    records: Sequence[str],
    lead: str = "i",
    *,
    progress: Share | None = None,
) -> DelineationResult:
    """Boundaries on one lead of LUDB, against that lead's annotations."""
    lead = lead.lower()
    if lead not in LUDB_LEADS:
        raise InputError(f"LUDB has no lead {lead!r}; it has {', '.join(LUDB_LEADS)}")
    chosen = with_progress(records, progress)
    analyses = [reader(read_record(data / name, lead)) for name in chosen]
    marks = [
        marks_of(*ludb_reference(data / name, lead), analysis)
        for name, analysis in zip(records, analyses, strict=True)
    ]
    run = run_of("ludb", lead, lead, records, analyses)
    return DelineationResult(run, score_delineation(marks), tuple(marks))


def evaluate_qtdb(
    data: Path,
    reader: Reader,
    records: Sequence[str],
    annotator: str = "q1c",
    channel: int = 0,
    *,
    progress: Share | None = None,
) -> DelineationResult:
    """Boundaries on one channel of QTDB, inside the runs that `annotator` marked."""
    present = [name for name in records if (data / f"{name}.{annotator}").is_file()]
    if not present:
        raise InputError(f"none of the records in {data} has annotations .{annotator}")
    chosen = with_progress(present, progress)
    analyses = [reader(read_channel(data / name, channel)) for name in chosen]
    marks = [
        marks_of(*qtdb_reference(data / name, annotator), analysis)
        for name, analysis in zip(present, analyses, strict=True)
    ]
    run = run_of("qtdb", f"channel {channel}", annotator, present, analyses)
    return DelineationResult(run, score_delineation(marks), tuple(marks))


def evaluate_mitdb(
    data: Path,
    reader: Reader,
    records: Sequence[str],
    channel: int = 0,
    *,
    progress: Share | None = None,
) -> BeatResult:
    """Beats and episodes of AF (or atrial flutter) on one channel of MIT-BIH, by EC57."""
    chosen = with_progress(records, progress)
    analyses = [reader(read_channel(data / name, channel)) for name in chosen]
    pairs = list(zip(records, analyses, strict=True))
    confusions = tuple(confusion(beats_of(data / name, analysis)) for name, analysis in pairs)
    af = tuple(af_of(data / name, analysis) for name, analysis in pairs)
    run = run_of("mitdb", f"channel {channel}", "atr", records, analyses)
    paced = tuple(name for name in records if is_paced(data / name))
    return BeatResult(run, score_confusions(confusions), score_episodes(af), confusions, af, paced)


def ludb_reference(path: Path, lead: str) -> tuple[list[Wave], Spans]:
    """The waves of one lead, and the span from its first to its last annotation."""
    annotation = read_annotations(path, lead)
    scale = _wave_scale(path)
    span = (float(annotation.sample[0]) * scale, float(annotation.sample[-1]) * scale)
    return parse_waves(annotation, scale), (span,)


def qtdb_reference(path: Path, annotator: str = "q1c") -> tuple[list[Wave], Spans]:
    """The waves inside the annotator's runs of consecutive beats, and those runs."""
    waves = parse_waves(read_annotations(path, annotator), _wave_scale(path))
    spans = annotated_runs([wave.peak for wave in waves if wave.kind == QRS], waves)
    inside = [w for w in waves if any(start <= w.peak <= end for start, end in spans)]
    return inside, spans


def marks_of(waves: Sequence[Wave], spans: Spans, analysis: Analysis) -> dict[str, Marks]:
    """Reference and prediction of one record, fiducial by fiducial."""
    return reference_marks(waves, spans, _predicted_ms(analysis.beats))


def reference_marks(
    waves: Sequence[Wave],
    spans: Spans,
    predicted_ms: Mapping[str, np.ndarray[Any, np.dtype[np.float64]]],
) -> dict[str, Marks]:
    """Annotated waves, complete inside `spans`, beside anyone's predictions by fiducial."""
    spans_ms = tuple((start * MS_PER_SAMPLE, end * MS_PER_SAMPLE) for start, end in spans)
    marks = {}
    for fiducial in FIDUCIALS:
        wave, edge = fiducial.split("_")
        own = [w for w in waves if w.kind == KIND_OF_WAVE[wave]]
        at = np.array([w.onset if edge == "on" else w.offset for w in own]) * MS_PER_SAMPLE
        unmarked = [w.peak * MS_PER_SAMPLE for w, a in zip(own, at, strict=True) if np.isnan(a)]
        marks[fiducial] = Marks(
            reference_ms=at[np.isfinite(at)],
            predicted_ms=predicted_ms.get(fiducial, np.empty(0)),
            spans_ms=spans_ms,
            exempt_ms=tuple(_unmarked_span(peak, edge) for peak in unmarked),
        )
    return marks


def beats_of(path: Path, analysis: Analysis) -> BeatRecord:
    """Reference and detected beats of a MIT-BIH record, in samples of its own rate."""
    rate_hz = read_rate(path)
    reference = read_beats(path)
    detected = sorted((round(beat.r_s * rate_hz), beat.label) for beat in analysis.beats)
    return BeatRecord(
        name=path.name,
        rate_hz=rate_hz,
        reference=np.array([at for at, _ in reference], dtype=np.int64),
        reference_labels="".join(label for _, label in reference),
        test=np.array([at for at, _ in detected], dtype=np.int64),
        test_labels="".join(label for _, label in detected),
        flutter=rhythm_spans(path)[0],
    )


def af_of(path: Path, analysis: Analysis) -> EpisodeCounts:
    """Alerts of suspected AF against the annotated episodes of a MIT-BIH record."""
    _, annotated = rhythm_spans(path, 1.0 / read_rate(path))
    told = tuple((e.start_s, e.end_s) for e in analysis.episodes if e.kind == "af_suspected")
    return count_episodes(annotated, told, analysis.record.duration_s)


def _evaluate(
    name: str,
    folder: Path,
    reader: Reader,
    records: Sequence[str],
    lead: str | None,
    progress: Share | None,
) -> Result:
    if name == "ludb":
        return evaluate_ludb(folder, reader, records, lead or "i", progress=progress)
    if name == "qtdb":
        return evaluate_qtdb(folder, reader, records, progress=progress)
    if name == "mitdb":
        return evaluate_mitdb(folder, reader, records, progress=progress)
    raise InputError(f"there is no evaluation for {name!r}; take ludb, qtdb or mitdb")


def chosen_records(
    name: str, folder: Path, fold: int | None, records: Sequence[str] | None
) -> list[str]:
    """Those of a set, by name or all, that are in the fold; InputError where there are none."""
    listed = record_names(folder)
    missing = [record for record in records or () if record not in listed]
    if missing:
        raise InputError(f"{folder} has no record {missing[0]}; its RECORDS file lists all")
    chosen = [
        record
        for record in (records or listed)
        if fold is None or fold_of(group_of(name, record)) == fold
    ]
    if not chosen:
        raise InputError(f"no record of {folder} is in fold {fold}; leave --fold out")
    return chosen


def unpaced_records(folder: Path, fold: int | None, records: Sequence[str] | None) -> list[str]:
    """Of MIT-BIH: EC57 leaves pacemakers out; InputError where no record is left."""
    chosen = chosen_records("mitdb", folder, fold, records)
    names = [name for name in chosen if not is_paced(folder / name)]
    if not names:
        raise InputError(f"{folder} has no record without a pacemaker in fold {fold}")
    return names


def _wave_scale(path: Path) -> float:
    return WAVE_RATE_HZ / read_rate(path)


def _predicted_ms(beats: Sequence[Beat]) -> dict[str, np.ndarray[Any, np.dtype[np.float64]]]:
    """Every boundary that the beats hold, P waves without a QRS included."""
    blocked = [edges for beat in beats for edges in beat.blocked_p_s]
    seconds: dict[str, list[float | None]] = {
        "P_on": [beat.p_on_s for beat in beats] + [onset for onset, _ in blocked],
        "P_off": [beat.p_off_s for beat in beats] + [offset for _, offset in blocked],
        "QRS_on": [beat.qrs_on_s for beat in beats],
        "QRS_off": [beat.qrs_off_s for beat in beats],
        "T_on": [beat.t_on_s for beat in beats],
        "T_off": [beat.t_off_s for beat in beats],
    }
    return {
        fiducial: np.array([at * 1000.0 for at in values if at is not None], dtype=np.float64)
        for fiducial, values in seconds.items()
    }


def _unmarked_span(peak_ms: float, edge: str) -> tuple[float, float]:
    if edge == "on":
        return peak_ms - UNMARKED_BEFORE_MS, peak_ms + UNMARKED_AFTER_MS
    return peak_ms - UNMARKED_AFTER_MS, peak_ms + UNMARKED_BEFORE_MS


def with_progress(records: Sequence[Item], progress: Share | None = None) -> Iterator[Item]:
    """The records; `progress` hears how many are done, else there is a bar on a terminal."""
    if progress is not None:
        for k, record in enumerate(records):
            yield record
            progress((k + 1) / len(records))
        return
    console = Console(stderr=True)
    is_silent = not console.is_terminal
    yield from track(records, "records", console=console, transient=True, disable=is_silent)


def run_of(
    dataset: str, lead: str, annotator: str, records: Sequence[str], analyses: Sequence[Analysis]
) -> Run:
    """What was read, and the share of it that was withheld."""
    withheld = sum(
        stretch.end_s - stretch.start_s
        for analysis in analyses
        for stretch in analysis.quality
        if stretch.state != "good"
    )
    total = sum(analysis.record.duration_s for analysis in analyses)
    model = analyses[0].model if analyses else {}
    return Run(dataset, lead, annotator, tuple(records), model, withheld / max(total, 1e-9))


def record_figures(matrix: np.ndarray[Any, np.dtype[np.int64]]) -> dict[str, float]:
    """Counts, sensitivity and PPV of the QRS detection in one record's confusion matrix."""
    tp, fn, fp = (int(count) for count in qrs_counts(matrix.astype(np.float64)))
    sensitivity = tp / (tp + fn) if tp + fn else math.nan
    ppv = tp / (tp + fp) if tp + fp else math.nan
    return {"tp": tp, "fn": fn, "fp": fp, "sensitivity": sensitivity, "ppv": ppv}


def boundary_errors(marks: Mapping[str, Marks]) -> dict[str, int]:
    """Boundaries of one record that were missed and that were told falsely, at 150 ms."""
    counts = [count_boundaries(marks[name], TOLERANCE_MS[name], None) for name in FIDUCIALS]
    return {"missed": sum(one.fn for one in counts), "false": sum(one.fp for one in counts)}


def plain_dict(values: Mapping[str, Any]) -> dict[str, Any]:
    """Dictionaries, lists and finite numbers only; NaN becomes None."""
    return {key: _plain(value) for key, value in values.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return plain_dict(value)
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value
