"""Nearest-neighbour mixing (Allouah et al. 2023, AISTATS, arXiv 2302.01772, algorithm 2).

Each update becomes the mean of its n - f nearest, itself among them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..arrays import Arrays, Doubles, rows
from .krum import squared_distances


def mixing(updates: Sequence[Arrays], f: int) -> Doubles:
    """Rows (n, n) that make the mixed updates of n updates."""
    n = len(updates)
    kept = max(n - f, 1)
    near = np.argsort(squared_distances(rows(updates)), 1, kind="stable")[:, :kept]
    mix = np.zeros((n, n))
    np.put_along_axis(mix, near, 1.0 / kept, 1)
    return mix
