"""The network in C, compiled here: every byte is that of the integers in Python."""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from leadone import read_record
from leadone.distill.export.c_writer import network_tables
from leadone.distill.export.integer import quantize_input, run_integer
from leadone.distill.export.onnx_reader import read_quantized
from leadone.distill.export.quantized import QuantizedGraph
from leadone.edge.bundle import load_bundle
from leadone.edge.core_build import CORE, HOST, compile_core
from leadone.edge.errors import InputError
from leadone.edge.frontend import filter_record, network_input
from leadone.edge.timing import HOP_SAMPLES

DEMO = Path(__file__).parents[3] / "edge" / "demo" / "208demo"
ACCESS = "const lo_network_model *model(void) { return &network; }\n"
BASELINE = ("-mcpu=x86_64", *HOST[1:])  # no AVX2: the loops in plain C
SOURCES = [CORE / "network.c", CORE / "kernels.c"]
MEMORY = 64 * 1024


class _Network(ctypes.Structure):
    _fields_ = (("model", ctypes.c_void_p), ("memory", ctypes.c_void_p))


class _Compiled:
    """A network of its own library; `push` gives the bytes of waves, beats and deep."""

    def __init__(self, quantized: QuantizedGraph, folder: Path, options: Sequence[str]) -> None:
        source, library = folder / "model.c", folder / "network.so"
        source.write_text(f'#include "network.h"\n{network_tables(quantized)}{ACCESS}')
        compile_core([source, *SOURCES], library, options)
        self._c = ctypes.CDLL(str(library))
        self._c.model.restype = self._c.lo_network_output.restype = ctypes.c_void_p
        self._memory = np.full(MEMORY, 77, np.int8)  # whatever was there before
        self._network = _Network()
        self.reset()

    def reset(self) -> None:
        model = ctypes.c_void_p(self._c.model())
        memory = ctypes.c_void_p(self._memory.ctypes.data)
        self._c.lo_network_init(ctypes.byref(self._network), model, memory)

    def push(self, hop: np.ndarray, channels: Sequence[int]) -> list[np.ndarray]:
        x = np.ascontiguousarray(hop.T)
        self._c.lo_network_push(ctypes.byref(self._network), ctypes.c_void_p(x.ctypes.data))
        outputs = []
        for which, (frames, wide) in enumerate(zip((8, 2, 1), channels, strict=True)):
            at = self._c.lo_network_output(ctypes.byref(self._network), which)
            found = np.frombuffer(ctypes.string_at(at, frames * wide), np.int8)
            outputs.append(found.reshape(frames, wide).T)
        return outputs


@pytest.fixture(scope="module", params=["wrist", "phone"])
def quantized(request: pytest.FixtureRequest) -> QuantizedGraph:
    bundle = load_bundle(request.param)
    return read_quantized(bundle.files[bundle.manifest["network"]])


@pytest.fixture(scope="module")
def q(quantized: QuantizedGraph) -> np.ndarray:
    """A minute of the demo, then noise over the whole range."""
    record = read_record(DEMO)
    filtered, _ = filter_record(record.signal_mv[: 60 * 360], record.rate_hz)
    noise = np.random.default_rng(0).uniform(-1, 1, (2, 800)).astype(np.float32)
    whole = np.concatenate([network_input(filtered), noise], 1)
    whole = whole[:, : whole.shape[1] // HOP_SAMPLES * HOP_SAMPLES]
    return quantize_input(whole, quantized.grids["x"])


@pytest.mark.parametrize("options", [HOST, BASELINE], ids=["native", "plain"])
def test_every_byte_is_that_of_the_integers(
    quantized: QuantizedGraph, q: np.ndarray, tmp_path: Path, options: Sequence[str]
) -> None:
    if options is BASELINE and platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip("the baseline is named for x86")
    compiled = _Compiled(quantized, tmp_path, options)
    values = run_integer(quantized, q)
    expected = [values[name] for name in quantized.graph.outputs]
    for _ in range(2):  # a reset network has forgotten
        hops = [
            compiled.push(q[:, start : start + HOP_SAMPLES], [len(e) for e in expected])
            for start in range(0, q.shape[1], HOP_SAMPLES)
        ]
        for output, parts in zip(expected, zip(*hops, strict=True), strict=True):
            assert np.array_equal(np.concatenate(parts, 1), output)
        compiled.reset()


def test_the_wrist_needs_little_memory() -> None:
    bundle = load_bundle("wrist")
    tables = network_tables(read_quantized(bundle.files[bundle.manifest["network"]]))
    needed = int(tables.split("nodes, convs, adds, joins,\n")[1].split(",")[0])
    assert needed <= 10.5 * 1024


def test_what_does_not_compile_is_said(tmp_path: Path) -> None:
    (tmp_path / "wrong.c").write_text("int f(void) { return x; }\n")
    with pytest.raises(InputError, match=r"does not compile for .*undeclared"):
        compile_core([tmp_path / "wrong.c"], tmp_path / "wrong.so")
    assert not (tmp_path / "wrong.so").exists()
