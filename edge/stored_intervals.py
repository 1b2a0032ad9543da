"""Median intervals and heart rate of a `BeatStore`: `intervals.py` over columns of numbers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from .beat_store import TIMES, BeatStore
from .intervals import MAX_RR_S
from .labels import BEATS

Floats = npt.NDArray[np.float64]
NORMAL = BEATS.index("N")
INTERVALS = {  # from when to when
    "pr": ("p_on_s", "qrs_on_s"),
    "qrs": ("qrs_on_s", "qrs_off_s"),
    "qt": ("qrs_on_s", "t_off_s"),
    "qtc": ("qrs_on_s", "t_off_s"),
}


def stored_rate_bpm(store: BeatStore) -> float | None:
    """Mean heart rate from the mean RR interval."""
    count, total_s = 0, 0.0
    for rr_s, _, _ in _parts(store):
        known = rr_s[rr_s <= MAX_RR_S]
        count, total_s = count + len(known), total_s + float(known.sum())
    return 60 * count / total_s if count else None


def stored_intervals_ms(store: BeatStore) -> dict[str, float | None]:
    """Medians over normal beats (over all if none is normal): pr, qrs, qt, qtc (Fridericia)."""
    medians: dict[str, float | None] = {}
    for name in INTERVALS:  # one after the other: those of days are large
        values = interval_values_ms(store, name)
        medians[name] = float(np.median(values)) if len(values) else None
    return medians


def interval_values_ms(store: BeatStore, name: str) -> Floats:
    """Each normal beat's (if none is normal, each beat's) interval, where it is measurable."""
    has_normal = any((labels == NORMAL).any() for _, _, labels in _parts(store))
    start, end = INTERVALS[name]
    found = [np.empty(0)]
    for rr_s, times, labels in _parts(store):
        values = 1000 * (times[:, TIMES.index(end)] - times[:, TIMES.index(start)])
        if name == "qtc":
            with np.errstate(all="ignore"):
                is_known = (rr_s > 0) & (rr_s <= MAX_RR_S)
                values = np.where(is_known, values / np.cbrt(rr_s), np.nan)
        chosen = ~np.isnan(values) & ((labels == NORMAL) | (not has_normal))
        found.append(values[chosen])
    return np.concatenate(found)


def _parts(store: BeatStore) -> Iterator[tuple[Floats, Floats, npt.NDArray[np.int32]]]:
    """RR before each beat (infinite before the first), its times, its label; some at a time."""
    before_s = -np.inf
    for times, labels in store.columns():
        if len(times):
            r_s = times[:, TIMES.index("r_s")]
            yield np.diff(r_s, prepend=before_s), times, labels
            before_s = float(r_s[-1])
