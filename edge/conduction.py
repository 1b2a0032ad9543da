"""Conduction and repolarisation: long PR, P waves that no QRS answers, long QTc.

One beat proves nothing on one lead: PR and QTc are told by the majority of twenty beats, a dropped
beat only where the P waves go on in time, which a blocked premature P wave does not, and twice.
"""

from __future__ import annotations

from .alert_limits import AlertLimits
from .episodes import Episodes
from .events import Beat
from .intervals import MAX_RR_S
from .votes import VOTERS, Votes

QTC_RR_S = (0.5, 1.5)  # 40 to 120 per minute: beyond, Fridericia's correction is off
IN_TIME = 0.2  # two PP intervals differ by no more than this share of the longer
PP_S = (0.3, 2.0)  # 30 to 200 P waves a minute


class ConductionAlerts:
    """PR, QTc and dropped beats, from the beat before and this one."""

    def __init__(self, limits: AlertLimits, episodes: Episodes) -> None:
        """Share the episodes with the other detectors."""
        self._limits, self._episodes = limits, episodes
        self._pr, self._qtc = (
            Votes(VOTERS, limits.share_on, limits.share_off) for _ in ("pr", "qtc")
        )
        self._last: Beat | None = None
        self._dropped_s: float | None = None  # the last one, and what the first one followed
        self._first_s = 0.0

    def beat(self, beat: Beat) -> None:
        """One beat further."""
        before, self._last = self._last, beat
        if beat.p_on_s is not None and beat.label != "V":
            pr_ms = 1000.0 * (beat.qrs_on_s - beat.p_on_s)
            self._vote("pr_long", self._pr, beat.r_s, pr_ms > self._limits.pr_long_ms)
        rr_s = beat.r_s - before.r_s if before is not None else 0.0
        if beat.t_off_s is not None and beat.label == "N" and QTC_RR_S[0] <= rr_s <= QTC_RR_S[1]:
            ratio = 1000.0 * (beat.t_off_s - beat.qrs_on_s) / self._limits.qtc_long_ms
            self._vote("qtc_long", self._qtc, beat.r_s, ratio * ratio * ratio > rr_s)
        if before is not None and rr_s <= MAX_RR_S and _is_dropped(before, beat):
            self._drop(before.r_s, beat.r_s)
        elif self._dropped_s is not None and not self._is_recent(beat.r_s):
            self._episodes.close("dropped_beats", self._dropped_s, beat.r_s)
            self._dropped_s = None

    def forget(self, at_s: float) -> None:
        """Beats may have gone unseen: the next one follows none."""
        self._last = None

    lose = forget

    def _vote(self, kind: str, votes: Votes, at_s: float, is_long: bool) -> None:
        votes.vote(at_s, int(is_long))
        if votes.is_open:
            self._episodes.open(kind, votes.since_s, at_s, votes.share)
        else:
            self._episodes.close(kind, at_s, at_s, votes.share)

    def _drop(self, since_s: float, at_s: float) -> None:
        if self._dropped_s is not None and self._is_recent(at_s):
            self._episodes.open("dropped_beats", self._first_s, at_s)
        else:
            self._first_s = since_s
        self._dropped_s = at_s

    def _is_recent(self, at_s: float) -> bool:
        return at_s - (self._dropped_s or 0.0) <= self._limits.dropped_within_s


def _is_dropped(before: Beat, beat: Beat) -> bool:
    """Whether a P wave between two beats was in time and not answered."""
    if before.label == "V" or beat.label == "V" or before.p_on_s is None:
        return False
    if beat.p_on_s is None or not beat.blocked_p_s:
        return False
    first_s = beat.blocked_p_s[0][0] - before.p_on_s
    last_s = beat.p_on_s - beat.blocked_p_s[-1][0]
    shorter_s, longer_s = min(first_s, last_s), max(first_s, last_s)
    return (
        shorter_s >= PP_S[0] and longer_s <= PP_S[1] and longer_s - shorter_s <= IN_TIME * longer_s
    )
