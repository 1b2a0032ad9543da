"""Read a network back out of its ONNX model: what is explained or exported is what is shipped.

The inverse of `onnx_writer`. `read_graph` gives a float or int8 model in real numbers: weights and
biases dequantised, activations in float, so that the graph has gradients; states, their slices and
rounding disappear. `read_quantized` gives an int8 model's own integers and grids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from google.protobuf.message import DecodeError
from onnx import numpy_helper

from ...edge.errors import InputError
from .graph import ConvNode, DelayNode, Graph, Node
from .onnx_writer import OPSET
from .quantized import MOVES, Grid, QuantizedGraph

Array = npt.NDArray[Any]
# What comes of reading a graph that lacks what ours has.
FOREIGN = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, AssertionError)
LARGEST_RELU6 = 6.0 + 1e-4
TIME_AXIS = 3
OPSETS = range(13, OPSET + 1)  # 13 is the first with a scale for each channel
OWN_DOMAINS = ("", "ai.onnx")
INPUTS = 2  # the filtered lead at two gains


def read_graph(model: bytes) -> Graph:
    """The graph of a model's bytes; its output tensors bear the names of the model's outputs.

    Raises InputError for what `onnx_writer` does not write.
    """
    with foreign_refused():
        reader, names = _read(model)
        return _named(reader.finished(), names)


def read_quantized(model: bytes) -> QuantizedGraph:
    """The integers and grids of an int8 model's bytes; its outputs are named as by `read_graph`.

    Raises InputError for what `onnx_writer.write_int8` does not write.
    """
    with foreign_refused():
        return _quantized(*_read(model))


@contextmanager
def foreign_refused() -> Iterator[None]:
    """A model that looks like ours until something is missing or of another shape: one sentence."""
    try:
        yield
    except InputError:
        raise
    except FOREIGN as error:
        raise InputError(
            "the network is not one that leadone writes; take a bundle of `leadone quantize`"
        ) from error


def _quantized(reader: _Reader, names: dict[str, str]) -> QuantizedGraph:
    graph = reader.finished()
    convs = [node.output for node in graph.nodes if isinstance(node, ConvNode)]
    if not all(conv in reader.integers for conv in convs) or graph.input not in reader.grids:
        raise InputError("the network is not int8; make it by `leadone quantize --arithmetic int8`")
    for node in graph.nodes:
        if node.op in MOVES:
            reader.grids[node.output] = reader.grids[node.inputs[0]]
    integers = {names.get(conv, conv): reader.integers[conv] for conv in convs}
    return QuantizedGraph(
        _named(graph, names),
        {names.get(tensor, tensor): grid for tensor, grid in reader.grids.items()},
        {conv: values[0] for conv, values in integers.items()},
        {conv: values[1] for conv, values in integers.items()},
        {conv: values[2] for conv, values in integers.items()},
    )


def _read(model: bytes) -> tuple[_Reader, dict[str, str]]:
    """The reader, done, and the model's output names by tensor."""
    try:
        read = onnx.load_model_from_string(model)
    except DecodeError as error:
        raise InputError("the bundle's network is not a model; get the bundle again") from error
    opset = next((o.version for o in read.opset_import if o.domain in OWN_DOMAINS), 0)
    if opset not in OPSETS:
        raise InputError(
            f"the network is of ONNX opset {opset}, this leadone reads {OPSETS[0]} to "
            f"{OPSETS[-1]}; convert it with onnx.version_converter, or take a bundle of "
            "`leadone quantize`"
        )
    graph = read.graph
    reader = _Reader(graph)
    for node in graph.node:
        reader.step(node)
    outputs = [o.name for o in graph.output if not o.name.endswith("_next")]
    return reader, {reader.source(name): name for name in outputs}


class _Reader:
    """Walks the operators; `_alias` maps a tensor to the one of the graph that it stands for."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self._constants: dict[str, Array] = {
            c.name: numpy_helper.to_array(c) for c in graph.initializer
        }
        inputs = [i for i in graph.input if i.name not in self._constants]
        channels = inputs[0].type.tensor_type.shape.dim[1].dim_value
        if channels != INPUTS:
            raise InputError(
                f"the network takes {channels} channels, leadone gives it {INPUTS}, one lead at "
                "two gains; take a bundle of `leadone quantize`"
            )
        self._input: str = inputs[0].name
        self._states = {i.name: i.type.tensor_type.shape.dim[1].dim_value for i in inputs[1:]}
        self._channels: dict[str, int] = {}  # of tensors with their state in front
        self._alias: dict[str, str] = {self._input: self._input}
        self._nodes: dict[str, Node] = {}
        self._dequantized: dict[str, tuple[Array, Array]] = {}  # integers and scales of constants
        self.grids: dict[str, Grid] = {}
        self.integers: dict[str, tuple[Array, Array, Array]] = {}  # weights, scales, biases

    def finished(self) -> Graph:
        """What has been read, without outputs."""
        return Graph(tuple(self._nodes.values()), (), self._input)

    def source(self, tensor: str) -> str:
        """The graph's tensor behind one of the model's."""
        if tensor not in self._alias:
            raise InputError(f"the network reads {tensor!r} before it is made; get it again")
        return self._alias[tensor]

    def step(self, node: onnx.NodeProto) -> None:
        """Take the next operator."""
        steps: dict[str, Callable[[onnx.NodeProto], None]] = {
            "Conv": self._conv,
            "Clip": self._clip,
            "QuantizeLinear": self._quantize,
            "DequantizeLinear": self._dequantize,
            "Concat": self._concat,
            "Add": lambda n: self._plain(n, "add"),
            "Resize": self._resize,
            "Identity": lambda n: self._same(n.output[0], n.input[0]),
            "Slice": self._slice,
        }
        if node.op_type not in steps or node.domain not in OWN_DOMAINS:
            raise _unknown(node)
        steps[node.op_type](node)

    def _conv(self, node: onnx.NodeProto) -> None:
        geometry = _attributes(node)
        tensor, weight, bias = node.input
        missing = {weight, bias} - self._constants.keys()
        if missing or any(geometry.get("pads", [])):
            raise _unknown(node)
        shape = list(self._constants[weight].shape[2:])
        if shape != geometry["kernel_shape"]:
            raise InputError(
                f"the weights of the network's Conv {node.name!r} are {shape}, it says "
                f"{geometry['kernel_shape']}; get the bundle again"
            )
        conv = ConvNode(
            "conv",
            node.output[0],
            (self.source(tensor),),
            np.array(self._constants[weight][:, :, 0], np.float32),
            np.array(self._constants[bias], np.float32),
            stride=geometry["strides"][1],
            dilation=geometry["dilations"][1],
            groups=geometry["group"],
        )
        self._add(conv)
        if {weight, bias} <= self._dequantized.keys():
            (q, scales), (biases, _) = self._dequantized[weight], self._dequantized[bias]
            self.integers[conv.output] = (q[:, :, 0], scales, biases)

    def _clip(self, node: onnx.NodeProto) -> None:
        low, high = (float(self._constants[name]) for name in node.input[1:])
        conv = self._nodes.get(self.source(node.input[0]))
        if (low, high) != (0.0, 6.0) or not isinstance(conv, ConvNode):
            raise _unknown(node)
        self._rename(replace(conv, relu6=True), conv.output, node.output[0])

    def _quantize(self, node: onnx.NodeProto) -> None:
        """The tensor itself. A grid that starts at 0 and ends by 6 is how int8 says ReLU6."""
        tensor, scale, zero = node.input
        made = self._nodes.get(self.source(tensor))
        grid = Grid(float(self._scales(scale)), int(self._constants[zero]) - 128)
        if made is None:
            self._same(node.output[0], tensor)
            self.grids[self.source(tensor)] = grid
            return
        self.grids[node.output[0]] = grid
        largest = 255 * grid.scale
        if isinstance(made, ConvNode):
            relu6 = int(self._constants[zero]) == 0 and largest <= LARGEST_RELU6
            made = replace(made, relu6=relu6)
        self._rename(made, made.output, node.output[0])

    def _dequantize(self, node: onnx.NodeProto) -> None:
        """Real numbers of a constant, (q - zero) * scale on axis 0; an activation as it is."""
        tensor, scale, zero = node.input
        if tensor not in self._constants:
            self._same(node.output[0], tensor)
            return
        q = self._constants[tensor]
        along = (-1, *[1] * (q.ndim - 1))
        centred = q.astype(np.float32) - self._constants[zero].astype(np.float32).reshape(along)
        self._constants[node.output[0]] = centred * self._scales(scale).reshape(along)
        self._dequantized[node.output[0]] = q, self._scales(scale)

    def _scales(self, name: str) -> Array:
        scales = self._constants[name]
        if not (np.isfinite(scales) & (scales > 0)).all():
            raise InputError(f"the network's {name!r} is no positive number; get the bundle again")
        return scales

    def _concat(self, node: onnx.NodeProto) -> None:
        """Channels side by side; a state in front of its tensor is history, which is zero."""
        axis = _attributes(node)["axis"]
        if axis == TIME_AXIS and len(node.input) == 2 and node.input[0] in self._states:
            self._same(node.output[0], node.input[1])
            self._channels[node.output[0]] = self._states[node.input[0]]
        elif axis == 1:
            self._plain(node, "concat")
        else:
            raise _unknown(node)

    def _slice(self, node: onnx.NodeProto) -> None:
        """A delay: all but the last. The last are the next state, needless for a whole window."""
        tensor, start, end, _ = node.input
        if node.output[0].endswith("_next"):
            return
        first, last = int(self._constants[start][0]), int(self._constants[end][0])
        if first != 0 or last >= 0 or tensor not in self._channels:
            raise _unknown(node)
        late = (self.source(tensor),)
        self._add(DelayNode("delay", node.output[0], late, -last, self._channels[tensor]))

    def _resize(self, node: onnx.NodeProto) -> None:
        scales = self._constants[node.input[2]].tolist()
        if _attributes(node)["mode"] != b"nearest" or scales != [1, 1, 1, 2]:
            raise _unknown(node)
        self._add(Node("upsample", node.output[0], (self.source(node.input[0]),)))

    def _plain(self, node: onnx.NodeProto, op: str) -> None:
        self._add(Node(op, node.output[0], tuple(map(self.source, node.input))))

    def _add(self, node: Node) -> None:
        self._nodes[node.output] = node
        self._alias[node.output] = node.output

    def _same(self, tensor: str, as_tensor: str) -> None:
        self._alias[tensor] = self.source(as_tensor)

    def _rename(self, node: Node, old: str, new: str) -> None:
        """The node under the name of what rounds or clips it; nothing else reads the raw one."""
        del self._nodes[old], self._alias[old]
        if old in self.integers:
            self.integers[new] = self.integers.pop(old)
        self._add(replace(node, output=new))


def _named(graph: Graph, names: dict[str, str]) -> Graph:
    """The graph with some tensors renamed; these are its outputs, in order."""

    def name(tensor: str) -> str:
        return names.get(tensor, tensor)

    nodes = tuple(
        replace(node, output=name(node.output), inputs=tuple(map(name, node.inputs)))
        for node in graph.nodes
    )
    return Graph(nodes, tuple(names.values()), name(graph.input))


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def _unknown(node: onnx.NodeProto) -> InputError:
    return InputError(
        f"the network's {node.op_type} {node.name!r} is not one that this leadone reads; take a "
        "bundle of `leadone quantize`"
    )
