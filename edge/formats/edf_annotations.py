"""EDF+ (Kemp & Olivan 2003): the lead as it was read, with beats, waves, alerts and gaps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from ..analysis import Analysis
from ..errors import InputError
from ..files import whole_file
from ..record import Record

TOP = 32_767
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
MAX_RECORDS = 99_999_999  # eight characters
MIN_REACH_UV = 100.0
MAX_REACH_UV = 9_999_999.0  # eight characters with a sign
NO_DATE = datetime(1985, 1, 1)  # EDF+ section 2.1.3.3


@dataclass(frozen=True)
class Note:
    """One annotation: from when, how long, what; seconds."""

    onset_s: float
    duration_s: float
    text: str


def write_edf(analysis: Analysis, path: Path) -> None:
    """Write signal and annotations to `path`; whole or not at all.

    EDF has no mark for a missing sample: those are 0, under an annotation `signal missing`. Nobody
    is named in it.
    """
    record = analysis.record
    in_record = max(1, round(record.rate_hz))  # samples; a record lasts about a second
    count = -(-record.samples // in_record)
    if not 0 < count <= MAX_RECORDS:
        raise InputError(f"{record.name} has {count} seconds, which EDF can't hold; split it")
    reach_uv, codes = _codes(record, count * in_record)
    record_s = in_record / record.rate_hz
    lists = _annotation_lists(analysis, count, record_s)
    width = -(-max(map(len, lists)) // 2)  # samples of the annotation signal
    with whole_file(path) as unfinished, unfinished.open("wb") as file:
        file.write(_header(record, count, record_s, reach_uv, (in_record, width)))
        for k, notes in enumerate(lists):
            file.write(codes[k * in_record : (k + 1) * in_record].tobytes())
            file.write(notes.ljust(2 * width, b"\0"))


def notes_of(analysis: Analysis) -> list[Note]:
    """Everything found, in order of time."""
    notes = list(_gaps(analysis.record))
    for beat in analysis.beats:
        notes.append(Note(beat.qrs_on_s, beat.qrs_off_s - beat.qrs_on_s, f"QRS {beat.label}"))
        for name, on_s, off_s in (
            ("P", beat.p_on_s, beat.p_off_s),
            ("T", beat.t_on_s, beat.t_off_s),
        ):
            if on_s is not None and off_s is not None:
                notes.append(Note(on_s, off_s - on_s, name))
        notes += [Note(on_s, off_s - on_s, "P blocked") for on_s, off_s in beat.blocked_p_s]
    for episode in analysis.episodes:
        text = f"alert {episode.kind.replace('_', ' ')}"
        notes.append(Note(episode.start_s, episode.end_s - episode.start_s, text))
    for stretch in analysis.quality:
        if stretch.state != "good":
            text = f"signal {stretch.state.replace('_', ' ')}"
            notes.append(Note(stretch.start_s, stretch.end_s - stretch.start_s, text))
    return sorted(notes, key=lambda note: note.onset_s)


def _gaps(record: Record) -> Iterator[Note]:
    missing = np.isnan(record.signal_mv)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], missing, [False]]).astype(np.int8)))
    for first, last in edges.reshape(-1, 2) / record.rate_hz:
        yield Note(float(first), float(last - first), "signal missing")


def _codes(record: Record, length: int) -> tuple[float, np.ndarray]:
    """Steps of the whole range, which is as large as the signal, and its end in uV."""
    signal_uv = np.nan_to_num(record.signal_mv.astype(np.float64) * 1000)
    reach_uv = float(np.ceil(max(np.abs(signal_uv).max(), MIN_REACH_UV)))
    reach_uv = min(reach_uv, MAX_REACH_UV)
    codes = np.clip(np.round(signal_uv * (TOP / reach_uv)), -TOP, TOP)
    return reach_uv, np.pad(codes, (0, length - len(codes))).astype("<i2")


def _annotation_lists(analysis: Analysis, count: int, record_s: float) -> list[bytes]:
    """For each data record its time and the notes that begin in it (section 2.2.2)."""
    lists = [f"+{_decimal(k * record_s)}\x14\x14\0".encode() for k in range(count)]
    for note in notes_of(analysis):
        at = min(max(int(note.onset_s / record_s), 0), count - 1)
        onset, duration = _decimal(max(note.onset_s, 0.0)), _decimal(max(note.duration_s, 0.0))
        lists[at] += f"+{onset}\x15{duration}\x14{note.text}\x14\0".encode()
    return lists


def _decimal(seconds: float) -> str:
    return f"{seconds:.6f}".rstrip("0").rstrip(".")


def _header(
    record: Record, count: int, record_s: float, reach_uv: float, widths: tuple[int, int]
) -> bytes:
    start = record.start_time
    day = f"{start.day:02}-{MONTHS[start.month - 1]}-{start.year:04}" if start else "X"
    date = start or NO_DATE
    year = date.year % 100 if 1985 <= date.year <= 2084 else 85
    fields = [
        ("0", 8),
        ("X X X X", 80),
        (f"Startdate {day} X X leadone", 80),
        (f"{date.day:02}.{date.month:02}.{year:02}", 8),
        (date.strftime("%H.%M.%S"), 8),
        (str(3 * 256), 8),
        ("EDF+C", 44),
        (str(count), 8),
        (f"{record_s:.7f}"[:8].rstrip("0").rstrip("."), 8),
        ("2", 4),
    ]
    lead = record.lead.encode("ascii", "ignore").decode()[:12] or "lead"
    columns = [
        ((f"ECG {lead}", "EDF Annotations"), 16),
        (("", ""), 80),
        (("uV", ""), 8),
        ((f"{-reach_uv:g}"[:8], "-1"), 8),
        ((f"{reach_uv:g}"[:8], "1"), 8),
        ((str(-TOP), "-32768"), 8),
        ((str(TOP), str(TOP)), 8),
        (("", ""), 80),
        ((str(widths[0]), str(widths[1])), 8),
        (("", ""), 32),
    ]
    fields += [(cell, size) for cells, size in columns for cell in cells]
    return "".join(text.ljust(size) for text, size in fields).encode("ascii")
