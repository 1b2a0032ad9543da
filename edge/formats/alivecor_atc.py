"""AliveCor ATC (specification 1.7): blocks of id, length, data and checksum; one block a lead."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from datetime import datetime

import numpy as np

from ..errors import InputError
from .blob import Blob
from .recording import Entry, Floats, Lead, Recording, entry
from .text import clean

SIGNATURE = b"ALIVE\0\0\0"
MAX_BYTES, MAX_BLOCKS = 1 << 26, 1000
FORMAT = struct.Struct("<BHHBH")  # 1 = int16, Hz, nV a step, flags, reserved
INFO = (32, 40, 44, 32, 32, 32, 52)  # bytes: date, record, phone, model, software, hardware, data
LEADS = dict(
    zip(
        (f"ecg{n}".encode() for n in " 23456789abc"),
        ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"),
        strict=True,
    )
)


def claims(head: bytes) -> bool:
    """The signature of eight bytes."""
    return head.startswith(SIGNATURE)


def read(blob: Blob) -> list[Entry]:
    """The one recording of the file."""
    return [entry(blob, lambda _: recording(blob.whole(MAX_BYTES)))]


def recording(content: bytes) -> Recording:
    """All leads of an ATC file; a damaged block is refused by its checksum."""
    blocks = dict(_blocks(content))
    if b"fmt " not in blocks:
        raise InputError("the ATC file has no format block; export it again")
    coding, rate_hz, nanovolts, _, _ = FORMAT.unpack(blocks[b"fmt "][: FORMAT.size].ljust(8, b"\0"))
    if coding != 1:
        raise InputError(f"its ECG format {coding} is unknown (1 is 16 bit); export it again")
    info = _info(blocks.get(b"info", b""))
    leads = tuple(
        Lead(name, float(rate_hz), "nV", _loader(blocks[key], nanovolts), nanovolts > 0)
        for key, name in LEADS.items()
        if key in blocks
    )
    about = {"device": info[5], "software": info[4]}
    return Recording(leads, _moment(info[0]), about)


def _loader(data: bytes, nanovolts: int) -> Callable[[], Floats]:
    # Where the step is missing, the usual 500 nV, marked as a guess.
    return lambda: np.frombuffer(data[: len(data) & ~1], "<i2") * float(nanovolts or 500)


def _blocks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(SIGNATURE) + 4
    for _ in range(MAX_BLOCKS):
        if at >= len(content):
            return
        if len(content) - at < 8:
            raise InputError("the ATC file is truncated; export it again")
        key, length = content[at : at + 4], int.from_bytes(content[at + 4 : at + 8], "little")
        block, rest = content[at : at + 8 + length], content[at + 8 + length : at + 12 + length]
        if len(rest) < 4:
            raise InputError("the ATC file is truncated; export it again")
        # The specification says CRC32, AliveCor's own reader sums the bytes: both are seen.
        found = int.from_bytes(rest, "little")
        if found not in (_byte_sum(block), zlib.crc32(block)):
            raise InputError(f"the checksum of block {key!r} is wrong; export it again")
        yield key, block[8:]
        at += 12 + length


def _byte_sum(block: bytes) -> int:
    return int(np.frombuffer(block, np.uint8).sum(dtype=np.uint64)) & 0xFFFFFFFF


def _info(data: bytes) -> list[str]:
    texts, at = [], 0
    for size in INFO:
        texts.append(clean(data[at : at + size].split(b"\0")[0].decode("utf-8", "replace")))
        at += size
    return texts


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
