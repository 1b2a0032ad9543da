"""Sign flip (Li et al. 2019, arXiv 1811.03761): the honest update, the other way round."""

from __future__ import annotations

from ..arrays import Arrays
from .knowledge import Knowledge


def update(known: Knowledge, scale: float = 1.0) -> Arrays:
    """-scale times its own update."""
    return {name: -scale * value for name, value in known.own.items()}
