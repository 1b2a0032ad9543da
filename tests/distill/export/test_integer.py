"""Integers alone: hand-made cases, and every byte equal to LiteRT's reference kernels and TFLM."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from tflite_micro.python.tflite_micro import runtime

from leadone import read_record
from leadone.distill.export.float_run import run_float
from leadone.distill.export.integer import Multiplier, _scaled, quantize_input, run_integer
from leadone.distill.export.onnx_reader import read_graph, read_quantized
from leadone.distill.export.quantized import Grid, QuantizedGraph
from leadone.distill.export.tflite_writer import write_tflite
from leadone.edge.bundle import load_bundle
from leadone.edge.frontend import filter_record, network_input
from leadone.edge.timing import HOP_SAMPLES

SAMPLES = 2560
DEMO = Path(__file__).parents[3] / "edge" / "demo" / "208demo"


@pytest.fixture(scope="module", params=["wrist", "phone"])
def network(request: pytest.FixtureRequest) -> bytes:
    bundle = load_bundle(request.param)
    return bundle.files[bundle.manifest["network"]]


@pytest.fixture(scope="module")
def quantized(network: bytes) -> QuantizedGraph:
    return read_quantized(network)


@pytest.fixture(scope="module")
def x() -> np.ndarray:
    """Windows (windows, 2, n) of the demo, the last one noise over the whole range."""
    record = read_record(DEMO)
    filtered, _ = filter_record(record.signal_mv, record.rate_hz)
    whole = network_input(filtered[: 4 * SAMPLES]).reshape(2, 4, SAMPLES).swapaxes(0, 1)
    noise = np.random.default_rng(0).uniform(-1, 1, (1, 2, SAMPLES)).astype(np.float32)
    return np.concatenate([whole, noise])


def _window(q: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(q.T[None, None])


def test_multipliers_are_fractions_of_31_bits() -> None:
    assert Multiplier.of(0.5) == Multiplier(1 << 30, 0)
    assert Multiplier.of(3.0) == Multiplier(3 << 29, 2)
    assert Multiplier.of(1 - 2**-40) == Multiplier(1 << 30, 1)  # rounds up to 1
    assert Multiplier.of(2.0**-40) == Multiplier(0, 0)


@pytest.mark.parametrize(
    ("total", "shift", "expected"),
    [(3, 0, 2), (-3, 0, -1), (5, 0, 3), (6, -1, 2), (-6, -1, -2), (3, 1, 3), (10, -2, 1)],
)
def test_both_roundings(total: int, shift: int, expected: int) -> None:
    """By 1/2 and a shift. Halves round up in the product, away from zero in the shift."""
    assert _scaled(np.array([total]), 1 << 30, shift)[0] == expected


def test_the_input_rounds_halves_to_even_and_saturates() -> None:
    steps = quantize_input(np.array([0.5, 1.5, -2.5, 300, -300], np.float32), Grid(1.0, 0))
    assert steps.tolist() == [0, 2, -2, 127, -128]


def _litert(path: Path) -> Callable[[np.ndarray], list[np.ndarray]]:
    kernels = OpResolverType.BUILTIN_REF
    interpreter = Interpreter(str(path), experimental_op_resolver_type=kernels)
    interpreter.allocate_tensors()

    def run(q: np.ndarray) -> list[np.ndarray]:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], _window(q))
        interpreter.invoke()
        outputs = interpreter.get_output_details()
        return [interpreter.get_tensor(o["index"])[0, 0].T for o in outputs]

    return run


def _tflm(path: Path) -> Callable[[np.ndarray], list[np.ndarray]]:
    interpreter = runtime.Interpreter.from_bytes(path.read_bytes(), arena_size=2_000_000)

    def run(q: np.ndarray) -> list[np.ndarray]:
        interpreter.set_input(_window(q), 0)
        interpreter.invoke()
        return [interpreter.get_output(k)[0, 0].T for k in range(3)]

    return run


@pytest.mark.parametrize("kernels", [_litert, _tflm])
def test_every_byte_is_that_of_the_reference_kernels(
    quantized: QuantizedGraph, x: np.ndarray, tmp_path: Path, kernels: Callable
) -> None:
    write_tflite(quantized, tmp_path / "window.tflite", SAMPLES, streaming=False)
    run = kernels(tmp_path / "window.tflite")
    for window in x:
        q = quantize_input(window, quantized.grids["x"])
        expected = run_integer(quantized, q)
        for name, output in zip(quantized.graph.outputs, run(q), strict=True):
            assert np.array_equal(output, expected[name]), name
        assert len(np.unique(expected["waves"])) > 50


def test_a_stream_of_hops_is_the_whole_record(
    quantized: QuantizedGraph, x: np.ndarray, tmp_path: Path
) -> None:
    path = tmp_path / "stream.tflite"
    write_tflite(quantized, path, HOP_SAMPLES, streaming=True, bias_scales=False)
    content = path.read_bytes()
    interpreter = runtime.Interpreter.from_bytes(content, arena_size=500_000)
    inputs = Interpreter(model_content=content).get_input_details()[1:]
    states = [np.full(i["shape"], i["quantization"][1], np.int8) for i in inputs]
    q = quantize_input(x[0], quantized.grids["x"])
    streamed: list[list[np.ndarray]] = [[], [], []]
    for start in range(0, SAMPLES, HOP_SAMPLES):
        interpreter.set_input(_window(q[:, start : start + HOP_SAMPLES]), 0)
        for k, state in enumerate(states):
            interpreter.set_input(state, k + 1)
        interpreter.invoke()
        for k, parts in enumerate(streamed):
            parts.append(interpreter.get_output(k)[0, 0].T.copy())
        states = [interpreter.get_output(3 + k).copy() for k in range(len(states))]
    expected = run_integer(quantized, q)
    for name, parts in zip(quantized.graph.outputs, streamed, strict=True):
        assert np.array_equal(np.concatenate(parts, 1), expected[name]), name


def test_the_float_model_is_the_networks_own(network: bytes, x: np.ndarray, tmp_path: Path) -> None:
    graph = read_graph(network)
    write_tflite(graph, tmp_path / "float.tflite", SAMPLES, streaming=False)
    interpreter = Interpreter(str(tmp_path / "float.tflite"), num_threads=1)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], _window(x[0]))
    interpreter.invoke()
    expected = run_float(graph, torch.from_numpy(x[0][None, :, None]))
    for name, output in zip(graph.outputs, interpreter.get_output_details(), strict=True):
        told = interpreter.get_tensor(output["index"])[0, 0].T
        assert np.abs(told - expected[name][0, :, 0].numpy()).max() < 1e-4
