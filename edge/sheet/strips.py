"""Which seconds of a record the sheet shows: what is usual, then what stands out most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..analysis import Analysis
from ..labels import BEATS
from ..names import ALERT_NAMES
from ..record import FloatArray
from .summary import EpisodeRow, Summary, shaded_spans
from .words import clock, duration, time_of_day

# What a reader should see first; other kinds come after, as they happened.
URGENT = (
    "v_run",
    "pause",
    "dropped_beats",
    "af_suspected",
    "tachycardia",
    "bradycardia",
    "v_couplet",
    "v_bigeminy",
    "qtc_long",
    "v_frequent",
    "pr_long",
    "reversed_hands",
)
UNSEEN = ("lead_off",)  # there is nothing to look at
LEAD_IN_S = 1.5  # shown before something begins
TRIES = 400  # places that are tried for a usual strip


@dataclass(frozen=True)
class Strip:
    """Signal in mV from `start_s` on, when that was, and why it is shown."""

    start_s: float
    signal_mv: FloatArray
    rate_hz: float
    when: str
    title: str


def choose_strips(
    analysis: Analysis, summary: Summary, seconds: float, count: int
) -> tuple[Strip, ...]:
    """Up to `count` strips; of a record that fits into them all of it, in order."""
    duration_s = analysis.record.duration_s
    if duration_s <= seconds * count:
        rows = int(np.ceil(duration_s / seconds))
        return tuple(_strip(analysis, k * seconds, seconds, "") for k in range(rows))
    strips = [_strip(analysis, *_usual(analysis, summary, seconds), "usual rhythm")]
    for at_s, lasts_s, title in _standing_out(summary):
        middle_s = at_s + (lasts_s - seconds) / 2
        from_s = at_s - LEAD_IN_S if lasts_s < seconds else middle_s
        from_s = float(np.clip(from_s, 0, duration_s - seconds))
        if all(abs(from_s - strip.start_s) >= seconds / 2 for strip in strips):
            strips.append(_strip(analysis, from_s, seconds, title))
        if len(strips) == count:
            break
    return tuple(strips)


def _strip(analysis: Analysis, start_s: float, seconds: float, title: str) -> Strip:
    rate_hz = analysis.record.rate_hz
    first = round(start_s * rate_hz)
    signal_mv = analysis.record.read(first, first + round(seconds * rate_hz))
    start = analysis.record.start_time
    when = time_of_day(start, start_s, seconds_too=True) or clock(start_s)
    return Strip(first / rate_hz, signal_mv, rate_hz, when, title)


def _usual(analysis: Analysis, summary: Summary, seconds: float) -> tuple[float, float]:
    """A stretch of good signal without alerts whose rate is nearest the record's."""
    last_s = analysis.record.duration_s - seconds
    starts = np.linspace(0, last_s, TRIES)
    overall = np.nanmedian(summary.rr_s) if np.isfinite(summary.rr_s).any() else np.nan
    spans = shaded_spans(analysis)
    good = _good_spans(analysis)
    best, lowest = 0.0, np.inf
    for start_s in starts.tolist():
        end_s = start_s + seconds
        first, last = np.searchsorted(summary.r_s, [start_s, end_s])
        rr_s = np.diff(summary.r_s[first:last])
        cost = abs(float(np.median(rr_s)) - overall) if len(rr_s) and overall > 0 else 5.0
        cost += 0.1 * int((summary.labels[first:last] != BEATS.index("N")).sum())
        cost += 2.0 * any(a < end_s and b > start_s for a, b in spans)
        cost += 10.0 * (not any(a <= start_s and b >= end_s for a, b in good))
        if cost < lowest:
            best, lowest = start_s, cost
    return best, seconds


def _good_spans(analysis: Analysis) -> list[tuple[float, float]]:
    """Where the signal is good all along, with powerline that is filtered away or without."""
    spans: list[tuple[float, float]] = []
    for stretch in analysis.quality:
        if stretch.state != "good":
            continue
        is_next = bool(spans) and spans[-1][1] == stretch.start_s
        start_s = spans.pop()[0] if is_next else stretch.start_s
        spans.append((start_s, stretch.end_s))
    return spans


def _standing_out(summary: Summary) -> list[tuple[float, float, str]]:
    """The longest of each kind: when, how long, what; the most urgent first, then ectopic beats."""
    order = {kind: k for k, kind in enumerate(URGENT)}
    rows = [row for row in summary.episodes if row.kind not in UNSEEN]
    rows.sort(key=lambda row: (order.get(row.kind, len(order)), row.first_s))
    found = [(row.longest_start_s, row.longest_s, _title(row)) for row in rows]
    for label, name in (("V", "first ventricular beat"), ("S", "first supraventricular beat")):
        at = np.flatnonzero(summary.labels == BEATS.index(label))
        found += [(float(summary.r_s[at[0]]) - LEAD_IN_S, 0.0, name)] if len(at) else []
    return found


def _title(row: EpisodeRow) -> str:
    which = "" if row.count == 1 else f", the longest of {row.count}"
    return f"{ALERT_NAMES[row.kind]}{which}: {duration(row.longest_s)}"
