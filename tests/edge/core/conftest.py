"""The C core with the wrist's model, compiled once for these tests."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from leadone import Monitor, read_record
from leadone.distill.export.c_model import model_source
from leadone.distill.export.integer import dequantize, quantize_input
from leadone.distill.export.onnx_reader import read_quantized
from leadone.edge import monitor as monitor_module
from leadone.edge.alert_limits import AlertLimits
from leadone.edge.bundle import Bundle, load_bundle
from leadone.edge.c_network import CNetwork
from leadone.edge.c_stream import CStream
from leadone.edge.core_build import CORE, HOST, compile_core
from leadone.edge.events import Event
from leadone.edge.lead_names import lead_key
from leadone.edge.record import Record

INLINES = Path(__file__).parent / "inlines.c"
Events = Callable[..., list[Event]]


@pytest.fixture(scope="session")
def wrist() -> Bundle:
    return load_bundle("wrist")


@pytest.fixture(scope="session")
def core_sources(wrist: Bundle, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    model = tmp_path_factory.mktemp("model") / "model.c"
    model.write_text(model_source(wrist, read_quantized(wrist.files[wrist.manifest["network"]])))
    return [model, *sorted(CORE.glob("*.c"))]


@pytest.fixture(scope="session")
def core_path(core_sources: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = tmp_path_factory.mktemp("core") / "core.so"
    strict = ("-Wall", "-Wextra", "-Werror", "-Wdouble-promotion")
    compile_core([*core_sources, INLINES], library, [*HOST, *strict])
    return library


@pytest.fixture(scope="session")
def core(core_path: Path) -> ctypes.CDLL:
    """Its functions, to be called one by one."""
    return ctypes.CDLL(str(core_path))


@pytest.fixture(scope="session")
def demo_path() -> Path:
    return Path(__file__).parents[3] / "edge" / "demo" / "208demo"


@pytest.fixture(scope="session")
def demo(demo_path: Path) -> Record:
    return read_record(demo_path)


class _ExactNetwork:
    """The bundle's network in the integers of every device; ONNX Runtime rounds otherwise."""

    def __init__(self, bundle: Bundle, library: Path) -> None:
        quantized = read_quantized(bundle.files[bundle.manifest["network"]])
        self._input = quantized.grids[quantized.graph.input]
        self._outputs = [quantized.grids[name] for name in quantized.graph.outputs]
        self._network = CNetwork(library)

    def reset(self) -> None:
        self._network.reset()

    def push(self, x: np.ndarray) -> tuple[np.ndarray, ...]:
        answers = self._network.push(quantize_input(x, self._input))
        return tuple(dequantize(q, grid) for q, grid in zip(answers, self._outputs, strict=True))


@pytest.fixture(scope="session")
def python_monitor(wrist: Bundle, core_path: Path) -> Callable[..., Monitor]:
    """A monitor for one record at a rate: the Python stream, on the network that C runs."""
    network = _ExactNetwork(wrist, core_path)

    def begin(rate_hz: float, lead: str = "I") -> Monitor:
        monitor = Monitor(wrist, lead)
        network.reset()
        stream = monitor_module._Stream(rate_hz, network, wrist, lead, AlertLimits())
        monitor._begin = lambda _: stream
        return monitor

    return begin


@pytest.fixture(scope="session")
def python_events(python_monitor: Callable[..., Monitor]) -> Events:
    """A record through the Python stream."""

    def read(signal_mv: np.ndarray, rate_hz: float, lead: str = "I") -> list[Event]:
        monitor = python_monitor(rate_hz, lead)
        return monitor.push(signal_mv, rate_hz) + monitor.finish()

    return read


@pytest.fixture(scope="session")
def c_stream(wrist: Bundle, core_path: Path) -> Callable[..., CStream]:
    """A record's stream by the C core."""
    codes = tuple(wrist.manifest["record_head"]["findings"])

    def begin(rate_hz: float, lead: str = "I") -> CStream:
        return CStream(core_path, rate_hz, codes, lead_key(lead) == "i", AlertLimits())

    return begin


@pytest.fixture(scope="session")
def c_events(c_stream: Callable[..., CStream]) -> Events:
    """A record through the C core, in chunks of a size."""

    def read(
        signal_mv: np.ndarray, rate_hz: float, lead: str = "I", size: int | None = None
    ) -> list[Event]:
        stream = c_stream(rate_hz, lead)
        step = size or max(len(signal_mv), 1)
        parts = [signal_mv[k : k + step] for k in range(0, len(signal_mv), step)]
        return [event for part in parts for event in stream.push(part)] + stream.finish()

    return read
