"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import InputError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A path to write to that becomes `path` when the block ends well, and nothing if it does not.

    Where the block leaves no file or an empty one, `path` stays as it is. Raises InputError where
    `path` can't be written.
    """
    check_target(path)
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        yield unfinished
        if unfinished.exists() and unfinished.stat().st_size:
            unfinished.replace(path)
    except OSError as error:
        raise _refusal(path, error.strerror or str(error)) from error
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


def check_target(path: Path) -> None:
    """Refuse a path that can't become a file, before work is spent on what would go there."""
    if not path.name or path.is_dir():
        raise _refusal(path, "it is a folder")
    if not path.parent.is_dir():
        raise _refusal(path, f"there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK):
        raise _refusal(path, f"the folder {path.parent} is read-only")


def check_folder(path: Path) -> None:
    """Refuse a path that can't become a folder, before work is spent on what would go there."""
    nearest = next(place for place in (path, *path.absolute().parents) if place.exists())
    if not nearest.is_dir():
        raise _refusal(path, f"{nearest} is no folder")
    if not os.access(nearest, os.W_OK):
        raise _refusal(path, f"the folder {nearest} is read-only")


def make_folder(path: Path) -> bool:
    """Make a folder and those above it; whether it is new."""
    is_new = not path.exists()
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _refusal(path, error.strerror or str(error)) from error
    return is_new


def _refusal(path: Path, reason: str) -> InputError:
    return InputError(f"cannot write {path}: {reason}; choose another path")
