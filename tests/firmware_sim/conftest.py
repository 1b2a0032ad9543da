"""The firmware around the wrist's model, built once for these tests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from leadone import Record, read_record
from leadone.distill.export.c_model import model_source
from leadone.distill.export.onnx_reader import read_quantized
from leadone.edge.bundle import Bundle, load_bundle
from leadone.firmware_sim.board import Board, load_board
from leadone.firmware_sim.host import HostCore
from leadone.firmware_sim.image import Image, build_image, read_image
from leadone.firmware_sim.machine import Machine

ROOT = Path(__file__).parents[2]


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
def native(bundle: Bundle) -> HostCore:
    """The same core on this machine's own processor."""
    return HostCore(bundle)
