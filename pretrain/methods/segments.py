"""Stretches cut into segments and put together in another order."""

from __future__ import annotations

import numpy as np

from ..views import Floats
from .method import Whole


def shuffled(x: Floats, orders: Whole) -> Floats:
    """Rows (b, n) cut into equal segments in the orders (b, segments); n divides by segments."""
    b, count = orders.shape
    segments = x.reshape(b, count, -1)
    joined: Floats = segments[np.arange(b)[:, None], orders].reshape(b, -1)
    return joined
