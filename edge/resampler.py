"""A streaming resampler from any device rate to 250 Hz: polyphase windowed sinc, zero delay.

Output k stands for the time `k * seconds_per_output` after the first input sample, exactly: the
ratio 250/rate is taken to the nearest fraction with denominator <= 1000 (relative error 3e-6
at 512.844 Hz) and the true step is kept, so that event times do not drift.

One table serves every rate: the kernel in units of the slower of the two rates. A device
(`core/resampler.c`) reads its taps from it as it goes, in the same integers.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache, lru_cache
from math import ceil, floor

import numpy as np
import numpy.typing as npt
from scipy.signal import upfirdn
from scipy.special import i0

from .filters import RATE_HZ

ZERO_CROSSINGS = 8
PASSBAND_SHARE = 0.9
KAISER_BETA = 6.0
MAX_DENOMINATOR = 1000
KNOTS = 128  # of the table a unit; between them taps are interpolated: -95 dB of error
TAP_BITS = 26  # a tap of 1 is 2^26
GAIN_BITS = 30
BETWEEN_BITS = 10  # of the place between two knots

Samples = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


class Resampler:
    """Polyphase FIR over a stream. Pushing in any chunks gives bit-identical output."""

    def __init__(self, rate_hz: float) -> None:
        """Choose the taps for one input rate."""
        ratio = Fraction(RATE_HZ / rate_hz).limit_denominator(MAX_DENOMINATOR)
        self.up, self.down = ratio.numerator, ratio.denominator
        self.seconds_per_output = self.down / (self.up * rate_hz)
        self.units = min(1.0, RATE_HZ / rate_hz)  # an input sample
        self.half = floor(ZERO_CROSSINGS / self.units) + 1  # input samples each side
        self._delay = ceil(self.half * self.up / self.down)  # outputs
        # The centre sits on a whole output.
        silent = np.zeros(self._delay * self.down - self.half * self.up)
        self._taps = np.concatenate([silent, _design(self.units, self.half, self.up)])
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
            self._start = -ceil(self.half / self.down) * self.down
            self._buffer = np.full(-self._start, samples[0], np.float64)
        self._buffer = np.concatenate([self._buffer, samples])
        self._received += len(samples)
        complete = (self._received - 1 - self.half) * self.up // self.down + 1
        return self._emit(complete)

    def finish(self) -> Samples:
        """The remaining outputs, the last sample held."""
        if self.up == self.down or self._received == 0:
            return np.empty(0)
        self._buffer = np.concatenate([self._buffer, np.full(self.half, self._buffer[-1])])
        return self._emit((self._received - 1) * self.up // self.down + 1)

    def _emit(self, until: int) -> Samples:
        if until <= self._emitted:
            return np.empty(0)
        first = self._start * self.up // self.down  # output index of the buffer's first sample
        filtered = upfirdn(self._taps, self._buffer, self.up, self.down)
        outputs = filtered[self._emitted - first + self._delay : until - first + self._delay]
        self._emitted = until
        needed = until * self.down // self.up - self.half  # first input the next output needs
        drop = (needed - self._start) // self.down * self.down
        if drop > 0:
            self._buffer, self._start = self._buffer[drop:], self._start + drop
        return np.asarray(outputs)


@cache
def kernel() -> Integers:
    """The Kaiser-windowed sinc from its centre outwards, at every 1/128 of a unit, 0 behind."""
    at = np.arange(ZERO_CROSSINGS * KNOTS + 1) / KNOTS
    window = i0(KAISER_BETA * np.sqrt(1 - (at / ZERO_CROSSINGS) ** 2)) / i0(KAISER_BETA)
    taps = PASSBAND_SHARE * np.sinc(PASSBAND_SHARE * at) * window
    return np.append(np.rint(taps * 2**TAP_BITS), 0).astype(np.int64)


def integer_taps(units: float, half: int, up: int) -> Integers:
    """Taps of `half` input samples each side, `up` to a sample, without the gain: a device's."""
    step = round(units * KNOTS * 2**16)  # along the table, an input sample
    part = round(step * 2**16 / up)
    offset = np.arange(-half * up, half * up + 1)
    whole, rest = offset // up, offset % up  # an input before the output, or after it
    place = whole * step + (rest * part >> 16)
    place = np.minimum(np.abs(place), ZERO_CROSSINGS * KNOTS << 16)
    table, at = kernel(), place >> 16
    between = place >> (16 - BETWEEN_BITS) & (1 << BETWEEN_BITS) - 1
    taps = table[at] + ((table[at + 1] - table[at]) * between >> BETWEEN_BITS)
    taps[place == ZERO_CROSSINGS * KNOTS << 16] = 0
    return np.asarray(taps, np.int64)


def gain_of(units: float) -> int:
    """What the taps' sums are multiplied by, in 2^-30."""
    scaled: float = units * 2**GAIN_BITS
    return round(scaled)


@lru_cache(maxsize=32)
def _design(units: float, half: int, up: int) -> Samples:
    taps = integer_taps(units, half, up)
    designed: Samples = taps / 2**TAP_BITS * (gain_of(units) / 2**GAIN_BITS)
    return designed
