"""A board's flash: bits are programmed from 1 to 0, pages erased to 1; power may go in between."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..edge.errors import InputError
from .layout import Layout

WORD = 4


class PowerLost(Exception):
    """The device has gone dark; flash keeps what it had."""


class Flash:
    """What programming and erasing do; `read` and `write` reach the memory itself."""

    def __init__(
        self, layout: Layout, read: Callable[[int, int], bytes], write: Callable[[int, bytes], None]
    ) -> None:
        """Of a machine's memory."""
        self._layout, self._read, self._write = layout, read, write
        self.operations = 0
        self.cut_at: int | None = None  # the operation in whose middle power goes
        self._rng = np.random.default_rng(0)

    def program(self, at: int, word: int) -> None:
        """A word: only from 1 to 0."""
        self._check(at)
        before = int.from_bytes(self._read(at, WORD), "little")
        after = before & word
        if self._is_cut():
            after |= before & ~word & int(self._rng.integers(2**32))  # some bits are not there yet
        self._write(at, after.to_bytes(WORD, "little"))
        self._end()

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
        self._end()

    def _check(self, at: int) -> None:
        if not self._layout.slot_at <= at < self._layout.end or at % WORD:
            raise InputError(f"the firmware writes to flash at {at:#x}, outside of slots and log")

    def _is_cut(self) -> bool:
        return self.operations == self.cut_at

    def _end(self) -> None:
        is_cut = self._is_cut()
        self.operations += 1
        if is_cut:
            self.cut_at = None
            raise PowerLost
