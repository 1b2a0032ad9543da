import io
import re
import signal

import numpy as np
import pytest
from rich.console import Console

from leadone.edge import terminal
from leadone.edge.errors import InputError
from leadone.edge.events import Alert, Beat, Event, Quality, Rhythm
from leadone.edge.record import FloatArray, Record
from leadone.edge.sources.played import paced
from leadone.edge.terminal import event_line, stream_to_terminal, summary_rows
from leadone.edge.trace import LiveView, braille, clock

RATE_HZ = 100.0


class PreparedMonitor:
    """Gives each prepared event once the stream has passed its time."""

    def __init__(self, events: list[tuple[float, Event]], interrupt_at_s: float = np.inf) -> None:
        self.events, self.interrupt_at_s = list(events), interrupt_at_s
        self.samples: list[FloatArray] = []
        self.finished = False
        self.signal_now: Quality | None = None

    def push(self, chunk_mv: FloatArray, rate_hz: float) -> list[Event]:
        self.samples.append(chunk_mv)
        now_s = sum(map(len, self.samples)) / rate_hz
        if now_s >= self.interrupt_at_s:
            signal.raise_signal(signal.SIGINT)  # Ctrl-C in the middle of a push
        return self._until(now_s)

    def finish(self) -> list[Event]:
        self.finished = True
        return self._until(np.inf)

    def _until(self, now_s: float) -> list[Event]:
        due = [event for at_s, event in self.events if at_s <= now_s]
        self.events = [(at_s, event) for at_s, event in self.events if at_s > now_s]
        return due


def record_of(duration_s: float = 20.0, source: str = "a/one") -> Record:
    time_s = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
    signal_mv = np.exp(-(((time_s % 0.8 - 0.4) / 0.02) ** 2)).astype(np.float32)
    return Record(signal_mv, RATE_HZ, source=source)


BEATS = [
    Beat(r, r - 0.05, r + 0.05, r - 0.21, r - 0.1, r + 0.2, r + 0.35, "V" if k == 5 else "N")
    for k, r in enumerate(np.arange(0.4, 18, 0.8).tolist())
]
OPENED = Alert("tachycardia", 12.0, 2.0, "too fast")
CLOSED = Alert("tachycardia", 15.0, 2.0, "too fast", 15.0)
OTHERS: list[tuple[float, Event]] = [
    (12.0, OPENED),
    (15.0, CLOSED),
    (16.0, Rhythm(0.0, 16.0, "af", {"af": 0.9})),
    (19.0, Quality(0.0, 15.0, "good")),
    (np.inf, Quality(15.0, 20.0, "noisy", "muscle")),
]
EVENTS = sorted([*((b.r_s + 1.0, b) for b in BEATS), *OTHERS], key=lambda pair: pair[0])


def console_of(is_terminal: bool) -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    environ = {"TERM": "xterm-256color", "COLUMNS": "100", "LINES": "30"}
    return Console(file=out, force_terminal=is_terminal, _environ=environ), out


def test_without_a_terminal_every_event_is_one_plain_line() -> None:
    console, out = console_of(False)
    _, events = stream_to_terminal(record_of(), PreparedMonitor(EVENTS), None, console)
    lines = out.getvalue().splitlines()
    assert events == [event for _, event in EVENTS]
    assert "\x1b" not in out.getvalue()
    assert lines[0] == "     0.400 s  beat N  PR 160  QRS 100  QT 400"
    assert lines[1] == "     1.200 s  beat N  RR 800 ms  PR 160  QRS 100  QT 400"
    assert lines[len(EVENTS)].startswith("record: one, lead I, 20.0 s")


def test_the_lines_of_each_kind_of_event() -> None:
    assert event_line(OPENED) == "    12.000 s  alert tachycardia since 2.000 s  too fast"
    assert event_line(CLOSED) == "    15.000 s  alert tachycardia ended  lasted 13.0 s"
    assert event_line(Rhythm(0, 30, "af", {"af": 0.91})) == (
        "    30.000 s  rhythm af  probability 0.91"
    )
    assert event_line(Quality(1, 3.5, "noisy", "muscle")) == (
        "     3.500 s  signal noisy since 1.000 s  muscle"
    )
    bare = Beat(5.0, 4.95, 5.05, label="V", blocked_p_s=((4.0, 4.1),))
    assert event_line(bare, 4.2) == "     5.000 s  beat V  RR 4200 ms  QRS 100  blocked P"


def test_lines_are_out_before_the_stream_ends() -> None:
    console, out = console_of(False)
    seen: list[str] = []

    class Watching(PreparedMonitor):
        def push(self, chunk_mv: FloatArray, rate_hz: float) -> list[Event]:
            seen.append(out.getvalue())
            return super().push(chunk_mv, rate_hz)

    stream_to_terminal(record_of(), Watching(EVENTS), None, console)
    assert "beat N" in seen[3]


@pytest.mark.parametrize("is_terminal", [True, False])
def test_every_sample_reaches_the_monitor_once(is_terminal: bool) -> None:
    record, monitor = record_of(7.33), PreparedMonitor([])
    stream_to_terminal(record, monitor, None, console_of(is_terminal)[0])
    np.testing.assert_array_equal(np.concatenate(monitor.samples), record.signal_mv)
    assert monitor.finished


def test_in_a_terminal_the_trace_is_drawn_and_the_summary_follows() -> None:
    console, out = console_of(True)
    monitor = PreparedMonitor(EVENTS)
    monitor.signal_now = Quality(15.0, 19.0, "noisy", "muscle")
    stream_to_terminal(record_of(), monitor, None, console)
    text = re.sub("\x1b\\[[0-9;?]*[A-Za-z]", "", out.getvalue())
    picture, summary = text.split("research use, not a medical device")[-2:]
    assert re.search("[\u2801-\u28ff]", picture)
    assert "75 /min" in picture
    assert "suspicious of AF" in picture and "signal noisy, muscle" in picture
    assert "22 (21 N, 0 S, 1 V, 0 Q)" in summary
    assert "0:02 Tachycardia for 13.0 s: too fast" in summary


@pytest.mark.parametrize("is_terminal", [True, False])
def test_ctrl_c_ends_with_a_summary_of_what_was_seen(is_terminal: bool) -> None:
    console, out = console_of(is_terminal)
    monitor = PreparedMonitor(EVENTS, interrupt_at_s=6.0)
    seen, events = stream_to_terminal(record_of(), monitor, None, console)
    assert seen.duration_s == 6.0
    assert events == [event for _, event in EVENTS]  # `finish` ends what was open
    assert monitor.finished
    assert "stopped at 6.0 s of 20.0 s" in out.getvalue()
    if is_terminal:
        assert out.getvalue().count("\x1b[?25h") == 1  # the cursor is back


def test_a_failing_monitor_gives_the_terminal_back() -> None:
    class Broken(PreparedMonitor):
        def push(self, chunk_mv: FloatArray, rate_hz: float) -> list[Event]:
            raise InputError("broken")

    console, out = console_of(True)
    with pytest.raises(InputError):
        stream_to_terminal(record_of(), Broken([]), None, console)
    assert "\x1b[?25h" in out.getvalue()


def test_a_terminal_without_braille_gets_lines() -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    console = Console(file=out, force_terminal=True, _environ={"TERM": "xterm"})
    stream_to_terminal(record_of(), PreparedMonitor(EVENTS), None, console)
    out.seek(0)
    assert "beat V" in out.read()


class Clock:
    def __init__(self) -> None:
        self.now_s, self.slept = 100.0, 0

    def now(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        self.slept += 1


@pytest.mark.parametrize("speed", [1.0, 10.0])
def test_a_stream_keeps_its_speed(speed: float) -> None:
    clock_ = Clock()
    for _, end_s in paced(record_of(), speed, terminal.FRAME_S, clock_.now, clock_.sleep):
        assert clock_.now_s - 100.0 == pytest.approx(end_s / speed)
    assert clock_.slept == pytest.approx(20 / speed / terminal.FRAME_S)


def test_a_late_stream_catches_up_instead_of_drifting() -> None:
    clock_ = Clock()
    for k, _ in enumerate(paced(record_of(), 1.0, terminal.FRAME_S, clock_.now, clock_.sleep)):
        clock_.now_s += 2.0 if k == 3 else 0.0
    assert clock_.now_s - 100.0 == pytest.approx(20.0)


def test_at_full_speed_nothing_sleeps() -> None:
    clock_ = Clock()
    assert len(list(paced(record_of(), None, terminal.FRAME_S, clock_.now, clock_.sleep))) == 20
    assert clock_.slept == 0


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan")])
def test_a_speed_that_is_none_is_refused(speed: float) -> None:
    with pytest.raises(InputError, match="above 0"):
        stream_to_terminal(record_of(), PreparedMonitor([]), speed, console_of(False)[0])


def test_a_summary_of_nothing() -> None:
    rows = dict(summary_rows(record_of(), [], 20.0))
    assert rows["beats"] == "none found"
    assert rows["heart rate"] == "- /min"
    assert (rows["rhythm"], rows["signal"], rows["alerts"]) == ("not judged", "not judged", "none")


def test_a_hostile_name_cannot_steer_the_terminal() -> None:
    console, out = console_of(False)
    record = record_of(source="x\x1b]0;owned\x07[red]")
    stream_to_terminal(record, PreparedMonitor([]), None, console)
    assert "\x1b" not in out.getvalue()
    assert "x_]0;owned_[red]" in out.getvalue()


def test_braille_draws_a_ramp_from_bottom_to_top() -> None:
    lines = braille(np.linspace(0.0, 1.0, 64), 0.0, 1.0, 4, 2)
    assert [len(line) for line in lines] == [4, 4]
    assert lines[0][0] == "\u2800" and lines[1][0] != "\u2800"
    assert lines[0][3] != "\u2800" and lines[1][3] == "\u2800"
    assert ord(lines[0][3]) & 0x08  # the last column touches the top dot


def test_braille_never_loses_a_spike_and_leaves_gaps_empty() -> None:
    samples = np.zeros(10_000)
    samples[5003] = 1.0
    lines = braille(samples, 0.0, 1.0, 20, 3)
    assert [i for i, cell in enumerate(lines[0]) if cell != "\u2800"] == [10]
    samples[:] = np.nan
    assert set("".join(braille(samples, 0.0, 1.0, 20, 3))) == {"\u2800"}


@pytest.mark.parametrize(("width", "height"), [(20, 5), (60, 18), (200, 60)])
def test_the_picture_fits_any_terminal(width: int, height: int) -> None:
    view = LiveView(record_of(), 1.0)
    view.advance(10.0, [*BEATS[:10], OPENED])
    out = io.StringIO()
    console = Console(file=out, width=width, height=height, _environ={})
    console.print(view.render(width, height), crop=False)
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= max(width, 24)
    assert len(lines) <= max(height - 1, 12)


def test_waves_and_labels_stand_under_and_over_their_own_columns() -> None:
    view = LiveView(record_of(), 1.0)
    view.advance(6.0, BEATS[:6])
    labels, waves = view._marks(0, 120)  # 50 ms a column
    assert {k: label for k, label in enumerate(labels) if label} == {
        int(beat.r_s / 0.05): beat.label for beat in BEATS[:6]
    }
    r = int(BEATS[1].r_s / 0.05)
    assert waves[r] == "QRS"
    assert waves[r - 3] == "P"
    assert waves[r + 5] == "T"
    assert waves[r + 8] == ""


@pytest.mark.parametrize(
    ("signal_now", "words"),
    [
        (None, "signal -"),
        (Quality(0, 5, "good"), "signal good "),
        (Quality(0, 5, "good", "powerline"), "signal good, powerline "),  # it is filtered away
        (Quality(0, 5, "noisy", "muscle"), "signal noisy, muscle "),
        (Quality(0, 5, "lead_off", "flat"), "signal no contact, flat "),
    ],
)
def test_the_signal_is_called_what_it_is_now(signal_now: Quality | None, words: str) -> None:
    view = LiveView(record_of(), 1.0)
    view.advance(6.0, [Quality(0, 5, "good")], signal_now)
    out = io.StringIO()
    Console(file=out, width=80, _environ={}).print(view.render(80, 20))
    assert words in out.getvalue()


def test_memory_stays_flat() -> None:
    view = LiveView(record_of(), None)
    for k in range(1000):
        view.advance(k * 0.8, [Beat(k * 0.8, k * 0.8 - 0.05, k * 0.8 + 0.05)])
    assert len(view._beats) < 20


def test_clock() -> None:
    assert [clock(s) for s in (5.9, 65, 3600, 36_061)] == ["0:05", "1:05", "1:00:00", "10:01:01"]
