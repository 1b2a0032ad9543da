"""What is going on, since when: opens and closes episodes as alerts, with what they stand on."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict
from itertools import pairwise

from .alert_limits import KINDS, AlertLimits
from .events import Alert, Beat
from .rhythm import CONFIDENCE_STEPS, TICKS_PER_S

EVIDENCE_BEATS = 9  # whose eight RR intervals an alert carries
LONGEST_TICKS = 2**24 - 1  # 1,024 s: what float32 counts

TEXTS = {
    "af_suspected": "irregular rhythm without regular P waves, suspicious of atrial fibrillation",
    "bradycardia": "heart rate below {bradycardia_on_bpm:g} per minute for {rate_hold_s:g} s",
    "dropped_beats": "two P waves in time without a QRS within {dropped_within_s:g} s, suspicious "
    "of second-degree AV block",
    "lead_off": "no usable signal for {lead_off_s:g} s: check the electrodes",
    "pause": "no beat for {pause_s:g} s",
    "pr_long": "PR interval above {pr_long_ms:g} ms in most beats, suspicious of first-degree AV "
    "block",
    "qtc_long": "QTc above {qtc_long_ms:g} ms (Fridericia) in most beats",
    "reversed_hands": "P wave and QRS both point down in lead I: the hands may be swapped",
    "tachycardia": "heart rate above {tachycardia_on_bpm:g} per minute for {rate_hold_s:g} s",
    "v_bigeminy": "every second beat ventricular, {v_bigeminy_pairs} times in a row",
    "v_couplet": "two ventricular beats in a row",
    "v_frequent": "{v_frequent_beats} ventricular beats within {v_frequent_within_s:g} s",
    "v_run": "{v_run_beats} or more ventricular beats in a row",
}


def texts(limits: AlertLimits) -> dict[str, str]:
    """What each kind of alert says; the limits stand in it."""
    return {kind: TEXTS[kind].format_map(asdict(limits)) for kind in KINDS}


class Episodes:
    """The episodes of one record; alerts wait in it until they are taken."""

    def __init__(self, limits: AlertLimits) -> None:
        """None open; the texts name the limits."""
        self._texts = texts(limits)
        self._refractory_s = dict(zip(KINDS, limits.refractory_s, strict=True))
        self._open: dict[str, float] = {}
        self._ended_s: dict[str, float] = {}
        self._beats = deque[tuple[int, int]](maxlen=EVIDENCE_BEATS)  # R in ticks, confidence
        self._waiting: list[Alert] = []

    def beat(self, beat: Beat) -> None:
        """One beat that what follows stands on."""
        steps = round(beat.confidence * CONFIDENCE_STEPS)
        self._beats.append((round(beat.r_s * TICKS_PER_S), steps))

    def doubt(self) -> None:
        """A beat was not told: what follows stands on none before it."""
        self._beats.clear()

    def open(self, kind: str, start_s: float, at_s: float, confidence: float | None = None) -> None:
        """Open an episode unless it is open or another has just ended.

        Without a `confidence` of its own an alert is as sure as the beats are that it stands on.
        """
        ended_s = self._ended_s.get(kind)
        if kind in self._open:
            return
        if ended_s is not None and start_s - ended_s < self._refractory_s[kind]:
            return
        self._open[kind] = start_s
        self._say(kind, at_s, start_s, None, confidence)

    def close(self, kind: str, end_s: float, at_s: float, confidence: float | None = None) -> None:
        """Close an episode if it is open."""
        start_s = self._open.pop(kind, None)
        if start_s is not None:
            self._ended_s[kind] = end_s
            self._say(kind, at_s, start_s, end_s, confidence)

    def is_open(self, kind: str) -> bool:
        """Whether the kind is going on."""
        return kind in self._open

    def take(self) -> list[Alert]:
        """The alerts since the last call, in their order."""
        taken, self._waiting = self._waiting, []
        return taken

    def close_all(self, at_s: float) -> list[Alert]:
        """The record ends: those that began first end first."""
        for kind in sorted(self._open, key=lambda kind: (self._open[kind], kind)):
            self.close(kind, at_s, at_s)
        return self.take()

    def _say(
        self, kind: str, at_s: float, start_s: float, end_s: float | None, confidence: float | None
    ) -> None:
        ticks = [r for r, _ in self._beats]
        gaps = [min(b - a, LONGEST_TICKS) for a, b in pairwise(ticks)]
        if confidence is None:
            steps = [steps for _, steps in self._beats]
            confidence = sum(steps) / (CONFIDENCE_STEPS * max(len(steps), 1))
        rr_s = tuple(gap / TICKS_PER_S for gap in gaps)
        text = self._texts[kind]
        self._waiting.append(Alert(kind, at_s, start_s, text, end_s, confidence, rr_s))
