"""Named arrays: what a model is, and what a client sends of it.

A model is every array that decides what it says, in a fixed order: weights and buffers alike (the
running statistics of batch norm, forgotten, were a known fault of other frameworks). An update is
the model after local training minus the model that was sent.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Arrays = dict[str, Array]
Doubles = npt.NDArray[np.float64]

# What reading an .npz raises where the file is damaged or holds something else.
DAMAGED = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error)


def difference(after: Arrays, before: Arrays) -> Arrays:
    """The update from one model to another of the same names; counters as float too."""
    return {name: np.asarray(after[name] - before[name], _wire(before[name])) for name in before}


def moved(model: Arrays, update: Arrays, step: float = 1.0) -> Arrays:
    """The model after an update, in its own dtypes; a name that the update lacks stays."""
    new = dict(model)
    for name, change in update.items():
        value = model[name] + step * np.asarray(change, np.float64)
        is_whole = np.issubdtype(model[name].dtype, np.integer)
        new[name] = np.asarray(np.rint(value) if is_whole else value).astype(model[name].dtype)
    return new


def rows(updates: Sequence[Arrays]) -> Doubles:
    """Updates as rows (n, d), all of the same names and shapes."""
    return np.stack([flat(update) for update in updates])


def flat(update: Arrays) -> Doubles:
    """One update as a vector (d,)."""
    return np.concatenate([np.ravel(value).astype(np.float64) for value in update.values()])


def shaped(vector: Doubles, like: Arrays) -> Arrays:
    """A vector (d,) with the names and shapes of an update."""
    parts, start = {}, 0
    for name, value in like.items():
        part = vector[start : start + value.size].reshape(value.shape)
        parts[name] = part.astype(_wire(value))
        start += value.size
    return parts


def weighted(updates: Sequence[Arrays], weights: Doubles) -> Arrays:
    """The sum of updates by weights (n,); those of weight 0 are not touched."""
    return {
        name: np.asarray(
            sum(
                w * np.asarray(u[name], np.float64)
                for u, w in zip(updates, weights, strict=True)
                if w
            )
            if weights.any()
            else np.zeros(updates[0][name].shape)
        ).astype(_wire(updates[0][name]))
        for name in updates[0]
    }


def zeros(like: Arrays) -> Arrays:
    """The update that changes nothing."""
    return {name: np.zeros(value.shape, _wire(value)) for name, value in like.items()}


def norm(update: Arrays) -> float:
    """Euclidean length over all arrays; it may overflow to inf without a warning."""
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.sqrt(sum(np.square(v, dtype=np.float64).sum() for v in update.values())))


def size_bytes(arrays: Arrays) -> int:
    """Bytes of the raw numbers; what is no array counts nothing."""
    return sum(int(getattr(value, "nbytes", 0)) for value in arrays.values())


def _wire(value: Array) -> type[np.floating[Any]]:
    return np.float64 if value.dtype == np.float64 else np.float32
