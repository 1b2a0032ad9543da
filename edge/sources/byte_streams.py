"""Bytes from standard input, a TCP socket or a serial port, and the decoder that they need.

A read takes only what is asked for: a slow reader holds the sender up (pipes, TCP), or loses bytes
that frames miss by their checksums (serial).
"""

from __future__ import annotations

import os
import select
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import parse_qs, urlsplit

from ..errors import InputError
from .chunk import Chunk, Format
from .frames import MAGIC, FrameDecoder
from .samples_text import Given, Int16Decoder, LineDecoder

READ_BYTES = 4096
WAIT_S = 0.5  # until a silent stream lets its reader look up
CONNECT_S = 10.0
BAUD = 115_200
ENCODINGS = ("auto", "text", "int16", "frames")


class Decoder(Protocol):
    """Bytes in, chunks out."""

    format: Format | None

    def push(self, data: bytes) -> list[Chunk]:
        """Take bytes."""
        ...

    def finish(self) -> list[Chunk]:
        """Take the end."""
        ...


@dataclass
class ByteSource:
    """A source of chunks out of a function that reads bytes: empty at the end, None in silence."""

    read: Callable[[], bytes | None]
    encoding: str
    given: Given
    _decoder: Decoder | None = None
    _head: bytes = field(default=b"")

    @property
    def format(self) -> Format | None:
        """Rate and lead, once the stream or the caller has said them."""
        return self._decoder.format if self._decoder is not None else None

    def __iter__(self) -> Iterator[Chunk | None]:
        """Chunks, None while nothing comes."""
        while (data := self.read()) != b"":
            if data is None:
                yield None
                continue
            yield from self._push(data)
        if self._decoder is None and self._head:
            self._decoder = LineDecoder(self.given)
            yield from self._decoder.push(self._head)
        if self._decoder is not None:
            yield from self._decoder.finish()

    def _push(self, data: bytes) -> list[Chunk]:
        if self._decoder is None:
            self._head += data
            if self.encoding == "auto" and len(self._head) < len(MAGIC):
                return []
            data, self._head = self._head, b""
            self._decoder = self._chosen(data)
        return self._decoder.push(data)

    def _chosen(self, head: bytes) -> Decoder:
        if self.encoding == "int16":
            return Int16Decoder(self.given)
        if self.encoding == "frames" or (self.encoding == "auto" and head.startswith(MAGIC)):
            return FrameDecoder(self.given.rate_hz)
        return LineDecoder(self.given)


def open_bytes(address: str, encoding: str, given: Given) -> ByteSource:
    """The source behind `-`, tcp://HOST:PORT or serial:///dev/...[?baud=N]."""
    if encoding not in ENCODINGS:
        raise InputError(f"encoding {encoding!r} is unknown; take {', '.join(ENCODINGS)}")
    if address == "-":
        return ByteSource(_stdin_reader(), encoding, given)
    if address.startswith("tcp:"):
        return ByteSource(_tcp_reader(address), encoding, given)
    return ByteSource(_serial_reader(address), encoding, given)


def _stdin_reader() -> Callable[[], bytes | None]:
    number = sys.stdin.fileno()

    def read() -> bytes | None:
        if os.name == "posix" and not select.select([number], [], [], WAIT_S)[0]:
            return None
        return os.read(number, READ_BYTES)

    return read


def _tcp_reader(address: str) -> Callable[[], bytes | None]:
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or not port:
        raise InputError(f"{address} names no host and port; write tcp://HOST:PORT")
    try:
        connection = socket.create_connection((host, port), CONNECT_S)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{address} can't be reached ({reason}); check host and port") from None
    connection.settimeout(WAIT_S)

    def read() -> bytes | None:
        try:
            return connection.recv(READ_BYTES)
        except TimeoutError:
            return None
        except OSError as error:
            reason = error.strerror or str(error)
            raise InputError(f"{address} broke off ({reason}); connect again") from None

    return read


def _serial_reader(address: str) -> Callable[[], bytes | None]:
    try:
        import serial
    except ImportError:
        raise InputError("serial ports need pyserial: pip install 'leadone[live]'") from None
    try:
        parts = urlsplit(address)
    except ValueError:
        raise InputError(f"{address} names no port; write serial:///dev/ttyUSB0") from None
    baud = parse_qs(parts.query).get("baud", [str(BAUD)])[0]
    port = parts.path or parts.netloc
    if not baud.isdecimal() or not port:
        raise InputError(f"{address} names no port; write serial:///dev/ttyUSB0?baud=115200")
    try:
        line = serial.Serial(port, int(baud), timeout=WAIT_S)
    except (serial.SerialException, OSError, ValueError) as error:
        reason = str(error).split("\n")[0].split("] ")[-1].removesuffix(f": '{port}'").rstrip(".")
        raise InputError(f"{port} can't be opened ({reason}); check the port") from None

    def read() -> bytes | None:
        try:
            return line.read(max(1, min(line.in_waiting, READ_BYTES))) or None
        except (serial.SerialException, OSError) as error:
            reason = str(error).split("\n")[0].rstrip(".")
            raise InputError(f"{port} broke off ({reason}); plug it in again") from None

    return read
