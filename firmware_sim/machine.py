"""A Cortex-M4 in this process (unicorn) that runs a firmware image, sample by sample.

Instructions are counted exactly, block by block and function by function; cycles are not: unicorn
knows no pipeline and no flash. Interrupts come where the firmware sleeps.
"""

from __future__ import annotations

import bisect
import struct
from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt
from unicorn import arm_const as arm
from unicorn.unicorn import Uc, UcError
from unicorn.unicorn_const import UC_ARCH_ARM, UC_HOOK_BLOCK, UC_MODE_MCLASS, UC_MODE_THUMB

from ..edge.errors import InputError
from .board import Board
from .image import Image

DEVICE_AT, DEVICE_BYTES = 0x40000000, 0x1000
SYSTEM_AT, SYSTEM_BYTES = 0xE0000000, 0x100000
RETURN_AT = 0x1FFF_0000  # where an interrupt's return ends its run
ADC_CODE, ADC_STATUS, WATCHDOG, LINK_LENGTH, LINK_START, ALERT = range(0, 24, 4)
LEAD_OFF = 1
PAINT = 0xA5
PAGE = 0x1000
MOST_SECONDS = 30.0  # of wall time for one sample: the firmware hangs

Codes = npt.NDArray[np.int64]


class Machine:
    """A board with an image in its flash; `start` resets it, `sample` is a sample's interrupt."""

    def __init__(self, image: Image, board: Board) -> None:
        """Load an image."""
        self._image, self._board = image, board
        self._uc = uc = Uc(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS)
        uc.ctl_set_cpu_model(arm.UC_CPU_ARM_CORTEX_M4)
        uc.mem_map(board.flash_at, _pages(board.flash_bytes), 5)  # read and run
        uc.mem_map(board.ram_at, _pages(board.ram_bytes), 3)  # read and write
        uc.mem_map(SYSTEM_AT, SYSTEM_BYTES, 3)
        uc.mem_map(RETURN_AT, PAGE, 5)
        uc.mmio_map(DEVICE_AT, DEVICE_BYTES, self._read, None, self._write, None)
        for at, content in image.parts:
            uc.mem_write(at, content)
        uc.hook_add(UC_HOOK_BLOCK, self._enter)
        self._starts = [start for start, _, _ in image.functions]
        self._lengths: dict[tuple[int, int], int] = {}
        self._blocks: Counter[tuple[int, int]] = Counter()
        self._registers = {ADC_CODE: 0, ADC_STATUS: 0}
        self.functions: Counter[str] = Counter()  # instructions
        self.events = bytearray()  # as the host link took them
        self.alerts = 0

    def start(self) -> int:
        """From reset to the first sleep; the instructions."""
        uc, board = self._uc, self._board
        uc.mem_write(board.ram_at, bytes([PAINT]) * board.ram_bytes)
        stack, reset = struct.unpack("<II", uc.mem_read(board.flash_at, 8))
        uc.reg_write(arm.UC_ARM_REG_SP, stack)
        uc.reg_write(arm.UC_ARM_REG_PC, reset)
        return self._run(reset)

    def sample(self, code: int, status: int = 0) -> int:
        """A sample's interrupt, and the main loop until it sleeps again; the instructions."""
        return self.interrupt(code, status) + self._run(self._uc.reg_read(arm.UC_ARM_REG_PC))

    def interrupt(self, code: int, status: int = 0) -> int:
        """A sample's interrupt alone, as where the main loop hangs; the instructions."""
        self._registers[ADC_CODE], self._registers[ADC_STATUS] = code & 0xFFFF_FFFF, status
        return self._interrupt()

    def symbol(self, name: str) -> int:
        """Where a variable or a function lies."""
        return self._image.symbols[name]

    def flip(self, at: int, bit: int) -> None:
        """A bit of memory flips."""
        (byte,) = self._uc.mem_read(at, 1)
        self._uc.mem_write(at, bytes([byte ^ 1 << bit]))

    def stack_bytes(self) -> int:
        """The deepest that the stack has been."""
        board = self._board
        _, variables = self._image.sections[".bss"]
        bottom = self._image.sections[".bss"][0] + variables
        top = board.ram_at + board.ram_bytes
        content = bytes(self._uc.mem_read(bottom, top - bottom))
        return len(content.lstrip(bytes([PAINT])))

    def word(self, symbol: str, offset: int = 0) -> int:
        """A 32-bit word of a variable."""
        at = self._image.symbols[symbol] + offset
        return int(struct.unpack("<I", self._uc.mem_read(at, 4))[0])

    def _interrupt(self) -> int:
        """The handler as hardware enters it: eight registers on the stack, and back."""
        uc = self._uc
        saved = uc.context_save()
        stack = uc.reg_read(arm.UC_ARM_REG_SP) - 32
        uc.reg_write(arm.UC_ARM_REG_SP, stack)
        uc.reg_write(arm.UC_ARM_REG_LR, RETURN_AT | 1)
        count = self._run(self._image.symbols["sample_interrupt"])
        uc.context_restore(saved)
        return count

    def _run(self, at: int) -> int:
        self._blocks.clear()
        try:
            self._uc.emu_start(at | 1, RETURN_AT, timeout=int(MOST_SECONDS * 1e6))
        except UcError as error:
            pc = self._uc.reg_read(arm.UC_ARM_REG_PC)
            raise InputError(
                f"the firmware stopped at {pc:#x}, in {self._function(pc)}: {error}"
            ) from error
        return self._counted()

    def _counted(self) -> int:
        total = 0
        for (at, size), times in self._blocks.items():
            instructions = times * self._length(at, size)
            self.functions[self._function(at)] += instructions
            total += instructions
        return total

    def _function(self, at: int) -> str:
        k = bisect.bisect_right(self._starts, at) - 1
        return self._image.functions[k][2] if k >= 0 else "?"

    def _length(self, at: int, size: int) -> int:
        """Instructions of a block: of two bytes, or of four where the first five bits say so."""
        known = self._lengths.get((at, size))
        if known is None:
            halves = struct.unpack(f"<{size // 2}H", self._uc.mem_read(at, size))
            k = known = 0
            while k < len(halves):
                k += 2 if halves[k] >> 11 in (0x1D, 0x1E, 0x1F) else 1
                known += 1
            self._lengths[at, size] = known
        return known

    def _enter(self, _: Uc, at: int, size: int, __: Any) -> None:
        self._blocks[at, size] += 1

    def _read(self, _: Uc, offset: int, __: int, ___: Any) -> int:
        return self._registers.get(offset, 0)

    def _write(self, uc: Uc, offset: int, _: int, value: int, __: Any) -> None:
        if offset == LINK_START:
            self.events += uc.mem_read(value, self._registers[LINK_LENGTH])
        elif offset == ALERT:
            self.alerts = value
        self._registers[offset] = value


def _pages(size: int) -> int:
    return -(-size // PAGE) * PAGE
