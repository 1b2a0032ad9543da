"""Live input: framing, gaps and drift, sockets, serial lines and straps, against real beats."""

import asyncio
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leadone import Monitor, read_record
from leadone.cli import DEMO_RECORD
from leadone.edge.errors import InputError
from leadone.edge.events import Alert, Beat, Event, Quality
from leadone.edge.formats.polar import START_ECG, ecg_frame, heart_rate
from leadone.edge.sources.bluetooth import HeartRateStrap, PolarStrap
from leadone.edge.sources.byte_streams import open_bytes
from leadone.edge.sources.chunk import Chunk, Format
from leadone.edge.sources.frames import FrameDecoder, hello_frame, samples_frame
from leadone.edge.sources.live import LiveMonitor
from leadone.edge.sources.rate_check import RateCheck
from leadone.edge.sources.samples_text import Given, Int16Decoder, LineDecoder
from leadone.edge.sources.stream import follow
from leadone.edge.sources.timeline import Timeline
from leadone.edge.stream_summary import StreamSummary

RATE_HZ = 360.0


@pytest.fixture(scope="module")
def demo_mv() -> np.ndarray:
    return read_record(DEMO_RECORD).signal_mv[: 120 * 360]


def wrist(lead: str) -> Monitor:
    return Monitor.load("wrist", lead=lead)


def beats_of(events: list[Event]) -> np.ndarray:
    return np.array([event.r_s for event in events if isinstance(event, Beat)])


def pieces(content: bytes, rng: np.random.Generator) -> Iterator[bytes]:
    at = 0
    while at < len(content):
        size = int(rng.integers(1, 200))
        yield content[at : at + size]
        at += size


def joined(chunks: list[Chunk]) -> np.ndarray:
    return np.concatenate([chunk.samples_mv for chunk in chunks])


# --- text and int16 ---


def test_lines_in_any_pieces_are_the_samples(demo_mv: np.ndarray) -> None:
    values = np.round(demo_mv[:2000] * 1000)
    text = "# rate=360 unit=uV lead=II\r\n" + "\r\n".join(f"{v:.0f}" for v in values)
    text = text.replace(f"\n{values[5]:.0f}\r", "\n\r", 1)
    expected = values / 1000
    missing = next(k for k in range(2000) if values[k] == values[5])
    expected[missing] = np.nan
    decoder, chunks = LineDecoder(Given()), list[Chunk]()
    for piece in pieces(text.encode(), np.random.default_rng(0)):
        chunks += decoder.push(piece)
    chunks += decoder.finish()
    np.testing.assert_allclose(joined(chunks), expected, rtol=1e-6)
    assert decoder.format == Format(360.0, "II")


def test_a_line_may_carry_its_time() -> None:
    decoder = LineDecoder(Given(rate_hz=250, unit="mV"))
    chunks = decoder.push(b"0.000,0.5\n0.004,\n\n0.012;-1e-1\n")
    assert [chunk.first_s for chunk in chunks] == [0.0, 0.004, 0.012]  # the times tell the gap
    np.testing.assert_array_equal(joined(chunks), np.float32([0.5, np.nan, -0.1]))


def test_empty_lines_are_in_a_stream_what_they_are_in_a_file(tmp_path: Path) -> None:
    """Between values missing samples, before the first of them nothing."""
    text = "\n# rate=250 unit=mV\n\n" + "\n".join(f"{k % 50}" for k in range(500)) + "\n"
    text = text.replace("\n7\n", "\n7\n\n# moved\n \n").replace("\n9\n", "\n\n", 1)
    (tmp_path / "column.csv").write_text(text)
    record, decoder = read_record(tmp_path / "column.csv"), LineDecoder(Given())
    streamed = joined(decoder.push(text.encode()) + decoder.finish())
    np.testing.assert_array_equal(record.signal_mv, streamed)
    assert len(streamed) == 520 and np.isnan(streamed).sum() == 21


@pytest.mark.parametrize("line", [b"a\n", b"1 2 3\n", b"x,1\n", b"1,lead\n", b"1_0\n", b"\xff\n"])
def test_a_line_that_is_no_sample_is_named(line: bytes) -> None:
    decoder = LineDecoder(Given(rate_hz=250, unit="mV"))
    with pytest.raises(InputError, match="line 2 of the stream"):
        decoder.push(b"0.1\n" + line)


@pytest.mark.parametrize(
    ("given", "says"),
    [(Given(), "--rate"), (Given(250), "--unit"), (Given(5, "mV"), "outside"),
     (Given(250, "mV", None, 0), "--gain")],
)  # fmt: skip
def test_what_a_stream_does_not_say_is_asked_for(given: Given, says: str) -> None:
    for decode in (lambda: LineDecoder(given).push(b"1\n"), lambda: Int16Decoder(given)):
        with pytest.raises(InputError, match=says):
            decode()


def test_a_heart_rate_in_a_comment_is_no_sampling_rate() -> None:
    """It was: at 72 Hz a heart of 116 a minute had a bradycardia."""
    decoder = LineDecoder(Given(unit="mV"))
    decoder.push(b"# heart rate: 72 bpm\n# Sampling rate: 250 Hz\n1\n")
    assert decoder.format == Format(250.0, "I")
    with pytest.raises(InputError, match="does not say its rate"):
        LineDecoder(Given(unit="mV")).push(b"# heart rate: 72\n1\n")
    for said in (b"# unit=uV rate=1e3 lead=II", b"# lead: II, unit: uV, Fs = 1000 Hz"):
        decoder = LineDecoder(Given())
        decoder.push(said + b"\n1\n")
        assert decoder.format == Format(1000.0, "II")


@pytest.mark.parametrize("text", [b"-0,2450\n-0,2018\n", b"0,512\n4,513\n"])
def test_decimal_commas_and_milliseconds_are_no_times(text: bytes) -> None:
    """They were taken for seconds and a value: beats of nothing, hundreds of leads off."""
    with pytest.raises(InputError, match=r"line 2 .* a decimal comma, or a time not in seconds"):
        LineDecoder(Given(250, "mV")).push(text)
    chunks = LineDecoder(Given(250, "mV")).push(b"0,5\n0.004,5\n0.008,6\n1,7\n1.004,7\n")
    assert [chunk.first_s for chunk in chunks] == [0, 0.004, 0.008, 1, 1.004]


@pytest.mark.parametrize(
    ("given", "text", "says"),
    [(Given(500), "# rate=250 unit=mV\n1\n", "line 1 .* 250 Hz, the rate said before is 500"),
     (Given(unit="uV"), "# rate=250 unit=mV\n1\n", "line 1 .* mV, the unit said before is uV"),
     (Given(), "# rate=250 unit=mV\n1\n# rate=125\n2\n", "line 3 .* says 125 Hz"),
     (Given(), "# rate=250 unit=mV\n1\n# unit: uV\n2\n", "line 3 .* says uV")],
)  # fmt: skip
def test_a_stream_keeps_to_the_rate_and_unit_said_before(
    given: Given, text: str, says: str
) -> None:
    """Samples at another rate went on at the old one, with wrong intervals."""
    with pytest.raises(InputError, match=says):
        LineDecoder(given).push(text.encode())
    same = LineDecoder(Given(250, "mV")).push(
        b"# rate=250.0 unit=MV\n1\n# heart rate: 72\n# unit=mv\n2\n"
    )
    np.testing.assert_array_equal(joined(same), [1, 2])


def test_int16_in_odd_pieces_is_the_samples(demo_mv: np.ndarray) -> None:
    codes = np.round(demo_mv[:3000] * 200).astype("<i2")
    codes[7] = -32768
    decoder, chunks = Int16Decoder(Given(360, "mV", "I", 200.0)), list[Chunk]()
    for piece in pieces(codes.tobytes(), np.random.default_rng(1)):
        chunks += decoder.push(piece)
    expected = codes / 200
    expected[7] = np.nan
    np.testing.assert_allclose(joined(chunks), expected, rtol=1e-6)


# --- frames ---


def framed(demo_mv: np.ndarray, size: int = 90, every_us: float = 1e6 / 360) -> list[bytes]:
    codes = np.round(demo_mv * 1000).astype("<i2")
    frames = [hello_frame(360, 1000, "MLII")]
    for k, at in enumerate(range(0, len(codes), size), 1):
        frames.append(samples_frame(codes[at : at + size], round(at * every_us), k))
    return frames


def test_frames_in_any_pieces_and_after_garbage(demo_mv: np.ndarray) -> None:
    content = b"boot L1 noise\n" + b"".join(framed(demo_mv[:3600]))
    decoder, chunks = FrameDecoder(), list[Chunk]()
    for piece in pieces(content, np.random.default_rng(2)):
        chunks += decoder.push(piece)
    assert decoder.format == Format(360.0, "MLII") and decoder.lost == 0
    np.testing.assert_allclose(joined(chunks), demo_mv[:3600], atol=5e-4)
    assert [c.first_s for c in chunks] == [round(k * 250_000) / 1e6 for k in range(40)]


def test_a_damaged_frame_costs_itself_alone(demo_mv: np.ndarray) -> None:
    frames = framed(demo_mv[:3600])
    whole = FrameDecoder().push(b"".join(frames))
    for damage in (b"", frames[9][:40], frames[9][:-1] + b"\0", frames[9][:9] + b"\xff\xff"):
        decoder = FrameDecoder()
        chunks = decoder.push(b"".join([*frames[:9], damage, *frames[10:]]))
        assert decoder.lost == 1
        assert [c.first_s for c in chunks] == [c.first_s for k, c in enumerate(whole) if k != 8]


def test_noise_of_any_kind_ends_no_decoder(demo_mv: np.ndarray) -> None:
    """Bounded memory too: no damaged length may make it wait for ever."""
    rng = np.random.default_rng(3)
    content = b"".join(framed(demo_mv[:7200]))
    for _ in range(200):
        damaged = bytearray(content)
        for at in rng.integers(0, len(content), 20):
            damaged[at] = int(rng.integers(256))
        decoder = FrameDecoder()
        try:
            chunks = decoder.push(bytes(damaged))
        except InputError:  # a hello whose checksum happens to fit
            continue
        assert len(decoder._buffer) < 9000
        assert len(chunks) + decoder.lost >= 40 or decoder.format is None


def test_a_device_that_began_anew_says_so_with_its_next_samples() -> None:
    decoder = FrameDecoder()
    codes = np.arange(5)
    decoder.push(hello_frame(360, 1000) + samples_frame(codes, 0, 1) + samples_frame(codes, 9, 2))
    again = decoder.push(hello_frame(360, 1000) + samples_frame(codes, 50, 1))
    assert [chunk.is_reset for chunk in again] == [True] and decoder.lost == 0
    with pytest.raises(InputError, match="changed its rate"):
        decoder.push(hello_frame(250, 1000, sequence=2))


def test_a_rate_that_is_not_the_devices_is_refused() -> None:
    with pytest.raises(InputError, match=r"says 360 Hz, the rate given is 100"):
        FrameDecoder(100.0).push(hello_frame(360, 1000))
    assert FrameDecoder(361.0).push(hello_frame(360, 1000)) == []


# --- time ---


@pytest.mark.parametrize("size", [1, 90])
@pytest.mark.parametrize("true_hz", [180.0, 340.0, 378.0, 720.0, 0.36])
def test_times_of_another_rate_end_the_stream(
    demo_mv: np.ndarray, size: int, true_hz: float
) -> None:
    """They gave wrong intervals, gaps that were none, and times that went back."""
    lines: list[str] = []
    source = Devices([(demo_mv[: 30 * 360], true_hz)], size)
    with pytest.raises(InputError, match=f"say {true_hz:.4g} Hz, its rate is said to be 360 Hz"):
        follow(source, wrist, lines.append)
    ended = next(line for line in lines if line.startswith("streamed: "))
    assert float(ended.split()[1]) < 25 * max(1, 360 / true_hz)


def test_a_rate_that_changes_within_a_stream_ends_it(demo_mv: np.ndarray) -> None:
    source = Devices([(demo_mv[: 40 * 360], 360.0), (demo_mv[: 20 * 360], 300.0)], 12)
    with pytest.raises(InputError, match="say 300 Hz"):
        follow(source, wrist, lambda _line: None)


def test_drift_and_a_link_that_loses_samples_are_no_other_rate() -> None:
    rng = np.random.default_rng(0)
    for true_hz in (354.0, 360.0, 366.0):
        check, at = RateCheck(360), 0
        for chunk in range(3000):
            if rng.random() < 0.6:  # of frames most are lost
                check.add(90, at / true_hz + rng.normal(0, 0.002))
            at += 90 if chunk % 700 else 36_000


class Devices:
    """One device, whose rate is said to be 360 Hz whatever it is, in chunks with their times."""

    format = Format(360.0, "MLII")

    def __init__(self, parts: list[tuple[np.ndarray, float]], size: int) -> None:
        self.parts, self.size = parts, size

    def __iter__(self) -> Iterator[Chunk]:
        first_s = 0.0
        for signal_mv, true_hz in self.parts:
            for at in range(0, len(signal_mv), self.size):
                chunk = signal_mv[at : at + self.size]
                yield Chunk(chunk, first_s)
                first_s += len(chunk) / true_hz


def test_drift_is_no_gap_and_times_are_the_devices() -> None:
    true_hz = 130 * 1.004
    timeline = Timeline(130)
    for at in range(0, 130 * 3600, 73):
        assert timeline.missing_before(7e9 + at / true_hz) == 0
        timeline.add(73, 7e9 + at / true_hz)
    assert timeline.period_s == pytest.approx(1 / true_hz, rel=1e-9)
    for sample in (0, 5000, 100_001, 130 * 3500):
        assert timeline.device_s(sample / 130) == pytest.approx(sample / true_hz, abs=2e-3)


@pytest.mark.parametrize("lost", [3, 73, 4000])
@pytest.mark.parametrize("true_hz", [129.8, 130.0, 130.5])
def test_what_is_lost_is_counted_whatever_the_drift(lost: int, true_hz: float) -> None:
    timeline = Timeline(130)
    rng = np.random.default_rng(0)
    for at in range(0, 130 * 600, 73):
        timeline.add(73, at / true_hz + rng.normal(0, 0.002))
    assert timeline.missing_before((timeline.count + lost) / true_hz) == pytest.approx(lost, abs=1)
    assert timeline.missing_before(timeline.count / true_hz - 5) is None


def chunked(signal_mv: np.ndarray, size: int, lost: slice | None = None) -> Iterator[Chunk]:
    at = 0
    while at < len(signal_mv):
        stop = min(at + size, len(signal_mv))
        if lost is not None and at < lost.stop and stop > lost.start:
            if at < lost.start:
                yield Chunk(signal_mv[at : lost.start], 50 + at / RATE_HZ)
            at = lost.stop
            continue
        yield Chunk(signal_mv[at:stop], 50 + at / RATE_HZ)
        at = stop


def live_events(chunks: Iterator[Chunk]) -> tuple[LiveMonitor, list[Event]]:
    live = LiveMonitor(wrist, Format(RATE_HZ, "MLII"))
    events = [event for chunk in chunks for event in live.push(chunk)]
    return live, events + live.finish()


def test_without_a_gap_the_events_are_the_monitors(demo_mv: np.ndarray) -> None:
    monitor = wrist("MLII")
    expected = monitor.push(demo_mv[: 60 * 360], RATE_HZ) + monitor.finish()
    for size in (7, 73, 500):
        live, events = live_events(chunked(demo_mv[: 60 * 360], size))
        assert live.missing_s == 0 and live.restarts == 0
        assert [type(e) for e in events] == [type(e) for e in expected]
        np.testing.assert_allclose(beats_of(events), beats_of(expected), atol=1e-6)


@pytest.mark.parametrize("gap_s", [0.1, 0.4, 1.0, 2.5, 6.0, 15.0, 40.0])
@pytest.mark.parametrize("start_s", [20.0, 20.7])
def test_no_beat_is_invented_across_a_gap(
    demo_mv: np.ndarray, gap_s: float, start_s: float
) -> None:
    lost = slice(round(start_s * 360), round((start_s + gap_s) * 360))
    live, events = live_events(chunked(demo_mv, 73, lost))
    assert live.missing_s == pytest.approx(gap_s, abs=2e-3)
    assert live.restarts == (gap_s >= 10)
    clean = beats_of(live_events(chunked(demo_mv, 73))[1])
    end_s = start_s + gap_s
    r_s = beats_of(events)
    assert not ((r_s >= start_s) & (r_s < end_s)).any()
    # Far from the gap the beats are where they are without it, in the same time.
    settled_s = end_s + (5.0 if live.restarts else 2.0)
    for far in (lambda t: t < start_s - 2, lambda t: t > settled_s):
        told, known = r_s[far(r_s)], clean[far(clean)]
        assert abs(len(told) - len(known)) <= 1 and len(known) > 10
        same = [np.abs(known - r).min() <= 0.02 for r in told]  # wide V beats have two peaks
        assert np.mean(same) >= 0.97
    near = r_s[(r_s > start_s - 1) & (r_s < end_s + 1)]
    assert all(np.abs(clean - r).min() < 0.1 for r in near), near
    pauses = [e for e in events if isinstance(e, Alert) and e.kind == "pause"]
    assert not [a for a in pauses if start_s - 1 < a.start_s < end_s]
    if gap_s >= 1.5:
        marked = [e for e in events if isinstance(e, Quality) and e.reason == "missing"]
        assert any(q.start_s < end_s and q.end_s > start_s for q in marked)


def test_no_peak_is_told_where_no_sample_came() -> None:
    """Short dropouts, some of which fall on a QRS; the monitor alone would tell two of those."""
    demo_mv, rng = read_record(DEMO_RECORD).signal_mv, np.random.default_rng(0)
    chunks, gaps, at = list[Chunk](), list[tuple[float, float]](), 0
    while at < len(demo_mv):
        size, lost = int(rng.uniform(2, 5) * 360), int(rng.uniform(0.03, 0.7) * 360)
        chunks.append(Chunk(demo_mv[at : at + size], at / RATE_HZ))
        gaps.append(((at + size) / RATE_HZ, (at + size + lost) / RATE_HZ))
        at += size + lost
    live, events = live_events(iter(chunks))
    r_s = beats_of(events)
    assert len(gaps) > 70 and len(r_s) > 400 and live.restarts == 0
    assert not [r for r in r_s for start_s, end_s in gaps if start_s <= r < end_s]


def test_a_clock_that_goes_back_begins_anew(demo_mv: np.ndarray) -> None:
    twice = [*chunked(demo_mv[: 30 * 360], 360), *chunked(demo_mv[: 30 * 360], 360)]
    live, events = live_events(iter(twice))
    assert live.restarts == 1 and live.now_s == pytest.approx(60, abs=0.01)
    r_s = beats_of(events)
    first, second = r_s[r_s < 30], r_s[r_s >= 30] - 30
    np.testing.assert_allclose(first, second, atol=1e-6)


# --- sockets and serial lines ---


def served(content: bytes) -> tuple[str, threading.Thread, list[float]]:
    server = socket.create_server(("127.0.0.1", 0))
    sent: list[float] = []

    def serve() -> None:
        connection, _ = server.accept()
        with connection, server:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 14)
            connection.sendall(content)
            sent.append(time.monotonic())

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return f"tcp://127.0.0.1:{server.getsockname()[1]}", thread, sent


@pytest.mark.parametrize("kind", ["frames", "text"])
def test_a_socket_gives_the_beats_of_the_file(demo_mv: np.ndarray, kind: str) -> None:
    signal_mv = demo_mv[: 30 * 360]
    text = "# rate=360 unit=mV lead=MLII\n" + "".join(f"{v:.3f}\n" for v in signal_mv)
    content = b"".join(framed(signal_mv)) if kind == "frames" else text.encode()
    address, thread, _ = served(content)
    lines: list[str] = []
    follow(open_bytes(address, "auto", Given()), wrist, lines.append)
    thread.join(10)
    monitor = wrist("MLII")
    expected = monitor.push(signal_mv, RATE_HZ) + monitor.finish()
    told_s = [float(line.split()[0]) for line in lines if " beat " in line]
    np.testing.assert_allclose(told_s, beats_of(expected), atol=0.01)
    ended = next(k for k, line in enumerate(lines) if line.startswith("streamed: 30.0 s"))
    found = StreamSummary()
    found.add(expected)
    assert lines[ended + 1 :] == [f"{name}: {text}" for name, text in found.rows()]


def test_a_slow_reader_holds_the_sender_up_and_loses_nothing() -> None:
    codes = np.arange(1_500_000) % 20_000
    address, thread, sent = served(codes.astype("<i2").tobytes())
    source = open_bytes(address, "int16", Given(500, "uV"))
    chunks = iter(source)
    got = [next(chunks)]
    time.sleep(0.3)
    assert not sent  # three megabytes do not fit between
    got += list(chunks)
    thread.join(10)
    assert sent
    np.testing.assert_allclose(joined([c for c in got if c]), codes / 1000, rtol=1e-6)


@pytest.mark.skipif(os.name != "posix", reason="pseudo terminals")
def test_a_serial_line_is_read(demo_mv: np.ndarray) -> None:
    pytest.importorskip("serial")
    import tty

    controller, line = os.openpty()
    tty.setraw(line)
    source = open_bytes(f"serial://{os.ttyname(line)}?baud=9600", "frames", Given())
    frames = framed(demo_mv[:1800])

    def send() -> None:
        for frame in frames:
            os.write(controller, frame)

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    got: list[Chunk] = []
    for chunk in source:
        got += [chunk] if chunk else []
        if sum(len(c.samples_mv) for c in got) >= 1800:
            break
    thread.join(5)
    np.testing.assert_allclose(joined(got), demo_mv[:1800], atol=5e-4)


@pytest.mark.parametrize(
    "address", ["tcp://127.0.0.1", "tcp://:80", "tcp://h:99999999", "serial://?baud=x", "tcp://[::"]
)
def test_addresses_that_lead_nowhere_are_named(address: str) -> None:
    pytest.importorskip("serial")
    with pytest.raises(InputError, match="; "):
        open_bytes(address, "auto", Given())


# --- straps ---


def pmd_frame(values_uv: np.ndarray, last_ns: int) -> bytes:
    """A notification as Polar's SDK describes it, independent of the decoder."""
    body = b"".join(struct.pack("<i", int(v))[:3] for v in values_uv)
    return b"\x00" + struct.pack("<Q", last_ns) + b"\x00" + body


def test_pmd_frames_are_24_bit_signed_microvolts() -> None:
    frame = ecg_frame(bytes.fromhex("00 38f06ba6a8bcd30a 00 010000 ffffff ff7f00 000080"))
    assert frame is not None and frame.last_ns == 0x0AD3BCA8A66BF038
    assert frame.samples_uv.tolist() == [1, -1, 32767, -8388608]
    assert ecg_frame(bytes.fromhex("02 0000000000000000 01 0000")) is None  # acceleration
    for damaged in ("00", "00 0000000000000000 00 0000", "00 0000000000000000 07 000000"):
        with pytest.raises(InputError):
            ecg_frame(bytes.fromhex(damaged))


def test_heart_rate_measurements_of_every_flag() -> None:
    assert heart_rate(bytes([0, 72])).bpm == 72 and heart_rate(bytes([0, 72])).rr_s == ()
    both = heart_rate(bytes([0b11111, 0x2C, 0x01, 0, 0]) + struct.pack("<HH", 1024, 512))
    assert (both.bpm, both.rr_s, both.has_contact) == (300, (1.0, 0.5), True)
    assert heart_rate(bytes([0b00100, 60])).has_contact is False
    assert heart_rate(bytes([0b10000, 60, 0, 4])).rr_s == (1.0,)
    for damaged in (b"", b"\x00", b"\x01\x40"):
        with pytest.raises(InputError):
            heart_rate(damaged)


class Peripheral:
    """An H10 at the level of its protocol: answers the control point, sends frames, drops off."""

    def __init__(self, script: list[list[bytes]], answer: int = 0) -> None:
        self.script, self.answer = script, answer  # a list of frames for each connection
        self.written: list[bytes] = []
        self.connections = 0

    def __call__(self, _address: str, on_lost: Callable[[Any], None]) -> "Peripheral":
        self.on_lost = on_lost
        self.notify: dict[str, Callable[[Any, bytearray], Any]] = {}
        return self

    async def connect(self, **_: Any) -> None:
        if self.connections >= len(self.script):
            raise OSError("device not found")
        self.connections += 1

    async def disconnect(self) -> None:
        pass

    async def start_notify(self, char: str, callback: Callable[[Any, bytearray], Any]) -> None:
        self.notify[char[:8]] = callback
        if char.startswith("00002a37"):
            asyncio.get_running_loop().create_task(self._send("00002a37"))

    async def write_gatt_char(self, char: str, data: bytes, response: bool) -> None:
        assert char.startswith("fb005c81") and response
        self.written.append(bytes(data))
        if data == START_ECG:
            reply = bytes([0xF0, 2, 0, self.answer, 0])
            self.notify["fb005c81"](None, bytearray(reply))
            if not self.answer:
                asyncio.get_running_loop().create_task(self._send("fb005c82"))

    async def _send(self, char: str) -> None:
        for frame in self.script[self.connections - 1]:
            await asyncio.sleep(0.001)
            self.notify[char](None, bytearray(frame))
        self.on_lost(self)


@pytest.fixture(scope="module")
def strap_mv(demo_mv: np.ndarray) -> np.ndarray:
    t = np.arange(60 * 130) / 130.0
    return np.interp(t, np.arange(len(demo_mv)) / RATE_HZ, demo_mv)


def strap_frames(strap_mv: np.ndarray, true_hz: float = 130.0) -> list[bytes]:
    frames = []
    for at in range(0, len(strap_mv) - 73, 73):
        last_ns = 599_616_000_000_000_000 + round((at + 72) * 1e9 / true_hz)
        frames.append(pmd_frame(np.round(strap_mv[at : at + 73] * 1000), last_ns))
    return frames


def test_a_strap_is_started_read_and_found_again(strap_mv: np.ndarray) -> None:
    """It drops off for 5 s in the middle and sends acceleration in between: a gap, not beats."""
    frames = strap_frames(strap_mv)
    acceleration = bytes.fromhex("02 0000000000000000 01 000000")
    script = [[*frames[:40], acceleration], frames[49:]]
    device = Peripheral(script)
    lines: list[str] = []
    with pytest.raises(InputError, match=r"strap can't be reached|broke off"):
        # The end of the script is a strap out of reach; what came before is told.
        follow(PolarStrap("strap", device, retry_s=0.01), wrist, lines.append)
    assert any(line.startswith("heart rate: ") for line in lines)
    assert device.written == [START_ECG, START_ECG] and device.connections == 2
    r_s = np.array([float(line.split()[0]) for line in lines if " beat " in line])
    gap = (40 * 73 / 130, 49 * 73 / 130)
    assert len(r_s) > 60 and not ((r_s > gap[0]) & (r_s < gap[1])).any()
    assert (r_s > gap[1] + 5).sum() > 20


def test_a_drifting_strap_tells_its_own_time(strap_mv: np.ndarray) -> None:
    def events_at(true_hz: float) -> np.ndarray:
        live = LiveMonitor(wrist, Format(130.0))
        strap = PolarStrap("strap", Peripheral([strap_frames(strap_mv, true_hz)]), retry_s=0.01)
        events: list[Event] = []
        with pytest.raises(InputError):
            for chunk in strap:
                events += live.push(chunk) if chunk else []
        assert live.missing_s == 0 and live.restarts == 0
        return beats_of(events)

    nominal, drifting = events_at(130.0), events_at(130.0 * 1.005)
    assert len(nominal) == len(drifting) > 60
    late = (nominal > 20) & (nominal < 50)
    np.testing.assert_allclose(drifting[late], nominal[late] / 1.005, atol=0.01)


@pytest.mark.parametrize(("answer", "says"), [(6, "another app"), (9, "wear it"), (1, "error 1")])
def test_a_strap_that_refuses_says_why(answer: int, says: str) -> None:
    with pytest.raises(InputError, match=says):
        list(PolarStrap("strap", Peripheral([[]], answer), retry_s=0.01))


def test_a_reader_that_falls_behind_sees_a_gap(strap_mv: np.ndarray) -> None:
    """Bluetooth can't be held up: the oldest frames are dropped and memory stays bounded."""
    strap = PolarStrap("strap", Peripheral([strap_frames(strap_mv)]), retry_s=0.01)
    live = LiveMonitor(wrist, Format(130.0))
    with pytest.raises(InputError):
        for number, chunk in enumerate(strap):
            if number == 3:
                time.sleep(0.8)  # all 106 frames are sent meanwhile
            if chunk:
                live.push(chunk)
    assert strap.link.dropped > 20
    assert live.missing_s + live.now_s > 55 and live.missing_s > 10


def test_any_strap_gives_its_intervals() -> None:
    frames = [bytes([16, 75]) + struct.pack("<H", 819), bytes([0b100, 75])]
    strap = HeartRateStrap("strap", Peripheral([frames]), retry_s=0.01)
    got = []
    with pytest.raises(InputError):
        for measured in strap:
            got += [measured] if measured else []
    assert [m.rr_s for m in got] == [(819 / 1024,), ()] and got[1].has_contact is False


def test_bluetooth_without_bleak_names_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "bleak", None)
    with pytest.raises(InputError, match=r"pip install 'leadone\[live\]'"):
        list(PolarStrap("strap"))


def test_standard_input_gives_the_beats_of_the_file(demo_mv: np.ndarray, tmp_path: Path) -> None:
    import subprocess
    import sys

    codes = np.round(demo_mv[: 20 * 360] * 1000).astype("<i2")
    command = [sys.executable, "-m", "leadone.cli", "stream", "-", "--rate", "360", "--unit", "uV"]
    text = "".join(f"{code}\n" for code in codes).encode()
    told = []
    for content, more in ((text, []), (codes.tobytes(), ["--encoding", "int16"])):
        done = subprocess.run([*command, *more], input=content, capture_output=True, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        told.append([line for line in done.stdout.decode().splitlines() if " beat " in line])
    assert told[0] == told[1] and len(told[0]) > 25
    done = subprocess.run(command, input=b"0.1\nx\n", capture_output=True, cwd=tmp_path)
    assert done.returncode == 2 and b"line 2 of the stream is 'x'" in done.stderr


def test_what_a_machine_lacks_is_one_sentence() -> None:
    class NoService(Peripheral):
        async def connect(self, **_: Any) -> None:
            raise FileNotFoundError(2, "No such file or directory")

    with pytest.raises(InputError, match="Bluetooth is not running here; start its service"):
        list(PolarStrap("strap", NoService([]), retry_s=0.01))
    with pytest.raises(InputError, match=r"^/dev/nosuch can't be opened \(No such file or dir"):
        list(open_bytes("serial:///dev/nosuch", "text", Given(250, "mV")))
    with pytest.raises(InputError, match="neither rate nor unit; give --rate in Hz and --unit"):
        LineDecoder(Given()).push(b"0.5\n")
