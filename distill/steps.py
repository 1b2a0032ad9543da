"""Batches by number: step k of a seed is the same on every run, however many processes make it.

A step's random numbers depend on the seed and its number alone, so that workers can share the work
and a broken run goes on with the very batches that it would have seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import torch
from torch.utils.data import DataLoader, Dataset

Item = TypeVar("Item")
AHEAD = 4  # steps that each worker makes in advance


class _Numbered(Dataset[Item]):
    """What torch's loader asks for."""

    def __init__(self, make: Callable[[int], Item], steps: int) -> None:
        self._make, self._steps = make, steps

    def __len__(self) -> int:
        return self._steps

    def __getitem__(self, step: int) -> Item:
        return self._make(step)


def in_order(make: Callable[[int], Item], first: int, last: int, workers: int) -> Iterator[Item]:
    """`make(first)` to `make(last - 1)`, made ahead by `workers` processes; 0 makes them here."""
    yield from DataLoader(
        _Numbered(make, last),
        batch_size=None,
        sampler=range(first, last),
        generator=torch.Generator(),  # the loader's own numbers come from nobody else's
        num_workers=workers,
        prefetch_factor=AHEAD if workers else None,
        multiprocessing_context="fork"
        if workers
        else None,  # the recordings are shared, not copied
    )


def epoch_seed(seed: int, epoch: int) -> int:
    """For random numbers that the batches do not hold."""
    return seed * 1_000_003 + epoch
