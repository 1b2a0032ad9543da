"""A network as a short list of plain operations: what every exporter reads.

Batch norm is folded into the convolutions. Each tensor has a name; each causal convolution names
the `history` of past inputs that a streaming runtime has to keep for it, and so does each delay.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Node:
    """`conv`, `delay`, `add`, `upsample` or `concat`, from named tensors to `output`."""

    op: str
    output: str
    inputs: tuple[str, ...]


@dataclass(frozen=True)
class ConvNode(Node):
    """A folded convolution: weight (out, in / groups, kernel), bias (out,)."""

    weight: Floats = field(repr=False, default_factory=lambda: np.empty(0, np.float32))
    bias: Floats = field(repr=False, default_factory=lambda: np.empty(0, np.float32))
    stride: int = 1
    dilation: int = 1
    groups: int = 1
    relu6: bool = False

    @property
    def history(self) -> int:
        """Past input samples that the next block needs."""
        return (int(self.weight.shape[2]) - 1) * self.dilation + 1 - self.stride

    @property
    def inputs_wide(self) -> int:
        """Input channels."""
        return int(self.weight.shape[1]) * self.groups


@dataclass(frozen=True)
class DelayNode(Node):
    """What its input was `history` frames ago."""

    history: int = 0
    inputs_wide: int = 0


@dataclass(frozen=True)
class Graph:
    """Nodes in order of computation; `input` is (2, n); outputs: waves, beats, deepest features."""

    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]
    input: str = "x"
