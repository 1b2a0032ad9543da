"""Gaps and drift by the device's clock: what is missing, and when a sample really was.

Samples are counted at the nominal rate; a crystal differs from it by less than two percent. A jump
beyond that is a gap, what stays within it is drift, which is followed and never taken for a gap.
"""

from __future__ import annotations

from bisect import bisect_right

MAX_DRIFT = 0.02  # of the nominal rate; beyond is another rate (`RateCheck`)
JITTER_S = 0.02  # of time stamps
JITTER_SAMPLES = 1.5
ANCHOR_S = 5.0  # one time kept for each stretch of this length
LEARN_S = 10.0  # before the rate is believed to differ


class Timeline:
    """One stretch of a device's clock."""

    def __init__(self, rate_hz: float) -> None:
        """For a nominal rate in Hz."""
        self._rate_hz = rate_hz
        self.count = 0  # samples so far, the missing ones included
        self.period_s = 1 / rate_hz
        self._first: tuple[int, float] | None = None
        self._last: tuple[int, float] | None = None
        self._anchors: list[tuple[float, float]] = []  # nominal and device seconds, both from 0

    def missing_before(self, first_s: float | None) -> int | None:
        """Samples lost before a chunk whose first is at `first_s`; None if the clock went back."""
        if first_s is None or self._last is None:
            return 0
        at, then_s = self._last
        late_s = first_s - (then_s + (self.count - at) * self.period_s)
        tolerance_s = max(JITTER_S, JITTER_SAMPLES * self.period_s)
        if late_s < -tolerance_s:
            return None
        return round(late_s / self.period_s) if late_s > tolerance_s else 0

    def add(self, count: int, first_s: float | None) -> None:
        """Take `count` samples, the first of them at `first_s` of the device's clock."""
        if first_s is not None:
            self._learn(first_s)
        self.count += count

    def device_s(self, nominal_s: float) -> float:
        """Seconds of the device's clock since the first sample, for seconds at the nominal rate."""
        if not self._anchors:
            return nominal_s
        at = max(bisect_right(self._anchors, (nominal_s, float("inf"))) - 1, 0)
        start, start_s = self._anchors[at]
        if at + 1 < len(self._anchors):
            end, end_s = self._anchors[at + 1]
            return start_s + (nominal_s - start) * (end_s - start_s) / (end - start)
        return start_s + (nominal_s - start) * self.period_s * self._rate_hz

    def _learn(self, first_s: float) -> None:
        if self._first is None:
            self._first = (self.count, first_s)
            self._anchors = [(self.count / self._rate_hz, self.count / self._rate_hz)]
        self._last = (self.count, first_s)
        at, began_s = self._first
        passed_s = first_s - began_s
        if passed_s >= LEARN_S and self.count > at:
            nominal_s = 1 / self._rate_hz
            low, high = nominal_s * (1 - MAX_DRIFT), nominal_s * (1 + MAX_DRIFT)
            self.period_s = min(max(passed_s / (self.count - at), low), high)
        nominal = self.count / self._rate_hz
        if nominal - self._anchors[-1][0] >= ANCHOR_S:
            self._anchors.append((nominal, at / self._rate_hz + passed_s))
