"""A board's flash: bits are programmed from 1 to 0, pages erased to 1; power may go in between."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..edge.errors import InputError
from .layout import Layout

WORD = 4

Operation = tuple[int, int | None]  # an address, and the word to program; None: the page is erased


class PowerLost(Exception):
    """The device has gone dark; flash keeps what it had."""


class Flash:
    """What programming and erasing do; `read` and `write` reach the memory itself."""

    def __init__(
        self, layout: Layout, read: Callable[[int, int], bytes], write: Callable[[int, bytes], None]
    ) -> None:
        """Of a machine's memory."""
        self._layout, self._read, self._write = layout, read, write
        self.history: list[Operation] = []
        self.cut_at: int | None = None  # the operation in whose middle power goes
        self._rng = np.random.default_rng(0)

    @property
    def operations(self) -> int:
        """How many there were."""
        return len(self.history)

    def do(self, operation: Operation) -> None:
        """Program or erase."""
        at, word = operation
        if word is None:
            self.erase(at)
        else:
            self.program(at, word)

    def program(self, at: int, word: int) -> None:
        """A word: only from 1 to 0."""
        self._check(at)
        before = int.from_bytes(self._read(at, WORD), "little")
        after = before & word
        if self._is_cut():
            after |= before & ~word & int(self._rng.integers(2**32))  # some bits are not there yet
        self._write(at, after.to_bytes(WORD, "little"))
        self._end((at, word))

    def erase(self, at: int) -> None:
        """A page."""
        self._check(at)
        size = self._layout.page_bytes
        at = at // size * size
        content = b"\xff" * size
        if self._is_cut():
            some = self._rng.integers(0, 256, size, np.uint8)
            content = (np.frombuffer(self._read(at, size), np.uint8) | some).tobytes()
        self._write(at, content)
        self._end((at, None))

    def _check(self, at: int) -> None:
        if not self._layout.slot_at <= at < self._layout.end or at % WORD:
            raise InputError(f"the firmware writes to flash at {at:#x}, outside of slots and log")

    def _is_cut(self) -> bool:
        return self.operations == self.cut_at

    def _end(self, operation: Operation) -> None:
        is_cut = self._is_cut()
        self.history.append(operation)
        if is_cut:
            self.cut_at = None
            raise PowerLost
