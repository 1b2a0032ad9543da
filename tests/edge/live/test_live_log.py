"""What is kept of a live stream: in numbers, in time, in memory that does not grow."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np

from leadone.edge.events import Alert, Beat, Event, Quality
from leadone.edge.live.event_list import OLD_ALERTS, EventList
from leadone.edge.live.log import About, LiveLog, Place
from leadone.edge.live.sample_ring import SampleRing
from leadone.edge.sources.chunk import Chunk, Format
from leadone.edge.sources.follow import followed


def ramp(first: int, count: int) -> np.ndarray:
    return np.arange(first, first + count, dtype=np.float32)


def read_all(ring: SampleRing, at: int, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Samples and their seconds, read in pieces."""
    values, seconds = [], []
    while (block := ring.read(at, most)) is not None:
        values.append(block.samples_mv)
        seconds.append(block.first_s + np.arange(len(block.samples_mv)) * block.period_s)
        at = block.at + len(block.samples_mv)
    return np.concatenate(values), np.concatenate(seconds)


def test_a_ring_gives_what_was_written_whatever_the_pieces() -> None:
    rng = np.random.default_rng(0)
    ring, written = SampleRing(1000), 0
    while written < 5000:
        count = int(rng.integers(1, 300))
        ring.write(ramp(written, count), written / 250, 1 / 250)
        written += count
        first = max(written - 1000, 0)
        values, seconds = read_all(ring, 0, int(rng.integers(1, 90)))
        np.testing.assert_array_equal(values, ramp(first, written - first))
        np.testing.assert_allclose(seconds, values / 250, atol=1e-9)
    assert ring.read(written, 10) is None and ring.first == written - 1000


def test_a_chunk_longer_than_the_ring_leaves_its_end() -> None:
    ring = SampleRing(10)
    ring.write(ramp(0, 25), 0.0, 1.0)
    values, seconds = read_all(ring, 0, 100)
    np.testing.assert_array_equal(values, ramp(15, 10))
    np.testing.assert_array_equal(seconds, values)


def test_a_gap_is_one_missing_sample_as_long_as_the_gap() -> None:
    ring = SampleRing(100)
    ring.write(ramp(0, 10), 0.0, 0.01)
    ring.write(ramp(10, 10), 3.1, 0.01, gap_s=3.0)
    values, seconds = read_all(ring, 0, 100)
    assert np.isnan(values[10]) and len(values) == 21
    np.testing.assert_allclose(seconds[[9, 10, 11, 20]], [0.09, 0.1, 3.1, 3.19])


def test_a_steady_clock_has_one_knot_and_a_drifting_one_few() -> None:
    steady, drifting = SampleRing(100_000), SampleRing(100_000)
    for k in range(0, 60_000, 50):
        steady.write(ramp(k, 50), k / 500, 1 / 500)
        drifting.write(ramp(k, 50), k / 500 * (1.001 if k > 30_000 else 1.0), 1 / 500 * 1.001)
    assert len(steady._knots) == 1 and 1 < len(drifting._knots) < 1000
    values, seconds = read_all(drifting, 40_000, 777)
    np.testing.assert_allclose(seconds, values / 500 * 1.001, atol=2e-3)


def beat(r_s: float, label: str = "N") -> Beat:
    return Beat(r_s, r_s - 0.05, r_s + 0.05, label=label)


def test_old_beats_are_counted_and_old_alerts_kept() -> None:
    events = EventList(keep_s=60.0)
    for second in range(1000):
        told: list[Event] = [beat(second, "V" if second % 10 == 0 else "N")]
        if second % 100 == 0:
            told.append(Alert("pause", second, second, "no beat for 3 s"))
        events.add(told, second + 1.0)
    texts, after = events.read(0, 10_000)
    kinds = [json.loads(text)["event"] for text in texts]
    assert after == events.count == 1010 and kinds.count("alert") == 10
    assert kinds.count("beat") == 60 and events.gone.total() == 940
    assert events.gone["V"] == 94
    assert events.read(after, 10) == ([], after)
    some, at = events.read(1000, 3)
    assert len(some) == 3 and at == 1003


def test_even_alerts_do_not_grow_without_end() -> None:
    events = EventList(keep_s=1.0)
    for second in range(3 * OLD_ALERTS):
        events.add([Alert("pause", second, second, "x")], second + 1.0)
    assert len(events.read(0, 1)[0]) <= OLD_ALERTS + 3


class Quiet:
    """A monitor that tells a beat and a stretch of quality a push."""

    def __init__(self) -> None:
        self.pushed = 0

    @property
    def signal_now(self) -> Quality:
        return Quality(0.0, self.pushed / 250, "good")

    def push(self, chunk: np.ndarray, _rate_hz: float) -> list[Event]:
        self.pushed += len(chunk)
        return [beat(self.pushed / 250)]

    def finish(self) -> list[Event]:
        return []


class Listed(list[Chunk]):
    format = Format(250.0, "I")


def filled(chunks: list[np.ndarray], keep_s: float = 3600.0) -> LiveLog:
    log, begun = LiveLog(About("x"), keep_s), False
    for heard in followed(Listed(map(Chunk, chunks)), lambda _lead: Quiet(), lambda: False):  # type: ignore[arg-type, return-value]
        assert heard is not None
        if not begun:
            log.begin(Listed.format, 0.1)
            begun = True
        log.take(heard)
    return log


def messages(log: LiveLog, place: Place) -> tuple[list[Any], np.ndarray]:
    told: list[Any] = []
    samples = []
    while new := log.read(place):
        for one in new:
            if isinstance(one, bytes):
                samples.append(np.frombuffer(one[24:], "<f4"))
            else:
                told.append(json.loads(one))
    return told, np.concatenate(samples) if samples else np.empty(0)


def test_a_reader_gets_all_and_then_what_is_new() -> None:
    log = filled([ramp(100 * k, 100) for k in range(50)])
    place = Place()
    told, samples = messages(log, place)
    np.testing.assert_array_equal(samples, ramp(0, 5000))
    assert told[0]["hello"]["rate_hz"] == 250 and told[0]["hello"]["name"] == "x"
    assert {"source": {"state": "running", "text": ""}} in told
    assert sum(len(one.get("events", [])) for one in told) == 50
    assert [one["signal"]["state"] for one in told if "signal" in one] == ["good"]
    assert log.read(place) == [] and (place.samples, place.events) == (5000, 50)
    log.say("ended")
    assert [json.loads(one) for one in log.read(place)] == [
        {"source": {"state": "ended", "text": ""}}
    ]


def test_a_reader_that_comes_again_gets_only_the_rest() -> None:
    log = filled([ramp(100 * k, 100) for k in range(50)])
    told, samples = messages(log, Place(samples=4321, events=48))
    np.testing.assert_array_equal(samples, ramp(4321, 679))
    assert [len(one["events"]) for one in told if "events" in one] == [2]


def test_a_reader_too_slow_misses_what_is_not_kept_any_more() -> None:
    log = filled([ramp(100 * k, 100) for k in range(50)], keep_s=4.0)
    message = next(one for one in log.read(Place(samples=7)) if isinstance(one, bytes))
    at, first_s, period_s = struct.unpack_from("<ddd", message)
    assert (at, first_s, period_s) == (4000, 16.0, 1 / 250)
    hello = json.loads(log.read(Place())[0])["hello"]  # type: ignore[arg-type]
    assert hello["gone"]["N"] == 50 - 11


def test_nothing_is_sent_before_the_stream_says_what_it_is() -> None:
    log, place = LiveLog(About("x"), 60.0), Place()
    assert log.read(place) == ['{"source":{"state":"waiting","text":""}}']
    assert log.read(place) == []
    log.say("broken", "the cable is out")
    assert json.loads(log.read(place)[0])["source"]["state"] == "broken"  # type: ignore[arg-type]
    assert log.failure == "the cable is out"
