"""Power that goes in an update: every state that flash can be in then, and what a boot makes of it.

RAM is lost with the power, and flash changes by operations alone (no instruction can store to it):
so a boot finds what lies between two operations, or one that was done in part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

import numpy as np
import numpy.typing as npt

from .flash import WORD, Flash, Operation, PowerLost
from .host import HostFirmware
from .layout import SLOTS, Layout
from .link import Kind, Link, Verdict
from .machine import UART_AT_ONCE, Machine
from .slot import Slot

Bytes = npt.NDArray[np.uint8]
Codes = npt.NDArray[np.int64]


def left_behind(
    content: Bytes, history: Sequence[Operation], layout: Layout
) -> Iterator[tuple[int, bool]]:
    """Bring `content` into every state: how many operations began, and whether the last was cut.

    From before the first to behind the last; in the middle of each, some of its bits are there.
    """

    def write(at: int, new: bytes) -> None:
        content[at : at + len(new)] = np.frombuffer(new, np.uint8)

    flash = Flash(layout, lambda at, size: content[at : at + size].tobytes(), write)
    yield 0, False
    for k, operation in enumerate(history):
        flash.cut_at = flash.operations
        with suppress(PowerLost):
            flash.do(operation)
        yield k + 1, True
        flash.do(operation)
        yield k + 1, False


def proved(layout: Layout, first: Slot, second: Slot) -> Bytes:
    """Flash with a model in each slot, the second in use and proved; an empty log."""
    content = np.full(layout.end, 0xFF, np.uint8)
    for k, slot in enumerate((first, second)):
        placed = slot.placed(layout.slot(k))
        content[layout.slot(k) :][: len(placed)] = np.frombuffer(placed, np.uint8)
    content[layout.slot(2) - WORD : layout.slot(2)] = 0
    return content


class Aftermath:
    """What a boot has to make of all that an update can leave."""

    def __init__(self, host: HostFirmware, newer: Slot, codes: Codes, old: int = 0) -> None:
        """Of the host's flash before the update, slot `old` in use; `codes` are to be heard."""
        self._host, self._newer, self._codes, self._old = host, newer, codes, old
        self.layout = host.layout
        self._before = host.flash.copy()
        host.start()
        self._log = Link(host.receive).log()[:-1]  # less this boot
        self._events = host.samples(codes)
        assert self._events, "the codes are to give events"
        host.flash[:] = self._before

    def slot_in_use(self, content: Bytes) -> int:
        """Which it has to be: the new model's where that is whole."""
        new = SLOTS - 1 - self._old
        placed = self._newer.placed(self.layout.slot(new))
        found = content[self.layout.slot(new) :][: len(placed)].tobytes()
        return new if found == placed else self._old

    def fault(self, content: Bytes) -> str | None:
        """What is wrong when power comes again; None: nothing is."""
        host, layout, old = self._host, self.layout, self._old
        host.flash[:] = content
        host.start()
        link = Link(host.receive)
        status = link.status()
        if status.slot != self.slot_in_use(content):
            return f"slot {status.slot} is in use"
        kept = slice(layout.slot(old), layout.slot(old + 1))
        if status.verdicts[old] != Verdict.GOOD or (content[kept] != self._before[kept]).any():
            return "the old model is not whole"
        log = link.log()
        if log[: len(self._log)] != self._log or log[-1].kind != Kind.BOOT:
            return "the log has lost a record"
        if [record.sequence for record in log] != list(range(1, len(log) + 1)):
            return "the log has a gap"
        return None if host.samples(self._codes) == self._events else "other events come"


def cut_anywhere(
    machine: Machine, slot: Slot, count: int, found: Callable[[Bytes], None], seed: int = 0
) -> int:
    """Cut a started machine's update at `count` instructions of its main loop, chosen at random.

    `found` gets flash as each left it, and may start the machine. The instructions of the whole.
    """
    lengths: list[int] = []
    begin = machine.snapshot()
    _update(machine, slot, lambda: lengths.append(machine.turn()))
    machine.restore(begin)
    ends = np.cumsum(lengths)
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.choice(ends[-1], count, replace=False)) + 1
    turns = iter(np.split(chosen, np.searchsorted(chosen, ends[:-1], "right")))
    before = iter([0, *ends[:-1].tolist()])

    def cut() -> None:
        here, passed = machine.snapshot(), next(before)
        for at in next(turns).tolist():
            machine.cut_turn(at - passed)
            found(machine.flash_content())
            machine.restore(here)
        machine.turn()

    _update(machine, slot, cut)
    return int(ends[-1])


def _update(machine: Machine, slot: Slot, turn: Callable[[], None]) -> None:
    """The whole of an update; `turn` is called in place of each turn of the main loop."""

    def exchange(content: bytes) -> bytes:
        length = len(machine.sent)
        for at in range(0, len(content), UART_AT_ONCE):
            machine.receive_only(content[at : at + UART_AT_ONCE])
            turn()
        return bytes(machine.sent[length:])

    Link(exchange).update(slot.sent)
