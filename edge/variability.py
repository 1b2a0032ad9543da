"""Heart-rate variability over NN intervals, in one pass over the beats of days.

An NN interval lies between two N beats that were told one after the other, at most `MAX_RR_S`
apart. It touches neither a second that is not good (a gap, noise, a beat that is not told) nor
30 s that were read as AF, and is not so much longer or shorter than the eight RR before that a
beat was missed or is none: two such of 300 make an RMSSD of 35 ms one of 220. What is left out is
not filled in. Successive differences are those of NN intervals that share a beat.

SDNN, RMSSD and pNN50: Task Force of ESC and NASPE, Eur Heart J 1996;17:354, table 1. SD1 and SD2:
Brennan, IEEE Trans Biomed Eng 2001;48:1342. Standard deviations divide by n - 1, pNN50 by the
number of differences.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt

from .analysis import Stretch, Variability
from .beat_store import TIMES, BeatStore
from .events import Quality
from .labels import BEATS
from .rhythm import WINDOW_S
from .spans import Spans
from .stored_intervals import rr_parts

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

MIN_DIFFERENCES = 60  # about a minute: the Task Force's shortest recording
MIN_NN_SHARE = 0.5  # of the readable RR intervals: of AF or bigeminy the rest means nothing
RECENT_RR = 8
MOST_CHANGE = 1.75  # times their median: breathing changes RR less, a missed beat doubles it
NN50_MS = 50.0
LEAST_MS = 1e-6  # a step of 50 ms between whole samples is not above 50 ms
NORMAL = BEATS.index("N")


def variability_of(
    store: BeatStore, quality: Iterable[Quality], rhythms: Iterable[Stretch]
) -> Variability:
    """The figures of a record; all but the count are None where too few intervals are left.

    `quality` and `rhythms` are the record's, in order.
    """
    nn, differences, sums = _Moments(), _Moments(), _Moments()
    readable = above_50 = 0
    for intervals in _intervals(store, quality, rhythms):
        nn_ms, before_ms = intervals.nn_ms[1:], intervals.nn_ms[:-1]
        nn.add(nn_ms)
        differences.add(nn_ms - before_ms)
        sums.add(nn_ms + before_ms)
        readable += intervals.readable
        above_50 += int((np.abs(nn_ms - before_ms) > NN50_MS + LEAST_MS).sum())
    if differences.count < MIN_DIFFERENCES or nn.count < MIN_NN_SHARE * readable:
        return Variability(nn.count)
    return Variability(
        nn.count,
        sdnn_ms=nn.deviation,
        rmssd_ms=differences.root_mean_square,
        pnn50_percent=100 * above_50 / differences.count,
        sd1_ms=differences.deviation / sqrt(2),
        sd2_ms=sums.deviation / sqrt(2),
    )


@dataclass(frozen=True)
class _Intervals:
    """Some of the RR intervals: NN in ms, else NaN, behind the one before; the readable ones."""

    nn_ms: Floats
    readable: int


def _intervals(
    store: BeatStore, quality: Iterable[Quality], rhythms: Iterable[Stretch]
) -> Iterator[_Intervals]:
    # The first of the windows that a stretch stands on begins before the stretch.
    af = Spans((r.start_s - WINDOW_S, r.end_s) for r in rhythms if r.label == "af")
    last_s, was_normal, last_nn_ms = -np.inf, False, np.nan
    recent_s = np.full(RECENT_RR, np.nan)
    for known_s, times, labels in rr_parts(store, quality):
        end_s = times[:, TIMES.index("r_s")]
        start_s = np.concatenate([[last_s], end_s[:-1]])
        rr_s = np.concatenate([recent_s, known_s])
        is_normal = np.concatenate([[was_normal], labels == NORMAL])
        is_nn = is_normal[1:] & is_normal[:-1] & _plausible(rr_s) & ~af.touch(start_s, end_s)
        nn_ms = np.where(is_nn, 1000 * rr_s[RECENT_RR:], np.nan)
        yield _Intervals(np.concatenate([[last_nn_ms], nn_ms]), int(np.isfinite(known_s).sum()))
        last_s, was_normal, last_nn_ms = float(end_s[-1]), bool(is_normal[-1]), float(nn_ms[-1])
        recent_s = rr_s[-RECENT_RR:]


def _plausible(rr_s: Floats) -> Bools:
    """Which RR behind the first `RECENT_RR` are near the median of those before, if any is known.

    NaN is not.
    """
    before_s = np.lib.stride_tricks.sliding_window_view(rr_s[:-1], RECENT_RR)
    last = (np.isfinite(before_s).sum(1, keepdims=True) - 1).clip(0)  # NaN is sorted behind it
    middle = np.concatenate([last // 2, (last + 1) // 2], 1)
    usual_s = np.take_along_axis(np.sort(before_s, 1), middle, 1).mean(1)
    change = np.maximum(rr_s[RECENT_RR:] / usual_s, usual_s / rr_s[RECENT_RR:])
    plausible: Bools = np.isfinite(rr_s[RECENT_RR:]) & ~(change > MOST_CHANGE)
    return plausible


class _Moments:
    """Count, mean and squared deviations of what is not NaN (Chan, Am Stat 1983;37:242)."""

    def __init__(self) -> None:
        self.count = 0
        self._mean = self._squares = 0.0

    def add(self, values: Floats) -> None:
        known = values[~np.isnan(values)]
        if not len(known):
            return
        count, mean = self.count + len(known), float(known.mean())
        apart = mean - self._mean
        self._squares += float(((known - mean) ** 2).sum())
        self._squares += apart**2 * self.count * len(known) / count
        self._mean += apart * len(known) / count
        self.count = count

    @property
    def deviation(self) -> float:
        return sqrt(self._squares / (self.count - 1))

    @property
    def root_mean_square(self) -> float:
        return sqrt(self._squares / self.count + self._mean**2)
