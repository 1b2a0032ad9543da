"""A record played as a device would send it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..record import FloatArray, Record
from .chunk import Chunk, Format

LARGEST_CHUNK_S = 1.0


def paced(
    record: Record,
    speed: float | None,
    every_s: float,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[tuple[FloatArray, float]]:
    """Chunks, each not before the moment a device would have it, and the time at their end.

    One comes every `every_s`; at `speed` None as fast as they are taken.
    """
    chunk_s = LARGEST_CHUNK_S if speed is None else min(every_s * speed, LARGEST_CHUNK_S)
    size = max(1, round(chunk_s * record.rate_hz))
    began = now()
    for start in range(0, len(record.signal_mv), size):
        chunk = record.signal_mv[start : start + size]
        end_s = (start + len(chunk)) / record.rate_hz
        if speed is not None and (early := began + end_s / speed - now()) > 0:
            sleep(early)
        yield chunk, end_s


@dataclass(frozen=True)
class PlayedRecord:
    """A record as a source: at a multiple of its own speed, None as fast as possible."""

    record: Record
    speed: float | None
    every_s: float = 0.02

    @property
    def format(self) -> Format:
        """Rate and lead of the record."""
        return Format(self.record.rate_hz, self.record.lead, self.record.has_gain)

    def __iter__(self) -> Iterator[Chunk]:
        """Chunks until the record ends."""
        for samples_mv, _ in paced(self.record, self.speed, self.every_s):
            yield Chunk(samples_mv)
