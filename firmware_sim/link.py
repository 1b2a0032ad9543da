"""A host at the device's UART: status, log, events, updates; the twin of firmware/commands.h."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import IntEnum

from ..edge.errors import InputError
from .frame import opened, sealed
from .slot import HEADER_BYTES

ANSWER, EVENT, FAULT = 0x80, 0x40, 0x41
PIECE_BYTES = 240  # of an update, a frame
STATUS = struct.Struct("<6IBb2B")
RECORD = struct.Struct("<8I")
NEVER_MS = 2**32 - 1


class Request(IntEnum):
    """`command_kind`."""

    STATUS = 1
    EVENTS = 2
    READ_LOG = 3
    BEGIN = 4
    DATA = 5
    END = 6
    RESET = 7


class Result(IntEnum):
    """`update_result` and `command_result`."""

    OK = 0
    MALFORMED_UPDATE = 1
    MISFIT = 2
    OLD = 3
    NO_KEY = 4
    UNKNOWN = 0x10
    MALFORMED = 0x11


class Verdict(IntEnum):
    """`slot_verdict`."""

    GOOD = 0
    EMPTY = 1
    MISFIT = 2
    DAMAGED = 3
    UNTRUSTED = 4
    FAILED = 5
    TOO_LARGE = 6


class Kind(IntEnum):
    """`journal_kind`."""

    BOOT = 1
    ALERT = 2
    QUALITY = 3
    RHYTHM = 4
    FAULT = 5
    UPDATE = 6


class Fault(IntEnum):
    """`journal_fault`."""

    SLOT = 1
    EVENT = 2
    MODEL = 3


REASONS = {
    Result.MALFORMED_UPDATE: "its pieces did not come in order",
    Result.MISFIT: "it is made for another firmware",
    Result.OLD: "it is not newer than the model in use",
    Result.NO_KEY: "the firmware was built to trust no key",
}


@dataclass(frozen=True)
class Status:
    """`device_status`; `slot` is -1 where no model runs."""

    samples: int
    overruns: int
    uart_overruns: int
    boot: int
    latest_record: int
    sequence: int
    reset_cause: int
    slot: int
    verdicts: tuple[Verdict, ...]

    @classmethod
    def read(cls, content: bytes) -> Status:
        """The bytes of the struct."""
        values = STATUS.unpack(content)
        names = [field.name for field in fields(cls)]
        verdicts = tuple(Verdict(value) for value in values[-2:])
        return cls(**dict(zip(names, [*values[:-2], verdicts], strict=True)))


@dataclass(frozen=True)
class LogRecord:
    """`journal_record`; times in ms since the boot, None where there is none."""

    sequence: int
    kind: Kind
    boot: int
    at_ms: int
    start_ms: int | None
    end_ms: int | None
    value: int

    @classmethod
    def read(cls, content: bytes) -> LogRecord:
        """The bytes of the struct."""
        sequence, kind, boot, at, start, end, value, _ = RECORD.unpack(content)
        begun, ended = (None if ms == NEVER_MS else ms for ms in (start, end))
        return cls(sequence, Kind(kind), boot, at, begun, ended, value)


def told_faults(sent: bytes) -> list[str]:
    """Sentences for the faults among all that a device's UART sent: models that it passes over."""
    records = [LogRecord.read(content[1:]) for content in opened(sent) if content[0] == FAULT]
    return [
        f"the model needs {record.value >> 8:,} bytes of memory, more than the firmware keeps; "
        "send the device a smaller one"
        for record in records
        if record.value & 0xFF == Fault.MODEL
    ]


class Link:
    """Commands to a device; `exchange` takes bytes to it and gives those that it sent."""

    def __init__(self, exchange: Callable[[bytes], bytes]) -> None:
        """Nothing is sent yet."""
        self._exchange = exchange
        self._tag = 0

    def ask(self, request: int, content: bytes = b"") -> tuple[Result, bytes]:
        """One command, its result, and what the answer holds; InputError where none comes."""
        self._tag = (self._tag + 1) % 256
        sent = self._exchange(sealed(bytes([request, self._tag]) + content))
        for answer in opened(sent):
            if answer[:2] == bytes([request | ANSWER, self._tag]):
                return Result(answer[2]), answer[3:]
        raise InputError("the device does not answer; reset it")

    def status(self) -> Status:
        """How the device is."""
        return Status.read(self.ask(Request.STATUS)[1])

    def log(self, first: int = 0) -> list[LogRecord]:
        """Every record of its log from a number on."""
        found: list[LogRecord] = []
        while True:
            _, content = self.ask(Request.READ_LOG, struct.pack("<I", first))
            for at in range(0, len(content), RECORD.size):
                found.append(LogRecord.read(content[at : at + RECORD.size]))
            if not content:
                return found
            first = found[-1].sequence + 1

    def tell_events(self, on: bool) -> None:
        """Whether each event comes as a frame too."""
        self.ask(Request.EVENTS, bytes([on]))

    def update(self, slot: bytes) -> None:
        """A whole update into the slot that is not in use; InputError where it is refused."""
        self._agreed(Request.BEGIN, slot[:HEADER_BYTES])
        body = slot[HEADER_BYTES:]
        for at in range(0, len(body), PIECE_BYTES):
            self._agreed(Request.DATA, struct.pack("<I", at) + body[at : at + PIECE_BYTES])
        self._agreed(Request.END)

    def reset(self) -> None:
        """Nothing answers a reset."""
        self._exchange(sealed(bytes([Request.RESET, 0])))

    def _agreed(self, request: Request, content: bytes = b"") -> None:
        result, _ = self.ask(request, content)
        if result != Result.OK:
            why = REASONS.get(result, "it is no update")
            raise InputError(f"the device refuses the update: {why}")
