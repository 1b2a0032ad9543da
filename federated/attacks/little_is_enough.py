"""ALIE, a little is enough (Baruch et al. 2019, NeurIPS, arXiv 1902.06156, algorithm 3).

mean - z sd of the honest updates, coordinate by coordinate, z the largest that leaves enough honest
clients further from the mean for the liars to look like a majority:
z = max{z: Phi(z) < (n - f - s) / (n - f)}, s = floor(n / 2 + 1) - f.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import norm

from ..arrays import Arrays, rows, shaped
from .knowledge import Knowledge

LEAST_Z, MOST_Z = 0.3, 3.0  # where liars are a majority the formula has no z


def update(known: Knowledge) -> Arrays:
    """The same for every liar."""
    honest = rows(known.honest or [known.own])
    supporters = np.floor(known.n / 2 + 1) - known.f
    share = (known.n - known.f - supporters) / max(known.n - known.f, 1)
    z = float(np.clip(norm.ppf(np.clip(share, 1e-6, 1 - 1e-6)), LEAST_Z, MOST_Z))
    return shaped(honest.mean(0) - z * honest.std(0), known.own)
