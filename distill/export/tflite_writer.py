"""Write the network as LiteRT: the schema alone, no TensorFlow and no converter.

Tensors are (1, 1, n, c). `stream` takes `x` and the states of all causal convolutions and delays
and gives the outputs and the next states; a state is on the grid of what it remembers, so that
int8 bytes travel as they are. `window` starts from silence and has no states.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from ...edge.files import whole_file
from .graph import ConvNode, DelayNode, Graph, Node
from .onnx_writer import OUTPUT_NAMES
from .quantized import Grid, QuantizedGraph

Array = npt.NDArray[Any]
BUILTIN = schema.BuiltinOperator
VERSIONS = {  # the first of each operator that takes int8 (and dilation)
    BUILTIN.CONV_2D: 3,
    BUILTIN.DEPTHWISE_CONV_2D: 3,
    BUILTIN.ADD: 2,
    BUILTIN.CONCATENATION: 2,
    BUILTIN.STRIDED_SLICE: 2,
    BUILTIN.RESIZE_NEAREST_NEIGHBOR: 2,
    BUILTIN.PAD: 2,
}
TIME, CHANNELS = 2, 3


def write_tflite(
    network: Graph | QuantizedGraph,
    path: Path,
    samples: int,
    *,
    streaming: bool,
    bias_scales: bool = True,
) -> None:
    """The model for blocks (or windows) of `samples`, whole hops; int8 from a quantised graph.

    XNNPACK wants the scales of biases, a fifth of the file; kernels on microcontrollers do not.
    """
    quantized = network if isinstance(network, QuantizedGraph) else None
    graph = network.graph if isinstance(network, QuantizedGraph) else network
    writer = _Writer(quantized, streaming, bias_scales)
    writer.tensor(graph.input, samples, 2, graph.input)
    writer.inputs.append(graph.input)
    for node in graph.nodes:
        writer.step(node)
    content = writer.finished(graph.outputs)
    with whole_file(path) as unfinished:
        unfinished.write_bytes(content)


class _Writer:
    """Collects tensors, buffers and operators of the one subgraph."""

    def __init__(
        self, quantized: QuantizedGraph | None, streaming: bool, bias_scales: bool
    ) -> None:
        self._quantized, self._streaming = quantized, streaming
        self._bias_scales = bias_scales
        self._tensors: list[Any] = []
        self._index: dict[str, int] = {}
        self._buffers: list[Any] = [schema.BufferT()]  # the first says: no content
        self._operators: list[Any] = []
        self._codes: dict[int, int] = {}
        self.inputs: list[str] = []
        self._states: list[str] = []

    def step(self, node: Node) -> None:
        """Write one node of the graph."""
        if isinstance(node, ConvNode):
            self._conv(node)
        elif isinstance(node, DelayNode):
            n = self._samples(node.inputs[0])
            joined = self._behind(node, node.history)
            self._slice(joined, 0, n, node.output, node.output)
        elif node.op == "add":
            options = schema.AddOptionsT()
            self._same_shape(node)
            self._operator(BUILTIN.ADD, node.inputs, node.output, options)
        elif node.op == "upsample":
            self._upsample(node)
        else:
            channels = sum(self._channels(tensor) for tensor in node.inputs)
            self.tensor(node.output, self._samples(node.inputs[0]), channels, node.output)
            self._concat(node.inputs, node.output, CHANNELS)

    def finished(self, outputs: tuple[str, ...]) -> bytes:
        """The file. Outputs are named in the signature, in order: waves, beats, deep, states."""
        names = dict(zip(OUTPUT_NAMES, outputs, strict=True))
        names |= {f"{state}_next": f"{state}_next" for state in self._states}
        subgraph = schema.SubGraphT()
        subgraph.name = "stream" if self._streaming else "window"
        subgraph.tensors, subgraph.operators = self._tensors, self._operators
        subgraph.inputs = np.array([self._index[name] for name in self.inputs], np.int32)
        subgraph.outputs = np.array([self._index[name] for name in names.values()], np.int32)
        for inner in self._index.keys() - {*self.inputs, *names.values()}:
            self._tensors[self._index[inner]].name = None
        signature = schema.SignatureDefT()
        signature.signatureKey, signature.subgraphIndex = subgraph.name, 0
        signature.inputs = [self._map(name, name) for name in self.inputs]
        signature.outputs = [self._map(name, tensor) for name, tensor in names.items()]
        model = schema.ModelT()
        model.version, model.description = 3, "leadone"
        model.operatorCodes = [_code(code) for code in self._codes]
        model.subgraphs, model.buffers = [subgraph], self._buffers
        model.signatureDefs = [signature]
        builder = _Builder(1 << 18)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def tensor(self, name: str, samples: int, channels: int, grid_of: str) -> None:
        """An activation (1, 1, samples, channels)."""
        grid = self._quantized.grids[grid_of] if self._quantized else None
        kind = schema.TensorType.INT8 if grid else schema.TensorType.FLOAT32
        self._add(name, (1, 1, samples, channels), kind, _quantization(grid))

    def _conv(self, node: ConvNode) -> None:
        padded = self._behind(node, node.history)
        n = self._samples(node.inputs[0]) // node.stride
        self.tensor(node.output, n, len(node.weight), node.output)
        inputs = [padded, *self._weights(node)]
        depthwise = node.groups > 1
        options = schema.DepthwiseConv2DOptionsT() if depthwise else schema.Conv2DOptionsT()
        options.padding = schema.Padding.VALID
        options.strideH = options.strideW = node.stride
        options.dilationHFactor, options.dilationWFactor = 1, node.dilation
        if depthwise:
            options.depthMultiplier = 1
        if node.relu6 and not self._quantized:  # an int8 grid ends where ReLU6 does
            options.fusedActivationFunction = schema.ActivationFunctionType.RELU6
        code = BUILTIN.DEPTHWISE_CONV_2D if depthwise else BUILTIN.CONV_2D
        self._operator(code, inputs, node.output, options)

    def _weights(self, node: ConvNode) -> tuple[str, str]:
        """The constants (out, 1, kernel, in), depthwise (1, 1, kernel, channels), and the bias."""
        depthwise = node.groups > 1
        weight: Array = node.weight
        bias: Array = node.bias
        quantizations = [None, None]
        if self._quantized:
            scales = self._quantized.weight_scales[node.output]
            grid = self._quantized.grids[node.inputs[0]]
            weight = self._quantized.weights[node.output]
            bias = self._quantized.biases[node.output]
            quantizations = [_per_channel(scales, 3 if depthwise else 0), None]
            if self._bias_scales:
                quantizations[1] = _per_channel(scales * np.float32(grid.scale))
        along = weight.transpose(1, 2, 0) if depthwise else weight.transpose(0, 2, 1)
        shaped = along[None] if depthwise else along[:, None]
        self._constant(f"{node.output}_weight", shaped, quantizations[0])
        self._constant(f"{node.output}_bias", bias, quantizations[1])
        return f"{node.output}_weight", f"{node.output}_bias"

    def _behind(self, node: ConvNode | DelayNode, history: int) -> str:
        """The input behind its state, or behind silence."""
        tensor = node.inputs[0]
        if history <= 0:
            return tensor
        samples, channels = self._samples(tensor), self._channels(tensor)
        joined, state = f"{node.output}_joined", f"state_{node.output}"
        self.tensor(joined, history + samples, channels, tensor)
        if not self._streaming:
            pads = np.array([[0, 0], [0, 0], [history, 0], [0, 0]], np.int32)
            constant = self._constant(f"behind_{history}", pads)
            self._operator(BUILTIN.PAD, [tensor, constant], joined, schema.PadOptionsT())
            return joined
        self.tensor(state, history, channels, tensor)
        self.inputs.append(state)
        self._states.append(state)
        self._concat((state, tensor), joined, TIME)
        self._slice(joined, samples, samples + history, f"{state}_next", tensor)
        return joined

    def _slice(self, tensor: str, first: int, last: int, output: str, grid_of: str) -> None:
        """Samples first to last."""
        channels = self._channels(tensor)
        self.tensor(output, last - first, channels, grid_of)
        begin = self._constant(f"from_{first}", np.array([0, 0, first, 0], np.int32))
        end = self._constant(f"to_{last}_{channels}", np.array([1, 1, last, channels], np.int32))
        steps = self._constant("each", np.ones(4, np.int32))
        options = schema.StridedSliceOptionsT()
        self._operator(BUILTIN.STRIDED_SLICE, [tensor, begin, end, steps], output, options)

    def _concat(self, tensors: tuple[str, ...], output: str, axis: int) -> None:
        options = schema.ConcatenationOptionsT()
        options.axis = axis
        self._operator(BUILTIN.CONCATENATION, tensors, output, options)

    def _upsample(self, node: Node) -> None:
        n = 2 * self._samples(node.inputs[0])
        self.tensor(node.output, n, self._channels(node.inputs[0]), node.output)
        size = self._constant(f"size_{n}", np.array([1, n], np.int32))
        options = schema.ResizeNearestNeighborOptionsT()
        self._operator(
            BUILTIN.RESIZE_NEAREST_NEIGHBOR, [node.inputs[0], size], node.output, options
        )

    def _same_shape(self, node: Node) -> None:
        first = node.inputs[0]
        self.tensor(node.output, self._samples(first), self._channels(first), node.output)

    def _operator(self, code: int, inputs: Any, output: str, options: Any) -> None:
        operator = schema.OperatorT()
        operator.opcodeIndex = self._codes.setdefault(code, len(self._codes))
        operator.inputs = np.array([self._index[name] for name in inputs], np.int32)
        operator.outputs = np.array([self._index[output]], np.int32)
        operator.builtinOptions = options
        kind = type(options).__name__.removesuffix("T")
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
        self._operators.append(operator)

    def _constant(self, name: str, value: Array, quantization: Any = None) -> str:
        if name not in self._index:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(value).tobytes(), np.uint8)
            kind = getattr(schema.TensorType, value.dtype.name.upper())
            self._add(name, value.shape, kind, quantization, len(self._buffers))
            self._buffers.append(buffer)
        return name

    def _add(
        self, name: str, shape: tuple[int, ...], kind: int, quantization: Any, buffer: int = 0
    ) -> None:
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type = name, np.array(shape, np.int32), kind
        tensor.quantization, tensor.buffer = quantization, buffer
        self._index[name] = len(self._tensors)
        self._tensors.append(tensor)

    def _map(self, name: str, tensor: str) -> Any:
        mapped = schema.TensorMapT()
        mapped.name, mapped.tensorIndex = name, self._index[tensor]
        return mapped

    def _samples(self, tensor: str) -> int:
        return int(self._tensors[self._index[tensor]].shape[TIME])

    def _channels(self, tensor: str) -> int:
        return int(self._tensors[self._index[tensor]].shape[CHANNELS])


class _Builder(flatbuffers.Builder):  # type: ignore[misc]
    """Writes equal vectors once: a zero point for each channel is most of a small file's tables."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self._written: dict[tuple[str, bytes], int] = {}

    def CreateNumpyVector(self, x: Array) -> int:
        """Where the vector lies."""
        key = (x.dtype.str, x.tobytes())
        if key not in self._written:
            self._written[key] = super().CreateNumpyVector(x)
        return self._written[key]


def _code(builtin: int) -> Any:
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = builtin
    code.version = VERSIONS[builtin]
    return code


def _quantization(grid: Grid | None) -> Any:
    if grid is None:
        return None
    return _per_channel(np.array([grid.scale], np.float32), zero_point=grid.zero_point)


def _per_channel(scales: Array, dimension: int = 0, zero_point: int = 0) -> Any:
    quantization = schema.QuantizationParametersT()
    quantization.scale = np.asarray(scales, np.float32)
    quantization.zeroPoint = np.full(len(scales), zero_point, np.int64)
    quantization.quantizedDimension = dimension
    return quantization
