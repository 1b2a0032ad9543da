"""Multi-Krum (Blanchard et al. 2017, NeurIPS, section 4): the mean of the m least Krum scores."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..arrays import Arrays, Doubles, rows
from .krum import scores


def aggregate(updates: Sequence[Arrays], f: int, kept: int | None = None) -> Doubles:
    """Weights (n,): 1/m for those kept, by default n - f of them."""
    n = len(updates)
    m = max(n - f, 1) if kept is None else kept
    weights = np.zeros(n)
    weights[np.argsort(scores(rows(updates), f), kind="stable")[:m]] = 1.0 / m
    return weights
