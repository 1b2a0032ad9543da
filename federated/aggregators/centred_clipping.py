"""Centred clipping (Karimireddy et al. 2021, ICML, arXiv 2012.10333, algorithm 2).

    v <- v + 1/n sum_i (x_i - v) min(1, tau / ||x_i - v||),  from the last round's v

A radius of 0 stands for the median distance from the start, since a good tau differs by model.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..arrays import Arrays, flat, rows, shaped

ITERATIONS = 3


def aggregate(
    updates: Sequence[Arrays], previous: Arrays, tau: float = 0.0, iterations: int = ITERATIONS
) -> Arrays:
    """The update; `previous` is the one of the round before, at first zeros."""
    matrix, centre = rows(updates), flat(previous)
    radius = tau or float(np.median(np.linalg.norm(matrix - centre, axis=1)))
    for _ in range(iterations):
        away = matrix - centre
        lengths = np.maximum(np.linalg.norm(away, axis=1), 1e-12)
        centre = centre + (away * np.minimum(1.0, radius / lengths)[:, None]).mean(0)
    return shaped(centre, updates[0])
