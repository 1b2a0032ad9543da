"""AutoBANT (arXiv 2505.07614): the weights on the simplex that minimise the trust loss itself.

Mirror descent with entropy as the mirror map, from w = 1/N,

    w'_i = w_i exp(-gamma df/dw_i) / sum,   df/dw_i = <grad f(x + sum_j w_j u_j), u_i>
    w   <- (1 - beta) w + beta w'

The best w that was seen is kept and weights below .5/N become 0, without renormalising: what is cut
shortens the step. gamma 1 and beta .05 as in the authors' settings; their batches of a trust set
of 500 in 5 epochs are `STEPS` whole ones here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..arrays import Arrays, Doubles, flat, moved, rows, weighted

GAMMA = 1.0
BETA = 0.05
STEPS = 80


def aggregate(
    updates: Sequence[Arrays],
    model: Arrays,
    trust_loss: Callable[[Arrays], float],
    trust_gradient: Callable[[Arrays], Arrays],
    steps: int = STEPS,
) -> Doubles:
    """Weights (n,), of a sum of at most one. `trust_gradient` has the names of an update."""
    n, matrix = len(updates), rows(updates)
    w = np.full(n, 1.0 / n)
    best, least = w, np.inf
    for _ in range(steps):
        mixed = moved(model, weighted(updates, w))
        loss = trust_loss(mixed)
        if loss < least:
            best, least = w, loss
        gradient = trust_gradient(mixed)
        slope = matrix @ flat({name: gradient[name] for name in updates[0]})
        w = (1 - BETA) * w + BETA * mirror_step(w, slope)
    return np.where(best < 0.5 / n, 0.0, best)


def mirror_step(w: Doubles, slope: Doubles) -> Doubles:
    """Exponentiated gradient on the simplex; the least slope is taken off against overflow."""
    grown = w * np.exp(-GAMMA * (slope - slope.min()))
    step: Doubles = grown / grown.sum()
    return step
