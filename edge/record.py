"""`Record`: one lead in millivolt that never travels without its rate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt

from .errors import InputError

FloatArray = npt.NDArray[np.float32]

NOTHING = np.empty(0, np.float32)
NEAR_SAMPLES = 1 << 16  # decoded at a time for readers of small parts


@dataclass(frozen=True)
class Record:
    """One lead of an ECG.

    `signal_mv` is float32 (n,) in mV, NaN where a sample is missing; `rate_hz` may be fractional.
    `has_gain` is False where the file gave no usable gain, so that the unit is a guess. `about` is
    what else the file says: device, software, device_classification; who it is only if asked for.
    """

    signal_mv: FloatArray
    rate_hz: float
    lead: str = "I"
    start_time: datetime | None = None
    source: str = ""
    has_gain: bool = True
    about: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Validate once, here at the edge; everything below trusts a Record."""
        if self.signal_mv.ndim != 1 or self.signal_mv.dtype != np.float32:
            raise InputError(
                f"a record's signal is float32 of shape (n,), not {self.signal_mv.dtype} "
                f"of shape {self.signal_mv.shape}"
            )
        check_rate(self.rate_hz)

    @property
    def name(self) -> str:
        """The record's name without folder or suffix, _ for what can't be printed in it.

        So are bytes that are no UTF-8: no file of results could be written with them.
        """
        name = self.source.replace("\\", "/").rsplit("/", 1)[-1]
        return "".join(c if c.isprintable() else "_" for c in name)

    @property
    def samples(self) -> int:
        """Length in samples."""
        return len(self.signal_mv)

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.samples / self.rate_hz

    def read(self, start: int, stop: int) -> FloatArray:
        """Samples `start` to `stop` in mV; what lies outside the record is left out."""
        return self.signal_mv[max(start, 0) : max(stop, 0)]


class DiskRecord(Record):
    """A record that stays on disk: `read` decodes a part of it, `signal_mv` the whole anew.

    Days of signal take no memory this way. A part that lies near the last one costs no decoding.
    """

    def __init__(self, facts: Record, samples: int, decode: Callable[[int, int], FloatArray]):
        """`facts` is the record without its signal; `decode` gives samples from start to stop."""
        for name in ("rate_hz", "lead", "start_time", "source", "has_gain", "about"):
            object.__setattr__(self, name, getattr(facts, name))
        for name, value in (("_samples", samples), ("_decode", decode), ("_near", (0, NOTHING))):
            object.__setattr__(self, name, value)

    _samples: int
    _decode: Callable[[int, int], FloatArray]
    _near: tuple[int, FloatArray]  # where the part that was decoded last begins, and it

    @property
    def samples(self) -> int:
        """Length in samples."""
        return self._samples

    @property
    def signal_mv(self) -> FloatArray:
        """All of it, decoded into memory."""
        return self._decode(0, self._samples)

    def read(self, start: int, stop: int) -> FloatArray:
        """Samples `start` to `stop` in mV; what lies outside the record is left out."""
        start, stop = min(max(start, 0), self._samples), min(max(stop, 0), self._samples)
        first, near = self._near
        if not first <= start <= stop <= first + len(near):
            if stop - start >= NEAR_SAMPLES:
                return self._decode(start, stop)
            first, near = start, self._decode(start, min(start + NEAR_SAMPLES, self._samples))
            object.__setattr__(self, "_near", (first, near))
        return near[start - first : stop - first]


def check_rate(rate_hz: float) -> None:
    """Refuse rates that no ECG device has: below 50 Hz a QRS is a handful of samples."""
    if not 50 <= rate_hz <= 20_000:
        raise InputError(
            f"sampling rate {rate_hz:g} Hz is outside 50 to 20000 Hz; check the header's rate field"
        )
