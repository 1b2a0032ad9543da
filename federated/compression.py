"""Smaller updates on the wire: int8 with a scale an array, or the k largest entries in int8.

What is left out is kept on the device and added to the next round's update (error feedback: Seide
et al. 2014; Karimireddy et al. 2019, arXiv 1901.09847, algorithm 2). The server rebuilds named
arrays before it checks them; a packed reply that does not unpack is one more bad reply.
"""

from __future__ import annotations

import numpy as np

from ..edge.errors import InputError
from .arrays import Arrays, Doubles, difference, flat, norm, shaped

NONE, INT8, TOP_K = "none", "int8", "topk"
KINDS = (NONE, INT8, TOP_K)
STEPS = 127


def pack(update: Arrays, kind: str, share: float = 0.1) -> Arrays:
    """The update as it travels; `share` of its entries for top-k."""
    if kind == NONE:
        return dict(update)
    if kind == INT8:
        packed = {}
        for name, value in update.items():
            scale = np.float32(np.abs(value).max(initial=0.0) / STEPS)
            packed[f"{name}|int8"] = _quantised(value, float(scale))
            packed[f"{name}|scale"] = np.array([scale], np.float32)
        return packed
    vector = flat(update)
    k = max(int(np.ceil(share * len(vector))), 1)
    index = np.sort(np.argpartition(np.abs(vector), len(vector) - k)[len(vector) - k :])
    scale = np.float32(np.abs(vector[index]).max(initial=0.0) / STEPS)
    width = np.uint16 if len(vector) <= 1 << 16 else np.uint32
    return {
        "|index": index.astype(width),
        "|int8": _quantised(vector[index], float(scale)),
        "|scale": np.array([scale], np.float32),
    }


def unpack(packed: Arrays, kind: str, like: Arrays) -> Arrays:
    """The update that was packed, of `like`'s names and shapes; InputError where this is none."""
    if kind == NONE:
        return packed
    if kind == INT8:
        expected = {f"{name}|{part}" for name in like for part in ("int8", "scale")}
        if set(packed) != expected:
            raise InputError(_odd(set(packed), expected))
        return {
            name: _restored(packed[f"{name}|int8"], packed[f"{name}|scale"], like[name].shape)
            for name in like
        }
    if set(packed) != {"|index", "|int8", "|scale"}:
        raise InputError(_odd(set(packed), {"|index", "|int8", "|scale"}))
    size = sum(value.size for value in like.values())
    index = packed["|index"]
    if index.dtype not in (np.uint16, np.uint32) or index.ndim != 1 or (index >= size).any():
        raise InputError("the update's indices are none of the model's")
    vector = np.zeros(size)
    vector[index] = _restored(packed["|int8"], packed["|scale"], index.shape)
    return shaped(vector, like)


class Feedback:
    """What earlier rounds left out, on the device."""

    def __init__(self, kind: str, share: float = 0.1) -> None:
        """Nothing is left out yet."""
        self.kind, self.share = kind, share
        self.left: Arrays = {}

    def pack(self, update: Arrays) -> Arrays:
        """The update with what was left out before, packed; keeps what is left out now."""
        if self.kind == NONE:
            return pack(update, self.kind)
        whole = {n: v + self.left[n] if n in self.left else v for n, v in update.items()}
        packed = pack(whole, self.kind, self.share)
        left = difference(whole, unpack(packed, self.kind, whole))
        self.left = left if np.isfinite(norm(left)) else {}
        return packed


def _quantised(value: Doubles, scale: float) -> np.ndarray[tuple[int, ...], np.dtype[np.int8]]:
    steps = np.rint(value / scale) if scale > 0 else np.zeros(value.shape)
    return np.asarray(np.clip(steps, -STEPS, STEPS), np.int8)


def _restored(
    steps: np.ndarray[tuple[int, ...], np.dtype[np.int8]],
    scale: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
    shape: tuple[int, ...],
) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    if steps.dtype != np.int8 or steps.shape != shape:
        raise InputError(f"a packed array is {steps.dtype} {steps.shape}, not int8 {shape}")
    if scale.shape != (1,) or scale.dtype != np.float32:
        raise InputError("a packed array has no scale")
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(steps.astype(np.float32) * scale[0])


def _odd(found: set[str], expected: set[str]) -> str:
    odd = sorted(found ^ expected)[0]
    return f"the update {'has the unknown' if odd in found else 'lacks'} {odd!r}"
