"""What a signal did in each fifth of a second: enough to judge it later without keeping it.

A device remembers 5.6 s of these, 24 bytes a fifth (`core/fifths.c`), instead of the samples.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]

PER_SECOND = 5
KEPT = 10 * PER_SECOND  # before those that the last push began


class Fifths:
    """Facts of each sample, gathered a fifth of a second; chunks do not matter."""

    def __init__(self, rate_hz: float, gather: Sequence[np.ufunc]) -> None:
        """Of a signal at any rate; `gather` makes one of two for each of its facts."""
        self._rate_hz, self._gather = rate_hz, tuple(gather)
        self._fifths = np.empty((len(self._gather), 0))
        self._first = 0  # number of the first one kept
        self.received = 0  # samples

    def push(self, facts: Doubles) -> None:
        """Take the facts (facts, n) of the next samples."""
        drop = max(self._fifths.shape[1] - KEPT, 0)
        self._fifths, self._first = self._fifths[:, drop:], self._first + drop
        count = facts.shape[1]
        if count == 0:
            return
        open_number, begun = self._first + self._fifths.shape[1] - 1, self.received
        self.received += count
        numbers = np.arange(open_number, int(self.received * PER_SECOND / self._rate_hz) + 2)
        ends = np.rint((numbers + 1) * self._rate_hz / PER_SECOND).astype(np.int64)
        starts = ends[(ends >= begun) & (ends < self.received)] - begun
        goes_on = open_number >= 0 and ends[0] > begun
        starts = np.concatenate([[0], starts]) if goes_on or len(starts) == 0 else starts
        new = np.stack(
            [f.reduceat(row, starts) for f, row in zip(self._gather, facts, strict=True)]
        )
        if goes_on:
            last = zip(self._gather, self._fifths[:, -1], new[:, 0], strict=True)
            self._fifths[:, -1] = [gather(a, b) for gather, a, b in last]
            new = new[:, 1:]
        self._fifths = np.concatenate([self._fifths, new], 1)

    def between(self, start_s: float, end_s: float) -> Doubles:
        """Those from one time to another, both to the nearest fifth, as far as they are kept."""
        first, last = (round(at * PER_SECOND) - self._first for at in (start_s, end_s))
        return self._fifths[:, max(first, 0) : max(last, 0)]
