"""The causal filters in front of the network: one definition for training, runtime and firmware.

A 0.5 Hz second-order Butterworth high-pass takes the drift away (the diagnostic band of IEC
60601-2-47 starts at .05 Hz, the monitoring band at .5 Hz); two notches take 50 and 60 Hz away.
A device filters in integers (`core/filters.c`): coefficients are whole steps of 2^-30, and the
answer is rounded to 1/1024 mV, so that both give the same numbers.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, iirnotch, sosfilt, tf2sos

RATE_HZ = 250.0
HIGHPASS_HZ = 0.5
NOTCH_HZ = (50.0, 60.0)
NOTCH_Q = 12.0
COEFFICIENT_STEP = 2.0**-30
STEPS_PER_MV = 1024  # of the filtered signal: .98 uV, a fifth of the network's finest step
LARGEST_STEP = 32767  # 32 mV

Doubles = npt.NDArray[np.float64]


@cache
def design_sos() -> Doubles:
    """Second-order sections (3, 6) of the high-pass and the notches, at 250 Hz."""
    highpass = butter(2, HIGHPASS_HZ, "highpass", fs=RATE_HZ, output="sos")
    notches = [tf2sos(*iirnotch(hz, NOTCH_Q, fs=RATE_HZ)) for hz in NOTCH_HZ]
    sos = np.rint(np.concatenate([highpass, *notches]) / COEFFICIENT_STEP) * COEFFICIENT_STEP
    sos[0, 1] = -2 * sos[0, 0]  # a high-pass lets nothing constant through
    designed: Doubles = sos
    return designed


class StreamFilter:
    """High-pass and notches over a stream that begins at 0."""

    def __init__(self) -> None:
        """Start at rest."""
        self._state = np.zeros((len(design_sos()), 2))
        self.removed_mv = np.empty(0, np.float32)  # by the notches, of the last push

    def push(self, signal_mv: Doubles) -> npt.NDArray[np.float32]:
        """Filter the next samples at 250 Hz, float32 (n,) in steps of 1/1024 mV."""
        if len(signal_mv) == 0:
            self.removed_mv = np.empty(0, np.float32)
            return self.removed_mv
        sos, state = design_sos(), self._state
        highpassed, state[:1] = sosfilt(sos[:1], signal_mv, zi=state[:1])
        filtered, state[1:] = sosfilt(sos[1:], highpassed, zi=state[1:])
        steps = _steps(filtered)
        self.removed_mv = np.asarray((_steps(highpassed) - steps) / STEPS_PER_MV, np.float32)
        return np.asarray(steps / STEPS_PER_MV, np.float32)


def _steps(mv: Doubles) -> Doubles:
    """Whole steps of 1/1024 mV, as many as a device's 16 bits hold."""
    steps: Doubles = np.floor(mv * STEPS_PER_MV + 0.5).clip(-LARGEST_STEP, LARGEST_STEP)
    return steps
