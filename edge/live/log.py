"""`LiveLog`: what a source sent and its monitor told, for readers that each go at their own pace.

One thread writes. A reader holds nothing but its place and takes what is new when it can: a slow
one never holds the writer up, one that comes again reads on from where it was.
"""

from __future__ import annotations

import json
import struct
import threading
import time
from dataclasses import asdict, dataclass
from typing import Any

from ..events import Quality
from ..record import FloatArray
from ..sources.chunk import Format
from ..sources.follow import Heard
from .event_list import EventList
from .sample_ring import Block, SampleRing

SAMPLES_A_MESSAGE = 1 << 15
EVENTS_A_MESSAGE = 2_000
HEAD = struct.Struct("<ddd")  # number and second of the first sample, seconds a sample
WAITING, RUNNING, SILENT, ENDED, BROKEN = "waiting", "running", "silent", "ended", "broken"


@dataclass(frozen=True)
class About:
    """What is watched: its name, its speed (None: as fast as it goes), whether it is a device."""

    name: str
    speed: float | None = 1.0
    is_device: bool = True


@dataclass
class Place:
    """How far a reader is: samples and events that it has, and what it was told of now."""

    samples: int = 0
    events: int = 0
    state: int = -1
    signal: int = -1
    is_greeted: bool = False


class LiveLog:
    """The latest `keep_s` seconds of signal and events, and how the source is."""

    def __init__(self, about: About, keep_s: float) -> None:
        """Nothing heard yet."""
        self._about, self._keep_s = about, keep_s
        self._lock = threading.Lock()
        self._hello: dict[str, Any] | None = None
        self._ring = SampleRing(1)
        self._events = EventList(keep_s)
        self._state = {"state": WAITING, "text": ""}
        self._state_number = 0
        self._signal: dict[str, Any] | None = None
        self._signal_number = 0

    # ---- the writer --------------------------------------------------------------------------

    def begin(self, told: Format, first_chunk_s: float) -> None:
        """The stream has said what its samples are, and sent a first chunk of them."""
        about = self._about
        with self._lock:
            self._ring = SampleRing(int(self._keep_s * told.rate_hz))
            self._hello = {
                "name": about.name,
                "lead": told.lead,
                "rate_hz": told.rate_hz,
                "has_gain": told.has_gain,
                "speed": about.speed,
                "started_at_s": time.time() - first_chunk_s if about.is_device else None,
                "keep_s": self._keep_s,
            }

    def take(self, heard: Heard) -> None:
        """Append what was heard."""
        with self._lock:
            if len(heard.samples_mv):
                self._ring.write(heard.samples_mv, heard.first_s, heard.period_s, heard.gap_s)
            self._events.add(heard.events, self._ring.end_s)
            self._note(heard.live.signal_now)
        self.say(RUNNING)

    def _note(self, signal: Quality | None) -> None:
        """The stretch of quality that goes on, as far as it is judged."""
        told = None if signal is None else asdict(signal)
        if told is not None:
            told |= {name: round(told[name], 1) for name in ("start_s", "end_s")}
        if told != self._signal:
            self._signal = told
            self._signal_number += 1

    def say(self, state: str, text: str = "") -> None:
        """How the source is now, in a sentence where there is something to say."""
        now = {"state": state, "text": text}
        with self._lock:
            if now != self._state:
                self._state = now
                self._state_number += 1

    # ---- readers -----------------------------------------------------------------------------

    @property
    def failure(self) -> str | None:
        """Why the source broke, if it did."""
        with self._lock:
            return self._state["text"] if self._state["state"] == BROKEN else None

    def read(self, place: Place) -> list[str | bytes]:
        """What is new since `place`, which moves on; a part of it where there is much."""
        with self._lock:
            new = [] if self._hello is None else self._new(self._hello, place)
            if place.state != self._state_number:
                new.append(_json({"source": self._state}))
                place.state = self._state_number
        return new

    def _new(self, hello: dict[str, Any], place: Place) -> list[str | bytes]:
        """Greeting, events, quality and samples, in the order in which a page can use them."""
        messages: list[str | bytes] = []
        if not place.is_greeted:
            gone = dict(self._events.gone) if place.events == 0 else {}
            messages.append(_json({"hello": {**hello, "gone": gone}}))
            place.is_greeted = True
        texts, place.events = self._events.read(place.events, EVENTS_A_MESSAGE)
        if texts:
            messages.append(f'{{"events":[{",".join(texts)}],"next":{place.events}}}')
        if place.signal != self._signal_number:
            messages.append(_json({"signal": self._signal}))
            place.signal = self._signal_number
        block = self._ring.read(place.samples, SAMPLES_A_MESSAGE)
        if block is not None:
            place.samples = block.at + len(block.samples_mv)
            messages.append(_bytes(block))
        return messages


def _json(data: dict[str, Any]) -> str:
    return json.dumps(data, separators=(",", ":"))


def _bytes(block: Block) -> bytes:
    samples: FloatArray = block.samples_mv.astype("<f4", copy=False)
    return HEAD.pack(block.at, block.first_s, block.period_s) + samples.tobytes()
