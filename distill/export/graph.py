"""The trained network as a short list of plain operations: what every exporter reads.

Batch norm is folded into the convolutions. Each tensor has a name; each causal convolution names
the `history` of past inputs that a streaming runtime has to keep for it, and so does each delay.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from torch import fx, nn
from torch.nn import functional

from ...pretrain.encoder import Conv
from ..delineator import Delay, Delineator, delayed

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


def trace(model: Delineator) -> Graph:
    """The graph of a trained delineator in evaluation mode."""

    class Tracer(fx.Tracer):
        def is_leaf_module(self, module: nn.Module, name: str) -> bool:
            return isinstance(module, Conv | Delay) or super().is_leaf_module(module, name)

    traced = Tracer().trace(model.eval())
    modules = dict(model.named_modules())
    nodes: list[Node] = []
    outputs: tuple[str, ...] = ()
    for step in traced.nodes:
        inputs = tuple(_name(a) for a in step.all_input_nodes)
        if step.op == "call_module":
            nodes.append(_leaf(modules[str(step.target)], _name(step), inputs))
        elif step.op == "output":
            outputs = inputs
        elif step.op == "call_function":
            nodes.append(Node(_operation(step.target), _name(step), inputs))
    return Graph(tuple(nodes), outputs)


def run_float(graph: Graph, x: torch.Tensor) -> dict[str, torch.Tensor]:
    """Every tensor of the graph for a whole window (batch, 2, 1, n), started from zero history."""
    with torch.no_grad():
        return run_differentiably(graph, x)


def run_differentiably(graph: Graph, x: torch.Tensor) -> dict[str, torch.Tensor]:
    """As `run_float`, with gradients back to `x`."""
    values = {graph.input: x}
    for node in graph.nodes:
        values[node.output] = _apply(node, [values[name] for name in node.inputs])
    return values


def _apply(node: Node, inputs: list[torch.Tensor]) -> torch.Tensor:
    if isinstance(node, ConvNode):
        padded = functional.pad(inputs[0], (node.history, 0))
        weight, bias = torch.from_numpy(node.weight[:, :, None]), torch.from_numpy(node.bias)
        stride, dilation = (1, node.stride), (1, node.dilation)
        y = functional.conv2d(padded, weight, bias, stride, 0, dilation, node.groups)
        return functional.relu6(y) if node.relu6 else y
    if isinstance(node, DelayNode):
        return delayed(inputs[0], node.history)
    if node.op == "add":
        return inputs[0] + inputs[1]
    if node.op == "upsample":
        return inputs[0].repeat_interleave(2, -1)
    return torch.cat(inputs, 1)


def _operation(target: object) -> str:
    names = {operator.add: "add", torch.cat: "concat", functional.interpolate: "upsample"}
    return names[target]  # type: ignore[index]


def _name(step: fx.Node) -> str:
    return step.name


def _leaf(module: nn.Module, name: str, inputs: tuple[str, ...]) -> Node:
    if isinstance(module, Delay):
        return DelayNode("delay", name, inputs, module.frames, module.channels)
    return _conv(module, name, inputs)


def _conv(module: nn.Module, name: str, inputs: tuple[str, ...]) -> ConvNode:
    """Fold batch norm: w * g / sd, b = beta - mean * g / sd."""
    conv = module.conv if isinstance(module, Conv) else module
    assert isinstance(conv, nn.Conv2d)
    weight = conv.weight.detach().double()[:, :, 0]
    if isinstance(module, Conv):
        norm = module.norm
        assert norm.running_var is not None and norm.running_mean is not None
        factor = norm.weight.detach().double() / (norm.running_var.double() + norm.eps).sqrt()
        weight = weight * factor[:, None, None]
        bias = norm.bias.detach().double() - norm.running_mean.double() * factor
    else:
        assert conv.bias is not None
        bias = conv.bias.detach().double()
    return ConvNode(
        "conv",
        name,
        inputs,
        weight.numpy().astype(np.float32),
        bias.numpy().astype(np.float32),
        conv.stride[1],
        conv.dilation[1],
        conv.groups,
        isinstance(module, Conv) and module.activate,
    )
