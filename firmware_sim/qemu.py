"""The firmware on QEMU's Cortex-M4, M7 and M55 boards, its samples by interrupts in virtual time.

An instruction takes 2^shift ns: what the firmware says, and whether it keeps up, is the same in
every run. `qemu-system-arm` is a package of the system (Debian: apt-get install qemu-system-arm).
"""

from __future__ import annotations

import shutil
import struct
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..edge.bundle import Bundle
from ..edge.errors import InputError
from .board import Board
from .front_end import MISSING
from .image import build_image
from .link import STATUS, Status

PROGRAM = "qemu-system-arm"
LEAD_OFF = -(2**31)
MOST_SECONDS = 600


@dataclass(frozen=True)
class Emulated:
    """A board that QEMU knows."""

    machine: str
    flash_at: int
    ram_at: int
    tick_hz: int


MACHINES = {
    "cortex-m4": Emulated("mps2-an386", 0x0, 0x20000000, 25_000_000),
    "cortex-m7": Emulated("mps2-an500", 0x0, 0x20000000, 25_000_000),
    "cortex-m55": Emulated("mps3-an547", 0x10000000, 0x30000000, 32_000_000),
}


class QemuRun(NamedTuple):
    """What the firmware told, its last word, and what it said unasked by the UART.

    Instructions a second of signal are read off the timer, to a tick a sample, and mean something
    where it keeps up.
    """

    events: bytes
    status: Status
    work_per_second: float
    sent: bytes


class QemuFirmware:
    """A board's firmware, built for one of QEMU's and run there."""

    def __init__(self, bundle: Bundle, board: Board, core: str, folder: Path) -> None:
        """Build it in a folder; InputError where there is no QEMU."""
        found = shutil.which(PROGRAM)
        if found is None:
            raise InputError(f"there is no {PROGRAM}; on Debian: apt-get install qemu-system-arm")
        self._program, self._chosen = found, MACHINES[core]
        self._rate_hz = board.front_end.rate_hz
        flash_at, ram_at = self._chosen.flash_at, self._chosen.ram_at
        there = replace(board, core=core, flash_at=flash_at, flash_bytes=512 * 1024)
        there = replace(there, ram_at=ram_at, ram_bytes=64 * 1024)
        more = (f"-DTICK_HZ={self._chosen.tick_hz}",)
        self._image = build_image(bundle, there, folder, port="qemu", more=more)

    def run(self, codes: npt.NDArray[np.int64], shift: int = 4) -> QemuRun:
        """A front end's codes, at 2^shift ns an instruction."""
        with TemporaryDirectory() as scratch:
            here = Path(scratch)
            np.where(codes == MISSING, LEAD_OFF, codes).astype("<i4").tofile(here / "codes.bin")
            options = (
                *("-M", self._chosen.machine, "-kernel", str(self._image.resolve())),
                *("-icount", f"shift={shift},sleep=off"),
                *("-display", "none", "-monitor", "none", "-serial", "none"),
                *("-semihosting-config", "enable=on,target=native"),
            )
            done = subprocess.run(
                (self._program, *options),
                cwd=here,
                capture_output=True,
                timeout=MOST_SECONDS,
                check=False,
            )
            if done.returncode or not (here / "status.bin").is_file():
                raise InputError(f"QEMU ended with {done.returncode}: {done.stderr.decode()[:200]}")
            last = (here / "status.bin").read_bytes()
            (ticks,) = struct.unpack("<I", last[STATUS.size :])
            instructions = ticks / self._chosen.tick_hz / (2**shift * 1e-9)
            uart = here / "uart.bin"
            return QemuRun(
                (here / "events.bin").read_bytes(),
                Status.read(last[: STATUS.size]),
                instructions * self._rate_hz / len(codes),
                uart.read_bytes() if uart.is_file() else b"",
            )
