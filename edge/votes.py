"""What most of the last twenty beats say that can say it."""

from __future__ import annotations

from collections import deque

from .rhythm import TICKS_PER_S

VOTERS = 20


class Votes:
    """A whole number a beat, above 0 for yes; opens at one mean, closes at a lower one."""

    def __init__(self, least: int, mean_on: float, mean_off: float) -> None:
        """`least` votes are needed to open."""
        self._least, self._on, self._off = least, mean_on, mean_off
        self._votes: deque[tuple[int, int]] = deque(maxlen=VOTERS)  # R in ticks, vote
        self._last_s = 0.0
        self.is_open = False

    def vote(self, at_s: float, value: int) -> None:
        """One beat's vote."""
        self._votes.append((round(at_s * TICKS_PER_S), value))
        self._last_s = at_s
        count, total = len(self._votes), sum(value for _, value in self._votes)
        if total <= self._off * count:
            self.is_open = False
        elif count >= self._least and total >= self._on * count:
            self.is_open = True

    @property
    def share(self) -> float:
        """Of yes among those that count."""
        return sum(value > 0 for _, value in self._votes) / len(self._votes)

    @property
    def since_s(self) -> float:
        """The R peak of the first yes that counts."""
        last = self._votes[-1][0]
        first = next((at for at, value in self._votes if value > 0), last)
        return self._last_s - (last - first) / TICKS_PER_S
