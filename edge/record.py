"""`Record`: one lead in millivolt that never travels without its rate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt

from .errors import InputError

FloatArray = npt.NDArray[np.float32]


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
        """The record's name without folder or suffix."""
        return self.source.replace("\\", "/").rsplit("/", 1)[-1]

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.signal_mv) / self.rate_hz


def check_rate(rate_hz: float) -> None:
    """Refuse rates that no ECG device has: below 50 Hz a QRS is a handful of samples."""
    if not 50 <= rate_hz <= 20_000:
        raise InputError(
            f"sampling rate {rate_hz:g} Hz is outside 50 to 20000 Hz; check the header's rate field"
        )
