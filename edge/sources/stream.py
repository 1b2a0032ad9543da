"""A live source in the terminal: a line an event, a summary at its end."""

from __future__ import annotations

import time
from collections.abc import Callable

from rich.console import Console

from ..errors import InputError
from ..events import Beat, Event
from ..monitor import Monitor
from ..stream_summary import StreamSummary
from ..terminal import deferred_interrupt, event_line
from .bluetooth import HeartRateStrap, PolarStrap
from .byte_streams import open_bytes
from .chunk import Source
from .follow import followed
from .live import LiveMonitor
from .samples_text import Given

BYTE_SCHEMES = ("tcp://", "serial://")
STRAP, RATE = "polar://", "ble://"
SILENCE_S = 5.0
DRIFT_TOLD = 5e-5

Show = Callable[[str], None]


def is_live(address: str) -> bool:
    """Whether an address is a live source and not a file."""
    return address == "-" or address.startswith((*BYTE_SCHEMES, STRAP, RATE))


def stream_live(
    address: str, encoding: str, given: Given, make_monitor: Callable[[str], Monitor], out: Console
) -> None:
    """Read `address` until it ends or Ctrl-C, and print what it says."""

    def show(line: str) -> None:
        out.print(line, markup=False, highlight=False, emoji=False, soft_wrap=True)
        out.file.flush()

    if address.startswith(RATE):
        _show_rates(HeartRateStrap(address.removeprefix(RATE)), show)
        return
    follow(open_ecg(address, encoding, given), make_monitor, show)


def open_ecg(address: str, encoding: str, given: Given) -> Source:
    """The source of samples behind an address; InputError where there is no ECG."""
    if address.startswith(RATE):
        raise InputError("a ble:// strap sends no ECG; `leadone stream` tells its RR intervals")
    if address.startswith(STRAP):
        return PolarStrap(address.removeprefix(STRAP))
    return open_bytes(address, encoding, given)


def follow(source: Source, make_monitor: Callable[[str], Monitor], show: Show) -> None:
    """Every event of a source, told by `show` as it comes, and what they come to at its end."""
    live: LiveMonitor | None = None
    found = StreamSummary()
    teller = _Teller(show)
    with deferred_interrupt() as asked:
        try:
            for heard in followed(source, make_monitor, asked):
                if heard is None:
                    teller.silence()
                    continue
                live = heard.live
                found.add(heard.events)
                teller.tell(heard.events)
        finally:  # what came before a fault counts
            if live is not None:
                _summarise(live, found, show)


class _Teller:
    """Lines of events, and of a silence once it has lasted."""

    def __init__(self, show: Show) -> None:
        self._show = show
        self._last_r_s: float | None = None
        self._heard_s: float | None = time.monotonic()

    def tell(self, events: list[Event]) -> None:
        self._heard_s = time.monotonic()
        for event in events:
            rr_s = None
            if isinstance(event, Beat):
                if self._last_r_s is not None and event.r_s > self._last_r_s:
                    rr_s = event.r_s - self._last_r_s  # none where wrong times went back
                self._last_r_s = event.r_s
            self._show(event_line(event, rr_s))

    def silence(self) -> None:
        if self._heard_s is not None and time.monotonic() - self._heard_s > SILENCE_S:
            self._show(f"no data for {SILENCE_S:g} s, still listening")
            self._heard_s = None  # told once


def _summarise(live: LiveMonitor, found: StreamSummary, show: Show) -> None:
    show(f"streamed: {live.now_s:.1f} s, {live.missing_s:.1f} s of it missing")
    if abs(live.drift) > DRIFT_TOLD:
        show(f"clock: the device samples {-live.drift:+.4%} of what it says; times are its own")
    for name, text in found.rows():
        show(f"{name}: {text}")


def _show_rates(strap: HeartRateStrap, show: Show) -> None:
    """Heart rate and RR intervals as they come; no rhythm is told from them."""
    at_s, intervals = 0.0, 0
    teller = _Teller(show)
    with deferred_interrupt() as asked:
        for measured in strap:
            if asked():
                break
            if measured is None:
                teller.silence()
                continue
            teller.tell([])
            contact = "  no skin contact" if measured.has_contact is False else ""
            for rr_s in measured.rr_s:
                at_s, intervals = at_s + rr_s, intervals + 1
                show(f"{at_s:10.3f} s  RR {1000 * rr_s:.0f} ms  {measured.bpm} /min{contact}")
            if not measured.rr_s:
                show(f"{at_s:10.3f} s  {measured.bpm} /min{contact}")
    show(f"streamed: {intervals} RR intervals, {at_s:.1f} s")
