"""The bytes of a bundle's files, from a folder or a .zip: read under limits, nothing is unpacked.

A zip is refused before it is believed: its directory is bounded before it is parsed, no entry may
be a link, lie outside or come twice, and no file is inflated beyond the limit.
"""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from .errors import InputError

MANIFEST = "manifest.json"
MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_ZIP_DIRECTORY_BYTES = 64 * 1024
END_RECORD = b"PK\x05\x06"
END_RECORD_BYTES = 22
ZIP64_LOCATOR, ZIP64_LOCATOR_BYTES = b"PK\x06\x07", 20
MAX_COMMENT_BYTES = 65_535
SHOWN = 80  # characters of a name that a refusal quotes
PLAIN_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# What zipfile raises for damage, as found by fuzzing it.
DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, struct.error),
    *(NotImplementedError, RuntimeError, EOFError, ValueError, OSError),
)


class Source(Protocol):
    """Where a bundle's files lie."""

    def read(self, name: str, limit: int = MAX_FILE_BYTES) -> bytes:
        """One file, InputError where it is missing, no plain file, or longer than `limit`."""

    def has(self, name: str) -> bool:
        """Whether there is something by this name."""


@contextmanager
def open_source(path: Path) -> Iterator[Source]:
    """A bundle's folder or zip, open for reading."""
    if path.is_dir():
        yield _Folder(path)
        return
    _check_directory_size(path)
    try:
        with zipfile.ZipFile(path) as archive:
            yield _Zip(path.name, archive)
    except InputError:
        raise
    except DAMAGE as error:
        raise InputError(f"bundle {path.name} is a damaged zip; get the bundle again") from error


class _Folder:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def has(self, name: str) -> bool:
        return (self._folder / name).is_symlink() or (self._folder / name).exists()

    def read(self, name: str, limit: int = MAX_FILE_BYTES) -> bytes:
        file = self._folder / name
        if not self.has(name):
            raise _lacks(self._folder.name, name)
        if file.is_symlink() or not file.is_file():
            raise InputError(
                f"{name} in bundle {self._folder.name} is a link or no file; copy the file itself"
            )
        with file.open("rb") as content:
            return _within(content.read(limit + 1), limit, name, self._folder.name)


class _Zip:
    """Its files lie at the root or in one folder, beside the manifest."""

    def __init__(self, bundle: str, archive: zipfile.ZipFile) -> None:
        self._bundle, self._archive = bundle, archive
        for entry in archive.infolist():
            self._check(entry)
        counts = Counter(entry.filename for entry in archive.infolist())
        twice = [name for name, count in counts.items() if count > 1]
        if twice:
            raise InputError(
                f"bundle {bundle} holds {twice[0][:SHOWN]!r} twice; get the bundle again"
            )
        roots = {name[: -len(MANIFEST)] for name in counts if name.split("/")[-1] == MANIFEST}
        if len(roots) > 1:
            raise InputError(f"bundle {bundle} holds several manifests; zip one bundle alone")
        self._root = roots.pop() if roots else ""
        self._entries = {entry.filename: entry for entry in archive.infolist()}

    def has(self, name: str) -> bool:
        return self._root + name in self._entries

    def read(self, name: str, limit: int = MAX_FILE_BYTES) -> bytes:
        if not self.has(name):
            raise _lacks(self._bundle, name)
        entry = self._entries[self._root + name]
        if entry.compress_type not in PLAIN_METHODS:
            raise InputError(
                f"{name} in bundle {self._bundle} is packed by an unusual method; zip it again"
            )
        with self._archive.open(entry) as content:
            return _within(content.read(limit + 1), limit, name, self._bundle)

    def _check(self, entry: zipfile.ZipInfo) -> None:
        name = entry.orig_filename
        outside = name.startswith("/") or ".." in name.split("/") or set(name) & set("\\:\0")
        if outside:
            raise InputError(f"bundle {self._bundle} names a file outside itself: {name[:SHOWN]!r}")
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise InputError(
                f"{name[:SHOWN]!r} in bundle {self._bundle} is a link; zip the file itself"
            )


def _check_directory_size(path: Path) -> None:
    """zipfile reads a directory whole, whatever its size: refuse one that is larger than ours."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(size - MAX_COMMENT_BYTES - END_RECORD_BYTES - ZIP64_LOCATOR_BYTES, 0))
        tail = file.read()
    at = tail.find(END_RECORD)
    while 0 <= at <= len(tail) - END_RECORD_BYTES:
        (directory_bytes,) = struct.unpack_from("<I", tail, at + 12)
        is_zip64 = tail[max(at - ZIP64_LOCATOR_BYTES, 0) : at].startswith(ZIP64_LOCATOR)
        if is_zip64 or directory_bytes > MAX_ZIP_DIRECTORY_BYTES:
            raise InputError(f"bundle {path.name} lists more files than any model has; refused")
        at = tail.find(END_RECORD, at + 1)


def _within(content: bytes, limit: int, name: str, bundle: str) -> bytes:
    if len(content) > limit:
        raise InputError(f"{name} in bundle {bundle} is larger than any model; refused")
    return content


def _lacks(bundle: str, name: str) -> InputError:
    return InputError(f"bundle {bundle} lacks {name}; get the bundle again")
