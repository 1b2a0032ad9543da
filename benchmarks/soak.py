"""Days of signal through one Monitor: the same events as in other pieces, and flat memory.

    python benchmarks/soak.py [--hours 72] [--backend c onnx]

The shipped recording (MIT-BIH 208, 360 Hz) over and over, each pass louder or softer than the one
before by up to 10 % and with other noise, streams through one Monitor a second at a time, and
through another in pieces of 1 sample to 90 s. The sha256 of all events' text must be the same. The
last hour is also read by a third Monitor alone: after its first five minutes its beats must be
those of the whole stream, so that nothing drifts in days. Memory is the process's own (RssAnon)
while the first stream is read. Linux only.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from leadone import Monitor, read_record
from leadone.cli import DEMO_RECORD
from leadone.distill.export.c_backend import with_model_c
from leadone.edge.bundle import load_bundle
from leadone.edge.events import Beat, Event
from leadone.edge.record import FloatArray

SETTLING_S = 300.0
SAME_S = 0.004
SHOWN_AT = (1, 6, 24, 72)


def main() -> None:
    """Stream in three ways and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=int, default=72)
    parser.add_argument("--backend", nargs="+", default=["c"])
    options = parser.parse_args()
    for backend in options.backend:
        soak(options.hours, backend)


def soak(hours: int, backend: str) -> None:
    """One backend's rows."""
    demo = read_record(DEMO_RECORD)
    rate_hz = demo.rate_hz
    bundle = load_bundle("wrist")
    bundle = with_model_c(bundle) if backend == "c" else bundle

    def stream(chunks: Iterable[FloatArray]) -> Iterator[Event]:
        monitor = Monitor(bundle, demo.lead, backend=backend)
        for chunk in chunks:
            yield from monitor.push(chunk, rate_hz)
        yield from monitor.finish()

    def signal(first: int, last: int) -> Iterator[FloatArray]:
        return seconds(demo.signal_mv, rate_hz, first, last)

    started, first_s = time.process_time(), (hours - 1) * 3600.0
    whole, last = Digest(), []
    for event in stream(telling_memory(signal(0, hours), backend, hours)):
        whole.add(event)
        if isinstance(event, Beat) and event.r_s > first_s + SETTLING_S:
            last.append(event.r_s - first_s)
    cpu_s = time.process_time() - started
    print(f"{backend:>5} a second at a time: {whole}, {cpu_s:.0f} s")
    parts = Digest()
    for event in stream(pieces(signal(0, hours), rate_hz)):
        parts.add(event)
    print(f"{backend:>5} 1 sample to 90 s at a time: {parts}")
    alone_s = np.array([e.r_s for e in stream(signal(hours - 1, hours)) if isinstance(e, Beat)])
    same = sum(np.abs(alone_s - r_s).min() <= SAME_S for r_s in last)
    print(f"{backend:>5} last hour alone: {same} of {len(last)} beats within 4 ms")
    if str(whole) != str(parts):
        sys.exit("the events differ")


class Digest:
    """Events counted, and the sha256 of their text."""

    def __init__(self) -> None:
        """None yet."""
        self._count, self._hash = 0, hashlib.sha256()

    def add(self, event: Event) -> None:
        """One more."""
        self._count += 1
        self._hash.update(repr(event).encode())

    def __str__(self) -> str:
        """Both."""
        return f"{self._count} events, sha256 {self._hash.hexdigest()[:16]}"


def telling_memory(chunks: Iterator[FloatArray], backend: str, hours: int) -> Iterator[FloatArray]:
    """The same seconds; at some hours it prints what the process holds."""
    shown = {hour * 3600 for hour in (*SHOWN_AT, hours)}
    for second, chunk in enumerate(chunks, 1):
        yield chunk
        if second in shown:
            print(f"{backend:>5}{second // 3600:>6} h{own_mb():>8.1f} MB", flush=True)


def seconds(demo_mv: FloatArray, rate_hz: float, first: int, last: int) -> Iterator[FloatArray]:
    """From one hour to another; what a second holds does not depend on where one begins."""
    each = round(rate_hz)
    passes = len(demo_mv) // each
    for second in range(first * 3600, last * 3600):
        rng = np.random.default_rng(second)
        at = second % passes * each
        gain = 1 + 0.1 * np.sin(second // passes)
        noise = rng.normal(0, 0.005, each)
        yield (gain * demo_mv[at : at + each] + noise).astype(np.float32)


def pieces(chunks: Iterator[FloatArray], rate_hz: float) -> Iterator[FloatArray]:
    """The same samples cut elsewhere."""
    rng = np.random.default_rng(1)
    left = np.empty(0, np.float32)
    wanted = 1
    for chunk in chunks:
        left = np.concatenate([left, chunk])
        while len(left) >= wanted:
            yield left[:wanted]
            left = left[wanted:]
            wanted = int(rng.choice([1, 7, 250, 999, 5000, round(90 * rate_hz)]))
    yield left


def own_mb() -> float:
    """Memory of this process alone."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(x.split()[1]) * 1024e-6 for x in lines if x.startswith("RssAnon"))


if __name__ == "__main__":
    main()
