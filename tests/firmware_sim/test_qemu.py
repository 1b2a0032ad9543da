"""The firmware on QEMU's Cortex-M4, M7 and M55, interrupts in virtual time."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from leadone import Record
from leadone.edge.bundle import Bundle
from leadone.firmware_sim.board import Board
from leadone.firmware_sim.front_end import MISSING, codes_of
from leadone.firmware_sim.host import HostFirmware
from leadone.firmware_sim.qemu import MACHINES, PROGRAM, QemuFirmware

SECONDS = 40
AT_62_MHZ, AT_16_MHZ, AT_1_MHZ = 4, 6, 10  # an instruction takes 2^n ns


@pytest.fixture(autouse=True, scope="module")
def _emulator() -> None:
    if shutil.which(PROGRAM) is None:
        assert os.environ.get("LEADONE_QEMU") != "required", f"{PROGRAM} was to be there"
        pytest.skip(f"needs {PROGRAM} (Debian: apt-get install qemu-system-arm)")


@pytest.mark.parametrize("core", MACHINES)
def test_every_core_says_what_the_host_says(
    bundle: Bundle, board: Board, demo: Record, host: HostFirmware, tmp_path: Path, core: str
) -> None:
    codes = codes_of(demo, board.front_end)[: SECONDS * 250]
    codes[20 * 250 : 25 * 250] = MISSING
    host.start()
    expected = host.samples(codes)
    firmware = QemuFirmware(bundle, board, core, tmp_path)
    for shift in (AT_62_MHZ, AT_16_MHZ):
        events, status = firmware.run(codes, shift)
        assert events == expected and len(events) > 40 * 248
        assert (status.samples, status.overruns, status.slot) == (len(codes), 0, 0)
    _, late = firmware.run(codes, AT_1_MHZ)
    assert late.overruns > 0  # at a megahertz it can't keep up, and says so
