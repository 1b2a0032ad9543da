"""Orders and derives: quality stretches, beats, rhythm, alerts.

Every event has a place in time that its content decides, not the chunk it came in: quality and
rhythm that end before a beat's R peak come before that beat.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from .alert_limits import AlertLimits
from .alerts import detectors
from .beats import DraftBeat
from .episodes import Episodes
from .events import Beat, Event, Quality
from .fibrillation import FibrillationAlert
from .levels import Levels
from .polarity import PolarityAlert
from .pooling import Pool
from .quality import KNOWN_AFTER_S, WINDOW_S, QualityTracker
from .record_head import RecordHead
from .rhythm import MOST_BEATS, STEP_S, RhythmModel, classify, on_grid
from .rhythm import WINDOW_S as RHYTHM_WINDOW_S
from .trust import Trust


class EventLog:
    """One record's events so far, and what is still going on."""

    def __init__(
        self,
        models: tuple[RecordHead, RhythmModel],
        pool: Pool,
        limits: AlertLimits,
        is_lead_one: bool,
        quality: QualityTracker,
    ) -> None:
        """Nothing yet; `pool` and `quality` tell of the signal up to now."""
        self._quality, self._trust = quality, Trust(quality.limits.trust)
        self.windows: list[tuple[int, str, str]] = []  # decided quality windows, not yet told
        self._models, self._pool, self._limits = models, pool, limits
        self._episodes = Episodes(limits)
        self._detectors = detectors(limits, self._episodes)
        self._fibrillation = FibrillationAlert(limits, self._episodes)
        self._polarity = PolarityAlert(self._episodes) if is_lead_one else None
        self._stretch: Quality | None = None
        self._noisy: list[int] = []  # noisy or off seconds of the recent past
        self._doubted = deque[int](maxlen=64)  # seconds with a beat that is not told
        self._beats = deque[tuple[Beat, Levels]](maxlen=MOST_BEATS)  # of the last rhythm window
        self._next_rhythm_s = RHYTHM_WINDOW_S
        self._last_beat_s = np.inf  # none yet: no pause can begin
        self._told_rhythm = False
        self._off_since_s: float | None = None

    def advance(self, to_s: float) -> list[Event]:
        """Tell what is due before `to_s`: quality windows, rhythm windows, pauses, by due time."""
        events: list[Event] = []
        while True:
            due = [
                (self._window_due_s(), self._tell_window),
                (self._next_rhythm_s + KNOWN_AFTER_S, self._tell_rhythm),
                (self._last_beat_s + self._limits.pause_s, self._tell_pause),
            ]
            due_s, tell = min(due, key=lambda pair: pair[0])
            if due_s > to_s:
                return events
            events += tell()

    def beat(self, beat: Beat, draft: DraftBeat) -> list[Event]:
        """One beat, then what it changes; one that can't be trusted is not told.

        The rhythm hears of all beats: it knows noise by them.
        """
        self._beats.append((beat, draft.levels))
        if not self._trust.hear(beat.confidence):
            return self._doubt(beat.r_s)
        self._last_beat_s = beat.r_s
        self._episodes.beat(beat)
        self._episodes.close("pause", beat.r_s, beat.r_s)
        for detector in self._detectors:
            detector.beat(beat)
        if self._polarity is not None:
            self._polarity.beat(beat.r_s, draft.p_mv, draft.qrs_mv)
        return [beat, *self._episodes.take()]

    def _doubt(self, at_s: float) -> list[Event]:
        """A beat that is not told breaks what is being counted; its second is unreadable."""
        self._last_beat_s = np.inf
        self._doubted.append(int(at_s))
        self._episodes.doubt()
        for detector in self._detectors:
            detector.forget(at_s)
        return [*self._episodes.take()]

    def finish(self, end_s: float) -> list[Event]:
        """The windows and the rhythm left over, then every open episode's end."""
        events = self.advance(end_s)
        while self.windows:
            events += self._tell_window()
        if not self._told_rhythm or self._next_rhythm_s - STEP_S + STEP_S / 2 < end_s:
            events += self._rhythm_until(end_s)
        if self._stretch is not None:
            stretch = self._stretch
            events.append(Quality(stretch.start_s, end_s, stretch.state, stretch.reason))
        return events + list(self._episodes.close_all(end_s))

    @property
    def stretch(self) -> Quality | None:
        """The stretch of quality that is not over."""
        return self._stretch

    def _window_due_s(self) -> float:
        return (self.windows[0][0] + 1) * WINDOW_S + KNOWN_AFTER_S if self.windows else np.inf

    def _tell_window(self) -> list[Event]:
        k, state, reason = self.windows.pop(0)
        start_s, end_s = k * WINDOW_S, (k + 1) * WINDOW_S
        if state != "good":
            self._noisy.append(k)
        elif k in self._doubted:
            state, reason = "noisy", "unreadable"
        before, events = self._stretch, list[Event]()
        if before is None or (before.state, before.reason) != (state, reason):
            if before is not None:
                events.append(before)
            self._stretch = Quality(start_s, end_s, state, reason)
        else:
            self._stretch = Quality(before.start_s, end_s, state, reason)
        if state == "lead_off":
            self._off(start_s, end_s)
        else:
            self._off_since_s = None
            self._episodes.close("lead_off", start_s, end_s, 1.0)
        return [*events, *self._episodes.take()]

    def _off(self, start_s: float, end_s: float) -> None:
        """A window without contact: what goes on ends, and after a while the wearer is told."""
        for detector in self._detectors:
            detector.lose(end_s)
        self._off_since_s = start_s if self._off_since_s is None else self._off_since_s
        if end_s - self._off_since_s >= self._limits.lead_off_s:
            self._episodes.open("lead_off", self._off_since_s, end_s, 1.0)

    def _tell_rhythm(self) -> list[Event]:
        end_s = self._next_rhythm_s
        self._next_rhythm_s += STEP_S
        return self._rhythm_until(end_s)

    def _rhythm_until(self, end_s: float) -> list[Event]:
        start_s = max(end_s - RHYTHM_WINDOW_S, 0.0)
        while self._beats and on_grid(self._beats[0][0].r_s) < on_grid(start_s):
            self._beats.popleft()
        self._noisy = [k for k in self._noisy if (k + 1) * WINDOW_S > start_s]
        inside = [heard for heard in self._beats if on_grid(heard[0].r_s) < on_grid(end_s)]
        noisy = sum(k * WINDOW_S < end_s for k in self._noisy) * WINDOW_S
        rhythm = classify(
            inside,
            noisy / max(end_s - start_s, 1.0),
            self._pool.statistics(start_s, end_s),
            (start_s, end_s),
            self._models,
        )
        self._told_rhythm = True
        if end_s < RHYTHM_WINDOW_S:  # a shorter stretch is named, but is no episode (ESC 2020)
            return [rhythm]
        self._fibrillation.window(rhythm)
        return [rhythm, *self._episodes.take()]

    def _tell_pause(self) -> list[Event]:
        start_s = self._last_beat_s
        at_s = start_s + self._limits.pause_s
        self._last_beat_s = np.inf  # told; the next beat starts the clock again
        if self._quality.is_readable(start_s, at_s):
            self._episodes.open("pause", start_s, at_s)
        return [*self._episodes.take()]
