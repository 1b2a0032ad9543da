"""`ScratchList`: what was appended, in a scratch file but for the latest, read as a sequence."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from tempfile import TemporaryFile
from typing import IO, TypeVar, overload

CHUNK = 4096  # items in memory; of beats about an hour

T = TypeVar("T")


class ScratchFile:
    """Bytes in a file without a name, which is gone with the process."""

    def __init__(self) -> None:
        """Nothing yet, and no file."""
        self._file: IO[bytes] | None = None
        self.size = 0

    def add(self, content: bytes) -> None:
        """Append some bytes."""
        if not content:
            return
        if self._file is None:
            self._file = TemporaryFile(prefix="leadone-")  # noqa: SIM115
        self._file.seek(self.size)
        self._file.write(content)
        self.size += len(content)

    def read(self, at: int, count: int) -> bytes:
        """So many bytes from byte `at` on."""
        if self._file is None or count == 0:
            return b""
        self._file.seek(at)
        return self._file.read(count)


class ScratchList(Sequence[T], ABC):
    """A list that only grows, and whose memory does not grow with it."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._latest: list[T] = []
        self._chunks = 0
        self._near: tuple[int, list[T]] = (-1, [])

    def append(self, item: T) -> None:
        """Take the next one."""
        self._latest.append(item)
        if len(self._latest) == CHUNK:
            self._put(self._latest)
            self._chunks += 1
            self._latest = []

    def __len__(self) -> int:
        """How many."""
        return self._chunks * CHUNK + len(self._latest)

    def __iter__(self) -> Iterator[T]:
        """All in order, a chunk at a time."""
        for k in range(self._chunks):
            yield from self._get(k)
        yield from self._latest

    @overload
    def __getitem__(self, at: int) -> T: ...
    @overload
    def __getitem__(self, at: slice) -> list[T]: ...
    def __getitem__(self, at: int | slice) -> T | list[T]:
        """One, or some."""
        if isinstance(at, slice):
            return [self[k] for k in range(*at.indices(len(self)))]
        at = at + len(self) if at < 0 else at
        if not 0 <= at < len(self):
            raise IndexError(at)
        k, within = divmod(at, CHUNK)
        if k == self._chunks:
            return self._latest[within]
        if self._near[0] != k:
            self._near = (k, self._get(k))
        return self._near[1][within]

    @abstractmethod
    def _put(self, chunk: Sequence[T]) -> None:
        """Write the next chunk."""

    @abstractmethod
    def _get(self, k: int) -> list[T]:
        """Read chunk `k`."""
