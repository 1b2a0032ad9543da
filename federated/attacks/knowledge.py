"""What a liar may use: the strongest adversary of the papers sees all honest updates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..arrays import Arrays


@dataclass(frozen=True)
class Knowledge:
    """One liar's view of a round: n clients take part, f of them lie."""

    own: Arrays  # what it would send if it were honest
    first: Arrays  # and would have sent in its first round
    honest: Sequence[Arrays]  # all others' updates
    model: Arrays
    n: int
    f: int
    rng: np.random.Generator
    trust_loss: Callable[[Arrays], float]
    trust_gradient: Callable[[Arrays], Arrays]
