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
        self._beats: deque[tuple[float, bool]] = deque(maxlen=BEATS)  # R peak, both point down
        self._is_reversed = False

    def beat(self, r_s: float, p_mv: float | None, qrs_mv: float) -> bool:
        """One more beat's net P and QRS deflection; whether the lead looks reversed now."""
        if p_mv is not None:
            self._beats.append((r_s, p_mv < 0 and qrs_mv < 0))
        down = sum(is_down for _, is_down in self._beats)
        if len(self._beats) == BEATS and down >= ENOUGH:
            self._is_reversed = True
        elif down <= BEATS - ENOUGH:
            self._is_reversed = False
        return self._is_reversed

    @property
    def since_s(self) -> float:
        """R peak of the first of the beats that point down."""
        return next((r_s for r_s, is_down in self._beats if is_down), 0.0)
