"""The firmware around the wrist's model, built once for these tests."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from leadone import Record, read_record
from leadone.distill.export.c_backend import with_model_c
from leadone.edge.bundle import Bundle, load_bundle
from leadone.edge.core_build import MODEL_C
from leadone.edge.signature import make_keys, read_public_key
from leadone.firmware_sim.board import Board, load_board
from leadone.firmware_sim.host import HostFirmware
from leadone.firmware_sim.image import Image, build_image, read_image
from leadone.firmware_sim.machine import Machine
from leadone.firmware_sim.slot import Slot, build_slot

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def bundle() -> Bundle:
    return with_model_c(load_bundle("wrist"))


@pytest.fixture(scope="session")
def board() -> Board:
    return load_board("nrf52840")


@pytest.fixture(scope="session")
def private_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_keys(tmp_path_factory.mktemp("keys"))[0]


@pytest.fixture(scope="session")
def key(private_key: Path) -> bytes:
    """The one that the firmware trusts."""
    return read_public_key(private_key.with_name("leadone-public.pem"))


@pytest.fixture(scope="session")
def image_path(
    bundle: Bundle, board: Board, key: bytes, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    return build_image(bundle, board, tmp_path_factory.mktemp("firmware"), key)


@pytest.fixture(scope="session")
def slot(bundle: Bundle, board: Board) -> Slot:
    """The model that the firmware comes with."""
    return build_slot(bundle, board.core)


@pytest.fixture(scope="session")
def newer(slot: Slot, private_key: Path) -> Slot:
    """A model that does the same, under another name: its image ends in eight more bytes."""
    image = slot.image + b"renewed\0"
    return replace(slot, sequence=slot.sequence + 1, image=image).signed(private_key)


@pytest.fixture(scope="session")
def image(image_path: Path) -> Image:
    return read_image(image_path)


@pytest.fixture(scope="session")
def forgetful(bundle: Bundle) -> Bundle:
    """The same model, which keeps a thousand more bytes than it uses: too many for the firmware."""
    source = bundle.files[MODEL_C].decode()
    found = re.search(r"joins,\n    (\d+),", source)
    assert found is not None
    more = source.replace(found[0], found[0].replace(found[1], str(int(found[1]) + 1000)))
    return replace(bundle, files={**bundle.files, MODEL_C: more.encode()})


@pytest.fixture
def machine(image: Image, board: Board) -> Machine:
    started = Machine(image, board)
    started.start()
    return started


@pytest.fixture(scope="session")
def demo() -> Record:
    return read_record(ROOT / "edge" / "demo" / "208demo")


@pytest.fixture(scope="session")
def native(bundle: Bundle, board: Board, key: bytes) -> HostFirmware:
    """The same firmware on this machine's own processor."""
    return HostFirmware(bundle, board, key)


@pytest.fixture
def host(native: HostFirmware) -> HostFirmware:
    """It as it leaves the factory."""
    native.flash[:] = 0xFF
    native.write(native.layout.slot_at, native.slot.placed(native.layout.slot_at))
    return native
