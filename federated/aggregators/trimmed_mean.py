"""Coordinate-wise trimmed mean (Yin et al. 2018, ICML, arXiv 1803.01498, definition 2)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..arrays import Arrays, rows, shaped


def aggregate(updates: Sequence[Arrays], f: int) -> Arrays:
    """The mean without the f largest and f smallest values; as many as leave one or two."""
    n = len(updates)
    cut = min(f, (n - 1) // 2)
    ordered = np.sort(rows(updates), axis=0)
    return shaped(ordered[cut : n - cut].mean(0), updates[0])
