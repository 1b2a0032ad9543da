"""The network's deepest features over time as one vector: mean, maximum and spread a channel.

Kept as sums over blocks of 10 s, so that a window of 30 s costs a device three blocks and no
buffer of features.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .filters import RATE_HZ
from .timing import HOP_SAMPLES

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

BLOCK_S = 10.0
BLOCK_SAMPLES = int(BLOCK_S * RATE_HZ)
KEPT_BLOCKS = 6
SPREAD_FLOOR = 1e-4  # added to the variance: a silent channel has a smooth spread


class Pool:
    """Takes features as they come; gives the statistics of any window of recent whole blocks."""

    def __init__(self) -> None:
        """Nothing seen yet."""
        self.frames = 0
        self._blocks: dict[int, Doubles] = {}  # (3, c): sum, sum of squares, maximum
        self._counts: dict[int, int] = {}

    def push(self, deep: Floats) -> None:
        """Take the features (c, frames) of the next hops."""
        block = (self.frames + np.arange(deep.shape[1])) * HOP_SAMPLES // BLOCK_SAMPLES
        for k in np.unique(block).tolist():
            self._add(k, deep[:, block == k])
        self.frames += deep.shape[1]
        for old in [k for k in self._blocks if k < max(self._blocks) - KEPT_BLOCKS]:
            del self._blocks[old], self._counts[old]

    def statistics(self, start_s: float, end_s: float) -> Doubles | None:
        """Mean, maximum and spread (3 * c,) over the blocks that begin from `start_s` to `end_s`.

        None where there is none. The first block counts for a record of any length.
        """
        chosen = [k for k in self._blocks if start_s <= k * BLOCK_S < end_s]
        if not chosen:
            return None
        n = sum(self._counts[k] for k in chosen)
        parts = np.stack([self._blocks[k] for k in chosen])
        mean, square = parts[:, 0].sum(0) / n, parts[:, 1].sum(0) / n
        spread = np.sqrt(np.maximum(square - mean**2, 0.0) + SPREAD_FLOOR)
        return np.concatenate([mean, parts[:, 2].max(0), spread])

    def _add(self, k: int, deep: Floats) -> None:
        # Squares in float32: few enough bits for float64 sums to be exact in any order.
        parts = np.stack([deep, deep**2]).astype(np.float64)
        sums = np.stack([*parts.sum(2), deep.max(1)])
        if k in self._blocks:
            before = self._blocks[k]
            sums = np.stack([*(before[:2] + sums[:2]), np.maximum(before[2], sums[2])])
        self._blocks[k] = sums
        self._counts[k] = self._counts.get(k, 0) + deep.shape[1]
