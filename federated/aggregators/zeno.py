"""Zeno (Xie et al. 2019, ICML, arXiv 1805.10032, definition 2 and algorithm 1).

Stochastic descendant score of update u: f(x) - f(x + u) - rho ||u||^2, f the loss on the server's
data. The mean of all but the b worst.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..arrays import Arrays, Doubles, moved, norm

RHO = 5e-4


def aggregate(
    updates: Sequence[Arrays],
    model: Arrays,
    trust_loss: Callable[[Arrays], float],
    dropped: int,
    rho: float = RHO,
) -> Doubles:
    """Weights (n,): 1 / (n - b) for those kept."""
    n = len(updates)
    before = trust_loss(model)
    scores = np.array([before - trust_loss(moved(model, u)) - rho * norm(u) ** 2 for u in updates])
    scores = np.where(np.isfinite(scores), scores, -np.inf)
    kept = np.argsort(-scores, kind="stable")[: max(n - dropped, 1)]
    weights = np.zeros(n)
    weights[kept] = 1.0 / len(kept)
    return weights
