"""`SampleRing`: the latest hours of a live signal in memory that does not grow.

Samples are numbered from the stream's first; knots say when they were. A knot holds from its sample
on until the device's clock is a millisecond off its prediction, so a steady stream has one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..record import FloatArray

KNOT_S = 0.001  # 0.1 pixels of paper at 25 mm/s


@dataclass(frozen=True)
class Block:
    """Samples in mV from number `at` on: the first at `first_s`, one each `period_s`."""

    at: int
    first_s: float
    period_s: float
    samples_mv: FloatArray


@dataclass(frozen=True)
class _Knot:
    at: int
    first_s: float
    period_s: float

    def second(self, at: int) -> float:
        return self.first_s + (at - self.at) * self.period_s


class SampleRing:
    """Written at its end, read anywhere within the latest `capacity` samples."""

    def __init__(self, capacity: int) -> None:
        """Empty."""
        self._values = np.empty(capacity, np.float32)
        self._knots: list[_Knot] = []
        self.count = 0

    @property
    def first(self) -> int:
        """Number of the oldest sample that is kept."""
        return max(0, self.count - len(self._values))

    @property
    def end_s(self) -> float:
        """When the next sample is due."""
        return self._knots[-1].second(self.count) if self._knots else 0.0

    def write(
        self, samples_mv: FloatArray, first_s: float, period_s: float, gap_s: float = 0.0
    ) -> None:
        """Append samples; a gap before them becomes one missing sample as long as the gap."""
        if gap_s > 0 and self._knots:
            self._knots.append(_Knot(self.count, self.end_s, max(first_s - self.end_s, KNOT_S)))
            self._put(np.full(1, np.nan, np.float32))
            self._knots.append(_Knot(self.count, first_s, period_s))
        elif not self._knots or abs(self.end_s - first_s) > KNOT_S:
            self._knots.append(_Knot(self.count, first_s, period_s))
        self._put(samples_mv)
        while len(self._knots) > 1 and self._knots[1].at <= self.first:
            del self._knots[0]

    def read(self, at: int, most: int) -> Block | None:
        """At most `most` samples from number `at` on (or the oldest kept); None at the end."""
        at = max(at, self.first)
        if at >= self.count:
            return None
        k = len(self._knots) - 1
        while self._knots[k].at > at:
            k -= 1
        knot = self._knots[k]
        until = self._knots[k + 1].at if k + 1 < len(self._knots) else self.count
        places = np.arange(at, min(until, at + most)) % len(self._values)
        return Block(at, knot.second(at), knot.period_s, self._values[places])

    def _put(self, samples_mv: FloatArray) -> None:
        kept = samples_mv[-len(self._values) :]
        first = self.count + len(samples_mv) - len(kept)
        self._values[np.arange(first, first + len(kept)) % len(self._values)] = kept
        self.count += len(samples_mv)
