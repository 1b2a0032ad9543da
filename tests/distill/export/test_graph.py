"""Torch, the traced graph, float ONNX and int8 ONNX are one network; a stream is the whole."""

from pathlib import Path

import numpy as np
import pytest
import torch

from leadone.distill.delineator import Delineator, work_of
from leadone.distill.export.float_run import run_float
from leadone.distill.export.graph import ConvNode
from leadone.distill.export.onnx_reader import read_quantized
from leadone.distill.export.onnx_writer import write_float, write_int8
from leadone.distill.export.quantize import quantize
from leadone.distill.export.trace import trace
from leadone.distill.record_heads import RhythmHead
from leadone.edge.errors import InputError
from leadone.edge.frontend import network_input
from leadone.edge.network import StreamingNetwork
from leadone.pretrain.encoder import EncoderConfig

SAMPLES = 1600


@pytest.fixture(scope="module")
def model() -> Delineator:
    torch.manual_seed(0)
    model = Delineator(EncoderConfig()).train()
    for _ in range(3):  # batch norm statistics of its own
        model(torch.randn(4, 2, 1, 320))
    return model.eval()


@pytest.fixture(scope="module")
def x() -> np.ndarray:
    t = np.arange(SAMPLES) / 250
    beats = sum(np.exp(-((t % 0.8 - c) ** 2) / w) for c, w in ((0.2, 1e-4), (0.45, 2e-3)))
    return network_input(np.asarray(beats, np.float32))


def _streamed(network: StreamingNetwork, x: np.ndarray, hops: int) -> list[np.ndarray]:
    network.reset()
    parts = [network.push(x[:, k : k + 16 * hops]) for k in range(0, x.shape[1], 16 * hops)]
    return [np.concatenate(output, 1) for output in zip(*parts, strict=True)]


def test_the_wrist_budget() -> None:
    parameters, macs = work_of(Delineator(EncoderConfig()))
    heads = sum(value.numel() for value in RhythmHead(EncoderConfig().channels[3]).parameters())
    assert parameters + heads <= 60_000 and macs <= 1.5e6


def test_graph_and_onnx_equal_torch(model: Delineator, x: np.ndarray, tmp_path: Path) -> None:
    batch = torch.from_numpy(x[None, :, None])
    with torch.no_grad():
        outputs = [y[0, :, 0].numpy() for y in model(batch)]
    graph = trace(model)
    traced = run_float(graph, batch)
    assert np.abs(traced[graph.outputs[0]][0, :, 0].numpy() - outputs[0]).max() < 1e-4
    write_float(graph, tmp_path / "f.onnx")
    network = StreamingNetwork(tmp_path / "f.onnx")
    for hops in (1, 3, 100):
        for streamed, expected in zip(_streamed(network, x, hops), outputs, strict=True):
            assert np.abs(streamed - expected).max() < 1e-4


def test_the_int8_stream_equals_the_whole_to_the_bit(
    model: Delineator, x: np.ndarray, tmp_path: Path
) -> None:
    graph = trace(model)
    quantized = quantize(graph, torch.from_numpy(x[None, :, None]))
    write_int8(quantized, tmp_path / "q.onnx")
    network = StreamingNetwork(tmp_path / "q.onnx")
    assert network.arithmetic == "int8"
    whole = _streamed(network, x, SAMPLES // 16)
    for hops in (1, 2, 7):
        for a, b in zip(_streamed(network, x, hops), whole, strict=True):
            assert np.array_equal(a, b)
    with torch.no_grad():
        waves = model(torch.from_numpy(x[None, :, None]))[0][0, :, 0].numpy()
    spread = waves.max() - waves.min()
    assert np.abs(whole[0] - waves).mean() < 0.05 * spread


def test_weights_are_int8_with_a_scale_a_channel(model: Delineator, x: np.ndarray) -> None:
    quantized = quantize(trace(model), torch.from_numpy(x[None, :, None]))
    for node in (n for n in quantized.graph.nodes if isinstance(n, ConvNode)):
        q, scale = quantized.weights[node.output], quantized.weight_scales[node.output]
        assert q.dtype == np.int8 and len(scale) == len(node.weight)
        error = np.abs(q * scale[:, None, None] - node.weight)
        assert (error <= scale[:, None, None] / 2 + 1e-7).all()
        if node.relu6:
            grid = quantized.grids[node.output]
            assert grid.zero_point == -128 and grid.scale * 255 <= 6 + 1e-6


@pytest.mark.parametrize("percentile", [99.5, 100.0])
def test_grids_hold_a_percentile_of_all_windows(model: Delineator, percentile: float) -> None:
    graph = trace(model)
    windows = 0.3 * torch.randn(150, 2, 1, 160, generator=torch.Generator().manual_seed(0))
    windows[-1] *= 3  # in the last batch: an artefact
    values = run_float(graph, windows)
    grids = quantize(graph, windows, percentile).grids
    for node in (n for n in graph.nodes if isinstance(n, ConvNode) and n.relu6):
        ordered = np.sort(values[node.output].numpy().ravel())
        largest = float(ordered[-1 - int(len(ordered) * (100 - percentile) / 100)])
        expected = max(min(largest, 6.0), 1e-3) / 255
        assert grids[node.output].scale == pytest.approx(expected, rel=1e-5)


def test_an_int8_model_gives_its_integers_back(
    model: Delineator, x: np.ndarray, tmp_path: Path
) -> None:
    written = quantize(trace(model), torch.from_numpy(x[None, :, None]))
    write_int8(written, tmp_path / "q.onnx")
    read = read_quantized((tmp_path / "q.onnx").read_bytes())
    nodes = read.graph.nodes, written.graph.nodes
    assert [n.op for n in nodes[0]] == [n.op for n in nodes[1]]
    tensors = [("x", "x"), *((a.output, b.output) for a, b in zip(*nodes, strict=True))]
    for a, b in tensors:
        assert read.grids[a].zero_point == written.grids[b].zero_point
        assert read.grids[a].scale == np.float32(written.grids[b].scale)
    for a, b in zip(*nodes, strict=True):
        if isinstance(a, ConvNode) and isinstance(b, ConvNode):
            for field in ("stride", "dilation", "groups", "relu6"):
                assert getattr(a, field) == getattr(b, field)
            for part in ("weights", "weight_scales", "biases"):
                its, wrote = getattr(read, part)[a.output], getattr(written, part)[b.output]
                assert its.dtype == wrote.dtype and np.array_equal(its, wrote)
    write_float(trace(model), tmp_path / "f.onnx")
    with pytest.raises(InputError, match="not int8"):
        read_quantized((tmp_path / "f.onnx").read_bytes())
