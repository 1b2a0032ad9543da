"""Swapped hands: lead I upside down, so that P wave and QRS point down.

In lead I both point up in nearly everyone; negative they mean swapped arm electrodes or
dextrocardia (Surawicz & Knilans, Chou's Electrocardiography). Marked, never silently turned. A beat
gives two points for the direction of its P wave, none without one, and one for that of its QRS.
"""

from __future__ import annotations

from .episodes import Episodes
from .votes import Votes

P_POINTS, QRS_POINTS = 2, 1
LEAST_BEATS = 6
POINTS_ON, POINTS_OFF = 0.7, 0.0  # a beat, chosen on folds 1 to 8 of PTB-XL's lead I, as is, turned


class PolarityAlert:
    """Watches the last beats' P and QRS directions."""

    def __init__(self, episodes: Episodes) -> None:
        """Share the episodes with the detectors."""
        self._episodes = episodes
        self._votes = Votes(LEAST_BEATS, POINTS_ON, POINTS_OFF)

    def beat(self, r_s: float, p_mv: float | None, qrs_mv: float) -> None:
        """One more beat's net P and QRS deflection."""
        points = QRS_POINTS if qrs_mv < 0 else -QRS_POINTS
        if p_mv is not None:
            points += P_POINTS if p_mv < 0 else -P_POINTS
        self._votes.vote(r_s, points)
        if self._votes.is_open:
            self._episodes.open("reversed_hands", self._votes.since_s, r_s, self._votes.share)
        else:
            self._episodes.close("reversed_hands", r_s, r_s, self._votes.share)
