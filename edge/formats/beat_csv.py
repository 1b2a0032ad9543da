"""Beats as CSV: a row a beat, its waves in seconds from the record's start, its intervals in ms."""

from __future__ import annotations

import csv
from typing import TextIO

from ..analysis import Analysis
from ..events import Beat
from ..intervals import MAX_RR_S, beat_intervals_ms

SECONDS = ("r_s", "p_on_s", "p_off_s", "qrs_on_s", "qrs_off_s", "t_on_s", "t_off_s")
INTERVALS = ("pr", "qrs", "qt", "qtc")
COLUMNS = (
    "record",
    "lead",
    "beat",
    *SECONDS,
    "label",
    "confidence",
    "rr_ms",
    *(f"{name}_ms" for name in INTERVALS),
)


def write_header(file: TextIO) -> None:
    """The row of names."""
    csv.writer(file, lineterminator="\n").writerow(COLUMNS)


def write_beats(analysis: Analysis, file: TextIO) -> None:
    """The rows of one record; what is absent or not measurable is an empty cell."""
    writer = csv.writer(file, lineterminator="\n")
    before: Beat | None = None
    for number, beat in enumerate(analysis.beats, 1):
        gap_s = None if before is None else beat.r_s - before.r_s
        rr_s = gap_s if gap_s is not None and gap_s <= MAX_RR_S else None
        intervals = beat_intervals_ms(beat, rr_s)
        writer.writerow(
            [
                analysis.record.name,
                analysis.record.lead,
                number,
                *(_cell(getattr(beat, name), 4) for name in SECONDS),
                beat.label,
                _cell(beat.confidence, 4),
                _cell(None if rr_s is None else 1000 * rr_s, 1),
                *(_cell(intervals[name], 1) for name in INTERVALS),
            ]
        )
        before = beat


def _cell(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"
