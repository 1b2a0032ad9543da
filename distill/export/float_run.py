"""A graph in real numbers: every tensor of it, with gradients where they are asked for."""

from __future__ import annotations

import torch
from torch.nn import functional

from ..delineator import delayed
from .graph import ConvNode, DelayNode, Graph, Node


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
