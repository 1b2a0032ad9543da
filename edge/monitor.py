"""`Monitor`: samples in at any rate, events out. The whole spine in the order data flows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from .alert_limits import AlertLimits
from .backends import StreamNetwork, network_of
from .beat_model import BeatModel
from .beats import DraftBeat
from .bundle import Bundle, load_bundle
from .c_stream import CStream
from .core_library import core_library
from .delineation import Delineation
from .errors import InputError
from .event_log import EventLog
from .events import Beat, Event, Quality
from .frontend import FrontEnd
from .lead_names import lead_key
from .model_check import check_model
from .quality import QualityLimits, QualityTracker
from .record import check_rate
from .record_head import RecordHead
from .rhythm import RhythmModel
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
        self._begin = _beginner(bundle, lead, limits or AlertLimits(), backend)
        self._stream: Stream | None = None
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
        limits: AlertLimits | None = None,
    ) -> Monitor:
        """A monitor on a shipped bundle by name or on a bundle's path.

        `backend` is what runs the network: `onnx`, or for a bundle that `leadone export` wrote
        `litert`, or `c`, which is compiled here and runs all of the stream. The events are the same
        up to a few steps of int8 in the network's answers. `trusted` is a file with a public key,
        by which the bundle has to be signed; `limits` are those of the alerts.
        """
        return cls(load_bundle(model, trusted), lead, limits, backend)

    def push(self, chunk_mv: npt.ArrayLike, rate_hz: float) -> list[Event]:
        """Take the next samples in mV (NaN where missing); give the events they complete."""
        chunk = np.array(chunk_mv, np.float32)  # a copy: devices fill one buffer again and again
        if chunk.ndim != 1:
            raise InputError(f"push takes one lead of shape (n,), not {chunk.shape}")
        if self._stream is None:
            check_rate(rate_hz)
            self._rate_hz = rate_hz
            self._stream = self._begin(rate_hz)
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

    @property
    def signal_now(self) -> Quality | None:
        """The stretch of quality that goes on, as far as it is judged; None at first."""
        return None if self._stream is None else self._stream.signal_now

    def _read_gathered(self) -> list[Event]:
        assert self._stream is not None
        samples = np.concatenate([np.empty(0, np.float32), *self._gathered])
        self._gathered, self._gathered_count = [], 0
        block = int(BLOCK_S * self._rate_hz)
        events: list[Event] = []
        for start in range(0, len(samples), block):
            events += self._stream.push(samples[start : start + block])
        return events


class Stream(Protocol):
    """One record's state: samples in, events out."""

    def push(self, raw: Floats) -> list[Event]:
        """Take the next samples; give the events they complete."""

    def finish(self) -> list[Event]:
        """End the record: the events still open."""

    @property
    def signal_now(self) -> Quality | None:
        """The stretch of quality that goes on, as far as it is judged; None at first."""


def _beginner(
    bundle: Bundle, lead: str, limits: AlertLimits, backend: str | StreamNetwork
) -> Callable[[float], Stream]:
    """What begins a stream at a rate, with all of it loaded that can be loaded before."""
    if backend == "c":
        library, head = core_library(bundle), bundle.manifest["record_head"]
        codes, is_lead_one = RecordHead.from_manifest(head).findings, lead_key(lead) == "i"
        return lambda rate_hz: CStream(library, rate_hz, codes, is_lead_one, limits)
    network = network_of(bundle, backend) if isinstance(backend, str) else backend
    check_model(bundle.manifest, network)

    def begin(rate_hz: float) -> Stream:
        network.reset()
        return _Stream(rate_hz, network, bundle, lead, limits)

    return begin


class _Stream:
    """One record's state."""

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
        self._log = EventLog(models, self._delineation.pool, limits, is_lead_one, self._quality)
        self._received = 0

    def push(self, raw: Floats) -> list[Event]:
        self._received += len(raw)
        filtered = self._front.push(raw)
        drafts = self._delineation.push(filtered)
        self._hear_quality(raw, filtered)
        return self._emit(drafts, self._delineation.settled * self._seconds)

    def finish(self) -> list[Event]:
        end_s = self._received / self._rate_hz
        filtered = self._front.finish()
        drafts = self._delineation.push(filtered) + self._delineation.finish()
        self._hear_quality(np.empty(0, np.float32), filtered)
        self._log.windows += self._quality.finish()
        inside = [d for d in drafts if d.r * self._seconds < end_s]
        return self._emit(inside, end_s, end_s) + self._log.finish(end_s)

    @property
    def signal_now(self) -> Quality | None:
        return self._log.stretch

    def _hear_quality(self, raw: Floats, filtered: Floats) -> None:
        removed, frames = self._front.removed_mv, self._delineation.take_frames()
        self._log.windows += self._quality.push(raw, filtered, removed, frames)

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
