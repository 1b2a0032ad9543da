"""Damaged files: seeded mutations of bytes and of numbers, with checksums made right again."""

from __future__ import annotations

import binascii
import gzip
import io
import re
import struct
import zipfile
from collections.abc import Iterator

import numpy as np

HOSTILE_NUMBERS = (b"0", b"-1", b"65535", b"4294967295", b"1e308", b"-1e-300", b"99999999999999")
HOSTILE_INTEGERS = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)
HOSTILE_TOKENS = (b"nan", b"inf", b"null", b"", b"[[", b"}", b"<a>", b'"', b"\0", b"E", b"\xff\xfe")


def mutants(content: bytes, count: int, seed: int) -> Iterator[bytes]:
    """`count` damaged versions of a file; half of them with their checksums set right."""
    rng = np.random.default_rng(seed)
    for k in range(count):
        mutant = content
        inner = _unpacked(content) if k % 2 else None
        if inner is not None:  # damage what lies inside the gzip or the zip
            yield _packed(content, _damaged(inner, rng))
            continue
        for _ in range(int(rng.integers(1, 4))):
            mutant = _damaged(mutant, rng)
        yield repaired(mutant) if k % 2 else mutant


def _damaged(content: bytes, rng: np.random.Generator) -> bytes:
    if not content:
        return bytes(rng.integers(0, 256, 8, np.uint8))
    at = _place(len(content), rng)
    kind = int(rng.integers(0, 9))
    if kind == 0:  # a bit
        return content[:at] + bytes([content[at] ^ 1 << int(rng.integers(8))]) + content[at + 1 :]
    if kind == 1:  # a run of noise
        noise = bytes(rng.integers(0, 256, int(rng.integers(1, 16)), np.uint8))
        return content[:at] + noise + content[at + len(noise) :]
    if kind == 2:  # cut off
        return content[:at]
    if kind == 3:  # a piece is missing
        return content[:at] + content[at + int(rng.integers(1, 200)) :]
    if kind == 4:  # a piece comes twice
        return content[: at + int(rng.integers(1, 200))] + content[at:]
    if kind == 5:  # an integer field
        value = HOSTILE_INTEGERS[int(rng.integers(len(HOSTILE_INTEGERS)))]
        raw = struct.pack("<I", value)[: 2 * int(rng.integers(1, 3))]
        return content[:at] + raw + content[at + len(raw) :]
    if kind == 6:  # a number in a text
        numbers = [m.span() for m in re.finditer(rb"-?\d[\d.]*", content[: 1 << 16])]
        if numbers:
            first, last = numbers[_place(len(numbers), rng)]
            new = HOSTILE_NUMBERS[int(rng.integers(len(HOSTILE_NUMBERS)))]
            return content[:first] + new + content[last:]
    if kind == 7:  # a token where none belongs
        token = HOSTILE_TOKENS[int(rng.integers(len(HOSTILE_TOKENS)))]
        return content[:at] + token + content[at:]
    return content[at:] + content[:at] if at % 7 == 0 else content[:at] + content[at + 1 :]


def _place(length: int, rng: np.random.Generator) -> int:
    """Mostly in the head, where the structure is."""
    if rng.random() < 0.6:
        return int(rng.integers(min(length, 2048)))
    return int(rng.integers(length))


def repaired(content: bytes) -> bytes:
    """A damaged SCP-ECG or ATC file with its checksums right, so that its parser goes on."""
    if content.startswith(b"ALIVE\0\0\0"):
        return _repaired_atc(content)
    if len(content) > 200 and struct.unpack_from("<H", content, 8)[0] == 0:
        return _repaired_scp(content)
    return content


def _repaired_atc(content: bytes) -> bytes:
    out, at = bytearray(content), 12
    while at + 8 <= len(out):
        length = int.from_bytes(out[at + 4 : at + 8], "little")
        if at + 12 + length > len(out):
            break
        total = sum(out[at : at + 8 + length]) & 0xFFFFFFFF
        out[at + 8 + length : at + 12 + length] = struct.pack("<I", total)
        at += 12 + length
    return bytes(out)


def _repaired_scp(content: bytes) -> bytes:
    out = bytearray(content)
    for at in range(22, min(6 + 136, len(out) - 10), 10):
        _, length, index = struct.unpack_from("<HII", out, at)
        if length >= 16 and index >= 7 and index - 1 + length <= len(out):
            body = bytes(out[index + 1 : index - 1 + length])
            out[index - 1 : index + 1] = struct.pack("<H", binascii.crc_hqx(body, 0xFFFF))
    out[2:6] = struct.pack("<I", len(out))
    out[:2] = struct.pack("<H", binascii.crc_hqx(bytes(out[2:]), 0xFFFF))
    return bytes(out)


def _unpacked(content: bytes) -> bytes | None:
    if content.startswith(b"\x1f\x8b"):
        return gzip.decompress(content)
    if content.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return archive.read(archive.namelist()[-1])
    return None


def _packed(like: bytes, inner: bytes) -> bytes:
    if like.startswith(b"\x1f\x8b"):
        return gzip.compress(inner, 1)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("apple_health_export/electrocardiograms/ecg_1.csv", inner)
    return buffer.getvalue()
