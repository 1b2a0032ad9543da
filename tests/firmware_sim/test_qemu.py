"""The firmware on QEMU's Cortex-M4, M7 and M55, interrupts in virtual time."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from leadone import Record
from leadone.edge.bundle import Bundle
from leadone.edge.core_build import CORE, FREESTANDING, TARGETS, compile_core
from leadone.edge.errors import InputError
from leadone.firmware_sim import image
from leadone.firmware_sim.board import Board
from leadone.firmware_sim.front_end import MISSING, codes_of
from leadone.firmware_sim.host import HostFirmware
from leadone.firmware_sim.image import FIRMWARE, PORTS
from leadone.firmware_sim.link import Verdict, told_faults
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
        events, status, _, sent = firmware.run(codes, shift)
        assert sent == b""
        assert events == expected and len(events) > 40 * 248
        assert (status.samples, status.overruns, status.slot) == (len(codes), 0, 0)
    late = firmware.run(codes, AT_1_MHZ)
    assert late.status.overruns > 0  # at a megahertz it can't keep up, and says so


@pytest.mark.parametrize("core", MACHINES)
def test_a_model_without_room_is_told_of_by_every_core(
    forgetful: Bundle,
    board: Board,
    demo: Record,
    tmp_path: Path,
    core: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    codes = codes_of(demo, board.front_end)[:1000]
    with pytest.raises(InputError, match="bytes of memory at 250 Hz"):
        QemuFirmware(forgetful, board, core, tmp_path)
    monkeypatch.setattr(image, "check_state", lambda *_: None)
    events, status, _, sent = QemuFirmware(forgetful, board, core, tmp_path).run(codes)
    assert (events, status.samples, status.slot) == (b"", len(codes), -1)
    assert status.verdicts[0] == Verdict.TOO_LARGE
    (said,) = told_faults(sent)
    assert "bytes of memory, more than the firmware keeps" in said


LAYOUT = """SECTIONS {
  . = 0x10000000;
  .text : { KEEP(*(.vectors)) *(.text*) *(.rodata*) }
  .ARM.exidx : { *(.ARM.exidx*) }
  image_data_source = .;
  . = 0x30000000;
  .data : { image_data = .; *(.data*) image_data_end = .; }
  .bss : { image_zero = .; *(.bss*) . = ALIGN(4); image_zero_end = .; }
  image_stack = 0x30040000;
}"""


def test_loops_for_vectors_compute_what_the_plain_c_does(tmp_path: Path) -> None:
    (tmp_path / "layout.ld").write_text(LAYOUT)
    names = ("convolution", "depthwise", "addition")
    plain = tuple(f"-Dlo_{name}=plain_{name}" for name in names)
    target = (*TARGETS["cortex-m55"].options, *FREESTANDING)
    without = (*target[:2], "-mcpu=cortex_m3", *FREESTANDING, *plain, "-O1", "-c")
    compile_core([CORE / "kernels.c"], tmp_path / "plain.o", without)
    compile_core([FIRMWARE / "memory.c"], tmp_path / "memory.o", (*target, "-fno-builtin", "-c"))
    objects = [tmp_path / "plain.o", tmp_path / "memory.o", PORTS / "startup.c"]
    sources = [Path(__file__).parent / "kernels_mve.c", CORE / "kernels.c", *objects]
    link = ("-Wl,-e,reset", "-Wl,-z,norelro", "-T", str(tmp_path / "layout.ld"))
    compile_core(sources, tmp_path / "kernels.elf", (*target, "-O2", *link))
    shown = ("-display", "none", "-monitor", "none", "-serial", "none")
    host = ("-semihosting-config", "enable=on,target=native")
    machine = ("-M", MACHINES["cortex-m55"].machine, "-kernel", str(tmp_path / "kernels.elf"))
    subprocess.run((PROGRAM, *machine, *shown, *host), check=True, timeout=120)
