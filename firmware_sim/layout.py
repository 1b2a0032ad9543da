"""Where code, the two models and the log lie in a board's flash; firmware/layout.h is told."""

from __future__ import annotations

from dataclasses import dataclass

from ..edge.errors import InputError
from .board import Board

CODE_BYTES = 48 * 1024  # vectors, code and constants, up to the first slot
SLOT_BYTES = 96 * 1024  # header, pointers, image and trial of a model
SLOTS = 2
LOG_PAGES = 4


@dataclass(frozen=True)
class Layout:
    """Addresses in flash; code comes first."""

    page_bytes: int
    slot_at: int  # the first; the second lies behind it
    log_at: int
    end: int

    def slot(self, k: int) -> int:
        """Where a slot begins."""
        return self.slot_at + k * SLOT_BYTES

    def macros(self) -> tuple[str, ...]:
        """What the C sources are compiled with."""
        return (
            f"-DFLASH_PAGE_BYTES={self.page_bytes}",
            f"-DSLOT_AT={self.slot_at:#x}",
            f"-DSLOT_BYTES={SLOT_BYTES}",
            f"-DLOG_AT={self.log_at:#x}",
            f"-DLOG_PAGES={LOG_PAGES}",
        )


def layout_of(board: Board) -> Layout:
    """The layout of a board; InputError where its flash is too small."""
    slot_at = board.flash_at + CODE_BYTES
    log_at = slot_at + SLOTS * SLOT_BYTES
    end = log_at + LOG_PAGES * board.flash_page_bytes
    if end > board.flash_at + board.flash_bytes:
        raise InputError(
            f"board {board.name} has {board.flash_bytes:,} bytes of flash; code, two models and "
            f"the log take {end - board.flash_at:,}"
        )
    return Layout(board.flash_page_bytes, slot_at, log_at, end)
