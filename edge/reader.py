"""`Reader`: a bundle on a runtime; long records on the C core where this machine can build it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from .alert_limits import AlertLimits
from .analysis import Analysis
from .analyze import analyze
from .bundle import Bundle
from .core_library import core_library
from .errors import InputError
from .record import Record

AUTO = "auto"
LONG_S = 3600.0  # from here on building the core, seconds once, is worth it

WithModelC = Callable[[Bundle], Bundle]


@dataclass(frozen=True)
class Reader:
    """What reads records; it can be sent to other processes.

    `backend` as in `Monitor`, or `auto`: onnx for records below an hour, c for longer ones, onnx
    again where no C core can be built. `with_model_c` gives a bundle its model in C;
    `limits` are those of the alerts.
    """

    bundle: Bundle
    backend: str = "onnx"
    with_model_c: WithModelC | None = None
    limits: AlertLimits | None = None

    def analyze(self, record: Record) -> Analysis:
        """As `edge.analyze.analyze`."""
        if self.backend == AUTO and record.duration_s < LONG_S:
            return analyze(record, self.bundle, "onnx", self.limits)
        if self.backend == AUTO:
            fast = _buildable(self)
            return analyze(record, fast or self.bundle, "c" if fast else "onnx", self.limits)
        if self.backend == "c" and self.with_model_c is not None:
            return analyze(record, _complete(self), "c", self.limits)
        return analyze(record, self.bundle, self.backend, self.limits)

    def __hash__(self) -> int:
        """By the bundle: its files are a dict."""
        return hash((self.bundle.sha256, self.backend))


@lru_cache(maxsize=4)
def _complete(reader: Reader) -> Bundle:
    """The bundle with its model in C; InputError where that can't be written."""
    return reader.with_model_c(reader.bundle) if reader.with_model_c else reader.bundle


@lru_cache(maxsize=4)
def _buildable(reader: Reader) -> Bundle | None:
    """The bundle with its model in C, its core built; None where this machine can't."""
    try:
        fast = _complete(reader)
        core_library(fast)
    except InputError:
        return None
    return fast
