"""A live source through its monitor: what is heard, chunk by chunk, until the end or a fault."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..events import Event
from ..monitor import Monitor
from ..record import FloatArray
from .chunk import Source
from .live import LiveMonitor


@dataclass(frozen=True)
class Heard:
    """One chunk and the events that it completed.

    Its first sample was at `first_s` of the device's clock, `gap_s` after the end of the chunk
    before; the end of a stream comes with no sample and the events that were still open.
    """

    live: LiveMonitor
    samples_mv: FloatArray
    first_s: float
    period_s: float
    gap_s: float
    events: list[Event]


def followed(
    source: Source, make_monitor: Callable[[str], Monitor], is_over: Callable[[], bool]
) -> Iterator[Heard | None]:
    """What a source gives, None while nothing comes, until its end or until `is_over`.

    InputError, after what came before it, where the source breaks or never had a sample.
    """
    live: LiveMonitor | None = None
    broken: InputError | None = None
    try:
        for chunk in source:
            if is_over():
                break
            if chunk is None:
                yield None
                continue
            live = live or _begun(source, make_monitor)
            missing_s = live.missing_s
            events = live.push(chunk)
            yield _heard(live, chunk.samples_mv, live.missing_s - missing_s, events)
    except InputError as error:  # what came before it counts
        broken = error
    if live is not None:
        yield _heard(live, np.empty(0, np.float32), 0.0, live.finish())
    if broken is not None:
        raise broken
    if live is None:
        raise InputError("the stream ended before its first sample; check the sender")


def _begun(source: Source, make_monitor: Callable[[str], Monitor]) -> LiveMonitor:
    if source.format is None:
        raise InputError("the stream did not say its rate; give it by --rate")
    return LiveMonitor(make_monitor, source.format)


def _heard(live: LiveMonitor, samples_mv: FloatArray, gap_s: float, events: list[Event]) -> Heard:
    first_s = live.now_s - len(samples_mv) * live.period_s
    return Heard(live, samples_mv, first_s, live.period_s, gap_s, events)
