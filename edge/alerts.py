"""Alerts: each kind a documented rule with an onset limit, a release limit and a minimum duration.

| kind | begins | ends | source |
|---|---|---|---|
| bradycardia | mean of 8 RR below 50 /min, for 10 s | above 55 /min | ACC/AHA 2018: < 50 /min |
| tachycardia | mean of 8 RR above 100 /min, for 10 s | below 95 /min | ACC/AHA 2015: > 100 /min |
| pause | no beat for 3 s on a steady, readable signal | next beat | ACC/AHA 2018: > 3 s |
| af_suspected | P(af) >= .7 in 30 s windows | P(af) < .4 | ESC 2020: >= 30 s |
| lead_off | 3 s without signal | signal back | - |
| reversed_hands | P and QRS negative in lead I, 16 of 20 beats | 4 of 20 | see `polarity` |

Rates are not measured across a pause or a stretch that can't be read. An episode of a rate begins
with the eight intervals that first crossed the limit; lost contact ends it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass

from .events import Alert, Beat, Rhythm
from .intervals import MAX_RR_S

TEXTS = {
    "bradycardia": "heart rate below {bradycardia_on_bpm:g} per minute for {rate_hold_s:g} s",
    "tachycardia": "heart rate above {tachycardia_on_bpm:g} per minute for {rate_hold_s:g} s",
    "pause": "no beat for {pause_s:g} s",
    "af_suspected": "irregular rhythm without regular P waves, suspicious of atrial fibrillation",
    "lead_off": "no usable signal for {lead_off_s:g} s: check the electrodes",
    "reversed_hands": "P wave and QRS both point down in lead I: the hands may be swapped",
}


@dataclass(frozen=True)
class AlertLimits:
    """Clinical defaults; the table above says where they come from."""

    bradycardia_on_bpm: float = 50.0
    bradycardia_off_bpm: float = 55.0
    tachycardia_on_bpm: float = 100.0
    tachycardia_off_bpm: float = 95.0
    rate_beats: int = 8
    rate_hold_s: float = 10.0
    pause_s: float = 3.0
    af_on: float = 0.7
    af_off: float = 0.4
    lead_off_s: float = 3.0


def texts(limits: AlertLimits) -> dict[str, str]:
    """What each kind of alert says; the limits stand in it."""
    return {kind: text.format_map(asdict(limits)) for kind, text in TEXTS.items()}


class Episodes:
    """Which kinds are going on, since when; opens and closes them as alerts."""

    def __init__(self, limits: AlertLimits) -> None:
        """None open; the texts name the limits."""
        self._texts = texts(limits)
        self._open: dict[str, float] = {}

    def open(self, kind: str, start_s: float, at_s: float) -> list[Alert]:
        """Open an episode unless it is open."""
        if kind in self._open:
            return []
        self._open[kind] = start_s
        return [Alert(kind, at_s, start_s, self._texts[kind])]

    def close(self, kind: str, end_s: float, at_s: float) -> list[Alert]:
        """Close an episode if it is open."""
        start_s = self._open.pop(kind, None)
        if start_s is None:
            return []
        return [Alert(kind, at_s, start_s, self._texts[kind], end_s)]

    def close_all(self, at_s: float) -> list[Alert]:
        """The record ends."""
        kinds = sorted(self._open, key=lambda kind: (self._open[kind], kind))
        return [alert for kind in kinds for alert in self.close(kind, at_s, at_s)]

    def is_open(self, kind: str) -> bool:
        """Whether the kind is going on."""
        return kind in self._open


class RateAlerts:
    """Bradycardia and tachycardia from the mean of the last RR intervals."""

    def __init__(self, limits: AlertLimits, episodes: Episodes) -> None:
        """Share the episodes with the other rules."""
        self._limits, self._episodes = limits, episodes
        self._r_s: deque[float] = deque(maxlen=limits.rate_beats + 1)
        self._since: dict[str, tuple[float, float]] = {}  # start of the intervals, crossing

    def beat(self, beat: Beat) -> list[Alert]:
        """One beat further."""
        if self._r_s and beat.r_s - self._r_s[-1] > MAX_RR_S:
            self.forget()
        self._r_s.append(beat.r_s)
        if len(self._r_s) <= self._limits.rate_beats:
            return []
        bpm = 60 * self._limits.rate_beats / (self._r_s[-1] - self._r_s[0])
        on, off = self._limits.bradycardia_on_bpm, self._limits.bradycardia_off_bpm
        slow = self._rule("bradycardia", bpm < on, bpm > off)
        on, off = self._limits.tachycardia_on_bpm, self._limits.tachycardia_off_bpm
        return slow + self._rule("tachycardia", bpm > on, bpm < off)

    def forget(self) -> None:
        """Beats may have gone unseen: rates do not reach across."""
        self._r_s.clear()
        self._since.clear()

    def lose(self, at_s: float) -> list[Alert]:
        """The signal was lost: what was going on ends with the last beat."""
        end_s = self._r_s[-1] if self._r_s else at_s
        self.forget()
        kinds = ("bradycardia", "tachycardia")
        return [alert for kind in kinds for alert in self._episodes.close(kind, end_s, at_s)]

    def _rule(self, kind: str, begins: bool, ends: bool) -> list[Alert]:
        now = self._r_s[-1]
        if ends:
            self._since.pop(kind, None)
            return self._episodes.close(kind, now, now)
        if begins:
            start_s, crossed_s = self._since.setdefault(kind, (self._r_s[0], now))
            if now - crossed_s >= self._limits.rate_hold_s:
                return self._episodes.open(kind, start_s, now)
        elif not self._episodes.is_open(kind):
            self._since.pop(kind, None)
        return []


def af_alert(rhythm: Rhythm, limits: AlertLimits, episodes: Episodes) -> list[Alert]:
    """Suspected atrial fibrillation from the latest 30 s window."""
    probability = rhythm.probabilities["af"]
    if probability >= limits.af_on:
        return episodes.open("af_suspected", rhythm.start_s, rhythm.end_s)
    if probability < limits.af_off:
        return episodes.close("af_suspected", rhythm.end_s, rhythm.end_s)
    return []
