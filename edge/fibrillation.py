"""Suspected atrial fibrillation, from the rhythm's windows of 30 s every 10 s.

Three windows in a row have to say so, or all of a record that has fewer: what spoils one window,
a run of ectopic beats for instance, spoils the three that it lies in less and less.
"""

from __future__ import annotations

from .alert_limits import AlertLimits
from .episodes import Episodes
from .events import Rhythm
from .rhythm import FEATURES, MOSTLY_NOISY

NOISY_SHARE = FEATURES.index("noisy_share")


class FibrillationAlert:
    """How many windows in a row say so, of how many."""

    def __init__(self, limits: AlertLimits, episodes: Episodes) -> None:
        """Share the episodes with the detectors."""
        self._limits, self._episodes = limits, episodes
        self._seen = self._in_row = 0
        self._since_s = 0.0

    def window(self, rhythm: Rhythm) -> None:
        """One window further; nothing is claimed on one that is mostly noisy."""
        self._seen += 1
        probability = rhythm.probabilities["af"]
        is_noisy = bool(rhythm.evidence) and rhythm.evidence[NOISY_SHARE] > MOSTLY_NOISY
        if is_noisy or probability < self._limits.af_on:
            self._in_row = 0
        else:
            self._since_s = self._since_s if self._in_row else rhythm.start_s
            self._in_row += 1
        if self._in_row and self._in_row >= min(self._limits.af_windows, self._seen):
            self._episodes.open("af_suspected", self._since_s, rhythm.end_s, probability)
        elif probability < self._limits.af_off and not is_noisy:
            self._episodes.close("af_suspected", rhythm.end_s, rhythm.end_s, probability)
