"""The figures of the sheet: rates, intervals, episodes, rhythm and quality, hour by hour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..alert_limits import SLOW_TRENDS
from ..analysis import Analysis
from ..beat_store import TIMES, BeatStore, stored
from ..labels import BEATS
from ..stored_intervals import interval_values_ms, rr_before_s

Floats = npt.NDArray[np.float64]

RATE_BEATS = 8  # whose mean RR is the lowest or highest rate
HOUR_S = 3600.0
HOLTER_S = 2 * HOUR_S  # from here on the sheet has a table by the hour
MOST_ROWS = 26  # a Holter of a day and a little more stays by the hour
HOURS_A_ROW = (1, 2, 3, 4, 6, 8, 12, 24, 48, 96)


@dataclass(frozen=True)
class Interval:
    """Median, 5th and 95th percentile in ms over `count` beats; None where there is none."""

    name: str
    median: float | None
    low: float | None
    high: float | None
    count: int


@dataclass(frozen=True)
class EpisodeRow:
    """All episodes of a kind; one that is still open lasts until the record's end."""

    kind: str
    count: int
    total_s: float
    longest_s: float
    longest_start_s: float
    first_s: float


@dataclass(frozen=True)
class Hour:
    """A row of the table: rates in beats a minute, None without beats; shares of its time."""

    start_s: float
    end_s: float
    beats: int
    slowest: float | None
    mean: float | None
    fastest: float | None
    supraventricular: int
    ventricular: int
    af: float
    good: float


@dataclass(frozen=True)
class Summary:
    """What the sheet says in figures; `r_s`, `rr_s` and `labels` are of every beat.

    `rr_s` is the RR before it; NaN before the first, across a gap and signal that is not good.
    """

    r_s: Floats
    rr_s: Floats
    labels: npt.NDArray[np.int32]  # places in `BEATS`
    slowest: float | None  # beats a minute, mean of 8 RR
    fastest: float | None
    intervals: tuple[Interval, ...]
    episodes: tuple[EpisodeRow, ...]
    rhythm: dict[str, float]  # share of the time that was told
    quality: dict[str, float]  # share of the time that was judged
    hours: tuple[Hour, ...]


def summary_of(analysis: Analysis) -> Summary:
    """Everything that the sheet says in figures."""
    store = stored(analysis.beats)
    columns = [(times[:, TIMES.index("r_s")].copy(), labels) for times, labels in store.columns()]
    r_s = np.concatenate([np.empty(0), *(r for r, _ in columns)])
    labels = np.concatenate([np.empty(0, np.int32), *(found for _, found in columns)])
    rr_s = rr_before_s(store, analysis.quality)
    slowest, fastest = _extremes(rr_s)
    return Summary(
        r_s,
        rr_s,
        labels,
        slowest,
        fastest,
        tuple(_intervals(analysis, store)),
        tuple(_episodes(analysis)),
        _shares([(s.start_s, s.end_s, s.label) for s in analysis.rhythms]),
        _shares([(q.start_s, q.end_s, q.state) for q in analysis.quality]),
        tuple(_hours(analysis, r_s, rr_s, labels)),
    )


def _extremes(rr_s: Floats) -> tuple[float | None, float | None]:
    """Lowest and highest rate over `RATE_BEATS` of the intervals before beats, none of them NaN."""
    if len(rr_s) < 2:
        return None, None
    beats = min(RATE_BEATS, len(rr_s) - 1)
    spans = np.lib.stride_tricks.sliding_window_view(rr_s[1:], beats).sum(1)
    spans = spans[spans > 0]
    if not len(spans):
        return None, None
    return 60 * beats / float(spans.max()), 60 * beats / float(spans.min())


def _intervals(analysis: Analysis, store: BeatStore) -> list[Interval]:
    """The medians are the analysis' own: sheet and JSON never disagree."""
    names = {"rr": "RR", "pr": "PR", "qrs": "QRS", "qt": "QT", "qtc": "QTcF"}
    rows = []
    for key, name in names.items():
        found = interval_values_ms(store, analysis.quality, key)
        if not len(found):
            rows.append(Interval(name, analysis.intervals_ms.get(key), None, None, 0))
            continue
        low, median, high = np.percentile(found, [5, 50, 95]).tolist()
        told = analysis.intervals_ms.get(key, median)
        rows.append(Interval(name, told, low, high, len(found)))
    return rows


def shaded_spans(analysis: Analysis) -> list[tuple[float, float]]:
    """From when to when, s, of each episode that is not a trend of minutes."""
    return [(e.start_s, e.end_s) for e in analysis.episodes if e.kind not in SLOW_TRENDS]


def _episodes(analysis: Analysis) -> list[EpisodeRow]:
    """By kind, the one that was first there first."""
    spans = {(e.kind, e.start_s): e.end_s for e in analysis.episodes}
    for alert in analysis.alerts:
        spans.setdefault((alert.kind, alert.start_s), analysis.record.duration_s)
    rows: dict[str, list[tuple[float, float]]] = {}  # how long each lasts and when it begins
    for (kind, start_s), end_s in sorted(spans.items(), key=lambda item: item[0][1]):
        rows.setdefault(kind, []).append((max(end_s - start_s, 0.0), start_s))
    return [
        EpisodeRow(kind, len(found), sum(s for s, _ in found), *max(found), found[0][1])
        for kind, found in rows.items()
    ]


def _shares(spans: Sequence[tuple[float, float, str]]) -> dict[str, float]:
    total = sum(end - start for start, end, _ in spans)
    shares: dict[str, float] = {}
    for start, end, name in spans:
        shares[name] = shares.get(name, 0.0) + (end - start) / total if total > 0 else 0.0
    return shares


def row_s(duration_s: float) -> float:
    """How long a row of the table is: an hour, or so many that they fit."""
    fits = (h for h in HOURS_A_ROW if duration_s <= MOST_ROWS * h * HOUR_S)
    return next(fits, HOURS_A_ROW[-1]) * HOUR_S


def _hours(analysis: Analysis, r_s: Floats, rr_s: Floats, labels: npt.NDArray[Any]) -> list[Hour]:
    duration_s = analysis.record.duration_s
    if duration_s < HOLTER_S:
        return []
    step_s = row_s(duration_s)
    af = _Cover([(s.start_s, s.end_s) for s in analysis.rhythms if s.label == "af"])
    good = _Cover([(q.start_s, q.end_s) for q in analysis.quality if q.state == "good"])
    rows = []
    for k in range(int(np.ceil(duration_s / step_s))):
        start_s, end_s = k * step_s, min((k + 1) * step_s, duration_s)
        first, last = np.searchsorted(r_s, [start_s, end_s])
        inside_s, kinds = rr_s[first:last], labels[first:last]
        slowest, fastest = _extremes(inside_s)
        known_s = inside_s[1:][np.isfinite(inside_s[1:])]
        rows.append(
            Hour(
                start_s,
                end_s,
                int(last - first),
                slowest,
                60 / float(known_s.mean()) if len(known_s) else None,
                fastest,
                int((kinds == BEATS.index("S")).sum()),
                int((kinds == BEATS.index("V")).sum()),
                af.within(start_s, end_s) / (end_s - start_s),
                good.within(start_s, end_s) / (end_s - start_s),
            )
        )
    return rows


class _Cover:
    """Spans that do not overlap: how much of a stretch they cover."""

    def __init__(self, spans: Sequence[tuple[float, float]]) -> None:
        self._starts = np.array([start for start, _ in spans])
        self._ends = np.array([end for _, end in spans])

    def within(self, start_s: float, end_s: float) -> float:
        both = np.minimum(self._ends, end_s) - np.maximum(self._starts, start_s)
        return float(np.maximum(both, 0).sum())
