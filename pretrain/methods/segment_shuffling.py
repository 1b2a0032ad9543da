"""Segment shuffling: the network tells in which order a cut stretch was put together.

The jigsaw task of Noroozi & Favaro 2016 (a fixed set of permutations, far from each other, and
cross-entropy over which one was applied) on one lead, where Sarkar & Etemad 2020 call it the
permutation task. The first order of the set is the one that was not shuffled.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ...edge.errors import InputError
from ..encoder import EncoderConfig
from ..views import Views, to_input
from ..windows import Windows
from .method import MAIN, Loss, Method, Whole
from .segments import shuffled


@dataclass(frozen=True)
class SegmentShufflingConfig:
    """How many segments, and how many orders the network tells apart."""

    segments: int = 4
    orders: int = 12

    def __post_init__(self) -> None:
        """Refuse what can't be told apart or is too many to list."""
        if not 2 <= self.segments <= 8:
            raise InputError(f"segments must be 2 to 8, not {self.segments}")
        if not 2 <= self.orders <= len(list(permutations(range(self.segments)))):
            raise InputError(f"{self.segments} segments don't have {self.orders} orders")


class SegmentShuffling(Method):
    """A classifier of orders on the embedding."""

    config: SegmentShufflingConfig

    def __init__(self, encoder: EncoderConfig, config: SegmentShufflingConfig) -> None:
        """An encoder and a linear head."""
        super().__init__(encoder, config)
        self.head = nn.Linear(self.embedder.size, config.orders)
        self._orders = distant_orders(config.segments, config.orders)

    def draw(
        self, views: Views, windows: Windows, chosen: Whole, rng: np.random.Generator
    ) -> tuple[Tensor, ...]:
        """Shuffled lead I, and which order it has (b,)."""
        x = views.clean(windows.number[chosen], MAIN, rng)
        x = x[:, : x.shape[1] - x.shape[1] % self.config.segments]
        which = rng.integers(0, self.config.orders, len(chosen))
        x = views.corrupted(shuffled(x, self._orders[which]), rng)
        return to_input(x, views.config, rng), torch.from_numpy(which)

    def forward(self, *drawn: Tensor) -> Loss:
        """Cross-entropy over the orders; `right` is the share told."""
        x, which = drawn
        told = self.head(self.embedder(x))
        right = (told.argmax(1) == which).float().mean()
        return functional.cross_entropy(told, which), {"right": right}


def distant_orders(segments: int, count: int) -> Whole:
    """Orders (count, segments): the natural one, then always the one farthest from all so far.

    Distance is Hamming's, the smallest to any order already taken, then the sum to all of them
    (Noroozi & Favaro 2016, algorithm 1, with ties in the order of `itertools.permutations`).
    """
    left = np.array(list(permutations(range(segments))), np.int64)
    taken = left[:1]
    left = left[1:]
    while len(taken) < count:
        distance = (left[:, None] != taken[None]).sum(2)
        best = np.lexsort((-distance.sum(1), -distance.min(1)))[0]
        taken = np.concatenate([taken, left[best : best + 1]])
        left = np.delete(left, best, 0)
    return taken
