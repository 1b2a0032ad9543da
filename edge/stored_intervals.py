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


def stored_rate_bpm(store: BeatStore) -> float | None:
    """Mean heart rate from the mean RR interval."""
    count, total_s = 0, 0.0
    for rr_s, _, _ in _parts(store):
        known = rr_s[rr_s <= MAX_RR_S]
        count, total_s = count + len(known), total_s + float(known.sum())
    return 60 * count / total_s if count else None


def stored_intervals_ms(store: BeatStore) -> dict[str, float | None]:
    """Medians over normal beats (over all if none is normal): pr, qrs, qt, qtc (Fridericia)."""
    values = interval_values_ms(store)
    return {name: float(np.median(v)) if len(v) else None for name, v in values.items()}


def interval_values_ms(store: BeatStore) -> dict[str, Floats]:
    """Each normal beat's (if none is normal, each beat's) pr, qrs, qt, qtc, where measurable."""
    has_normal = any((labels == NORMAL).any() for _, _, labels in _parts(store))
    found: dict[str, list[Floats]] = {"pr": [], "qrs": [], "qt": [], "qtc": []}
    for rr_s, times, labels in _parts(store):
        chosen = labels == NORMAL if has_normal else np.ones(len(labels), bool)
        rr_s, times = rr_s[chosen], times[chosen]
        on, off, p_on, t_off = (
            times[:, TIMES.index(name)] for name in ("qrs_on_s", "qrs_off_s", "p_on_s", "t_off_s")
        )
        qt = 1000 * (t_off - on)
        with np.errstate(all="ignore"):
            qtc = np.where((rr_s > 0) & (rr_s <= MAX_RR_S), qt / np.cbrt(rr_s), np.nan)
        for name, values in zip(
            found, (1000 * (on - p_on), 1000 * (off - on), qt, qtc), strict=True
        ):
            found[name].append(values[~np.isnan(values)])
    return {name: np.concatenate([np.empty(0), *parts]) for name, parts in found.items()}


def _parts(store: BeatStore) -> Iterator[tuple[Floats, Floats, npt.NDArray[np.int32]]]:
    """RR before each beat (infinite before the first), its times, its label; some at a time."""
    before_s = -np.inf
    for times, labels in store.columns():
        if len(times):
            r_s = times[:, TIMES.index("r_s")]
            yield np.diff(r_s, prepend=before_s), times, labels
            before_s = float(r_s[-1])
