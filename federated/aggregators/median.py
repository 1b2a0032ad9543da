"""Coordinate-wise median (Yin et al. 2018, ICML, arXiv 1803.01498, definition 1)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..arrays import Arrays, rows, shaped


def aggregate(updates: Sequence[Arrays]) -> Arrays:
    """The update; of an even number the mean of the middle two."""
    return shaped(np.median(rows(updates), axis=0), updates[0])
