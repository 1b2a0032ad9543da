"""Swapped hands: lead I upside down, so that P wave and QRS both point down.

In lead I both point up in nearly everyone; both negative means swapped arm electrodes or
dextrocardia (Surawicz & Knilans, Chou's Electrocardiography). Marked, never silently turned.
"""

from __future__ import annotations

from collections import deque

BEATS = 20
ENOUGH = 16


class PolarityTracker:
    """Watches the last beats' P and QRS directions."""

    def __init__(self) -> None:
        """No beats yet."""
        self._down: deque[bool] = deque(maxlen=BEATS)

    def beat(self, p_mv: float | None, qrs_mv: float) -> bool:
        """One more beat's net P and QRS deflection; True when the lead looks reversed."""
        if p_mv is not None:
            self._down.append(p_mv < 0 and qrs_mv < 0)
        return len(self._down) == BEATS and sum(self._down) >= ENOUGH
