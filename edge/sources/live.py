"""`LiveMonitor`: chunks of a live source in, events out, in the device's own time.

A short gap is missing samples for the monitor, which marks it; after a long one it begins anew,
warm-up included. No beat is told inside a gap.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import numpy as np

from ..events import Beat, Event, Quality
from ..monitor import Monitor
from .chunk import Chunk, Format
from .rate_check import RateCheck
from .timeline import Timeline

RESTART_S = 10.0  # a gap as long as this ends a stream and begins another
KEPT_GAPS = 100
SILENCE_S = 2.0
CLOCK_WENT_BACK = "clock went back"


class LiveMonitor:
    """A monitor that outlives gaps, clock drift and reconnections."""

    def __init__(self, make_monitor: Callable[[str], Monitor], told: Format) -> None:
        """`make_monitor` takes the lead's name; one monitor serves all stretches."""
        self._monitor = make_monitor(told.lead)
        self._rate_hz = told.rate_hz
        self._timeline = Timeline(told.rate_hz)
        self._rate_check = RateCheck(told.rate_hz)
        self._offset_s = 0.0  # of the present stretch
        self._gaps: list[tuple[float, float]] = []  # in the nominal seconds of the stretch
        self.missing_s = 0.0
        self.restarts = 0

    @property
    def now_s(self) -> float:
        """Device seconds since the first sample."""
        return self._offset_s + self._timeline.device_s(self._timeline.count / self._rate_hz)

    @property
    def signal_now(self) -> Quality | None:
        """The stretch of quality that goes on, where the monitor tells."""
        now = self._monitor.signal_now
        told = self._told([] if now is None else [now])
        return told[0] if told and isinstance(told[0], Quality) else None

    @property
    def period_s(self) -> float:
        """Device seconds between two samples."""
        return self._timeline.period_s

    @property
    def drift(self) -> float:
        """How much slower than said the device samples, as a share."""
        return self.period_s * self._rate_hz - 1

    def push(self, chunk: Chunk) -> list[Event]:
        """Take a chunk; give the events that it completes.

        Raises InputError where the times of ten seconds say another rate.
        """
        self._rate_check.add(len(chunk.samples_mv), chunk.first_s, is_reset=chunk.is_reset)
        missing = None if chunk.is_reset else self._timeline.missing_before(chunk.first_s)
        events: list[Event] = []
        if missing is None:
            events += self._restart(0.0)
        elif missing >= RESTART_S * self._rate_hz:
            events += self._restart(missing * self._timeline.period_s)
        elif missing:
            events += self._skip(missing)
        self._timeline.add(len(chunk.samples_mv), chunk.first_s)
        return events + self._told(self._monitor.push(chunk.samples_mv, self._rate_hz))

    def finish(self) -> list[Event]:
        """The end of the stream: the events still open."""
        return self._told(self._monitor.finish())

    def _skip(self, missing: int) -> list[Event]:
        start_s = self._timeline.count / self._rate_hz
        self._gaps = [*self._gaps[-KEPT_GAPS:], (start_s, start_s + missing / self._rate_hz)]
        self.missing_s += missing / self._rate_hz
        self._timeline.add(missing, None)
        lost = np.full(missing, np.nan, np.float32)
        return self._told(self._monitor.push(lost, self._rate_hz))

    def _restart(self, gap_s: float) -> list[Event]:
        """End the stretch, tell the gap, begin another after it.

        Some silence is pushed before the end: else the monitor takes the cut itself for a beat.
        """
        ended_s = self.now_s
        silence = np.full(round(SILENCE_S * self._rate_hz), np.nan, np.float32)
        late = self._told(self._monitor.push(silence, self._rate_hz)) + self.finish()
        events = [_until(event, ended_s) for event in late if _begins(event) < ended_s]
        self._offset_s = ended_s + gap_s
        self._timeline, self._gaps = Timeline(self._rate_hz), []
        self.missing_s += gap_s
        self.restarts += 1
        reason = "missing" if gap_s else CLOCK_WENT_BACK
        return [*events, Quality(ended_s, self._offset_s, "lead_off", reason)]

    def _told(self, events: list[Event]) -> list[Event]:
        kept = [e for e in events if not (isinstance(e, Beat) and self._is_in_gap(e.r_s))]
        return [self._in_device_time(event) for event in kept]

    def _is_in_gap(self, nominal_s: float) -> bool:
        return any(start_s <= nominal_s < end_s for start_s, end_s in self._gaps)

    def _in_device_time(self, event: Event) -> Event:
        def shifted(seconds: float) -> float:
            return self._offset_s + self._timeline.device_s(seconds)

        return _with_times(event, shifted)


def _with_times(event: Event, change: Callable[[float], float]) -> Event:
    """The event with every time of it changed."""
    changes: dict[str, Any] = {
        one.name: change(getattr(event, one.name))
        for one in fields(event)
        if one.name.endswith("_s") and isinstance(getattr(event, one.name), int | float)
    }
    if isinstance(event, Beat):
        changes["blocked_p_s"] = tuple((change(on), change(off)) for on, off in event.blocked_p_s)
    return replace(event, **changes)


def _until(event: Event, end_s: float) -> Event:
    return _with_times(event, lambda second: min(second, end_s))


def _begins(event: Event) -> float:
    return event.r_s if isinstance(event, Beat) else event.start_s
