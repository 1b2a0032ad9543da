"""Frames of the device's UART: COBS around content and its CRC-32, ended by a zero; the twin of
firmware/frame.h.
"""

from __future__ import annotations

import zlib

LONGEST_BLOCK = 254
CRC_BYTES = 4
MOST_CONTENT_BYTES = 252


def sealed(content: bytes) -> bytes:
    """The bytes for the wire."""
    whole = content + zlib.crc32(content).to_bytes(CRC_BYTES, "little")
    out, block = bytearray(), bytearray()
    for byte in whole:
        if len(block) == LONGEST_BLOCK:
            out += bytes([LONGEST_BLOCK + 1]) + block
            block.clear()
        if byte == 0:
            out += bytes([len(block) + 1]) + block
            block.clear()
        else:
            block.append(byte)
    return bytes(out) + bytes([len(block) + 1]) + bytes(block) + b"\0"


def opened(stream: bytes) -> list[bytes]:
    """The contents of all frames of a stream that are whole."""
    contents = (_decoded(one) for one in stream.split(b"\0"))
    return [
        whole[:-CRC_BYTES]
        for whole in contents
        if whole is not None
        and len(whole) > CRC_BYTES
        and zlib.crc32(whole[:-CRC_BYTES]) == int.from_bytes(whole[-CRC_BYTES:], "little")
    ]


def _decoded(coded: bytes) -> bytes | None:
    out, at = bytearray(), 0
    while at < len(coded):
        code = coded[at]
        block = coded[at + 1 : at + code]
        if len(block) < code - 1:
            return None
        out += block
        at += code
        if code <= LONGEST_BLOCK and at < len(coded):
            out.append(0)
    return bytes(out)
