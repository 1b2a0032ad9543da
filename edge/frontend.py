"""From a device's samples to the network's input: repair, resample to 250 Hz, filter, two gains.

Training, runtime and firmware all see a signal through this one door.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .filters import StreamFilter
from .resampler import Resampler

# An int8 input has 255 steps. One gain either clips a QRS of 5 mV or drops a P wave of 50 uV into
# two steps, so that the network sees the lead twice: +-5 mV in 39 uV steps, +-0.6 mV in 4.9 uV.
INPUT_RANGES_MV = (5.0, 0.625)

Samples = npt.NDArray[np.float32]


RAW_STEPS_PER_MV = 65536  # of what the filters take: 15 nV
LARGEST_RAW_MV = 2048.0  # above the first: no electrode drifts so far


class FrontEnd:
    """A stream of raw mV at any rate in, filtered mV at 250 Hz out (float32).

    The first valid sample is taken from all: an electrode's offset is hundreds of mV, and nothing
    behind this door has to carry it. Missing samples (NaN, infinity) are bridged by the last value:
    the filters must not be poisoned. Whether such a stretch may carry beats is for `quality` to
    say, not for this file.
    """

    def __init__(self, rate_hz: float) -> None:
        """Set up for one device rate in Hz."""
        self.resampler = Resampler(rate_hz)
        self._filter = StreamFilter()
        self._first: np.float32 | None = None
        self._last = 0.0  # above the first

    def push(self, signal_mv: Samples) -> Samples:
        """Take the next raw samples; give the filtered samples that are complete."""
        return self._filter.push(self.resampler.push(self._repaired(signal_mv)))

    def finish(self) -> Samples:
        """Flush the resampler."""
        return self._filter.push(self.resampler.finish())

    @property
    def removed_mv(self) -> Samples:
        """What the notches took from the samples of the last push: mains, and a little QRS."""
        return self._filter.removed_mv

    def _repaired(self, signal_mv: Samples) -> npt.NDArray[np.float64]:
        """Samples above the first one, on the grid that the filters take."""
        samples = np.asarray(signal_mv, np.float32)
        valid = np.isfinite(samples)
        if self._first is None and valid.any():
            self._first = samples[valid.argmax()]
        with np.errstate(over="ignore", invalid="ignore"):
            above = (samples - (self._first or np.float32(0))).astype(np.float64)
        steps = np.rint(np.clip(above, -LARGEST_RAW_MV, LARGEST_RAW_MV) * RAW_STEPS_PER_MV)
        repaired = steps / RAW_STEPS_PER_MV
        if not valid.all():
            latest = np.maximum.accumulate(np.where(valid, np.arange(len(samples)), -1))
            repaired = np.where(latest >= 0, repaired[latest], self._last)
        if len(repaired):
            self._last = float(repaired[-1])
        return repaired


def filter_record(signal_mv: Samples, rate_hz: float) -> tuple[Samples, float]:
    """A whole record through the front end: filtered mV at 250 Hz and the exact output rate."""
    front = FrontEnd(rate_hz)
    filtered = np.concatenate([front.push(signal_mv), front.finish()])
    return filtered, 1.0 / front.resampler.seconds_per_output


def network_input(filtered_mv: Samples) -> Samples:
    """Filtered mV (..., n) as the network's two channels (..., 2, n), each in -1..1."""
    scaled = [np.clip(filtered_mv / mv, -1.0, 1.0) for mv in INPUT_RANGES_MV]
    return np.stack(scaled, -2).astype(np.float32)
