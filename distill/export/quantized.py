"""`QuantizedGraph`: a graph with the grid of each activation and the integers of its weights.

An activation's grid is scale * (q - zero_point), q in -128..127.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .graph import Graph

Floats = npt.NDArray[np.float32]
MOVES = ("upsample", "delay", "concat")  # they move bytes: one grid before and after


@dataclass(frozen=True)
class Grid:
    """The int8 grid of one activation."""

    scale: float
    zero_point: int


@dataclass(frozen=True)
class QuantizedGraph:
    """The graph, each tensor's grid, and each convolution's integer weights and scales."""

    graph: Graph
    grids: dict[str, Grid]
    weights: dict[str, npt.NDArray[np.int8]]  # (out, in / groups, kernel)
    weight_scales: dict[str, Floats]  # (out,)
    biases: dict[str, npt.NDArray[np.int32]]  # on the grid input scale * weight scale
