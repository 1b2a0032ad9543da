"""`Blob`: a file, or bytes out of an archive, read in bounded pieces."""

from __future__ import annotations

import zlib
from functools import cached_property
from pathlib import Path

from ..errors import InputError

HEAD_BYTES = 1 << 16  # what a format is told by
MAX_BYTES = 1 << 28  # of a file that is read in one piece, and of what decompression may give
MAX_MEMBERS = 20_000  # of a gzip file
FEED_BYTES = 1 << 14
SIGNAL_SUFFIXES = (".hea", ".dat", ".edf", ".bdf", ".rec", ".atc", ".scp", ".ecg", ".dcm")
TEXT_SUFFIXES = (".csv", ".txt", ".tsv", ".json", ".ndjson", ".xml", ".gz", ".zip")


class Blob:
    """Bytes with a name. Nothing is read before it is asked for."""

    def __init__(self, name: str, source: Path | bytes) -> None:
        """`name` is what errors call it: the path, or archive/member."""
        self.name = name
        self.path = source if isinstance(source, Path) else None
        self._bytes = source if isinstance(source, bytes) else b""
        self.size = source.stat().st_size if isinstance(source, Path) else len(source)

    @cached_property
    def head(self) -> bytes:
        """The first 64 KiB."""
        return self.read_at(0, HEAD_BYTES)

    def read_at(self, offset: int, count: int) -> bytes:
        """Up to `count` bytes from `offset`."""
        if self.path is None:
            return self._bytes[offset : offset + count]
        with self.path.open("rb") as file:
            file.seek(offset)
            return file.read(count)

    def whole(self, limit: int = MAX_BYTES) -> bytes:
        """All bytes; InputError beyond `limit`."""
        if self.size > limit:
            raise self.fault(f"it has {self.size} bytes, beyond {limit} for its format; split it")
        return self.read_at(0, self.size)

    def fault(self, sentence: str) -> InputError:
        """An error that begins with the name."""
        return InputError(f"{self.name}: {sentence}")

    @property
    def stem(self) -> str:
        """The name without the suffixes of ECG files: the record's `source`."""
        path = Path(self.name)
        while path.suffix.casefold() in (*SIGNAL_SUFFIXES, *TEXT_SUFFIXES):
            path = path.with_suffix("")
        return str(path)


def gunzipped(blob: Blob) -> Blob:
    """What a gzip file holds, up to `MAX_BYTES`."""
    packed, pieces, size, at = blob.whole(), list[bytes](), 0, 0
    try:
        for _ in range(MAX_MEMBERS):
            inflater = zlib.decompressobj(wbits=31)
            while not inflater.eof:
                feed = inflater.unconsumed_tail or packed[at : at + FEED_BYTES]
                at += 0 if inflater.unconsumed_tail else len(feed)
                if not feed:
                    raise blob.fault("the gzip stream is cut off; download or export it again")
                pieces.append(inflater.decompress(feed, MAX_BYTES - size + 1))
                size += len(pieces[-1])
                if size > MAX_BYTES:
                    raise blob.fault(f"it inflates beyond {MAX_BYTES} bytes; split it")
            at -= len(inflater.unused_data)
            if not packed[at : at + FEED_BYTES].strip(b"\0"):  # nothing, or padding
                return Blob(blob.name, b"".join(pieces))
    except zlib.error as error:
        raise blob.fault(f"it is damaged gzip ({error}); download or export it again") from None
    raise blob.fault(f"it has more than {MAX_MEMBERS} gzip members; unpack it first")
