"""The graph of a trained network, its batch norms folded."""

from __future__ import annotations

import operator

import numpy as np
import torch
from torch import fx, nn
from torch.nn import functional

from ...pretrain.encoder import Conv
from ..delineator import Delay, Delineator
from .graph import ConvNode, DelayNode, Graph, Node


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
