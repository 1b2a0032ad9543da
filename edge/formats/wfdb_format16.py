"""WFDB format 16 straight from the file: wfdb would parse the header anew for every read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..record import FloatArray
from .units import MV_PER_UNIT
from .wfdb_headers import Channel

FORMAT = "16"
MISSING = -32768  # WFDB's mark of a sample that is not there
BYTES = 2


def read_channels(
    path: Path, sharing: Sequence[Channel], channels: Sequence[Channel], start: int, stop: int
) -> list[FloatArray]:
    """Frames `start` to `stop` of `channels` in mV, NaN where missing; `sharing` are all in `path`.

    Skew is not undone. The caller has checked that the file is long enough.
    """
    width = sum(channel.samples_per_frame for channel in sharing)
    offset = sharing[0].byte_offset + BYTES * width * start
    codes = np.fromfile(path, "<i2", width * (stop - start), offset=offset)
    frames = codes.reshape(stop - start, width)
    signals = []
    for channel in channels:
        first = sum(c.samples_per_frame for c in sharing if c.index < channel.index)
        own = frames[:, first : first + channel.samples_per_frame].reshape(-1)
        signal = (own.astype(np.float64) - channel.baseline) / channel.gain
        signal[own == MISSING] = np.nan
        signals.append(in_mv(signal, channel))
    return signals


def in_mv(signal: npt.NDArray[np.float64], channel: Channel) -> FloatArray:
    """Samples in the channel's unit as mV; what no float32 can hold is missing."""
    with np.errstate(over="ignore", invalid="ignore"):
        signal_mv = np.asarray(signal * MV_PER_UNIT.get(channel.unit, 1.0), np.float32)
    signal_mv[~np.isfinite(signal_mv)] = np.nan
    return signal_mv
