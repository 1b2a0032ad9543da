"""Replies that are no update of the model: they must cost the round nothing but themselves."""

from __future__ import annotations

import numpy as np

from ..arrays import Arrays
from .knowledge import Knowledge

CLAIMED_COUNT = 10**12


def not_a_number(known: Knowledge) -> Arrays:
    """NaN everywhere."""
    return {name: np.full_like(value, np.nan) for name, value in known.own.items()}


def infinite(known: Knowledge) -> Arrays:
    """One inf in an honest update, which a mean would spread."""
    bad = {name: value.copy() for name, value in known.own.items()}
    next(v for v in bad.values() if v.size).flat[0] = np.inf
    return bad


def wrong_shape(known: Knowledge) -> Arrays:
    """Every array one row short."""
    return {name: value[:-1] for name, value in known.own.items()}


def extra_key(known: Knowledge) -> Arrays:
    """An array that the model has not."""
    return {**known.own, "surprise": np.zeros(3, np.float32)}
