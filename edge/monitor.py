"""`Monitor`: samples in at any rate, events out. The whole spine in the order data flows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .alerts import AlertLimits, Episodes, RateAlerts, af_alert
from .backends import StreamNetwork, network_of
from .beat_model import BeatModel
from .beats import DraftBeat
from .bundle import Bundle, load_bundle
from .delineation import Delineation
from .errors import InputError
from .events import Beat, Event, Quality
from .frontend import FrontEnd
from .lead_names import lead_key
from .model_check import check_model
from .polarity import PolarityTracker
from .pooling import Pool
from .quality import KNOWN_AFTER_S, WINDOW_S, QualityLimits, QualityTracker
from .record import check_rate
from .record_head import RecordHead
from .rhythm import STEP_S, RhythmModel, classify
from .rhythm import WINDOW_S as RHYTHM_WINDOW_S
from .waves import WaveRun

Floats = npt.NDArray[np.float32]

HOP_S = 0.064  # raw samples are gathered to this much before they are read
BLOCK_S = 30.0  # and a long push is read in blocks of this much, so that memory stays flat


class Monitor:
    """A stream of one lead: `push` chunks of any size, take events; `finish` ends the record.

    The events of a record do not depend on the sizes of its chunks.
    """

    def __init__(
        self,
        bundle: Bundle,
        lead: str = "I",
        limits: AlertLimits | None = None,
        backend: str | StreamNetwork = "onnx",
    ) -> None:
        """Prefer `Monitor.load`. `lead` decides whether swapped hands can be told.

        `backend` may be a network of one's own, of the bundle's shapes.
        """
        self.bundle = bundle
        self._lead, self._limits = lead, limits or AlertLimits()
        self._network = network_of(bundle, backend) if isinstance(backend, str) else backend
        check_model(bundle.manifest, self._network)
        self._stream: _Stream | None = None
        self._rate_hz = 0.0
        self._gathered: list[Floats] = []
        self._gathered_count = 0

    @classmethod
    def load(
        cls,
        model: str | Path = "wrist",
        *,
        lead: str = "I",
        backend: str = "onnx",
        trusted: str | Path | None = None,
    ) -> Monitor:
        """A monitor on a shipped bundle by name or on a bundle's path.

        `backend` is what runs the network: `onnx`, or `litert` for a bundle that `leadone export`
        wrote. The events are the same up to a few steps of int8 in the network's answers.
        `trusted` is a file with a public key, by which the bundle has to be signed.
        """
        return cls(load_bundle(model, trusted), lead, backend=backend)

    def push(self, chunk_mv: npt.ArrayLike, rate_hz: float) -> list[Event]:
        """Take the next samples in mV (NaN where missing); give the events they complete."""
        chunk = np.array(chunk_mv, np.float32)  # a copy: devices fill one buffer again and again
        if chunk.ndim != 1:
            raise InputError(f"push takes one lead of shape (n,), not {chunk.shape}")
        if self._stream is None:
            check_rate(rate_hz)
            self._rate_hz = rate_hz
            self._network.reset()
            self._stream = _Stream(rate_hz, self._network, self.bundle, self._lead, self._limits)
        elif rate_hz != self._rate_hz:
            raise InputError(
                f"the rate changed from {self._rate_hz:g} to {rate_hz:g} Hz within a stream; "
                "finish() and start another"
            )
        self._gathered.append(chunk)
        self._gathered_count += len(chunk)
        if self._gathered_count < HOP_S * rate_hz:
            return []
        return self._read_gathered()

    def finish(self) -> list[Event]:
        """End the record: the events still open. The monitor is then ready for another."""
        if self._stream is None:
            return []
        events = self._read_gathered() + self._stream.finish()
        self._stream = None
        return events

    def _read_gathered(self) -> list[Event]:
        assert self._stream is not None
        samples = np.concatenate([np.empty(0, np.float32), *self._gathered])
        self._gathered, self._gathered_count = [], 0
        block = int(BLOCK_S * self._rate_hz)
        events: list[Event] = []
        for start in range(0, len(samples), block):
            events += self._stream.push(samples[start : start + block])
        return events


class _Stream:
    """One record's state. Every event has a place in time that its content decides, not the
    chunk it came in: quality and rhythm that end before a beat's R peak come before that beat.
    """

    def __init__(
        self,
        rate_hz: float,
        network: StreamNetwork,
        bundle: Bundle,
        lead: str,
        limits: AlertLimits,
    ) -> None:
        self._rate_hz, self._limits = rate_hz, limits
        self._front = FrontEnd(rate_hz)
        self._seconds = self._front.resampler.seconds_per_output
        manifest = bundle.manifest
        beat_model = manifest["beat_model"] and BeatModel.from_manifest(manifest["beat_model"])
        self._delineation = Delineation(network, beat_model)
        models = (
            RecordHead.from_manifest(manifest["record_head"]),
            RhythmModel.from_manifest(manifest["rhythm"]),
        )
        quality = QualityLimits.from_manifest(manifest.get("quality", {}))
        self._quality = QualityTracker(rate_hz, quality)
        is_lead_one = lead_key(lead) == "i"
        readable = self._quality.is_readable
        self._log = _EventLog(models, self._delineation.pool, limits, is_lead_one, readable)
        self._received = 0

    def push(self, raw: Floats) -> list[Event]:
        self._received += len(raw)
        filtered = self._front.push(raw)
        drafts = self._delineation.push(filtered)
        self._log.windows += self._quality.push(raw, filtered, self._delineation.take_frames())
        return self._emit(drafts, self._delineation.settled * self._seconds)

    def finish(self) -> list[Event]:
        end_s = self._received / self._rate_hz
        filtered = self._front.finish()
        drafts = self._delineation.push(filtered) + self._delineation.finish()
        nothing = np.empty(0, np.float32)
        self._log.windows += self._quality.push(nothing, filtered, self._delineation.take_frames())
        self._log.windows += self._quality.finish()
        inside = [d for d in drafts if d.r * self._seconds < end_s]
        return self._emit(inside, end_s, end_s) + self._log.finish(end_s)

    def _emit(
        self, drafts: list[DraftBeat], settled_s: float, end_s: float | None = None
    ) -> list[Event]:
        events: list[Event] = []
        for draft in drafts:
            beat = beat_event(draft, self._seconds, np.inf if end_s is None else end_s)
            events += self._log.advance(beat.r_s)
            if self._quality.is_on(beat.r_s):  # else the filters' echo of a lost electrode
                events += self._log.beat(beat, draft)
        return events + (self._log.advance(settled_s) if end_s is None else [])


class _EventLog:
    """Orders and derives: quality stretches, beats, rhythm, alerts."""

    def __init__(
        self,
        models: tuple[RecordHead, RhythmModel],
        pool: Pool,
        limits: AlertLimits,
        is_lead_one: bool,
        is_readable: Callable[[float, float], bool],
    ) -> None:
        self._is_readable = is_readable
        self.windows: list[tuple[int, str, str]] = []  # decided quality windows, not yet told
        self._models, self._pool, self._limits = models, pool, limits
        self._episodes = Episodes(limits)
        self._rate = RateAlerts(limits, self._episodes)
        self._polarity = PolarityTracker() if is_lead_one else None
        self._stretch: Quality | None = None
        self._noisy: list[int] = []  # noisy or off seconds of the recent past
        self._beats: list[Beat] = []  # of the last rhythm window
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
        """One beat, then what it changes."""
        events: list[Event] = [beat]
        events += self._episodes.close("pause", beat.r_s, beat.r_s)
        self._last_beat_s = beat.r_s
        self._beats.append(beat)
        events += self._rate.beat(beat)
        if self._polarity is not None:
            if self._polarity.beat(beat.r_s, draft.p_mv, draft.qrs_mv):
                events += self._episodes.open("reversed_hands", self._polarity.since_s, beat.r_s)
            else:
                events += self._episodes.close("reversed_hands", beat.r_s, beat.r_s)
        return events

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

    def _window_due_s(self) -> float:
        return (self.windows[0][0] + 1) * WINDOW_S + KNOWN_AFTER_S if self.windows else np.inf

    def _tell_window(self) -> list[Event]:
        k, state, reason = self.windows.pop(0)
        start_s, end_s = k * WINDOW_S, (k + 1) * WINDOW_S
        if state != "good":
            self._noisy.append(k)
        before, events = self._stretch, list[Event]()
        if before is None or (before.state, before.reason) != (state, reason):
            if before is not None:
                events.append(before)
            self._stretch = Quality(start_s, end_s, state, reason)
        else:
            self._stretch = Quality(before.start_s, end_s, state, reason)
        if reason == "unreadable":
            self._rate.forget()
        return events + (self._off(start_s, end_s) if state == "lead_off" else self._on(start_s))

    def _off(self, start_s: float, end_s: float) -> list[Event]:
        """A window without contact: rates end, and after a while the wearer is told."""
        events: list[Event] = [*self._rate.lose(end_s)]
        self._off_since_s = start_s if self._off_since_s is None else self._off_since_s
        if end_s - self._off_since_s >= self._limits.lead_off_s:
            events += self._episodes.open("lead_off", self._off_since_s, end_s)
        return events

    def _on(self, start_s: float) -> list[Event]:
        self._off_since_s = None
        return [*self._episodes.close("lead_off", start_s, start_s + WINDOW_S)]

    def _tell_rhythm(self) -> list[Event]:
        end_s = self._next_rhythm_s
        self._next_rhythm_s += STEP_S
        return self._rhythm_until(end_s)

    def _rhythm_until(self, end_s: float) -> list[Event]:
        start_s = max(end_s - RHYTHM_WINDOW_S, 0.0)
        self._beats = [b for b in self._beats if b.r_s >= start_s]
        self._noisy = [k for k in self._noisy if (k + 1) * WINDOW_S > start_s]
        inside = [b for b in self._beats if b.r_s < end_s]
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
        return [rhythm, *af_alert(rhythm, self._limits, self._episodes)]

    def _tell_pause(self) -> list[Event]:
        start_s = self._last_beat_s
        at_s = start_s + self._limits.pause_s
        self._last_beat_s = np.inf  # told; the next beat starts the clock again
        if not self._is_readable(start_s, at_s):
            return []
        return list[Event](self._episodes.open("pause", start_s, at_s))


def beat_event(draft: DraftBeat, seconds: float, end_s: float) -> Beat:
    """In seconds, and within the record: the network also reads a little beyond its end."""

    def inside(sample: float) -> float:
        return min(max(sample * seconds, 0.0), end_s)

    def edges(run: WaveRun | None) -> tuple[float | None, float | None]:
        if run is None or run.onset * seconds >= end_s:
            return None, None
        return inside(run.onset), inside(run.offset)

    p_on_s, p_off_s = edges(draft.p)
    t_on_s, t_off_s = edges(draft.t)
    return Beat(
        r_s=inside(draft.r),
        qrs_on_s=inside(draft.qrs.onset),
        qrs_off_s=inside(draft.qrs.offset),
        p_on_s=p_on_s,
        p_off_s=p_off_s,
        t_on_s=t_on_s,
        t_off_s=t_off_s,
        label=draft.label,
        confidence=draft.qrs.confidence,
        blocked_p_s=tuple((inside(p.onset), inside(p.offset)) for p in draft.blocked_p),
    )
