"""From a recorded signal to a front end's codes: gain, offset, noise, range, steps and clock."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..edge.record import Record
from .board import FrontEnd

MISSING = -(2**31)  # in place of a code: the lead is off


def codes_of(
    record: Record, front: FrontEnd, *, drift_ppm: float = 0.0, seed: int = 0
) -> npt.NDArray[np.int64]:
    """What the front end says of a record: linear between samples, at its own rate and clock."""
    signal = record.signal_mv.astype(np.float64)
    step = record.rate_hz / (front.rate_hz * (1 + drift_ppm * 1e-6))
    at = np.arange(0, len(signal) - 1 + 1e-9, step)
    before = np.minimum(at.astype(np.int64), max(len(signal) - 2, 0))
    share = at - before
    mv = signal[before] * (1 - share) + signal[np.minimum(before + 1, len(signal) - 1)] * share
    noise = np.random.default_rng(seed).normal(0, front.noise_mv, len(mv))
    seen = (mv + noise) * (1 + front.gain_error) + front.offset_mv
    steps = np.rint(np.clip(seen, -front.range_mv, front.range_mv) / front.step_mv) + front.zero
    low, high = (
        (0, 2**front.bits - 1)
        if front.zero
        else (-(2 ** (front.bits - 1)), 2 ** (front.bits - 1) - 1)
    )
    return np.where(np.isfinite(steps), np.clip(np.nan_to_num(steps), low, high), MISSING).astype(
        np.int64
    )


def signal_of(codes: npt.NDArray[np.int64], front: FrontEnd) -> npt.NDArray[np.float32]:
    """The signal as the firmware computes it from codes, bit for bit."""
    steps = (codes - front.zero).astype(np.float32)
    mv = steps * np.float32(front.step_mv)
    return np.where(codes == MISSING, np.float32(np.nan), mv).astype(np.float32)
