"""The lead that integrated gradients start from: the same one without its waves.

P waves and QRS to T become straight lines; noise and drift stay. Not a line at zero: the network
reads an ECG at 1 % of its size almost as it does at full size, so that a path from zero spends
its attributions below 5 uV, one step of the int8 input (MIT-BIH 119: V called with log-odds 17 of
30 there). Nor only without QRS-T, because then no P wave could be a reason.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..edge.events import Beat
from ..edge.trace import beat_waves

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]

EDGE_S = 0.012  # beyond each edge: one frame and a half of the delineation
REPOLARISES_S = 0.3  # after a QRS whose T was not found


def without_waves(
    filtered_mv: Floats, t_s: npt.NDArray[np.float64], beats: Sequence[Beat]
) -> Floats:
    """The filtered lead (n,) at times `t_s` with a line in place of each wave."""
    still = ~in_waves(t_s, beats)
    if not still.any():
        return np.zeros_like(filtered_mv)
    return np.interp(t_s, t_s[still], filtered_mv[still]).astype(np.float32)


def in_waves(t_s: npt.NDArray[np.float64], beats: Sequence[Beat]) -> Bools:
    """Whether a time lies in a P wave or from a QRS to the end of its T."""
    inside = np.zeros(len(t_s), bool)
    for beat in beats:
        for _, onset_s, offset_s in [*beat_waves(beat), ("QRST", *qrs_t(beat))]:
            first, last = np.searchsorted(t_s, [onset_s - EDGE_S, offset_s + EDGE_S])
            inside[first:last] = True
    return inside


def qrs_t(beat: Beat) -> tuple[float, float]:
    """From QRS onset to T offset in seconds."""
    t_off_s = beat.t_off_s
    return beat.qrs_on_s, beat.qrs_off_s + REPOLARISES_S if t_off_s is None else t_off_s
