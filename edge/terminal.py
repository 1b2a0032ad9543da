"""A stream in the terminal: a live picture, or one plain line an event where nobody watches."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from .amplitude import amplitude_doubt
from .errors import InputError
from .events import Beat, Event, Quality, Rhythm
from .intervals import MAX_RR_S, beat_intervals_ms
from .record import FloatArray, Record
from .sources.played import paced
from .stream_summary import StreamSummary, lasted_s
from .trace import LiveView, record_title, whole_number

FRAME_S = 0.05  # 20 frames a second, however fast the stream is


class StreamingMonitor(Protocol):
    """What a stream needs of a monitor."""

    def push(self, chunk_mv: FloatArray, rate_hz: float) -> list[Event]:
        """Take samples; give the events they complete."""
        ...

    def finish(self) -> list[Event]:
        """End the record; give the events still open."""
        ...

    @property
    def signal_now(self) -> Quality | None:
        """The stretch of quality that goes on; None where nobody tells."""
        ...


class Display(Protocol):
    """Where events go while they come."""

    def show(self, now_s: float, events: list[Event], signal_now: Quality | None) -> None:
        """Take the events told until `now_s`, and the stretch of quality that goes on."""
        ...

    def close(self) -> None:
        """Leave the terminal as it should stay."""
        ...


def stream_to_terminal(
    record: Record, monitor: StreamingMonitor, speed: float | None, console: Console
) -> tuple[Record, list[Event]]:
    """Play a record at a multiple of its own speed (None: as fast as possible).

    Gives the record as far as it was seen, and its events. Ctrl-C ends the record there.
    """
    if speed is not None and not speed > 0:
        raise InputError(f"speed {speed:g} must be above 0; try 1, 10 or max")
    events: list[Event] = []
    seen_s, samples, signal_now = 0.0, 0, None
    display = _display(record, speed, console)
    try:
        with deferred_interrupt() as asked:
            for chunk, end_s in paced(record, speed, FRAME_S):
                new = monitor.push(chunk, record.rate_hz)
                events += new
                seen_s, samples, signal_now = end_s, samples + len(chunk), monitor.signal_now
                display.show(seen_s, new, signal_now)
                if asked():
                    break
            new = monitor.finish()
            events += new
            display.show(seen_s, new, signal_now)
    finally:
        display.close()
    _print_summary(record, events, seen_s, console)
    return replace(record, signal_mv=record.signal_mv[:samples]), events


@contextmanager
def deferred_interrupt() -> Iterator[Callable[[], bool]]:
    """Ctrl-C only raises a flag, so that it never cuts a chunk in two; a second one interrupts."""
    count = 0

    def on_interrupt(_signal: int, _frame: object) -> None:
        nonlocal count
        count += 1
        if count > 1:
            raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False  # Python delivers signals to the main thread alone
        return
    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield lambda: count > 0
    finally:
        signal.signal(signal.SIGINT, before)


def event_line(event: Event, rr_s: float | None = None) -> str:
    """One event as a line of plain text, ms where no unit is said."""
    if isinstance(event, Beat):
        return f"{event.r_s:10.3f} s  beat {event.label}{_beat_figures(event, rr_s)}"
    if isinstance(event, Rhythm):
        probability = event.probabilities.get(event.label)
        certainty = "" if probability is None else f"  probability {probability:.2f}"
        return f"{event.end_s:10.3f} s  rhythm {event.label}{certainty}"
    if isinstance(event, Quality):
        reason = f"  {event.reason}" if event.reason else ""
        return f"{event.end_s:10.3f} s  signal {event.state} since {event.start_s:.3f} s{reason}"
    if event.end_s is None:
        return f"{event.at_s:10.3f} s  alert {event.kind} since {event.start_s:.3f} s  {event.text}"
    return f"{event.at_s:10.3f} s  alert {event.kind} ended  lasted {lasted_s(event):.1f} s"


def summary_rows(record: Record, events: list[Event], seen_s: float) -> list[tuple[str, str]]:
    """What a stream found, as name and text."""
    found = StreamSummary()
    found.add(events)
    whole = f"{record.duration_s:.1f} s"
    length = (
        whole if seen_s >= record.duration_s - 1e-6 else f"stopped at {seen_s:.1f} s of {whole}"
    )
    doubt = amplitude_doubt(record)
    return [
        ("record", f"{record_title(record)}, lead {record.lead}, {length}"),
        *([("amplitude", doubt)] if doubt else []),
        *found.rows(),
    ]


def _display(record: Record, speed: float | None, console: Console) -> Display:
    braille_fits = "utf" in console.encoding.lower()
    if console.is_terminal and not console.is_dumb_terminal and braille_fits:
        return _LiveDisplay(LiveView(record, speed), console)
    return _PlainDisplay(console)


class _LiveDisplay:
    """Redraws at most every `FRAME_S`: a stream at full speed never waits for its picture."""

    def __init__(self, view: LiveView, console: Console) -> None:
        self._view, self._console = view, console
        self._live = Live(console=console, auto_refresh=False, vertical_overflow="crop")
        self._live.start()
        self._drawn = -FRAME_S

    def show(self, now_s: float, events: list[Event], signal_now: Quality | None) -> None:
        self._view.advance(now_s, events, signal_now)
        if time.monotonic() - self._drawn >= FRAME_S:
            self._draw()

    def close(self) -> None:
        self._draw()
        self._live.stop()

    def _draw(self) -> None:
        size = self._console.size
        self._live.update(self._view.render(size.width, size.height), refresh=True)
        self._drawn = time.monotonic()


class _PlainDisplay:
    """A line an event, flushed, so that a pipe sees it at once."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last_r_s: float | None = None

    def show(self, now_s: float, events: list[Event], signal_now: Quality | None) -> None:
        for event in events:
            rr_s = None
            if isinstance(event, Beat):
                rr_s = None if self._last_r_s is None else event.r_s - self._last_r_s
                self._last_r_s = event.r_s
            _print_plain(event_line(event, rr_s), self._console)
        if events:
            self._console.file.flush()

    def close(self) -> None:
        self._console.file.flush()


def _print_plain(line: str, console: Console) -> None:
    console.print(line, markup=False, highlight=False, emoji=False, soft_wrap=True)


def _print_summary(record: Record, events: list[Event], seen_s: float, console: Console) -> None:
    rows = summary_rows(record, events, seen_s)
    if not console.is_terminal:
        for name, text in rows:
            _print_plain(f"{name}: {text}", console)
        console.file.flush()
        return
    table = Table.grid(padding=(0, 2))
    for name, text in rows:
        table.add_row(Text(name, style="dim"), Text(text, style="bold" if name == "alert" else ""))
    console.print(table)


def _beat_figures(beat: Beat, rr_s: float | None) -> str:
    near = rr_s if rr_s is not None and rr_s <= MAX_RR_S else None
    intervals = beat_intervals_ms(beat, near)
    figures = {"PR": intervals["pr"], "QRS": intervals["qrs"], "QT": intervals["qt"]}
    words = [f"{name} {whole_number(ms)}" for name, ms in figures.items() if ms is not None]
    rr = "" if rr_s is None else f"  RR {1000 * rr_s:.0f} ms"
    blocked = ["blocked P"] * len(beat.blocked_p_s)
    return "".join([rr, *(f"  {word}" for word in words + blocked)])
