"""LUDB, QTDB and MIT-BIH as one kind of training record: filtered lead, waves, spans, beats.

What an annotator did not mark is not taught. Each record says where its waves are complete
(`spans`), and elsewhere only what the beat annotations imply: a QRS here, none over there.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import wfdb

from ..edge.errors import InputError
from ..edge.formats.wfdb_headers import read_layout, record_stem
from ..edge.formats.wfdb_records import read_record
from ..edge.frontend import filter_record
from ..edge.labels import AAMI_OF_SYMBOL, QRS, P, T
from ..edge.record import Record

Floats = npt.NDArray[np.float64]
CINC_CLASSES = ("N", "A", "O", "~")  # as `labels.RHYTHMS`
CINC_TEST_FOLD = 0
CINC_VALIDATION_FOLD = 1  # what the rhythm is fitted and chosen on
WAVE_OF_SYMBOL = {"p": P, "N": QRS, "t": T}
LUDB_COLUMNS = ("ID", "Cardiac pacing", "Extrasystolies", "Rhythms", "Conduction abnormalities")
OTHER_BEATS = ("Aberrant", "Iii degree")  # of LUDB: escape beats, and what looks like V
LUDB_LEADS = ("i", "ii", "iii", "avr", "avl", "avf", *(f"v{k}" for k in range(1, 7)))


@dataclass(frozen=True)
class Wave:
    """One annotated wave in samples at 250 Hz; an edge that the annotator left out is NaN."""

    kind: int
    onset: float
    peak: float
    offset: float


@dataclass(frozen=True)
class LabelledLead:
    """One lead with its labels; positions are in samples at 250 Hz of `filtered_mv`."""

    group: str  # source record, the unit of splitting
    dataset: str
    lead: str
    filtered_mv: npt.NDArray[np.float32]
    waves: tuple[Wave, ...]
    spans: tuple[tuple[float, float], ...]  # where every wave is annotated
    beats: tuple[tuple[float, str], ...]  # (R peak, AAMI class), empty where none are given
    beats_complete: bool  # the whole record is annotated beat by beat
    unreadable: tuple[tuple[float, float], ...] = ()  # ventricular flutter: nothing is taught
    without_p: tuple[tuple[float, float], ...] = ()  # atrial fibrillation or flutter: no P waves


def parse_waves(annotation: wfdb.Annotation, scale: float) -> list[Wave]:
    """`( p )`-style annotations to waves; `scale` turns the file's samples into 250 Hz samples."""
    symbols, samples = annotation.symbol, annotation.sample * scale
    waves = []
    for k, symbol in enumerate(symbols):
        kind = WAVE_OF_SYMBOL.get(symbol, QRS if symbol in AAMI_OF_SYMBOL else None)
        if kind is None:
            continue
        onset = samples[k - 1] if k and symbols[k - 1] == "(" else np.nan
        closed = k + 1 < len(symbols) and symbols[k + 1] == ")"
        waves.append(Wave(kind, onset, samples[k], samples[k + 1] if closed else np.nan))
    return waves


def load_ludb(folder: Path) -> Iterator[LabelledLead]:
    """All twelve leads of each LUDB record; waves complete between first and last mark.

    Where its table names no ectopic beat, every QRS is N, as wide as it may be; a paced one is Q.
    """
    class_of = _ludb_beats(folder / "ludb.csv")
    for name in record_names(folder):
        beat = class_of.get(name.rsplit("/", 1)[-1])
        for lead in LUDB_LEADS:
            filtered, scale = _filtered(read_record(folder / name, lead))
            annotation = read_annotations(folder / name, lead)
            waves = parse_waves(annotation, scale)
            span = (annotation.sample[0] * scale, annotation.sample[-1] * scale)
            beats = tuple((w.peak, beat) for w in waves if beat and w.kind == QRS)
            yield LabelledLead(
                group_of("ludb", name), "ludb", lead, filtered, tuple(waves), (span,), beats, False
            )


def _ludb_beats(table: Path) -> dict[str, str]:
    """The class of all beats of a record, by its number, where LUDB's table leaves only one."""
    if not table.is_file():
        return {}
    with table.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file, restval="")
        absent = [name for name in LUDB_COLUMNS if name not in (reader.fieldnames or ())]
        rows = list(reader)
    if absent:
        raise InputError(f"{table} has no column {absent[0]!r}; see `leadone data get ludb`")
    class_of = {}
    for row in rows:
        if row["Cardiac pacing"].strip():
            class_of[row["ID"].strip()] = "Q"
        elif not row["Extrasystolies"].strip() and not any(
            word in f"{row['Rhythms']} {row['Conduction abnormalities']}" for word in OTHER_BEATS
        ):
            class_of[row["ID"].strip()] = "N"
    return class_of


def load_qtdb(folder: Path) -> Iterator[LabelledLead]:
    """Both leads of each QTDB record: annotator 1's waves, and beats where the set has them."""
    for name in record_names(folder):
        if not (folder / f"{name}.q1c").exists():
            continue
        for channel in (0, 1):
            filtered, scale = _filtered(read_channel(folder / name, channel))
            waves = parse_waves(read_annotations(folder / name, "q1c"), scale)
            has_beats = (folder / f"{name}.atr").exists()
            beats = read_beats(folder / name, scale) if has_beats else []
            spans = annotated_runs([w.peak for w in waves if w.kind == QRS], waves)
            group = group_of("qtdb", name)
            yield LabelledLead(
                group, "qtdb", str(channel), filtered, tuple(waves), spans, tuple(beats), has_beats
            )


def load_mitdb(folder: Path) -> Iterator[LabelledLead]:
    """Both channels of each MIT-BIH record: beats only, all of them."""
    for name in record_names(folder):
        for channel in (0, 1):
            filtered, scale = _filtered(read_channel(folder / name, channel))
            beats = tuple(read_beats(folder / name, scale))
            flutter, fibrillation = rhythm_spans(folder / name, scale)
            yield LabelledLead(
                group=f"mitdb/{name}",
                dataset="mitdb",
                lead=str(channel),
                filtered_mv=filtered,
                waves=(),
                spans=(),
                beats=beats,
                beats_complete=True,
                unreadable=flutter,
                without_p=fibrillation,
            )


def load_cinc2017(folder: Path) -> Iterator[LabelledLead]:
    """The records of class A: nobody marked a wave, but all know that there is no P wave.

    Fold `CINC_TEST_FOLD` is left out always, so that the rhythm head can be tested on it.
    """
    for path, kind in read_cinc2017(folder):
        group = f"cinc2017/{path.name}"
        if kind != "A" or fold_of(group) == CINC_TEST_FOLD:
            continue
        filtered, _ = _filtered(read_record(path))
        everywhere = ((0.0, float(len(filtered))),)
        yield LabelledLead(
            group, "cinc2017", "i", filtered, (), (), (), False, without_p=everywhere
        )


LOADERS = {
    "ludb": load_ludb,
    "qtdb": load_qtdb,
    "mitdb": load_mitdb,
    "cinc2017": load_cinc2017,
}


def read_cinc2017(folder: Path) -> list[tuple[Path, str]]:
    """Records of CinC 2017, wherever below `folder`, and their N, A, O or ~.

    InputError where the table is not there or broken, names another class or an absent record.
    """
    reference = folder / "REFERENCE-v3.csv"
    if not reference.is_file():
        raise InputError(f"{folder} has no REFERENCE-v3.csv; see `leadone data get cinc2017`")
    here = {header.stem: header.with_suffix("") for header in sorted(folder.rglob("*.hea"))}
    with reference.open() as file:
        rows = [row for row in csv.reader(file) if row]
    broken = next((row for row in rows if len(row) != 2), None)
    if broken is not None:
        raise InputError(
            f"{reference} has the line {','.join(broken)!r}, which is no record and its class; see "
            "`leadone data get cinc2017`"
        )
    for name, kind in rows:
        if kind not in CINC_CLASSES:
            raise InputError(
                f"{reference} calls {name} {kind!r}; its classes are {', '.join(CINC_CLASSES)}"
            )
    absent = [name for name, _ in rows if name not in here]
    if absent:
        raise InputError(
            f"{reference} has labels of {len(absent)} records without a signal below {folder}, "
            f"{absent[0]} first; get them, or take their lines out"
        )
    return [(here[name], kind) for name, kind in rows]


def record_names(folder: Path) -> list[str]:
    """The records in a WFDB folder's RECORDS file, as paths below the folder."""
    index = folder / "RECORDS"
    if not index.is_file():
        raise InputError(f"{folder} has no RECORDS file; see `leadone data get`")
    names = [line.strip() for line in index.read_text().splitlines() if line.strip()]
    if not names:
        raise InputError(f"{index} lists no record; see `leadone data get`")
    return names


def fold_of(group: str, folds: int = 5) -> int:
    """The fold of a source record: stable, independent of which other records are present."""
    digest = 0
    for byte in group.encode():
        digest = (digest * 131 + byte) % 1_000_003
    return digest % folds


def _filtered(record: Record) -> tuple[npt.NDArray[np.float32], float]:
    """A lead through the front end, and the factor from file samples to 250 Hz samples."""
    filtered, rate_hz = filter_record(record.signal_mv, record.rate_hz)
    return filtered, rate_hz / record.rate_hz


def read_beats(path: Path, scale: float = 1.0) -> list[tuple[float, str]]:
    """R peaks of `.atr` with their AAMI class, F included; samples of the file times `scale`."""
    annotation = read_annotations(path, "atr")
    return [
        (sample * scale, AAMI_OF_SYMBOL[symbol])
        for sample, symbol in zip(annotation.sample, annotation.symbol, strict=True)
        if symbol in AAMI_OF_SYMBOL
    ]


Spans = tuple[tuple[float, float], ...]


def rhythm_spans(path: Path, scale: float = 1.0) -> tuple[Spans, Spans]:
    """Ventricular flutter (between `[` and `]`), and atrial fibrillation or flutter by rhythm."""
    annotation = read_annotations(path, "atr")
    end = float(annotation.sample[-1]) * scale
    flutter: list[tuple[float, float]] = []
    fibrillation: list[tuple[float, float]] = []
    flutter_from = fibrillation_from = None
    notes = annotation.aux_note or [""] * len(annotation.sample)
    for sample, symbol, note in zip(annotation.sample, annotation.symbol, notes, strict=True):
        at = float(sample) * scale
        if symbol == "[":
            flutter_from = at
        elif symbol == "]" and flutter_from is not None:
            flutter.append((flutter_from, at))
        if symbol == "+":
            if fibrillation_from is not None:
                fibrillation.append((fibrillation_from, at))
            fibrillation_from = at if note.strip("\x00 ") in ("(AFIB", "(AFL") else None
    if fibrillation_from is not None:
        fibrillation.append((fibrillation_from, end))
    return tuple(flutter), tuple(fibrillation)


def read_channel(path: Path, channel: int) -> Record:
    """One channel of a WFDB record by its place."""
    return read_record(path, read_layout(record_stem(path)).channels[channel].name)


def read_rate(path: Path) -> float:
    """Samples a second of a WFDB record, which its annotations count in."""
    return read_layout(record_stem(path)).frame_rate_hz


def read_annotations(path: Path, extension: str) -> wfdb.Annotation:
    """A WFDB record's annotations; InputError where they are absent, empty or damaged."""
    if not path.with_name(f"{path.name}.{extension}").is_file():
        raise InputError(
            f"{path} has no annotations .{extension} beside its signal; download them, or take the "
            "record out of RECORDS"
        )
    try:
        annotation = wfdb.rdann(str(path), extension)
        if len(annotation.sample):
            return annotation
    except (ValueError, IndexError, KeyError, TypeError) as error:  # what damaged bytes raise
        raise InputError(f"{path}.{extension} is damaged; download it again") from error
    raise InputError(f"{path}.{extension} holds no annotation; download it again")


def is_paced(path: Path) -> bool:
    """Whether a pacemaker beats in a record: EC57 leaves those out."""
    return "/" in read_annotations(path, "atr").symbol


def annotated_runs(r_peaks: list[float], waves: list[Wave]) -> tuple[tuple[float, float], ...]:
    """Stretches of consecutive annotated beats; a gap of 1.6 median RR ends one."""
    peaks = np.sort(np.array(r_peaks))
    if len(peaks) < 3:
        return ()
    gaps = np.diff(peaks)
    breaks = np.flatnonzero(gaps > 1.6 * np.median(gaps)) + 1
    spans = []
    for run in np.split(peaks, breaks):
        if len(run) < 2:
            continue
        inside = [w for w in waves if run[0] - 100 <= w.peak <= run[-1] + 150]
        edges = [e for w in inside for e in (w.onset, w.peak, w.offset) if np.isfinite(e)]
        spans.append((min(edges), max(edges)))
    return tuple(spans)


def group_of(dataset: str, name: str) -> str:
    """The source record, the unit of splitting; `name` may lie in a folder below the set's.

    QTDB's sel1xx and sel2xx are excerpts of the MIT-BIH record of that number.
    """
    name = name.rsplit("/", 1)[-1]
    digits = name.removeprefix("sel")
    from_mitdb = len(digits) == 3 and digits.isdigit() and digits[0] in "12"
    return f"mitdb/{digits}" if dataset == "qtdb" and from_mitdb else f"{dataset}/{name}"
