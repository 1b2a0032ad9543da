"""Records anywhere that fsspec reaches: listed below a URL, fetched with all their files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from .errors import InputError, first_line
from .formats.read import OTHER_SUFFIXES, find_records
from .formats.wfdb_headers import SUFFIXES

HEADERS_AT_ONCE = 1000
HEADER_BYTES = 1 << 20


def is_url(path: str) -> bool:
    """Whether fsspec, not this machine's file system, is to open it."""
    return "://" in path


def records_at(path: str) -> Iterator[tuple[str, str]]:
    """Each file of records at a URL or a path, and its name below that."""
    if not is_url(path):
        root = Path(path).absolute()
        for file in find_records([root]):
            yield str(file), str(file.relative_to(root)) if root.is_dir() else file.name
        return
    try:
        fs, root_path = _place(path)
        if not fs.isdir(root_path):
            yield path, PurePosixPath(root_path).name
            return
        found = list(_below(fs, root_path))
    except (OSError, ImportError, ValueError) as error:
        raise InputError(f"{path} can't be listed ({first_line(error)}); check it") from error
    if not found:
        raise InputError(f"{path} holds no ECG that leadone reads; check it")
    for name in found:
        yield str(fs.unstrip_protocol(name)), name[len(root_path) :].lstrip("/")


def fetch(url: str, folder: Path) -> Path:
    """A record's files in a local folder; a path of this machine stays where it is."""
    if not is_url(url):
        return Path(url)
    try:
        fs, path = _place(url)
        name = PurePosixPath(path).name
        if not path.endswith(SUFFIXES) and fs.isfile(path):
            fs.get_file(path, str(folder / name))
            return folder / name
        stem = PurePosixPath(path)
        stem = stem.with_suffix("") if path.endswith(SUFFIXES) else stem
        _fetch_wfdb(fs, stem, folder)
    except (OSError, ImportError, ValueError) as error:
        raise InputError(f"{url} can't be fetched ({first_line(error)}); check it") from error
    return folder / stem.name


def _place(url: str) -> tuple[Any, str]:
    import fsspec

    fs, path = fsspec.core.url_to_fs(url)
    fs.invalidate_cache()
    return fs, str(path).rstrip("/")


def _below(fs: Any, root: str) -> Iterator[str]:
    """WFDB records without their segments, and files whose suffix a format uses."""
    names = [name for name in sorted(fs.find(root)) if "/." not in name[len(root) :]]
    headers = [name for name in names if name.endswith(".hea")]
    stems = {name.removesuffix(".hea") for name in headers}
    segments = set(_segments(fs, headers))
    for name in names:
        stem = str(PurePosixPath(name).with_suffix(""))
        if name.endswith(".hea"):
            if stem not in segments:
                yield stem
        elif PurePosixPath(name).suffix.casefold() in OTHER_SUFFIXES and stem not in stems:
            yield name


def _segments(fs: Any, headers: list[str]) -> Iterator[str]:
    """The records that multi-segment headers are made of."""
    for first in range(0, len(headers), HEADERS_AT_ONCE):
        some = headers[first : first + HEADERS_AT_ONCE]
        contents = fs.cat_ranges(some, 0, HEADER_BYTES, on_error="return")
        for header, content in zip(some, contents, strict=True):
            if isinstance(content, bytes):
                words, is_layout = _named(content)
                for word in words if is_layout else ():
                    yield str(PurePosixPath(header).with_name(word))


def _fetch_wfdb(fs: Any, stem: PurePosixPath, folder: Path, is_segment: bool = False) -> None:
    """The header, and all that it names; what is missing there the reader will name."""
    header = folder / f"{stem.name}.hea"
    if header.exists():
        return
    fs.get_file(f"{stem}.hea", str(header))
    with header.open("rb") as file:
        words, is_layout = _named(file.read(HEADER_BYTES))
    for word in dict.fromkeys(words):
        beside = stem.with_name(word)
        if is_layout and not is_segment and fs.isfile(f"{beside}.hea"):
            _fetch_wfdb(fs, beside, folder, is_segment=True)
        elif not is_layout and not (folder / word).exists() and fs.isfile(str(beside)):
            fs.get_file(str(beside), str(folder / word))


def _named(header: bytes) -> tuple[list[str], bool]:
    """Names of files, or of records where the header is one of segments; none leads elsewhere."""
    lines = [line.split() for line in header.decode("ascii", "ignore").splitlines()]
    lines = [words for words in lines if words and not words[0].startswith("#")]
    if not lines:
        return [], False
    names = [words[0] for words in lines[1:] if words[0] != "~"]
    return [name for name in names if _is_plain(name)], "/" in lines[0][0]


def _is_plain(name: str) -> bool:
    return PurePosixPath(name).name == name and "\\" not in name and name not in (".", "..")
