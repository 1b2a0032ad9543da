"""Stale update: what it sent in its first round, again and again."""

from __future__ import annotations

from ..arrays import Arrays
from .knowledge import Knowledge


def update(known: Knowledge) -> Arrays:
    """The update from the model before any learning."""
    return known.first
