"""A streaming resampler from any device rate to 250 Hz: polyphase windowed sinc, zero delay.

Output k stands for the time `k * seconds_per_output` after the first input sample, exactly: the
ratio 250/rate is taken to the nearest fraction with denominator <= 1000 (relative error 3e-6
at 512.844 Hz) and the true step is kept, so that event times do not drift.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from math import ceil

import numpy as np
import numpy.typing as npt
from scipy.signal import firwin, upfirdn

from .filters import RATE_HZ

ZERO_CROSSINGS = 8
PASSBAND_SHARE = 0.9
KAISER_BETA = 6.0
MAX_DENOMINATOR = 1000

Samples = npt.NDArray[np.float64]


class Resampler:
    """Polyphase FIR over a stream. Pushing in any chunks gives bit-identical output."""

    def __init__(self, rate_hz: float) -> None:
        """Design the filter for one input rate."""
        ratio = Fraction(RATE_HZ / rate_hz).limit_denominator(MAX_DENOMINATOR)
        self.up, self.down = ratio.numerator, ratio.denominator
        self.seconds_per_output = self.down / (self.up * rate_hz)
        self._half = ceil(ZERO_CROSSINGS * max(1.0, rate_hz / RATE_HZ))  # input samples each side
        self._delay = ceil(self._half * self.up / self.down)  # outputs
        half = self._half * self.up
        # The centre sits on a whole output.
        self._taps = _design(rate_hz, half, self.up, self._delay * self.down - half)
        self._buffer = np.empty(0)  # starts at input index _start, a multiple of `down`
        self._start = 0
        self._received = 0
        self._emitted = 0

    def push(self, samples: Samples) -> Samples:
        """Resample the next input samples; returns the outputs whose filter support is complete."""
        if self.up == self.down:
            return np.asarray(samples, np.float64)
        if len(samples) == 0:
            return np.empty(0)
        if self._received == 0:
            self._start = -ceil(self._half / self.down) * self.down
            self._buffer = np.full(-self._start, samples[0], np.float64)
        self._buffer = np.concatenate([self._buffer, samples])
        self._received += len(samples)
        complete = (self._received - 1 - self._half) * self.up // self.down + 1
        return self._emit(complete)

    def finish(self) -> Samples:
        """The remaining outputs, the last sample held."""
        if self.up == self.down or self._received == 0:
            return np.empty(0)
        self._buffer = np.concatenate([self._buffer, np.full(self._half, self._buffer[-1])])
        return self._emit((self._received - 1) * self.up // self.down + 1)

    def _emit(self, until: int) -> Samples:
        if until <= self._emitted:
            return np.empty(0)
        first = self._start * self.up // self.down  # output index of the buffer's first sample
        filtered = upfirdn(self._taps, self._buffer, self.up, self.down)
        outputs = filtered[self._emitted - first + self._delay : until - first + self._delay]
        self._emitted = until
        needed = until * self.down // self.up - self._half  # first input the next output needs
        drop = (needed - self._start) // self.down * self.down
        if drop > 0:
            self._buffer, self._start = self._buffer[drop:], self._start + drop
        return np.asarray(outputs)


@lru_cache(maxsize=32)
def _design(rate_hz: float, half: int, up: int, silent: int) -> Samples:
    """Kaiser-windowed sinc of `half` samples each side, behind silent ones; once for each rate."""
    cutoff_hz = PASSBAND_SHARE * min(rate_hz, RATE_HZ) / 2
    window = ("kaiser", KAISER_BETA)
    taps = firwin(2 * half + 1, cutoff_hz, window=window, fs=rate_hz * up) * up
    return np.concatenate([np.zeros(silent), taps])
