"""WFDB annotation files: `( p ) ( N ) ( t )` as in LUDB, beat symbols as in MIT-BIH."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..analysis import Analysis
from ..errors import InputError
from ..events import Beat
from ..files import check_target, make_folder
from ..record import Record

Mark = tuple[int, str]  # sample, symbol

# WFDB has no empty annotation file: its writers refuse one and some readers take it for damage.
NOTHING_FOUND = "no beat found"


def write_annotations(analysis: Analysis, extension: str, folder: Path) -> Path:
    """Write all beats and waves to `folder/<record>.<extension>`; whole or not at all.

    A record without beats gets one note at its end (readers take notes at sample 0 for headers).
    """
    check_extension(extension)
    marks = wave_marks(analysis)
    notes = [""] * len(marks)
    if not marks:
        marks, notes = [(_last_sample(analysis.record), '"')], [NOTHING_FOUND]
    make_folder(folder)
    target = folder / f"{_file_stem(analysis.record)}.{extension}"
    if target.exists() and target.with_suffix(".hea").exists():
        raise InputError(
            f"{target} lies beside its record and may be a reference; name another extension, or "
            "another --out"
        )
    check_target(target)
    with tempfile.TemporaryDirectory(prefix=".leadone-", dir=folder) as unfinished:
        _write(marks, notes, analysis.record.rate_hz, extension, Path(unfinished)).replace(target)
    return target


def check_extension(extension: str) -> None:
    """Refuse what WFDB can't name, and the suffixes of the record's own files."""
    if not re.fullmatch("[A-Za-z]+", extension) or extension.lower() in ("hea", "dat", "mat"):
        raise InputError(
            f"annotation extension {extension!r} must be letters only, and not hea, dat or mat; "
            "try: leadone"
        )


def wave_marks(analysis: Analysis) -> list[Mark]:
    """Every wave as onset, peak and offset, in samples at the record's rate, in order of time."""
    record = analysis.record
    last = _last_sample(record)
    marks = [
        (min(max(round(second * record.rate_hz), 0), last), symbol)
        for beat in analysis.beats
        for second, symbol in _beat_marks(beat, record)
    ]
    return sorted(marks, key=lambda mark: mark[0])  # stable: `)` stays before the next `(`


def _beat_marks(beat: Beat, record: Record) -> Iterator[tuple[float, str]]:
    for onset, offset in beat.blocked_p_s:
        yield from _wave(onset, offset, "p", record)
    yield from _wave(beat.p_on_s, beat.p_off_s, "p", record)
    yield from ((beat.qrs_on_s, "("), (beat.r_s, beat.label), (beat.qrs_off_s, ")"))
    yield from _wave(beat.t_on_s, beat.t_off_s, "t", record)


def _wave(
    onset_s: float | None, offset_s: float | None, symbol: str, record: Record
) -> tuple[tuple[float, str], ...]:
    if onset_s is None or offset_s is None:
        return ()
    return (onset_s, "("), (_peak_s(onset_s, offset_s, record), symbol), (offset_s, ")")


def _peak_s(onset_s: float, offset_s: float, record: Record) -> float:
    """The largest deflection from the line between the edges; the centre if it can't be seen."""
    start, stop = round(onset_s * record.rate_hz), round(offset_s * record.rate_hz) + 1
    wave = record.read(start, stop).astype(np.float64)
    if len(wave) < 3 or not np.isfinite(wave).all():
        return (onset_s + offset_s) / 2
    deflection = np.abs(wave - np.linspace(wave[0], wave[-1], len(wave)))
    if not deflection.any():
        return (onset_s + offset_s) / 2
    return (max(start, 0) + int(deflection.argmax())) / record.rate_hz


def _last_sample(record: Record) -> int:
    return max(record.samples - 1, 0)


def _file_stem(record: Record) -> str:
    return record.name if record.name.strip(".") else "record"


def _write(
    marks: list[Mark], notes: list[str], rate_hz: float, extension: str, folder: Path
) -> Path:
    import wfdb  # pulls pandas: seconds that a stream must not wait for

    wfdb.wrann(
        "record",  # wfdb refuses dots and spaces in names, file systems don't
        extension,
        np.array([sample for sample, _ in marks], np.int64),
        symbol=[symbol for _, symbol in marks],
        aux_note=notes if any(notes) else None,
        fs=rate_hz,
        write_dir=str(folder),
    )
    return folder / f"record.{extension}"
