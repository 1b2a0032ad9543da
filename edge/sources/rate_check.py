"""`RateCheck`: whether a device's times agree with the rate that it is read at.

What stays within a drift is followed; a device that samples at another rate than it or its user
says would be read with wrong intervals, or as one gap after the other. A link that loses samples
loses now more, now fewer: only what is off alike for ten seconds is another rate.
"""

from __future__ import annotations

from collections import deque

from ..errors import InputError
from .timeline import MAX_DRIFT

PIECE_S = 1.0  # stamps are rounded and late: a step alone says little
PIECES = 10
ALIKE = 1.04  # the longest of them to the shortest


class RateCheck:
    """Times of a device as they come."""

    def __init__(self, rate_hz: float) -> None:
        """For a nominal rate in Hz."""
        self._rate_hz = rate_hz
        self._began_s: float | None = None
        self._last_s = 0.0
        self._count = 0  # samples since then
        self._pieces: deque[float] = deque(maxlen=PIECES)  # device seconds to nominal ones

    def add(self, count: int, first_s: float | None, *, is_reset: bool = False) -> None:
        """Take a chunk's samples and the time of the first; InputError where the rate is wrong."""
        if first_s is not None:
            if self._began_s is None or is_reset or first_s < self._last_s:
                self._began_s, self._count = first_s, 0
                self._pieces.clear()
            elif self._count >= PIECE_S * self._rate_hz:
                self._pieces.append((first_s - self._began_s) * self._rate_hz / self._count)
                self._began_s, self._count = first_s, 0
                self._check()
            self._last_s = first_s
        self._count += count

    def _check(self) -> None:
        least, most = min(self._pieces), max(self._pieces)
        is_off = least > 1 + MAX_DRIFT or most < 1 - MAX_DRIFT
        if len(self._pieces) < PIECES or not is_off or most > ALIKE * least:
            return
        mean = sum(self._pieces) / PIECES
        told = f"say {self._rate_hz / mean:.4g} Hz" if mean else "stand still"
        raise InputError(
            f"the times of the stream {told}, its rate is said to be {self._rate_hz:.4g} Hz; "
            "correct one (times are in seconds) and start anew"
        )
