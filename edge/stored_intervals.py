"""Median intervals and heart rate of a `BeatStore`: `intervals.py` over columns of numbers.

An RR interval counts where it is at most `MAX_RR_S` long and all of it is good signal: across a
second that is not, beats may have gone unseen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from .beat_store import TIMES, BeatStore
from .events import Quality
from .intervals import MAX_RR_S
from .labels import BEATS
from .spans import not_good

Floats = npt.NDArray[np.float64]
NORMAL = BEATS.index("N")
INTERVALS = {  # from when to when
    "pr": ("p_on_s", "qrs_on_s"),
    "qrs": ("qrs_on_s", "qrs_off_s"),
    "qt": ("qrs_on_s", "t_off_s"),
    "qtc": ("qrs_on_s", "t_off_s"),
}


def stored_rate_bpm(store: BeatStore, quality: Iterable[Quality]) -> float | None:
    """Mean heart rate from the mean RR interval; `quality` is the record's, in order."""
    count, total_s = 0, 0.0
    for rr_s, _, _ in rr_parts(store, quality):
        known = rr_s[np.isfinite(rr_s)]
        count, total_s = count + len(known), total_s + float(known.sum())
    return 60 * count / total_s if count else None


def rr_before_s(store: BeatStore, quality: Iterable[Quality]) -> Floats:
    """RR before each beat, NaN where it does not count, as before the first."""
    return np.concatenate([np.empty(0), *(rr_s for rr_s, _, _ in rr_parts(store, quality))])


def stored_intervals_ms(store: BeatStore, quality: Iterable[Quality]) -> dict[str, float | None]:
    """Medians over normal beats (over all if none is normal): pr, qrs, qt, qtc (Fridericia)."""
    medians: dict[str, float | None] = {}
    for name in INTERVALS:  # one after the other: those of days are large
        values = interval_values_ms(store, quality, name)
        medians[name] = float(np.median(values)) if len(values) else None
    return medians


def interval_values_ms(store: BeatStore, quality: Iterable[Quality], name: str) -> Floats:
    """Each normal beat's (if none is normal, each beat's) interval, where it is measurable.

    Of "rr" those before all beats.
    """
    if name == "rr":
        rr_s = rr_before_s(store, quality)
        return 1000 * rr_s[np.isfinite(rr_s)]
    has_normal = any((labels == NORMAL).any() for _, labels in store.columns())
    start, end = INTERVALS[name]
    found = [np.empty(0)]
    for rr_s, times, labels in rr_parts(store, quality if name == "qtc" else ()):
        values = 1000 * (times[:, TIMES.index(end)] - times[:, TIMES.index(start)])
        if name == "qtc":
            with np.errstate(all="ignore"):
                values = np.where(rr_s > 0, values / np.cbrt(rr_s), np.nan)
        chosen = ~np.isnan(values) & ((labels == NORMAL) | (not has_normal))
        found.append(values[chosen])
    return np.concatenate(found)


def rr_parts(
    store: BeatStore, quality: Iterable[Quality]
) -> Iterator[tuple[Floats, Floats, npt.NDArray[np.int32]]]:
    """RR before each beat (NaN where it does not count), its times, its label; some at a time."""
    off, before_s = not_good(quality), -np.inf
    for times, labels in store.columns():
        if len(times):
            end_s = times[:, TIMES.index("r_s")]
            start_s = np.concatenate([[before_s], end_s[:-1]])
            counts = (end_s - start_s <= MAX_RR_S) & ~off.touch(start_s, end_s)
            yield np.where(counts, end_s - start_s, np.nan), times, labels
            before_s = float(end_s[-1])
