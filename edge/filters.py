"""The causal filters in front of the network: one definition for training, runtime and firmware.

A 0.5 Hz second-order Butterworth high-pass takes the drift away (the diagnostic band of IEC
60601-2-47 starts at .05 Hz, the monitoring band at .5 Hz); two notches take 50 and 60 Hz away.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, iirnotch, sosfilt, sosfilt_zi, tf2sos

RATE_HZ = 250.0
HIGHPASS_HZ = 0.5
NOTCH_HZ = (50.0, 60.0)
NOTCH_Q = 12.0


def design_sos() -> npt.NDArray[np.float64]:
    """Second-order sections (3, 6) of the high-pass and the notches, at 250 Hz."""
    highpass = butter(2, HIGHPASS_HZ, "highpass", fs=RATE_HZ, output="sos")
    notches = [tf2sos(*iirnotch(hz, NOTCH_Q, fs=RATE_HZ)) for hz in NOTCH_HZ]
    return np.concatenate([highpass, *notches]).astype(np.float64)


@cache
def _designed() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The sections and their settled state for an input of 1: designed once, not for each lead."""
    sos = design_sos()
    return sos, sosfilt_zi(sos)


class StreamFilter:
    """High-pass and notches over a stream; settled on the first sample so that no step rings."""

    def __init__(self) -> None:
        """Start unsettled."""
        self._sos, self._settled = _designed()
        self._state: npt.NDArray[np.float64] | None = None

    def push(self, signal_mv: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
        """Filter the next samples at 250 Hz, float32 (n,)."""
        if len(signal_mv) == 0:
            return np.empty(0, np.float32)
        if self._state is None:
            self._state = self._settled * signal_mv[0]
        filtered, self._state = sosfilt(self._sos, signal_mv, zi=self._state)
        return np.asarray(filtered, np.float32)
