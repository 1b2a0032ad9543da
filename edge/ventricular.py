"""Ventricular ectopy: couplets, runs, bigeminy and too many in a minute, from the beats' labels."""

from __future__ import annotations

from collections import deque

from .alert_limits import AlertLimits
from .episodes import Episodes
from .events import Beat
from .intervals import MAX_RR_S


class VentricularAlerts:
    """The beats of a run, the pairs of bigeminy, and the last V beats' times."""

    def __init__(self, limits: AlertLimits, episodes: Episodes) -> None:
        """Share the episodes with the other detectors."""
        self._limits, self._episodes = limits, episodes
        self._v_s: deque[float] = deque(maxlen=limits.v_frequent_beats)
        self._last_s = 0.0
        self._start_over()

    def beat(self, beat: Beat) -> None:
        """One beat further."""
        if beat.r_s - self._last_s > MAX_RR_S:
            self.forget(beat.r_s)
        self._last_s = beat.r_s
        if beat.label == "V":
            self._ventricular(beat.r_s)
        else:
            self._other(beat.r_s)
        self._frequent(beat.r_s)

    def forget(self, at_s: float) -> None:
        """Beats may have gone unseen: what was going on ended with the last V beat."""
        self._close("v_bigeminy", at_s)
        self._close("v_run", at_s)
        self._start_over()

    lose = forget

    def _start_over(self) -> None:
        self._in_row, self._others, self._pairs = 0, 2, 0  # others: since the last V beat
        self._row_s = self._pairs_s = 0.0

    def _ventricular(self, r_s: float) -> None:
        if self._others != 1:
            self._end_bigeminy(r_s)
        self._v_s.append(r_s)
        if self._others:  # the second beat of a couplet has no other beat to be a pair with
            self._pair(r_s)
        if not self._in_row:
            self._row_s = r_s
        self._in_row, self._others = self._in_row + 1, 0
        if self._in_row >= self._limits.v_run_beats:
            self._episodes.open("v_run", self._row_s, r_s)

    def _pair(self, r_s: float) -> None:
        if not self._pairs:
            self._pairs_s = r_s
        self._pairs += 1
        if self._pairs >= self._limits.v_bigeminy_pairs:
            self._episodes.open("v_bigeminy", self._pairs_s, r_s)

    def _other(self, r_s: float) -> None:
        self._others += 1
        if self._in_row == 2 and not self._episodes.is_open("v_run"):
            self._episodes.open("v_couplet", self._row_s, r_s)
            self._close("v_couplet", r_s)
        self._in_row = 0
        if self._others == 2:  # a single other beat interrupts nothing
            self._close("v_run", r_s)
            self._end_bigeminy(r_s)

    def _end_bigeminy(self, r_s: float) -> None:
        self._pairs = 0
        self._close("v_bigeminy", r_s)

    def _frequent(self, r_s: float) -> None:
        since_s, most = r_s - self._limits.v_frequent_within_s, self._limits.v_frequent_beats
        recent = [at_s for at_s in self._v_s if at_s >= since_s]
        if len(recent) == most:
            self._episodes.open("v_frequent", recent[0], r_s)
        elif 2 * len(recent) < most:
            self._close("v_frequent", r_s)

    def _close(self, kind: str, at_s: float) -> None:
        """With the last V beat."""
        if self._v_s:
            self._episodes.close(kind, self._v_s[-1], at_s)
