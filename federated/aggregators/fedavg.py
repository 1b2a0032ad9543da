"""FedAvg (McMahan et al. 2017, arXiv 1602.05629, algorithm 1): the mean of the updates.

With 1/M each, or by counts n_k / n. Counts are to be verified by whoever calls this: a client's own
word about how much data it has lets it take the whole model (10^12 examples are free to claim).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..arrays import Arrays, Doubles


def aggregate(updates: Sequence[Arrays], verified_counts: npt.ArrayLike | None = None) -> Doubles:
    """Weights (n,) that sum to one."""
    n = len(updates)
    counts = np.ones(n) if verified_counts is None else np.asarray(verified_counts, np.float64)
    assert counts.shape == (n,) and (counts >= 0).all() and counts.any()
    weights: Doubles = counts / counts.sum()
    return weights
