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
from .quantized import QuantizedGraph

HALF = Multiplier(1 << 30, 0)
WIDTH = 98  # of a line of numbers
OUTPUTS_TOGETHER, BYTES_TOGETHER = 8, 8  # LO_OUTPUTS_TOGETHER, LO_BYTES_TOGETHER of network.h
SLACK = 8  # bytes behind the last tensor: kernels read eight at a time


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
        """Up to where the next tensor is aligned for words."""
        content = (self.history + self.frames) * self.channels
        return content + -content % 4


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

    def work(self, node: Node) -> int:
        """About its instructions on a Cortex-M4: products, each output's way to bytes, a call."""
        out = self.tensors[node.output]
        outputs = out.frames * out.channels
        if not isinstance(node, ConvNode):
            return 100 + 16 * outputs if node.op == "add" else 100 + 40 * 2 * out.frames
        products = outputs * int(np.prod(node.weight.shape[1:]))
        each = 3 if node.groups > 1 else 1 if out.frames > 1 else 1.3
        return 200 + round(each * products) + 12 * outputs

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
            tables["conv"].append(_conv_row(quantized, node, len(tables["conv"])))
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
    slices = _slices([layout.work(node) for node in layout.nodes])
    outputs = [layout.index(output) for output in quantized.graph.outputs]
    scales = [_real(quantized.grids[output].scale) for output in quantized.graph.outputs]
    lines += [
        "static const lo_network_model network = {",
        "    tensors, nodes, convs, adds, joins,",
        f"    {layout.bytes + SLACK}, {len(tensors)}, {len(nodes)},",
        f"    {{{_joined(slices)}}},",
        f"    {{{_joined(outputs)}}}, {{{_joined(scales)}}},",
        f"    {_real(quantized.grids[quantized.graph.input].scale)},",
        "};",
    ]
    return "\n".join(lines) + "\n"


def _slices(work: Sequence[int], count: int = HOP_SAMPLES - 2) -> list[int]:
    """Nodes up to the end of each of `count` slices, so that the largest is as small as can be."""
    low, high = max(work), sum(work)
    while low < high:  # the least bound that few enough slices keep
        middle = (low + high) // 2
        low, high = (low, middle) if len(_ends(work, middle)) <= count else (middle + 1, high)
    ends = _ends(work, low)
    return ends + [len(work)] * (count - len(ends))


def _ends(work: Sequence[int], bound: int) -> list[int]:
    """The ends of slices none of which is more than `bound`, each as long as it may be."""
    ends, total = [], 0
    for k, each in enumerate(work):
        if total + each > bound:
            ends.append(k)
            total = 0
        total += each
    return [*ends, len(work)]


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
    """Weights as `lo_conv` has them, and the way of sums to bytes."""
    weights = quantized.weights[node.output]
    along = _taps(weights[:, 0]) if node.groups > 1 else _together(weights)
    arithmetic = conv_arithmetic(quantized, node)
    multipliers = arithmetic.multipliers
    biases, values = _filled(2 * arithmetic.bias), _filled([m.value for m in multipliers])
    outputs = np.stack([biases, values], 1)
    return [
        *struct_table("uint32_t", f"weights_{k}", _words(along)),
        *struct_table("lo_output", f"outputs_{k}", [f"{{{b}, {v}}}" for b, v in outputs.tolist()]),
        *_numbers("int8_t", f"rights_{k}", _filled([~m.shift for m in multipliers])),
    ]


def _words(weights: npt.NDArray[np.int8]) -> list[str]:
    """Four bytes each, the first the lowest: who loads two words at once wants them aligned."""
    content = weights.tobytes()
    filled = content + bytes(-len(content) % 4)
    return [f"{word:#x}" for word in np.frombuffer(filled, "<u4").tolist()]


def _filled(values: npt.ArrayLike) -> npt.NDArray[np.integer]:
    """Up to as many outputs as kernels compute together."""
    given = np.asarray(values)
    return np.pad(given, (0, -len(given) % OUTPUTS_TOGETHER))


def _together(weights: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """(out, in, kernel) as (out / 8, kernel * in / 4, 8, 4), filled up with zeros to eights."""
    rows = weights.transpose(0, 2, 1).reshape(len(weights), -1)
    missing = -len(rows) % OUTPUTS_TOGETHER, -rows.shape[1] % BYTES_TOGETHER
    filled = np.pad(rows, [(0, missing[0]), (0, missing[1])])
    blocks = len(filled) // OUTPUTS_TOGETHER, OUTPUTS_TOGETHER, -1, 4
    return filled.reshape(blocks).swapaxes(1, 2)


def _taps(weights: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """(channel, kernel) as (channel / 4, kernel / 2, 2, 2, 2): the last two are tap and channel."""
    missing = -len(weights) % OUTPUTS_TOGETHER, -weights.shape[1] % 2
    filled = np.pad(weights, [(0, missing[0]), (0, missing[1])])
    return filled.reshape(len(filled) // 4, 2, 2, -1, 2).transpose(0, 3, 1, 4, 2)


def _conv_row(quantized: QuantizedGraph, node: ConvNode, k: int) -> str:
    rounds = all(-22 <= m.shift < 0 for m in conv_arithmetic(quantized, node).multipliers)
    shape = f"{node.weight.shape[2]}, {node.stride}, {node.dilation}, {int(rounds)}"
    return f"{{weights_{k}, outputs_{k}, rights_{k}, {shape}}}"


def _add_row(quantized: QuantizedGraph, node: Node) -> str:
    arithmetic = add_arithmetic(quantized, node)
    second_is_coarse = arithmetic.inputs[0] != HALF
    coarse, fine = sorted(arithmetic.inputs, key=lambda of: of != HALF)
    assert coarse == HALF and (fine == HALF or fine.shift < 0) and arithmetic.output.shift < 0
    multipliers = f"{_multiplier(fine)}, {_multiplier(arithmetic.output)}"
    return f"{{{multipliers}, {int(second_is_coarse)}}}"


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
