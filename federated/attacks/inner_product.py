"""IPM, inner product manipulation (Xie et al. 2020, UAI, arXiv 1903.03936, eq. 5): -eps mean."""

from __future__ import annotations

from ..arrays import Arrays, rows, shaped
from .knowledge import Knowledge


def update(known: Knowledge, epsilon: float = 0.5) -> Arrays:
    """Small and exactly against the honest mean; epsilon as in BANT's experiments."""
    return shaped(-epsilon * rows(known.honest or [known.own]).mean(0), known.own)
