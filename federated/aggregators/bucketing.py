"""Bucketing (Karimireddy et al. 2022, ICLR, arXiv 2006.09365, algorithm 1): means of s at random.

Clients that differ for want of like data become alike before a robust rule looks at them; s = 2
makes each liar one of half as many.
"""

from __future__ import annotations

import numpy as np

from ..arrays import Doubles

SIZE = 2


def mixing(n: int, seed: int | tuple[int, ...], size: int = SIZE) -> Doubles:
    """Rows (ceil(n / s), n) that make the buckets' means of n updates."""
    order = np.random.default_rng(seed).permutation(n)
    buckets = [order[start : start + size] for start in range(0, n, size)]
    mix = np.zeros((len(buckets), n))
    for row, bucket in enumerate(buckets):
        mix[row, bucket] = 1.0 / len(bucket)
    return mix
