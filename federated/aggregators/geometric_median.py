"""Robust federated averaging: the geometric median (Pillutla et al. 2022, arXiv 1912.13445).

Smoothed Weiszfeld (algorithm 2): beta_i ~ 1 / max(nu, ||v - x_i||), v = sum_i beta_i x_i.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..arrays import Arrays, Doubles, rows

NU = 1e-6
ITERATIONS = 100
TOLERANCE = 1e-9


def aggregate(updates: Sequence[Arrays], nu: float = NU, iterations: int = ITERATIONS) -> Doubles:
    """Weights (n,) that sum to one: the geometric median is their sum of the updates."""
    matrix = rows(updates)
    weights = np.full(len(matrix), 1.0 / len(matrix))
    for _ in range(iterations):
        away = np.linalg.norm(matrix - weights @ matrix, axis=1)
        inverse = 1.0 / np.maximum(away, nu)
        new = inverse / inverse.sum()
        is_still = np.abs(new - weights).max() < TOLERANCE
        weights = new
        if is_still:
            break
    return weights
