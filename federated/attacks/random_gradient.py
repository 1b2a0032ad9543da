"""Random gradient: standard normal numbers, much longer than an honest update."""

from __future__ import annotations

from ..arrays import Arrays
from .knowledge import Knowledge


def update(known: Knowledge, sd: float = 1.0) -> Arrays:
    """Independent numbers in the shapes of its own update."""
    return {
        name: known.rng.normal(0.0, sd, value.shape).astype(value.dtype)
        for name, value in known.own.items()
    }
