"""Write the int8 network as C tables for `edge/core/network.c`.

Upsamples and delays compute nothing: they are ways in which a join reads its inputs. A tensor that
is read into the past keeps that past in front of its frames; the others share memory with those
that are not needed at the same time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...edge.timing import HOP_SAMPLES
from .graph import ConvNode, DelayNode, Node
from .integer import Multiplier, add_arithmetic, conv_arithmetic
from .quantize import QuantizedGraph

WIDTH = 98  # of a line of numbers
SLACK = 4  # bytes behind the last tensor: kernels read four at a time


@dataclass(frozen=True)
class _Part:
    """How a join reads a tensor."""

    tensor: str
    delay: int = 0
    halved: bool = False


@dataclass
class _Tensor:
    """One of the device's tensors; `first` and `last` are the nodes that write and read it."""

    name: str
    channels: int
    frames: int
    first: int
    last: int
    history: int = 0
    offset: int = 0

    @property
    def bytes(self) -> int:
        return (self.history + self.frames) * self.channels


class _Layout:
    """Which nodes a device runs, and where their tensors lie."""

    def __init__(self, quantized: QuantizedGraph) -> None:
        graph = quantized.graph
        self.parts = {n.output: _part(n) for n in graph.nodes if n.op in ("delay", "upsample")}
        self.nodes = [n for n in graph.nodes if n.output not in self.parts]
        self.tensors = {graph.input: _Tensor(graph.input, 2, HOP_SAMPLES, -1, -1)}
        for k, node in enumerate(self.nodes):
            self._read(k, node)
            self._write(k, node)
        for output in graph.outputs:
            self.tensors[output].last = len(self.nodes)
        self.bytes = self._place()

    def inputs(self, node: Node) -> list[_Part]:
        """What a node reads."""
        return [self.parts.get(tensor, _Part(tensor)) for tensor in node.inputs]

    def index(self, tensor: str) -> int:
        """Its place in the table."""
        return list(self.tensors).index(tensor)

    def _read(self, k: int, node: Node) -> None:
        for part in self.inputs(node):
            tensor = self.tensors[part.tensor]
            needed = node.history if isinstance(node, ConvNode) else part.delay
            tensor.last, tensor.history = k, max(tensor.history, needed)

    def _write(self, k: int, node: Node) -> None:
        first = self.inputs(node)[0]
        frames, channels = self.tensors[first.tensor].frames, self.tensors[first.tensor].channels
        if isinstance(node, ConvNode):
            frames, channels = frames // node.stride, len(node.weight)
        elif node.op == "concat":
            frames *= 2 if first.halved else 1
            channels = sum(self.tensors[part.tensor].channels for part in self.inputs(node))
        self.tensors[node.output] = _Tensor(node.output, channels, frames, k, k)

    def _place(self) -> int:
        """Tensors with a past first, each its own; then the others, first fit. The bytes in all."""
        end = 0
        for tensor in (t for t in self.tensors.values() if t.history):
            tensor.offset, end = end, end + tensor.bytes
        placed: list[_Tensor] = []
        for tensor in sorted(
            (t for t in self.tensors.values() if not t.history), key=lambda t: -t.bytes
        ):
            tensor.offset = end
            beside = [t for t in placed if t.first <= tensor.last and tensor.first <= t.last]
            for other in sorted(beside, key=lambda t: t.offset):
                if tensor.offset + tensor.bytes <= other.offset:
                    break
                tensor.offset = max(tensor.offset, other.offset + other.bytes)
            placed.append(tensor)
        return max(t.offset + t.bytes for t in self.tensors.values())


def network_tables(quantized: QuantizedGraph) -> str:
    """C definitions that end in `static const lo_network_model network`."""
    layout = _Layout(quantized)
    tables: dict[str, list[str]] = {"conv": [], "add": [], "join": []}
    lines: list[str] = []
    nodes = []

    def zero(tensor: str) -> int:
        return quantized.grids[tensor].zero_point

    for node in layout.nodes:
        inputs = layout.inputs(node)
        if isinstance(node, ConvNode):
            kind, operation = "conv", "LO_DEPTHWISE" if node.groups > 1 else "LO_CONV"
            lines += _constants(quantized, node, len(tables["conv"]))
            tables["conv"].append(_conv_row(node, len(tables["conv"])))
        elif node.op == "add":
            kind, operation = "add", "LO_ADD"
            tables["add"].append(_add_row(quantized, node))
        else:
            kind, operation = "join", "LO_JOIN"
            tables["join"].append(_join_row(inputs))
        read = [layout.index(part.tensor) for part in inputs]
        second = read[1] if len(read) > 1 else 0
        where = f"{{{read[0]}, {second}}}, {layout.index(node.output)}"
        nodes.append(f"{{{operation}, {where}, {len(tables[kind]) - 1}}}")
    tensors = [
        f"{{{t.offset}, {t.channels}, {t.frames}, {t.history}, {zero(t.name)}}}"
        for t in layout.tensors.values()
    ]
    lines += struct_table("lo_tensor", "tensors", tensors) + struct_table("lo_node", "nodes", nodes)
    for kind, rows in tables.items():
        lines += struct_table(f"lo_{kind}", f"{kind}s", rows)
    outputs = [layout.index(output) for output in quantized.graph.outputs]
    scales = [_real(quantized.grids[output].scale) for output in quantized.graph.outputs]
    lines += [
        "static const lo_network_model network = {",
        "    tensors, nodes, convs, adds, joins,",
        f"    {layout.bytes + SLACK}, {len(tensors)}, {len(nodes)},",
        f"    {{{_joined(outputs)}}}, {{{_joined(scales)}}},",
        f"    {_real(quantized.grids[quantized.graph.input].scale)},",
        "};",
    ]
    return "\n".join(lines) + "\n"


def channels_of(quantized: QuantizedGraph, tensor: str) -> int:
    """Of a tensor that a device computes."""
    return _Layout(quantized).tensors[tensor].channels


def float_table(name: str, values: npt.NDArray[np.float32]) -> list[str]:
    """A constant array of float32, exactly."""
    return struct_table("float", name, [_real(value) for value in values.reshape(-1).tolist()])


def struct_table(kind: str, name: str, rows: Sequence[str]) -> list[str]:
    """A constant array, as many rows to a line as fit."""
    lines = [f"static const {kind} {name}[{len(rows)}] = {{"]
    line = "   "
    for row in rows:
        if len(line) + len(row) + 2 > WIDTH:
            lines.append(line)
            line = "   "
        line += f" {row},"
    return [*lines, line, "};"]


def _part(node: Node) -> _Part:
    if isinstance(node, DelayNode):
        return _Part(node.inputs[0], delay=node.history)
    return _Part(node.inputs[0], halved=True)


def _constants(quantized: QuantizedGraph, node: ConvNode, k: int) -> list[str]:
    """Weights as `lo_conv` has them, biases and multipliers."""
    weights = quantized.weights[node.output]
    along = weights.transpose(2, 0, 1) if node.groups > 1 else _together(weights)
    arithmetic = conv_arithmetic(quantized, node)
    return [
        *_numbers("int8_t", f"weights_{k}", along),
        *_numbers("int32_t", f"bias_{k}", arithmetic.bias),
        *struct_table("int32_t", f"values_{k}", [str(m.value) for m in arithmetic.multipliers]),
        *struct_table("int8_t", f"shifts_{k}", [str(m.shift) for m in arithmetic.multipliers]),
    ]


def _together(weights: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """(out, in, kernel) as (out / 8, kernel * in / 4, 8, 4), filled up with zeros."""
    rows = weights.transpose(0, 2, 1).reshape(len(weights), -1)
    missing = [(0, -size % together) for size, together in zip(rows.shape, (8, 4), strict=True)]
    filled = np.pad(rows, missing)
    return filled.reshape(len(filled) // 8, 8, -1, 4).swapaxes(1, 2)


def _conv_row(node: ConvNode, k: int) -> str:
    shape = f"{node.weight.shape[2]}, {node.stride}, {node.dilation}"
    return f"{{weights_{k}, bias_{k}, values_{k}, shifts_{k}, {shape}}}"


def _add_row(quantized: QuantizedGraph, node: Node) -> str:
    arithmetic = add_arithmetic(quantized, node)
    inputs = _joined(_multiplier(m) for m in arithmetic.inputs)
    return f"{{{{{inputs}}}, {_multiplier(arithmetic.output)}}}"


def _join_row(inputs: Sequence[_Part]) -> str:
    parts = _joined(f"{{{part.delay}, {int(part.halved)}}}" for part in inputs)
    return f"{{{{{parts}}}}}"


def _multiplier(multiplier: Multiplier) -> str:
    return f"{{{multiplier.value}, {multiplier.shift}}}"


def _numbers(kind: str, name: str, values: npt.NDArray[np.integer]) -> list[str]:
    return struct_table(kind, name, [str(value) for value in values.reshape(-1).tolist()])


def _joined(values: Iterable[object]) -> str:
    return ", ".join(str(value) for value in values)


def _real(value: float) -> str:
    """A float32 constant, exactly."""
    return f"{float(np.float32(value)).hex()}f"
