"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from .errors import InputError

OPENED = ("/dev/stdout", "/dev/stderr", "/dev/fd", "/proc/self/fd")  # or below these


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A path to write to that becomes `path` when the block ends well, and nothing if it does not.

    Where the block leaves no file or an empty one, `path` stays as it is. A link stays one: what it
    points at is written. A device or a pipe gets what was written at the end. Raises InputError
    where `path` can't be written.
    """
    check_target(path)
    target = Path(os.path.realpath(path))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory())) if _is_stream(path) else None
        unfinished = (folder or target.parent) / f".{target.name}.unfinished"
        try:
            yield unfinished
            if unfinished.exists() and unfinished.stat().st_size:
                _put(unfinished, path if folder else target, is_stream=folder is not None)
        except OSError as error:
            raise _refusal(path, error.strerror or str(error)) from error
        finally:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)


def check_target(path: Path) -> None:
    """Refuse a path that can't become a file, before work is spent on what would go there."""
    if not path.name or path.is_dir():
        raise _refusal(path, "it is a folder")
    if _is_stream(path):
        if not os.access(path, os.W_OK):
            raise _refusal(path, "it is read-only")
        return
    folder = Path(os.path.realpath(path)).parent
    if not folder.is_dir():
        raise _refusal(path, f"there is no folder {path.parent}")
    if not os.access(folder, os.W_OK):
        raise _refusal(path, f"the folder {path.parent} is read-only")


def check_folder(path: Path) -> None:
    """Refuse a path that can't become a folder, before work is spent on what would go there."""
    nearest = next(place for place in (path, *path.absolute().parents) if place.exists())
    if not nearest.is_dir():
        raise _refusal(path, f"{nearest} is no folder")
    if not os.access(nearest, os.W_OK):
        raise _refusal(path, f"the folder {nearest} is read-only")


def _is_stream(path: Path) -> bool:
    """A device, a pipe or what the shell has opened: no file may take its place."""
    is_open = str(path) in OPENED or str(path.parent) in OPENED
    return path.exists() and (is_open or not path.is_file())


def _put(unfinished: Path, path: Path, *, is_stream: bool) -> None:
    if not is_stream:
        unfinished.replace(path)
        return
    with unfinished.open("rb") as source, path.open("ab") as target:
        shutil.copyfileobj(source, target)


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
