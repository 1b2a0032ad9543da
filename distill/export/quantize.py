"""Static int8: per-channel symmetric weights, per-tensor activations from real recordings.

An activation's grid is scale * (q - zero_point), q in -128..127. A ReLU6 needs no operation of
its own: its grid starts at 0 and ends at its largest value, so saturation clips. What an upsample,
a delay or a concat passes on is on one grid before and after: these move bytes and compute nothing.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from .float_run import run_float
from .graph import ConvNode, Graph
from .quantized import MOVES, Grid, QuantizedGraph

Floats = npt.NDArray[np.float32]
PERCENTILE = 99.995  # of an activation's values that its grid holds, at either end
BATCH = 64  # windows at once
INPUT_SCALE = 1.0 / 127.0  # the front end gives -1..1


def quantize(
    graph: Graph, calibration: torch.Tensor, percentile: float = PERCENTILE
) -> QuantizedGraph:
    """Quantise with ranges from `calibration` (windows, 2, 1, n) of real signal."""
    grids = {graph.input: Grid(INPUT_SCALE, 0)}
    ranges = _ranges(graph, calibration, percentile)
    relu6 = {node.output for node in graph.nodes if isinstance(node, ConvNode) and node.relu6}
    for together in _on_one_grid(graph):
        assert len(together) == 1 or not relu6 & together, "a wider grid would not clip a ReLU6"
        low = min(ranges[tensor][0] for tensor in together)
        high = max(ranges[tensor][1] for tensor in together)
        grids.update(dict.fromkeys(together, _grid(low, high, relu6=together <= relu6)))
    weights, scales, biases = {}, {}, {}
    for conv in (n for n in graph.nodes if isinstance(n, ConvNode)):
        largest = np.maximum(np.abs(conv.weight).max((1, 2)), 1e-8)
        scale = (largest / 127.0).astype(np.float32)
        weights[conv.output] = _rounded(conv.weight / scale[:, None, None], np.int8)
        scales[conv.output] = scale
        biases[conv.output] = _rounded(conv.bias / (scale * grids[conv.inputs[0]].scale), np.int32)
    return QuantizedGraph(graph, grids, weights, scales, biases)


def _on_one_grid(graph: Graph) -> list[set[str]]:
    """The tensors, those together that share bytes."""
    group_of = {node.output: {node.output} for node in graph.nodes}
    for node in graph.nodes:
        if node.op in MOVES:
            for tensor in node.inputs:
                joined = group_of[tensor] | group_of[node.output]
                group_of.update(dict.fromkeys(joined, joined))
    return list({id(group): group for group in group_of.values()}.values())


def _ranges(
    graph: Graph, calibration: torch.Tensor, percentile: float
) -> dict[str, tuple[float, float]]:
    """Low and high of each tensor; percentiles, because one motion artefact must not set them.

    Windows come in batches, of which the outermost values are kept: memory stays small.
    """
    share = (100 - percentile) / 100
    lowest: dict[str, torch.Tensor] = {}
    highest: dict[str, torch.Tensor] = {}
    for batch in torch.split(calibration, BATCH):
        for name, value in run_float(graph, batch).items():
            values = value.flatten()
            total = len(values) // len(batch) * len(calibration)
            kept = min(int(total * share), total - 1) + 1
            lowest[name] = _outermost(lowest.get(name), values, kept, largest=False)
            highest[name] = _outermost(highest.get(name), values, kept, largest=True)
    return {name: (float(lowest[name][-1]), float(highest[name][-1])) for name in lowest}


def _outermost(
    known: torch.Tensor | None, values: torch.Tensor, kept: int, *, largest: bool
) -> torch.Tensor:
    """The `kept` lowest or highest of the values known and new, the innermost last."""
    joined = values if known is None else torch.cat([known, values])
    return joined.topk(min(kept, len(joined)), largest=largest).values


def _grid(low: float, high: float, *, relu6: bool) -> Grid:
    if relu6:
        return Grid(max(min(high, 6.0), 1e-3) / 255.0, -128)
    low, high = min(low, 0.0), max(high, 1e-3)
    scale = (high - low) / 255.0
    return Grid(scale, int(np.clip(round(-128 - low / scale), -128, 127)))


def _rounded(values: Floats, kind: type) -> npt.NDArray:  # type: ignore[type-arg]
    limits = np.iinfo(kind)
    return np.clip(np.round(values), limits.min, limits.max).astype(kind)
