"""`leadone live`: a source in one thread, the page's server in another, until Ctrl-C."""

from __future__ import annotations

import contextlib
import ipaddress
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from uvicorn import Server

from ..bundle import Bundle
from ..errors import InputError
from ..monitor import Monitor
from ..sources.chunk import Source
from ..sources.follow import followed
from .log import BROKEN, ENDED, SILENT, About, LiveLog
from .page import LivePage
from .server import bind, make_server

SILENCE_S = 2.0
ANY = ("0.0.0.0", "::", "")
SOMEWHERE = ("192.0.2.1", 9)  # RFC 5737: an address that only says which way out is

Say = Callable[[str], None]


@dataclass(frozen=True)
class Place:
    """Where the page is served."""

    host: str = "127.0.0.1"
    port: int = 0


def watch(
    source: Source,
    about: About,
    bundle: Bundle,
    make_monitor: Callable[[str], Monitor],
    place: Place,
    keep_s: float,
    say: Say,
) -> None:
    """Serve a source's page until Ctrl-C; InputError then if the source broke."""
    listening = _bound(place)
    token = secrets.token_urlsafe(24)
    log = LiveLog(about, keep_s)
    server = make_server(log, LivePage(bundle), token, place.host)
    over = threading.Event()
    recorder = threading.Thread(
        target=record_into, args=(log, source, make_monitor, over.is_set), daemon=True
    )
    with listening, _ended_by_ctrl_c(server):
        for line in _greeting(listening, place.host, token):
            say(line)
        recorder.start()
        server.run(sockets=[listening])
    over.set()
    if recorder.is_alive():
        recorder.join(SILENCE_S)
    if log.failure is not None:
        raise InputError(log.failure)


@contextlib.contextmanager
def _ended_by_ctrl_c(server: Server) -> Iterator[None]:
    """At any moment, also before the server listens to signals itself."""

    def end(*_: object) -> None:
        server.should_exit = True

    before = signal.signal(signal.SIGINT, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def record_into(
    log: LiveLog,
    source: Source,
    make_monitor: Callable[[str], Monitor],
    is_over: Callable[[], bool],
) -> None:
    """Everything that a source gives into the log, and how it ended."""
    has_begun, heard_at = False, time.monotonic()
    try:
        for heard in followed(source, make_monitor, is_over):
            if heard is None:
                if has_begun and time.monotonic() - heard_at > SILENCE_S:
                    log.say(SILENT)
                continue
            if not has_begun and source.format is not None:
                log.begin(source.format, len(heard.samples_mv) * heard.period_s)
                has_begun = True
            heard_at = time.monotonic()
            log.take(heard)
    except InputError as error:
        if not is_over():  # else it was ended, maybe before its first sample
            log.say(BROKEN, str(error))
    except Exception as error:
        log.say(BROKEN, f"leadone itself failed ({type(error).__name__}); start it again")
        raise
    else:
        log.say(ENDED)


def _bound(place: Place) -> socket.socket:
    try:
        return bind(place.host, place.port)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(
            f"{place.host} port {place.port} can't be served from ({reason}); "
            "choose another --host or --port"
        ) from None


def _greeting(listening: socket.socket, host: str, token: str) -> list[str]:
    """The link, and who can reach it."""
    address, port = listening.getsockname()[:2]
    name = _way_here() if host in ANY else host
    shown = f"[{name}]" if ":" in name else name
    lines = [f"http://{shown}:{port}/?token={token}"]
    if ipaddress.ip_address(address).is_loopback:
        lines.append(f"bound to {address}: this machine alone can open it; Ctrl-C ends it")
    else:
        lines.append(f"bound to {address}: other machines can open it; Ctrl-C ends it")
        lines.append("warning: the ECG goes over the network unencrypted, to whoever has this link")
    return lines


def _way_here() -> str:
    """This machine's address on its network; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(SOMEWHERE)
        except OSError:
            return "localhost"
        return str(probe.getsockname()[0])
