"""`ExactNetwork`: the C core's integers as a network of real numbers, for a `Monitor`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...edge.c_network import CNetwork
from .integer import dequantize, quantize_input
from .quantized import QuantizedGraph

Floats = npt.NDArray[np.float32]


class ExactNetwork:
    """What every device computes, on the same grids; ONNX Runtime rounds otherwise."""

    def __init__(self, core: CNetwork, quantized: QuantizedGraph) -> None:
        """`quantized` says what the core's bytes mean."""
        self._core, self._input = core, quantized.grids[quantized.graph.input]
        self._outputs = [quantized.grids[name] for name in quantized.graph.outputs]

    def reset(self) -> None:
        """Forget the past."""
        self._core.reset()

    def push(self, x: Floats) -> tuple[Floats, Floats, Floats]:
        """Whole hops."""
        answers = self._core.push(quantize_input(x, self._input))
        waves, beats, deep = map(dequantize, answers, self._outputs)
        return waves, beats, deep
