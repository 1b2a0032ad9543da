"""Frames over a socket or serial line: docs/live.md. Damaged bytes cost the frame they fall into.

Little-endian: "L1", kind, flags (0), sequence u32, length u16, payload, CRC-16/CCITT-FALSE of all
behind "L1". Kind 1, hello: rate in mHz u32, step in nV u32, lead as UTF-8. Kind 2, samples: device
time of the first in us u64, then int16, -32768 where missing.
"""

from __future__ import annotations

import binascii
import struct
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..record import check_rate
from .chunk import Chunk, Format
from .timeline import MAX_DRIFT

MAGIC = b"L1"
HEAD = struct.Struct("<2sBBIH")
HELLO, SAMPLES = 1, 2
MISSING = -32768
MAX_PAYLOAD = 1 << 13
MAX_LEAD = 32


@dataclass
class FrameDecoder:
    """Bytes in any pieces in, chunks out; `lost` counts frames that did not arrive whole.

    A hello that says another rate than the caller (`given_hz`) is refused.
    """

    given_hz: float | None = None
    format: Format | None = None
    lost: int = 0
    _buffer: bytes = b""
    _step_mv: float = 0.0
    _next: int | None = None  # sequence number
    _is_reset: bool = False  # until the next samples say so

    def push(self, data: bytes) -> list[Chunk]:
        """Take bytes; give the chunks that they complete."""
        self._buffer += data
        chunks: list[Chunk] = []
        while (frame := self._take()) is not None:
            chunks += self._decode(*frame)
        return chunks

    def finish(self) -> list[Chunk]:
        """The end of the stream: half a frame is lost."""
        self._buffer = b""
        return []

    def _take(self) -> tuple[int, int, bytes] | None:
        """The next whole frame; what is between frames is skipped."""
        while True:
            at = self._buffer.find(MAGIC)
            if at < 0:
                self._buffer = self._buffer[-1:]
                return None
            self._buffer = self._buffer[at:]
            if len(self._buffer) < HEAD.size:
                return None
            _, kind, _, sequence, length = HEAD.unpack_from(self._buffer)
            end = HEAD.size + length
            if length <= MAX_PAYLOAD:
                if len(self._buffer) < end + 2:
                    return None
                found = int.from_bytes(self._buffer[end : end + 2], "little")
                if binascii.crc_hqx(self._buffer[2:end], 0xFFFF) == found:
                    payload, self._buffer = self._buffer[HEAD.size : end], self._buffer[end + 2 :]
                    return kind, sequence, payload
            self._buffer = self._buffer[2:]  # no frame begins here

    def _decode(self, kind: int, sequence: int, payload: bytes) -> list[Chunk]:
        if self._next is not None:
            self.lost += (sequence - self._next) % (1 << 32) if sequence >= self._next else 0
        self._is_reset |= self._next is not None and sequence < self._next
        self._next = (sequence + 1) % (1 << 32)
        if kind == HELLO and len(payload) >= 8:
            self._hello(payload)
            return []
        if kind != SAMPLES or len(payload) < 10 or self.format is None:
            return []  # a kind of later versions, or samples before the hello
        codes = np.frombuffer(payload[8 : len(payload) & ~1], "<i2")
        is_reset, self._is_reset = self._is_reset, False
        samples = np.where(codes == MISSING, np.nan, codes * self._step_mv).astype(np.float32)
        return [Chunk(samples, int.from_bytes(payload[:8], "little") / 1e6, is_reset)]

    def _hello(self, payload: bytes) -> None:
        millihertz, nanovolts = struct.unpack_from("<II", payload)
        lead = payload[8 : 8 + MAX_LEAD].decode("utf-8", "replace")
        lead = "".join(c for c in lead if c.isprintable()).strip() or "I"
        if not nanovolts:
            raise InputError("the device says a step of 0 nV; correct its hello frame")
        check_rate(millihertz / 1000)
        told = Format(millihertz / 1000, lead)
        if self.given_hz is not None and abs(told.rate_hz / self.given_hz - 1) > MAX_DRIFT:
            raise InputError(
                f"the device says {told.rate_hz:g} Hz, the rate given is {self.given_hz:g}; "
                "leave --rate away, or correct the device"
            )
        if self.format is not None and told != self.format:
            raise InputError("the device changed its rate or lead within a stream; start anew")
        self.format, self._step_mv = told, nanovolts * 1e-6


def hello_frame(rate_hz: float, step_nv: int, lead: str = "I", sequence: int = 0) -> bytes:
    """The frame that opens a stream."""
    payload = struct.pack("<II", round(1000 * rate_hz), step_nv) + lead.encode()
    return _frame(HELLO, sequence, payload)


def samples_frame(codes: np.ndarray, time_us: int, sequence: int) -> bytes:
    """A frame of int16 samples."""
    payload = time_us.to_bytes(8, "little") + np.asarray(codes, "<i2").tobytes()
    return _frame(SAMPLES, sequence, payload)


def _frame(kind: int, sequence: int, payload: bytes) -> bytes:
    head = HEAD.pack(MAGIC, kind, 0, sequence % (1 << 32), len(payload))
    return head + payload + struct.pack("<H", binascii.crc_hqx(head[2:] + payload, 0xFFFF))
