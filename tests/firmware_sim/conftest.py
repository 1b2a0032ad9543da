"""The firmware around the wrist's model, built once for these tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from leadone import Record, read_record
from leadone.distill.export.c_model import model_source
from leadone.distill.export.onnx_reader import read_quantized
from leadone.edge.bundle import Bundle, load_bundle
from leadone.edge.core_build import CORE, compile_core
from leadone.firmware_sim.board import Board, load_board
from leadone.firmware_sim.image import Image, build_image, read_image
from leadone.firmware_sim.machine import Machine

ROOT = Path(__file__).parents[2]
Native = Callable[[np.ndarray, float], bytes]


@pytest.fixture(scope="session")
def bundle() -> Bundle:
    wrist = load_bundle("wrist")
    source = model_source(wrist, read_quantized(wrist.files[wrist.manifest["network"]]))
    return replace(wrist, files={**wrist.files, "model.c": source.encode()})


@pytest.fixture(scope="session")
def board() -> Board:
    return load_board("nrf52840")


@pytest.fixture(scope="session")
def image_path(bundle: Bundle, board: Board, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_image(bundle, board, tmp_path_factory.mktemp("firmware"))


@pytest.fixture(scope="session")
def image(image_path: Path) -> Image:
    return read_image(image_path)


@pytest.fixture
def machine(image: Image, board: Board) -> Machine:
    started = Machine(image, board)
    started.start()
    return started


@pytest.fixture(scope="session")
def demo() -> Record:
    return read_record(ROOT / "edge" / "demo" / "208demo")


@pytest.fixture(scope="session")
def native(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Native:
    """The events of a signal on this machine's own processor, but for those of the record's end."""
    from ctypes import CDLL, byref, c_double, c_size_t, c_void_p, create_string_buffer

    folder = tmp_path_factory.mktemp("native")
    (folder / "model.c").write_bytes(bundle.files["model.c"])
    compile_core([folder / "model.c", *sorted(CORE.glob("*.c"))], folder / "core.so")
    core = CDLL(str(folder / "core.so"))
    core.leadone_state_size.restype = core.lo_push_block.restype = c_size_t
    core.leadone_state_size.argtypes = [c_double]
    core.leadone_init.restype = c_void_p
    core.leadone_init.argtypes = [c_void_p, c_size_t, c_double, c_void_p]
    core.lo_push_block.argtypes = [c_void_p, c_void_p, c_size_t, c_void_p, c_size_t, c_void_p]

    def read(signal_mv: np.ndarray, rate_hz: float) -> bytes:
        memory = np.zeros(core.leadone_state_size(rate_hz) // 8 + 1, np.float64)
        state = core.leadone_init(memory.ctypes.data, memory.nbytes, rate_hz, None)
        room, found = 64, b""
        events = create_string_buffer(room * 248)
        taken = c_size_t()
        for sample in np.ascontiguousarray(signal_mv, np.float32).reshape(-1, 1):
            at = sample.ctypes.data
            count = core.lo_push_block(state, at, 1, events, room, byref(taken))
            assert taken.value == 1
            found += events.raw[: 248 * count]
        return found

    return read
