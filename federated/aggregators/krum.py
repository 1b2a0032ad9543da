"""Krum (Blanchard et al. 2017, NeurIPS, section 4): the update with the nearest neighbours.

Score of i: the sum of squared distances to its n - f - 2 nearest others. Proven for n >= 2 f + 3.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..arrays import Arrays, Doubles, rows


def aggregate(updates: Sequence[Arrays], f: int) -> Doubles:
    """Weights (n,): one for the update of the least score."""
    weights = np.zeros(len(updates))
    weights[int(np.argmin(scores(rows(updates), f)))] = 1.0
    return weights


def scores(matrix: Doubles, f: int) -> Doubles:
    """Scores (n,) of rows (n, d); with too few rows for f, of the nearest one at least."""
    n = len(matrix)
    near = np.sort(squared_distances(matrix), 1)[:, 1 : 1 + max(n - f - 2, 1)]  # 0 is itself
    total: Doubles = near.sum(1)
    return total


def squared_distances(matrix: Doubles) -> Doubles:
    """Between all rows (n, n), exactly 0 on the diagonal."""
    square = (matrix**2).sum(1)
    distances: Doubles = np.maximum(square[:, None] + square[None] - 2 * matrix @ matrix.T, 0.0)
    np.fill_diagonal(distances, 0.0)
    return distances
