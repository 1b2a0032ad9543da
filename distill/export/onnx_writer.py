"""Write the network as a streaming ONNX model: state in, state out, any whole number of hops.

Inputs are `x` (1, 2, 1, n) and one `state_*` a causal convolution or delay; outputs are `waves`
(1, 4, 1, n/2), `beats` (1, 4, 1, n/8), `deep` (1, c, 1, n/16) and the new states. States of the
int8 model are the quantised activations themselves, so a stream is bit-equal to the whole record.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from ...edge.files import whole_file
from .graph import ConvNode, DelayNode, Graph, Node
from .quantized import QuantizedGraph

OPSET = 17
OUTPUT_NAMES = ("waves", "beats", "deep")


class _Writer:
    """Collects nodes and constants; `element` is the type that activations travel in."""

    def __init__(self, element: int) -> None:
        self.element = element
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.states: list[tuple[str, int, int]] = []  # name, channels, samples

    def constant(self, name: str, value: npt.NDArray[np.generic]) -> str:
        if all(c.name != name for c in self.constants):
            self.constants.append(numpy_helper.from_array(value, name))
        return name

    def node(self, op: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))
        return output

    def with_history(self, node: ConvNode | DelayNode, tensor: str) -> str:
        """Prepend the kept inputs, keep the last ones for the next block."""
        if node.history <= 0:
            return tensor
        state = f"state_{node.output}"
        self.states.append((state, node.inputs_wide, node.history))
        joined = self.node("Concat", [state, tensor], f"{node.output}_joined", axis=3)
        end = self.constant("to_end", np.array([np.iinfo(np.int64).max]))
        axis = self.constant("time_axis", np.array([3]))
        self.node("Slice", [joined, self._last(node), end, axis], f"{state}_next")
        return joined

    def delay(self, node: DelayNode, tensor: str) -> str:
        """All but what is kept for the next block."""
        joined = self.with_history(node, tensor)
        start = self.constant("from_start", np.array([0]))
        axis = self.constant("time_axis", np.array([3]))
        return self.node("Slice", [joined, start, self._last(node), axis], node.output)

    def _last(self, node: ConvNode | DelayNode) -> str:
        return self.constant(f"last_{node.history}", np.array([-node.history]))

    def upsample(self, node: Node, tensor: str) -> str:
        scales = self.constant("twice", np.array([1, 1, 1, 2], np.float32))
        return self.node(
            "Resize",
            [tensor, "", scales],
            node.output,
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )

    def model(self, graph_name: str, metadata: dict[str, str]) -> onnx.ModelProto:
        def info(name: str, element: int, shape: list[int | str | None]) -> onnx.ValueInfoProto:
            return helper.make_tensor_value_info(name, element, shape)

        inputs = [info("x", TensorProto.FLOAT, [1, 2, 1, "n"])]
        outputs = [info(o, TensorProto.FLOAT, [1, f"c_{o}", 1, f"n_{o}"]) for o in OUTPUT_NAMES]
        for name, channels, samples in self.states:
            inputs.append(info(name, self.element, [1, channels, 1, samples]))
            outputs.append(info(f"{name}_next", self.element, [1, channels, 1, samples]))
        graph = helper.make_graph(self.nodes, graph_name, inputs, outputs, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
        model.ir_version = 8
        helper.set_model_props(model, metadata)
        onnx.checker.check_model(model)
        return model


def write_float(graph: Graph, path: Path) -> None:
    """The float32 model."""
    writer = _Writer(TensorProto.FLOAT)
    for node in graph.nodes:
        inputs = list(node.inputs)
        if isinstance(node, ConvNode):
            padded = writer.with_history(node, inputs[0])
            raw = node.output if not node.relu6 else f"{node.output}_linear"
            weight = writer.constant(f"{node.output}_weight", node.weight[:, :, None])
            bias = writer.constant(f"{node.output}_bias", node.bias)
            writer.node("Conv", [padded, weight, bias], raw, **_geometry(node))
            if node.relu6:
                low = writer.constant("zero", np.array(0, np.float32))
                high = writer.constant("six", np.array(6, np.float32))
                writer.node("Clip", [raw, low, high], node.output)
        elif isinstance(node, DelayNode):
            writer.delay(node, inputs[0])
        elif node.op == "upsample":
            writer.upsample(node, inputs[0])
        elif node.op == "add":
            writer.node("Add", inputs, node.output)
        else:
            writer.node("Concat", inputs, node.output, axis=1)
    for tensor, name in zip(graph.outputs, OUTPUT_NAMES, strict=True):
        if tensor != name:
            writer.node("Identity", [tensor], name)
    _save(writer.model("delineator", {"arithmetic": "float32"}), path)


def write_int8(quantized: QuantizedGraph, path: Path) -> None:
    """The int8 model as QDQ; activations are written as uint8 (q + 128), which runs fastest."""
    graph = quantized.graph
    writer = _Writer(TensorProto.UINT8)

    def grid(tensor: str) -> list[str]:
        g = quantized.grids[tensor]
        scale = writer.constant(f"{tensor}_scale", np.array(g.scale, np.float32))
        zero = writer.constant(f"{tensor}_zero", np.array(g.zero_point + 128, np.uint8))
        return [scale, zero]

    def dequantize(tensor: str, grid_of: str, name: str) -> str:
        return writer.node("DequantizeLinear", [tensor, *grid(grid_of)], name)

    writer.node("QuantizeLinear", ["x", *grid("x")], "x_q")
    names = {graph.input: "x_q"}
    for node in graph.nodes:
        out = node.output
        names[out] = out
        if isinstance(node, DelayNode):
            writer.delay(node, names[node.inputs[0]])
            continue
        if node.op == "upsample":
            writer.upsample(node, names[node.inputs[0]])
            continue
        if node.op == "concat":
            writer.node("Concat", [names[t] for t in node.inputs], out, axis=1)
            continue
        if isinstance(node, ConvNode):
            padded = writer.with_history(node, names[node.inputs[0]])
            floats = dequantize(padded, node.inputs[0], f"{out}_in")
            weight, bias = _int8_weights(writer, quantized, node)
            raw = writer.node("Conv", [floats, weight, bias], f"{out}_f", **_geometry(node))
        else:
            parts = [dequantize(names[t], t, f"{out}_in{k}") for k, t in enumerate(node.inputs)]
            raw = writer.node("Add", parts, f"{out}_f")
        writer.node("QuantizeLinear", [raw, *grid(out)], out)
    for tensor, name in zip(graph.outputs, OUTPUT_NAMES, strict=True):
        dequantize(names[tensor], tensor, name)
    zeros = {f"zero_{s}": str(_state_zero(quantized, s)) for s, _, _ in writer.states}
    _save(writer.model("delineator", {"arithmetic": "int8", **zeros}), path)


def _state_zero(quantized: QuantizedGraph, state: str) -> int:
    """The byte that stands for 0.0 in a state: what a stream starts from."""
    node = next(n for n in quantized.graph.nodes if f"state_{n.output}" == state)
    return quantized.grids[node.inputs[0]].zero_point + 128


def _int8_weights(writer: _Writer, quantized: QuantizedGraph, node: ConvNode) -> tuple[str, str]:
    name = node.output
    scales = quantized.weight_scales[name]
    weight = writer.constant(f"{name}_weight_q", quantized.weights[name][:, :, None])
    scale = writer.constant(f"{name}_weight_scale", scales)
    zero = writer.constant(f"{name}_weight_zero", np.zeros(len(scales), np.int8))
    bias = writer.constant(f"{name}_bias_q", quantized.biases[name])
    bias_scales = scales * np.float32(quantized.grids[node.inputs[0]].scale)
    bias_scale = writer.constant(f"{name}_bias_scale", bias_scales)
    bias_zero = writer.constant(f"{name}_bias_zero", np.zeros(len(scales), np.int32))
    w = writer.node("DequantizeLinear", [weight, scale, zero], f"{name}_weight", axis=0)
    b = writer.node("DequantizeLinear", [bias, bias_scale, bias_zero], f"{name}_bias", axis=0)
    return w, b


def _geometry(node: ConvNode) -> dict[str, Any]:
    return {
        "strides": [1, node.stride],
        "dilations": [1, node.dilation],
        "group": node.groups,
        "kernel_shape": [1, node.weight.shape[2]],
    }


def _save(model: onnx.ModelProto, path: Path) -> None:
    with whole_file(path) as unfinished:
        unfinished.write_bytes(model.SerializeToString())
