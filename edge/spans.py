"""`Spans`: which of the intervals between beats touch a stretch of time, over the beats of days."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from .events import Quality

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Span = tuple[float, float]


class Spans:
    """Spans in the order of their starts and of their ends, kept no longer than needed."""

    def __init__(self, spans: Iterator[Span]) -> None:
        """`spans` are (start, end) in s."""
        self._rest = spans
        self._near: list[Span] = []
        self._next = next(self._rest, None)

    def touch(self, start_s: Floats, end_s: Floats) -> Bools:
        """Which of the next intervals, one after the other, touch a span."""
        self._near = [span for span in self._near if span[1] > start_s[0]]
        while self._next is not None and self._next[0] < end_s[-1]:
            if self._next[1] > start_s[0]:
                self._near.append(self._next)
            self._next = next(self._rest, None)
        starts, ends = np.array([*self._near, (np.inf, np.inf)]).T
        touched: Bools = starts[np.searchsorted(ends, start_s, "right")] < end_s
        return touched


def not_good(quality: Iterable[Quality]) -> Spans:
    """Where the signal is not good: beats may have gone unseen there."""
    return Spans((q.start_s, q.end_s) for q in quality if q.state != "good")
