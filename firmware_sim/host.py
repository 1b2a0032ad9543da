"""The same firmware as a library of this machine: thousands of times faster than a simulated core,
and with power that goes in the middle of any operation of its flash.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

import numpy as np
import numpy.typing as npt

from ..edge.bundle import Bundle
from ..edge.core_build import CORE, MODEL_C, compile_core
from ..edge.core_library import check_is_data
from .board import Board
from .flash import PowerLost
from .front_end import MISSING
from .image import FIRMWARE, PORTS, RUN_TIME, STRICT, macros_of, trust_source
from .layout import Layout, layout_of
from .slot import Slot, build_slot

OPTIONS = ("-mcpu=native", "-O2", "-shared", "-fPIC")
NEVER = 2**32 - 1  # of a flash operation: power stays
EVENT_ROOM, SENT_ROOM = 1 << 22, 1 << 20
POWER = 0

Codes = npt.NDArray[np.int64]


class _Bytes(ctypes.Structure):
    _fields_ = (
        ("at", ctypes.c_void_p),
        ("count", ctypes.c_uint32),
        ("room", ctypes.c_uint32),
        ("missed", ctypes.c_uint32),
    )


class _Machine(ctypes.Structure):
    """`host_machine` of firmware/ports/host.h."""

    _fields_ = (
        ("flash", ctypes.c_void_p),
        ("events", _Bytes),
        ("sent", _Bytes),
        *((name, ctypes.c_uint32) for name in ("operations", "cut_at", "noise")),
        *((name, ctypes.c_uint32) for name in ("reset_cause", "resets", "alerts", "feedings")),
        ("code", ctypes.c_int32),
        ("is_off", ctypes.c_uint8),
        ("byte", ctypes.c_uint8),
    )


class HostFirmware:
    """A board's firmware compiled for this machine, with flash of its own."""

    def __init__(self, bundle: Bundle, board: Board, key: bytes | None = None) -> None:
        """Compile it; InputError where the bundle has no model.c or nothing compiles it."""
        self.slot, self.layout = build_slot(bundle, board.core), layout_of(board)
        with TemporaryDirectory() as scratch, _sources(bundle, self.slot, key, scratch) as sources:
            library = Path(mkdtemp(prefix="leadone-")) / "firmware.so"
            options = (*OPTIONS, *host_options(board, self.layout))
            compile_core(sources, library, options)
        self._c = ctypes.CDLL(str(library))
        library.unlink()
        library.parent.rmdir()
        for name in ("host_start", "host_samples", "host_receive"):
            getattr(self._c, name).restype = ctypes.c_bool
        self.flash = np.full(self.layout.end, 0xFF, np.uint8)
        self.write(self.layout.slot_at, self.slot.placed(self.layout.slot_at))
        self._events = ctypes.create_string_buffer(EVENT_ROOM)
        self._sent = ctypes.create_string_buffer(SENT_ROOM)
        self._machine = _Machine(flash=self.flash.ctypes.data, cut_at=NEVER)

    @property
    def operations(self) -> int:
        """Of the flash, since power came last."""
        return int(self._machine.operations)

    @property
    def resets(self) -> int:
        """That the firmware asked for, since power came last."""
        return int(self._machine.resets)

    def write(self, at: int, content: bytes) -> None:
        """Flash, as a programmer's cable writes it."""
        self.flash[at : at + len(content)] = np.frombuffer(content, np.uint8)

    def start(self, cause: int = POWER, cut_at: int | None = None, noise: int = 0) -> None:
        """Power comes; `cut_at` is the operation of the flash in which it goes: PowerLost."""
        room = _Bytes(ctypes.addressof(self._events), 0, EVENT_ROOM, 0)
        sent = _Bytes(ctypes.addressof(self._sent), 0, SENT_ROOM, 0)
        cut = NEVER if cut_at is None else cut_at
        self._machine = _Machine(self.flash.ctypes.data, room, sent, 0, cut, noise)
        _go(self._c.host_start(ctypes.byref(self._machine), cause))

    def samples(self, codes: Codes) -> bytes:
        """Samples' interrupts, each followed by the main loop; the events that come of them."""
        length = self._machine.events.count
        is_off = (codes == MISSING).astype(np.uint8)
        values = np.where(codes == MISSING, 0, codes).astype(np.int32)
        _go(self._c.host_samples(_at(values), _at(is_off), len(values)))
        return self._events.raw[length : self._machine.events.count]

    def all_sent(self) -> bytes:
        """By the UART, since power came last."""
        return self._sent.raw[: self._machine.sent.count]

    def receive(self, content: bytes) -> bytes:
        """Bytes come in by the UART; those that it sends meanwhile."""
        length = self._machine.sent.count
        _go(self._c.host_receive(content, len(content)))
        return self._sent.raw[length : self._machine.sent.count]


def host_options(board: Board, layout: Layout) -> tuple[str, ...]:
    """What the sources are compiled with, by any compiler."""
    return (*STRICT, *macros_of(board, layout), f"-I{FIRMWARE}")


def host_sources() -> list[Path]:
    """The firmware's and the core's, but for the model and what trusts it."""
    own = [source for source in sorted(FIRMWARE.glob("*.c")) if source.stem not in RUN_TIME]
    return [*own, PORTS / "host.c", *sorted(CORE.glob("*.c"))]


@contextmanager
def _sources(bundle: Bundle, slot: Slot, key: bytes | None, scratch: str) -> Iterator[list[Path]]:
    check_is_data(bundle.files[MODEL_C])
    model, trust = Path(scratch) / MODEL_C, Path(scratch) / "trust.c"
    model.write_bytes(bundle.files[MODEL_C])
    trust.write_text(trust_source(slot, key))
    yield [*host_sources(), model, trust]


def _go(goes_on: bool) -> None:
    if not goes_on:
        raise PowerLost


def _at(values: npt.NDArray[np.int32] | npt.NDArray[np.uint8]) -> ctypes.c_void_p:
    return ctypes.c_void_p(values.ctypes.data)
