"""`Chunk`: samples as a device sends them, and when; what every source yields."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from ..record import FloatArray


@dataclass(frozen=True)
class Chunk:
    """Samples in mV, NaN where missing; `first_s` is the device's clock at the first, if it says.

    `is_reset` where the device began anew, so that its clock has nothing to do with the one before.
    """

    samples_mv: FloatArray
    first_s: float | None = None
    is_reset: bool = False


@dataclass(frozen=True)
class Format:
    """What a stream's samples are: known at the latest with its first chunk."""

    rate_hz: float
    lead: str = "I"
    has_gain: bool = True


class Source(Protocol):
    """A live input; iterating gives chunks, and None now and then while nothing comes."""

    @property
    def format(self) -> Format | None:
        """Rate and lead, None until the stream has said them."""
        ...

    def __iter__(self) -> Iterator[Chunk | None]:
        """Chunks until the stream ends."""
        ...
