"""The quantised network in integers, as microcontrollers compute it: the truth of every target.

The arithmetic is that of TensorFlow Lite's reference kernels and of TFLM: 32-bit accumulators,
per-channel multipliers as 31-bit fractions with a shift, and both roundings of gemmlowp (Jacob et
al. 2018, "Quantization and training of neural networks for efficient integer-arithmetic-only
inference", section 2.2; the TFLite 8-bit quantization specification).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import frexp
from typing import Any

import numpy as np
import numpy.typing as npt

from .graph import ConvNode, DelayNode, Node
from .quantized import Grid, QuantizedGraph

Bytes = npt.NDArray[np.int8]
Integers = npt.NDArray[np.int64]

ADD_SHIFT = 20  # bits that an addition's inputs gain before they meet


@dataclass(frozen=True)
class Multiplier:
    """A positive real as value / 2**31 * 2**shift."""

    value: int
    shift: int

    @classmethod
    def of(cls, real: float) -> Multiplier:
        """The nearest; `QuantizeMultiplier` of TFLite."""
        fraction, shift = frexp(real)
        value = int(np.floor(fraction * 2**31 + 0.5))
        if value == 2**31:
            value, shift = value // 2, shift + 1
        return cls(value, shift) if shift >= -31 else cls(0, 0)


@dataclass(frozen=True)
class ConvArithmetic:
    """What a convolution needs beside its weights; the input's zero point is in the bias."""

    bias: Integers  # (out,): bias - zero point * sum of weights
    multipliers: tuple[Multiplier, ...]  # (out,)
    input_zero: int
    output_zero: int


@dataclass(frozen=True)
class AddArithmetic:
    """Both inputs on a common, finer grid, and the sum back on the output's."""

    inputs: tuple[Multiplier, Multiplier]
    output: Multiplier
    zeros: tuple[int, int]
    output_zero: int


def conv_arithmetic(quantized: QuantizedGraph, node: ConvNode) -> ConvArithmetic:
    """Of one convolution."""
    before, after = quantized.grids[node.inputs[0]], quantized.grids[node.output]
    reals = quantized.weight_scales[node.output].astype(np.float64) * before.scale / after.scale
    sums = quantized.weights[node.output].astype(np.int64).sum((1, 2))
    bias = quantized.biases[node.output].astype(np.int64) - before.zero_point * sums
    multipliers = tuple(Multiplier.of(float(real)) for real in reals)
    return ConvArithmetic(bias, multipliers, before.zero_point, after.zero_point)


def add_arithmetic(quantized: QuantizedGraph, node: Node) -> AddArithmetic:
    """Of one addition."""
    a, b = (quantized.grids[tensor] for tensor in node.inputs)
    out = quantized.grids[node.output]
    common = 2 * max(a.scale, b.scale)
    return AddArithmetic(
        (Multiplier.of(a.scale / common), Multiplier.of(b.scale / common)),
        Multiplier.of(common / (2**ADD_SHIFT * out.scale)),
        (a.zero_point, b.zero_point),
        out.zero_point,
    )


def quantize_input(x: npt.NDArray[np.float32], grid: Grid) -> Bytes:
    """Real numbers to the nearest step of a grid, halves to even."""
    steps = np.rint(x / np.float32(grid.scale)) + grid.zero_point
    return _saturated(steps)


def dequantize(q: Bytes, grid: Grid) -> npt.NDArray[np.float32]:
    """Steps of a grid to real numbers."""
    steps = q.astype(np.float32) - np.float32(grid.zero_point)
    real: npt.NDArray[np.float32] = steps * np.float32(grid.scale)
    return real


def run_integer(quantized: QuantizedGraph, x: Bytes) -> dict[str, Bytes]:
    """Every tensor (channels, n) of a record from silence; `x` is the quantised input (2, n)."""
    values = {quantized.graph.input: x}
    for node in quantized.graph.nodes:
        parts = [values[tensor] for tensor in node.inputs]
        if isinstance(node, ConvNode):
            values[node.output] = _conv(quantized, node, parts[0])
        elif isinstance(node, DelayNode):
            zero = quantized.grids[node.output].zero_point
            values[node.output] = _behind(parts[0], node.history, zero)[:, : parts[0].shape[1]]
        elif node.op == "add":
            values[node.output] = _add(add_arithmetic(quantized, node), *parts)
        elif node.op == "upsample":
            values[node.output] = np.repeat(parts[0], 2, 1)
        else:
            values[node.output] = np.concatenate(parts)
    return values


def _conv(quantized: QuantizedGraph, node: ConvNode, x: Bytes) -> Bytes:
    arithmetic = conv_arithmetic(quantized, node)
    weights = quantized.weights[node.output].astype(np.int64)
    padded = _behind(x, node.history, arithmetic.input_zero).astype(np.int64)
    taps, outputs = weights.shape[2], x.shape[1] // node.stride
    total = np.repeat(arithmetic.bias[:, None], outputs, 1)
    for tap in range(taps):
        start = tap * node.dilation
        seen = padded[:, start : start + (outputs - 1) * node.stride + 1 : node.stride]
        total += weights[:, 0, tap, None] * seen if node.groups > 1 else weights[:, :, tap] @ seen
    values, shifts = (
        np.array([getattr(m, part) for m in arithmetic.multipliers], np.int64)[:, None]
        for part in ("value", "shift")
    )
    return _saturated(_scaled(total, values, shifts) + arithmetic.output_zero)


def _add(arithmetic: AddArithmetic, *parts: Bytes) -> Bytes:
    total = np.zeros(parts[0].shape, np.int64)
    for part, zero, multiplier in zip(parts, arithmetic.zeros, arithmetic.inputs, strict=True):
        raised = (part.astype(np.int64) - zero) << ADD_SHIFT
        total += _scaled(raised, multiplier.value, multiplier.shift)
    output = arithmetic.output
    return _saturated(_scaled(total, output.value, output.shift) + arithmetic.output_zero)


def _behind(x: Bytes, history: int, zero: int) -> Bytes:
    """The signal behind `history` samples of silence."""
    return np.concatenate([np.full((len(x), max(history, 0)), zero, np.int8), x], 1)


def _scaled(total: Integers, value: Integers | int, shift: Integers | int) -> Integers:
    """`MultiplyByQuantizedMultiplier`: the high half of a doubled product, then a rounded shift."""
    high = ((total << np.maximum(shift, 0)) * value + (1 << 30)) >> 31
    right = np.maximum(-np.asarray(shift), 0)
    mask = (np.int64(1) << right) - 1
    up = (high & mask) > (mask >> 1) + (high < 0)
    scaled: Integers = (high >> right) + up
    return scaled


def _saturated(total: npt.NDArray[Any]) -> Bytes:
    saturated: Bytes = np.clip(total, -128, 127).astype(np.int8)
    return saturated
