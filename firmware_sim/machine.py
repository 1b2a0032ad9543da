"""A Cortex-M4 in this process (unicorn) that runs a firmware image, sample by sample.

Instructions are counted exactly, block by block and function by function; cycles are not: unicorn
knows no pipeline and no flash. Interrupts come where the firmware sleeps.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from unicorn import arm_const as arm
from unicorn.unicorn import Uc, UcError
from unicorn.unicorn_const import (
    UC_ARCH_ARM,
    UC_HOOK_CODE,
    UC_MODE_MCLASS,
    UC_MODE_THUMB,
    UC_PROT_WRITE,
)

from .board import Board
from .counter import InstructionCounter
from .flash import Flash, PowerLost
from .image import Image
from .layout import layout_of

Bytes = npt.NDArray[np.uint8]

DEVICE_AT, DEVICE_BYTES = 0x40000000, 0x1000
SYSTEM_AT, SYSTEM_BYTES = 0xE0000000, 0x100000
RETURN_AT = 0x1FFF_0000  # where an interrupt's return ends its run
REGISTERS = (  # of firmware/ports/board.c
    *("adc_code", "adc_status", "watchdog", "link_length", "link_start", "alert"),
    *("uart_byte", "uart_length", "uart_start", "flash_address", "flash_word", "flash_erase"),
    *("reset_cause", "reset"),
)
LEAD_OFF = 1
POWER, WATCHDOG, ASKED = range(3)  # why a reset
WATCHDOG_S = 2.0
PAINT = 0xA5
PAGE = 0x1000
UART_AT_ONCE = 128  # bytes between two turns of the main loop: half of firmware/bytes.h


@dataclass(frozen=True)
class Snapshot:
    """A machine between two turns of its main loop."""

    context: Any
    memory: bytes  # RAM
    flash: Bytes
    registers: dict[str, int]
    hungry: int


class Machine:
    """A board with an image in its flash; `start` powers it, `sample` is a sample's interrupt."""

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
        uc.mem_write(board.flash_at, b"\xff" * board.flash_bytes)
        for at, content in image.parts:
            uc.mem_write(at, content)
        self._counter = InstructionCounter(uc, image)
        self.flash = Flash(layout_of(board), self.memory, uc.mem_write)
        self._registers = dict.fromkeys(REGISTERS, 0)
        self._hungry = 0  # samples since the watchdog was fed
        self._is_hung = self._asks_reset = False
        self.instructions_left: int | None = None  # then, at the end of a block, power goes
        self.events = bytearray()  # as the link took them
        self.sent = bytearray()  # by the UART
        self.resets: list[int] = []  # causes, in order

    @property
    def alerts(self) -> int:
        """A bit for each kind of alert that is shown."""
        return self._registers["alert"]

    def start(self, cause: int = POWER) -> int:
        """From reset to the first sleep; the instructions."""
        uc, board = self._uc, self._board
        self.resets.append(cause)
        self._registers.update(reset_cause=cause, alert=0)
        self._is_hung, self._hungry = False, 0
        uc.mem_write(board.ram_at, bytes([PAINT]) * board.ram_bytes)
        stack, reset = struct.unpack("<II", self.memory(board.flash_at, 8))
        uc.reg_write(arm.UC_ARM_REG_SP, stack)
        uc.reg_write(arm.UC_ARM_REG_PC, reset)
        return self._run(reset)

    def sample(self, code: int, status: int = 0) -> int:
        """A sample's interrupt, and the main loop until it sleeps again; the instructions."""
        return self.interrupt(code, status) + self.turn()

    def interrupt(self, code: int, status: int = 0) -> int:
        """A sample's interrupt alone, as where the main loop is late; the instructions."""
        self._registers.update(adc_code=code & 0xFFFF_FFFF, adc_status=status)
        self._hungry += 1
        if self._hungry > WATCHDOG_S * self._board.front_end.rate_hz:
            return self.start(WATCHDOG)
        return 0 if self._is_hung else self._interrupt("sample_interrupt")

    def turn(self) -> int:
        """The main loop until it sleeps again; the instructions."""
        return 0 if self._is_hung else self._run(self.at)

    def receive(self, content: bytes) -> bytes:
        """Bytes come in by the UART; those that it sends meanwhile."""
        length = len(self.sent)
        for at in range(0, len(content), UART_AT_ONCE):
            self.receive_only(content[at : at + UART_AT_ONCE])
            self.turn()
        return bytes(self.sent[length:])

    def receive_only(self, content: bytes) -> None:
        """The interrupts of bytes alone."""
        for byte in content:
            self._registers["uart_byte"] = byte
            if not self._is_hung:
                self._interrupt("uart_interrupt")

    @property
    def at(self) -> int:
        """The address of the instruction that follows."""
        return int(self._uc.reg_read(arm.UC_ARM_REG_PC))

    def symbol(self, name: str) -> int:
        """Where a variable or a function lies."""
        return self._image.symbols[name]

    def memory(self, at: int, size: int) -> bytes:
        """What lies there."""
        return bytes(self._uc.mem_read(at, size))

    def flip(self, at: int, bit: int) -> None:
        """A bit of memory flips."""
        (byte,) = self.memory(at, 1)
        self._uc.mem_write(at, bytes([byte ^ 1 << bit]))

    def watched_turn(self, at: int, size: int) -> set[bytes]:
        """A turn of the main loop; what flash held there behind each of its instructions."""
        contents = {self.memory(at, size)}
        seen = self.flash.operations

        def look(_: Uc, __: int, ___: int, ____: Any) -> None:
            nonlocal seen
            if self.flash.operations != seen:
                seen = self.flash.operations
                contents.add(self.memory(at, size))

        hook = self._uc.hook_add(UC_HOOK_CODE, look)
        self._uc.ctl_flush_tb()  # type: ignore[attr-defined]  # what is translated calls no hook
        self.turn()
        self._uc.hook_del(hook)
        return contents | {self.memory(at, size)}

    def snapshot(self) -> Snapshot:
        """All that a turn changes, but for what was sent and told."""
        board = self._board
        memory = self.memory(board.ram_at, board.ram_bytes)
        context, registers = self._uc.context_save(), dict(self._registers)
        return Snapshot(context, memory, self.flash_content(), registers, self._hungry)

    def restore(self, snapshot: Snapshot) -> None:
        """Go on from there."""
        board = self._board
        self._uc.mem_write(board.ram_at, snapshot.memory)
        self.put_flash(snapshot.flash)
        self._uc.context_restore(snapshot.context)
        self._registers, self._hungry = dict(snapshot.registers), snapshot.hungry
        self._is_hung = self._asks_reset = False

    def flash_content(self) -> Bytes:
        """Slots and log at their addresses, as `HostFirmware.flash`."""
        layout = layout_of(self._board)
        content = np.full(layout.end, 0xFF, np.uint8)
        found = self.memory(layout.slot_at, layout.end - layout.slot_at)
        content[layout.slot_at :] = np.frombuffer(found, np.uint8)
        return content

    def put_flash(self, content: Bytes) -> None:
        """Slots and log, as a programmer's cable writes them."""
        at = layout_of(self._board).slot_at
        self._uc.mem_write(at, content[at:].tobytes())

    def cut_turn(self, instructions: int) -> None:
        """A turn of the main loop in which power goes behind so many instructions."""
        self._counter.stop_after(None)
        self._uc.ctl_flush_tb()  # type: ignore[attr-defined]  # what is translated does not count
        self._uc.emu_start(self.at | 1, RETURN_AT, count=instructions)

    @property
    def can_store_to_flash(self) -> bool:
        """Whether an instruction could change flash by itself: none can, a store is a fault."""
        regions = {begin: permissions for begin, _, permissions in self._uc.mem_regions()}
        return bool(regions[self._board.flash_at] & UC_PROT_WRITE)

    def functions(self) -> dict[str, int]:
        """Instructions of each function since `clear_functions`."""
        return self._counter.functions()

    def clear_functions(self) -> None:
        """Begin to count functions anew."""
        self._counter.clear_functions()

    def stack_bytes(self) -> int:
        """The deepest that the stack has been since the last reset."""
        board = self._board
        bottom = sum(self._image.sections[".bss"])
        content = self.memory(bottom, board.ram_at + board.ram_bytes - bottom)
        return len(content.lstrip(bytes([PAINT])))

    def word(self, symbol: str, offset: int = 0) -> int:
        """A 32-bit word of a variable."""
        return int.from_bytes(self.memory(self.symbol(symbol) + offset, 4), "little")

    def _interrupt(self, handler: str) -> int:
        """The handler as hardware enters it: eight registers on the stack, and back."""
        uc = self._uc
        saved = uc.context_save()
        uc.reg_write(arm.UC_ARM_REG_SP, uc.reg_read(arm.UC_ARM_REG_SP) - 32)
        uc.reg_write(arm.UC_ARM_REG_LR, RETURN_AT | 1)
        count = self._run(self._image.symbols[handler])
        if not self._is_hung:
            uc.context_restore(saved)
        return count

    def _run(self, at: int) -> int:
        """Until the firmware sleeps or an interrupt returns."""
        before, left = self._counter.total, self.instructions_left
        most = int(WATCHDOG_S * self._board.clock_hz)
        self._counter.stop_after(most if left is None else min(most, left))
        try:
            self._uc.emu_start(at | 1, RETURN_AT)
        except UcError:  # a fault: its handler waits for the watchdog
            self._is_hung = True
        count = self._counter.total - before
        if left is not None:
            self._spend(count, left)
        if self._asks_reset:
            self._asks_reset = False
            return count + self.start(ASKED)
        if count > most:
            self._is_hung = True
        return count

    def _spend(self, count: int, left: int) -> None:
        if count > left:
            self.instructions_left = None
            raise PowerLost
        self.instructions_left = left - count

    def _read(self, _: Uc, offset: int, __: int, ___: Any) -> int:
        return self._registers[REGISTERS[offset // 4]]

    def _write(self, uc: Uc, offset: int, _: int, value: int, __: Any) -> None:
        name, registers = REGISTERS[offset // 4], self._registers
        registers[name] = value
        if name == "link_start":
            self.events += self.memory(value, registers["link_length"])
        elif name == "uart_start":
            self.sent += self.memory(value, registers["uart_length"])
        elif name == "watchdog":
            self._hungry = 0
        elif name == "flash_word":
            self.flash.program(registers["flash_address"], value)
        elif name == "flash_erase":
            self.flash.erase(value)
        elif name == "reset":
            self._asks_reset = True
            uc.emu_stop()


def _pages(size: int) -> int:
    return -(-size // PAGE) * PAGE
