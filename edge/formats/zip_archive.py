"""Zip archives such as Apple Health's `export.zip`: every ECG inside, read in memory, bounded."""

from __future__ import annotations

import zipfile
import zlib
from collections import Counter
from collections.abc import Callable
from io import BytesIO

from ..record import Record
from .blob import MAX_BYTES, Blob
from .recording import Entry, ReadOptions
from .text import clean

MAX_MEMBERS = 100_000
HEAD_BYTES = 1 << 13  # of each member, to tell what it is
MAX_ARCHIVE_BYTES = 1 << 34
MAX_NAMES_BYTES = 1 << 26  # of an archive that lies in memory, not in a file
PLAIN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others may want gigabytes to inflate
DAMAGES = (  # what zipfile raises for damaged and encrypted archives
    zipfile.BadZipFile,
    zlib.error,
    RuntimeError,
    NotImplementedError,
    EOFError,
    ValueError,
    OSError,
    OverflowError,
)

Reader = Callable[[Blob], list[Entry]]


def claims(head: bytes) -> bool:
    """A local header, or the end of an empty archive."""
    return head.startswith((b"PK\x03\x04", b"PK\x05\x06"))


def read(blob: Blob, find_reader: Callable[[Blob], Reader | None]) -> list[Entry]:
    """An entry for each member that is an ECG by its content; nothing is written to disk."""
    if blob.size > MAX_ARCHIVE_BYTES:
        raise blob.fault("the archive is too large; unpack it and name its ECGs")
    try:
        with _opened(blob) as archive:
            members = [m for m in archive.infolist() if not m.is_dir()]
            if len(members) > MAX_MEMBERS:
                raise blob.fault("the archive has too many members; unpack it and name its ECGs")
            found = [m for m in members if find_reader(_member(blob, archive, m, HEAD_BYTES))]
    except DAMAGES as error:
        raise _damaged(blob, error) from None
    if not found:
        raise blob.fault("no file in the archive is an ECG; choose another archive")
    found.sort(key=lambda member: member.filename)
    stems = [Blob(clean(member.filename, 200), b"").stem for member in found]
    counts = Counter(stem.rsplit("/", 1)[-1] for stem in stems)
    names = [stem if counts[stem.rsplit("/")[-1]] > 1 else stem.rsplit("/")[-1] for stem in stems]
    return [
        Entry(name, read := _reader(blob, member, find_reader), read)
        for name, member in zip(names, found, strict=True)
    ]


def _reader(
    blob: Blob, member: zipfile.ZipInfo, find_reader: Callable[[Blob], Reader | None]
) -> Callable[[ReadOptions], Record]:
    def read_one(options: ReadOptions) -> Record:
        try:
            with _opened(blob) as archive:
                whole = _member(blob, archive, member, MAX_BYTES + 1)
        except DAMAGES as error:
            raise _damaged(blob, error) from None
        if whole.size > MAX_BYTES:
            raise whole.fault(f"it inflates beyond {MAX_BYTES} bytes; split it")
        reader = find_reader(whole)
        entries = reader(whole) if reader is not None else []
        if len(entries) != 1:
            raise whole.fault(f"it holds {len(entries)} recordings; unpack it and name it alone")
        return entries[0].read(options)

    return read_one


def _opened(blob: Blob) -> zipfile.ZipFile:
    return zipfile.ZipFile(blob.path or BytesIO(blob.whole(MAX_NAMES_BYTES)))


def _member(blob: Blob, archive: zipfile.ZipFile, member: zipfile.ZipInfo, limit: int) -> Blob:
    """The first `limit` bytes of a member; nothing of one that is packed in a rare way."""
    name = f"{blob.name}/{clean(member.filename, 200)}"
    if member.compress_type not in PLAIN or member.flag_bits & 1:  # 1: encrypted
        return Blob(name, b"")
    with archive.open(member) as file:
        return Blob(name, file.read(limit))


def _damaged(blob: Blob, error: Exception) -> Exception:
    if str(error).startswith(blob.name):  # ours already
        return error
    reason = clean(str(error) or type(error).__name__, 100).rstrip(".").replace(";", ",")
    return blob.fault(f"the archive is damaged ({reason}); download it again")
