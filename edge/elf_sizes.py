"""How much flash and RAM the objects of a static library take, read from their ELF headers."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

ARCHIVE = b"!<arch>\n"
ELF = b"\x7fELF"
SHF_WRITE, SHF_ALLOC, SHT_NOBITS = 1, 2, 8


@dataclass(frozen=True)
class Sizes:
    """Bytes of code and constants, of initialised and of zeroed variables."""

    text: int
    data: int
    bss: int


def archive_sizes(archive: bytes) -> Sizes | None:
    """The sums over an archive's objects; None where they are not ELF (Apple's Mach-O)."""
    text = data = bss = 0
    for content in _members(archive):
        if not content.startswith(ELF):
            return None
        for kind, flags, size in _sections(content):
            if not flags & SHF_ALLOC:
                continue
            if kind == SHT_NOBITS:
                bss += size
            elif flags & SHF_WRITE:
                data += size
            else:
                text += size
    return Sizes(text, data, bss)


def _members(archive: bytes) -> Iterator[bytes]:
    """Objects of an `ar` archive, its own tables of names left out."""
    at = len(ARCHIVE)
    while at + 60 <= len(archive):
        name = archive[at : at + 16].decode("ascii").strip()
        size = int(archive[at + 48 : at + 58])
        content = archive[at + 60 : at + 60 + size]
        at += 60 + size + size % 2
        if name.startswith("#1/"):  # BSD: the name stands before the content
            skip = int(name[3:])
            name, content = content[:skip].rstrip(b"\0").decode("ascii"), content[skip:]
        if name not in ("/", "//", "/SYM64/", "__.SYMDEF", "__.SYMDEF SORTED"):
            yield content


def _sections(elf: bytes) -> Iterator[tuple[int, int, int]]:
    """Type, flags and size of each section; little-endian, 32 or 64 bits."""
    is_64 = elf[4] == 2
    (table,) = struct.unpack_from("<Q" if is_64 else "<I", elf, 0x28 if is_64 else 0x20)
    entry, count = struct.unpack_from("<HH", elf, 0x3A if is_64 else 0x2E)
    for k in range(count):
        at = table + k * entry
        if is_64:
            kind, flags, _, _, size = struct.unpack_from("<IQQQQ", elf, at + 4)
        else:
            kind, flags, _, _, size = struct.unpack_from("<IIIII", elf, at + 4)
        yield kind, flags, size
