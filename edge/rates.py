"""Bradycardia and tachycardia from the mean of the last RR intervals.

An episode begins with the eight intervals that first crossed the limit and is told once that has
lasted. No mean reaches across a beat that is not told, a pause or a stretch that can't be read; a
pause also starts the crossing over, and lost contact ends an episode with its last beat.
"""

from __future__ import annotations

from collections import deque

from .alert_limits import AlertLimits
from .episodes import Episodes
from .events import Beat
from .intervals import MAX_RR_S


class RateAlerts:
    """The last beats' times, and since when a limit is crossed."""

    def __init__(self, limits: AlertLimits, episodes: Episodes) -> None:
        """Share the episodes with the other detectors."""
        self._limits, self._episodes = limits, episodes
        self._r_s: deque[float] = deque(maxlen=limits.rate_beats + 1)
        self._since: dict[str, tuple[float, float]] = {}  # start of the intervals, crossing
        self._last_s = 0.0

    def beat(self, beat: Beat) -> None:
        """One beat further."""
        if beat.r_s - self._last_s > MAX_RR_S:
            self._start_over()
        self._last_s = beat.r_s
        self._r_s.append(beat.r_s)
        if len(self._r_s) <= self._limits.rate_beats:
            return
        bpm = 60 * self._limits.rate_beats / (self._r_s[-1] - self._r_s[0])
        on, off = self._limits.bradycardia_on_bpm, self._limits.bradycardia_off_bpm
        self._rule("bradycardia", bpm < on, bpm > off)
        on, off = self._limits.tachycardia_on_bpm, self._limits.tachycardia_off_bpm
        self._rule("tachycardia", bpm > on, bpm < off)

    def forget(self, at_s: float) -> None:
        """Beats may have gone unseen: means do not reach across."""
        self._r_s.clear()

    def lose(self, at_s: float) -> None:
        """The signal was lost: what was going on ends with the last beat."""
        self._start_over()
        for kind in ("bradycardia", "tachycardia"):
            self._episodes.close(kind, self._last_s, at_s)

    def _start_over(self) -> None:
        self._r_s.clear()
        self._since.clear()

    def _rule(self, kind: str, begins: bool, ends: bool) -> None:
        now = self._r_s[-1]
        if ends:
            self._since.pop(kind, None)
            self._episodes.close(kind, now, now)
        elif begins:
            start_s, crossed_s = self._since.setdefault(kind, (self._r_s[0], now))
            if now - crossed_s >= self._limits.rate_hold_s:
                self._episodes.open(kind, start_s, now)
        elif not self._episodes.is_open(kind):
            self._since.pop(kind, None)
