"""`leadone live` served from this process, on a source that the test plays."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

import numpy as np
import pytest

from leadone.edge.bundle import load_bundle
from leadone.edge.errors import InputError
from leadone.edge.monitor import Monitor
from leadone.edge.sources.chunk import Chunk, Format, Source


@dataclass
class Puppet:
    """A device that sends what the test says."""

    rate_hz: float = 360.0
    lead: str = "II"
    said: queue.Queue[Chunk | InputError | None] = field(default_factory=queue.Queue)
    sent: int = 0

    @property
    def format(self) -> Format:
        return Format(self.rate_hz, self.lead)

    def __iter__(self) -> Iterator[Chunk | None]:
        while True:
            try:
                item = self.said.get(timeout=0.1)
            except queue.Empty:
                yield None
                continue
            if item is None:
                return
            if isinstance(item, InputError):
                raise item
            yield item

    def send(self, samples_mv: np.ndarray, first_s: float | None = None) -> None:
        self.said.put(Chunk(np.asarray(samples_mv, np.float32), first_s))
        self.sent += len(samples_mv)

    def end(self, fault: str | None = None) -> None:
        self.said.put(InputError(fault) if fault else None)


@dataclass
class Served:
    """A running `leadone live`."""

    url: str
    port: int
    token: str
    log: object
    stop: Callable[[], None]


Serve = Callable[..., AbstractContextManager[Served]]


@pytest.fixture(scope="session")
def serve() -> Serve:
    """Serve a source: `with serve(source, speed=..., is_device=...) as served`."""
    pytest.importorskip("uvicorn")
    from leadone.edge.live.log import About, LiveLog
    from leadone.edge.live.page import LivePage
    from leadone.edge.live.run import record_into
    from leadone.edge.live.server import bind, make_server

    bundle = load_bundle("wrist")
    page = LivePage(bundle)

    @contextmanager
    def served(
        source: Source, *, speed: float | None = 1.0, is_device: bool = True, keep_s: float = 3600.0
    ) -> Iterator[Served]:
        log = LiveLog(About("the device", speed, is_device), keep_s)
        token, over = "t" * 32, threading.Event()
        server = make_server(log, page, token, "127.0.0.1")
        with bind("127.0.0.1", 0) as listening:
            port = listening.getsockname()[1]

            def make_monitor(lead: str) -> Monitor:
                return Monitor(bundle, lead)

            threads = [
                threading.Thread(target=server.run, kwargs={"sockets": [listening]}),
                threading.Thread(target=record_into, args=(log, source, make_monitor, over.is_set)),
            ]
            for thread in threads:
                thread.daemon = True
                thread.start()

            def stop() -> None:
                server.should_exit = True
                threads[0].join(10)

            while not server.started:
                time.sleep(0.01)
            yield Served(f"http://127.0.0.1:{port}/?token={token}", port, token, log, stop)
            over.set()
            stop()
            threads[1].join(10)
            assert not any(thread.is_alive() for thread in threads)

    return served


@pytest.fixture
def puppet() -> Puppet:
    return Puppet()
