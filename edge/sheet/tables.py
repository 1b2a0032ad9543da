"""The sheet's tables: intervals, episodes, hours."""

from __future__ import annotations

from typing import Any

from ..analysis import Analysis
from ..names import ALERT_NAMES
from .paper import INK, SOFT, WARN, Page
from .summary import Hour, Summary
from .words import clock, duration, share, time_of_day, whole

USUAL = {"RR": "600–1000", "PR": "120–200", "QRS": "70–110", "QTcF": "≤450 m, ≤460 f"}
ROW_MM = 4.0
DIGIT_MM = 1.6  # of a count
HOUR_ROW_MM = 3.45
MOST_KINDS = 7

Columns = tuple[tuple[str, float], ...]  # heading, place in mm from the table's left; right-aligned


def draw_intervals(
    page: Page, x: float, y: float, width: float, analysis: Analysis, summary: Summary
) -> None:
    """Median and spread of each interval, and how far those between normal beats vary."""
    columns = (("median", 25.0), ("5–95 %", 43.0), ("beats", 57.0), ("usual, adults", width))
    _headings(page, x, y, "In ms", columns)
    for row, interval in enumerate(summary.intervals):
        at = y + ROW_MM * (row + 1)
        spread = "–" if interval.low is None else f"{interval.low:.0f}–{interval.high:.0f}"
        page.text(x, at, interval.name, 7.5)
        cells = (whole(interval.median), spread, str(interval.count), USUAL.get(interval.name, ""))
        for k, (cell, (_, right)) in enumerate(zip(cells, columns, strict=True)):
            colour, weight = (INK, "bold") if k == 0 else (SOFT if k > 1 else INK, "normal")
            page.text(x + right, at, cell, 7.5, ha="right", color=colour, fontweight=weight)
    at = y + ROW_MM * interval_rows(summary)
    page.text(x, at, "HRV", 7.5)
    found = analysis.heart_rate_variability
    told, count = found.words, found.nn_intervals
    said = f"{told}, {count} NN" if told else f"– ({count} NN intervals)"
    page.text(x + width, at, said, 7.0, ha="right", color=INK)


def interval_rows(summary: Summary) -> int:
    """How many rows `draw_intervals` has below its heading."""
    return len(summary.intervals) + 1


def draw_episodes(
    page: Page, x: float, y: float, width: float, analysis: Analysis, summary: Summary
) -> None:
    """Each kind of episode: how often, how long, when first."""
    columns = (
        ("number", width - 51),
        ("in all", width - 33),
        ("longest", width - 14),
        ("first at", width),
    )
    _headings(page, x, y, "Episodes", columns)
    if not summary.episodes:
        page.text(x, y + ROW_MM, "None was found.", 7.5, color=SOFT)
    for row, episode in enumerate(summary.episodes[:MOST_KINDS]):
        at = y + ROW_MM * (row + 1)
        first = time_of_day(analysis.record.start_time, episode.first_s) or clock(episode.first_s)
        room_mm = columns[0][1] - DIGIT_MM * len(str(episode.count)) - 1.0
        style = {"color": WARN, "fontweight": "bold"}
        page.text(x, at, ALERT_NAMES[episode.kind], 6.7, room_mm=room_mm, **style)
        cells = (str(episode.count), duration(episode.total_s), duration(episode.longest_s), first)
        for cell, (_, right) in zip(cells, columns, strict=True):
            page.text(x + right, at, cell, 7.0, ha="right")
    more = len(summary.episodes) - MOST_KINDS
    if more > 0:
        at = y + ROW_MM * (MOST_KINDS + 1)
        page.text(x, at, f"and {more} more kinds, in the JSON", 7.0, color=SOFT)


def hours_height(summary: Summary) -> float:
    """Of the table, mm."""
    return HOUR_ROW_MM * (-(-len(summary.hours) // 2) + 1) + 2


def draw_hours(
    page: Page, x: float, y: float, width: float, analysis: Analysis, summary: Summary
) -> None:
    """The hours in two columns; what is unusual in one stands out."""
    half = -(-len(summary.hours) // 2)
    gap = 6.0
    each = (width - gap) / 2
    for part in range(2):
        left = x + part * (each + gap)
        columns = (
            ("beats", 28.0),
            ("rate: min", 42.0),
            ("mean", 51.0),
            ("max", 59.5),
            ("S", 66.0),
            ("V", 73.0),
            ("AF", 81.0),
            ("good", each),
        )
        _headings(page, left, y, "From" if summary.hours else "", columns)
        for row, hour in enumerate(summary.hours[part * half : (part + 1) * half]):
            at = y + HOUR_ROW_MM * (row + 1) + 0.2
            start = time_of_day(analysis.record.start_time, hour.start_s) or clock(hour.start_s)
            page.text(left, at, start, 6.5)
            cells = _hour_cells(hour)
            for (cell, stands_out), (_, right) in zip(cells, columns, strict=True):
                style: dict[str, Any] = {"color": WARN, "fontweight": "bold"} if stands_out else {}
                page.text(left + right, at, cell, 6.5, ha="right", **style)


def _hour_cells(hour: Hour) -> list[tuple[str, bool]]:
    return [
        (str(hour.beats), False),
        (whole(hour.slowest), hour.slowest is not None and hour.slowest < 40),
        (whole(hour.mean), False),
        (whole(hour.fastest), hour.fastest is not None and hour.fastest > 150),
        (str(hour.supraventricular), False),
        (str(hour.ventricular), hour.ventricular > 0.1 * max(hour.beats, 1)),
        (share(hour.af), hour.af > 0),
        (share(hour.good), hour.good < 0.5),
    ]


def _headings(page: Page, x: float, y: float, title: str, columns: Columns) -> None:
    page.text(x, y, title, 8.0, fontweight="bold")
    for words, right in columns:
        page.text(x + right, y, words, 6.0, color=SOFT, ha="right")
    page.line(x, x + columns[-1][1], y + 0.9)
