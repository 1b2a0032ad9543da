"""`Store`: a folder for each record, anywhere that fsspec reaches; what is in it is done."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, TextIO
from uuid import uuid4

from .errors import InputError

SETTINGS = "leadone-run.json"
DONE = "analysis.json"  # put last: a record that has it has everything


@dataclass(frozen=True)
class Store:
    """Results below `url`, a path or s3:// and the like; it can be sent to other processes."""

    url: str

    def begin(self, settings: Mapping[str, Any]) -> None:
        """Remember what the results are made with; refuse a folder made with something else."""
        with _errors(self.url):
            fs, root = self._place()
            fs.makedirs(root, exist_ok=True)
            path = f"{root}/{SETTINGS}"
            if fs.exists(path):
                before = json.loads(fs.cat_file(path))
                changed = [name for name in settings if before.get(name) != settings[name]]
                if changed:
                    raise InputError(
                        f"{self.url} holds results of another run (its {changed[0]} was "
                        f"{before.get(changed[0])}); choose another --out"
                    )
            else:
                fs.pipe_file(path, (json.dumps(dict(settings), indent=1) + "\n").encode())

    def done(self) -> set[str]:
        """Keys of the records that are done."""
        with _errors(self.url):
            fs, root = self._place()
            fs.invalidate_cache()
            found = fs.find(root)
        ends = f"/{DONE}"
        return {path[len(root) + 1 : -len(ends)] for path in found if path.endswith(ends)}

    def put(self, key: str, folder: Path) -> None:
        """Keep a record's files, each whole; `analysis.json`, which says that it is done, last."""
        with _errors(self.url):
            fs, root = self._place()
            fs.makedirs(f"{root}/{key}", exist_ok=True)
            for file in sorted(folder.iterdir(), key=lambda file: file.name == DONE):
                self._put_whole(file, f"{root}/{key}/{file.name}")

    def put_file(self, file: Path, name: str) -> None:
        """Keep one file of the run's own."""
        with _errors(self.url):
            self._put_whole(file, f"{self._place()[1]}/{name}")

    def read(self, name: str) -> bytes:
        """A file of the run's own."""
        with _errors(self.url):
            fs, root = self._place()
            return bytes(fs.cat_file(f"{root}/{name}"))

    def copy_analysis(self, key: str, target: TextIO) -> None:
        """Write a record's line of JSON."""
        with _errors(self.url):
            fs, root = self._place()
            with fs.open(f"{root}/{key}/{DONE}", "r", encoding="utf-8") as file:
                shutil.copyfileobj(file, target)

    def _put_whole(self, file: Path, path: str) -> None:
        fs, _ = self._place()
        unfinished = f"{path}.{uuid4().hex}.unfinished"
        try:
            fs.put_file(str(file), unfinished)
            fs.mv(unfinished, path)
        finally:
            with suppress(Exception):  # it is not there unless something went wrong
                fs.rm_file(unfinished)

    def _place(self) -> tuple[Any, str]:
        import fsspec

        fs, root = fsspec.core.url_to_fs(self.url)
        return fs, str(root).rstrip("/")


@contextmanager
def _errors(url: str) -> Iterator[None]:
    """What a file system raises, as one sentence."""
    try:
        yield
    except InputError:
        raise
    except (OSError, ImportError, ValueError) as error:
        reason = getattr(error, "strerror", None) or (str(error).splitlines() or ["?"])[0]
        raise InputError(f"{url} can't be used ({reason}); check it") from error


def key_of(*names: str) -> str:
    """A path below a store from names of any kind: letters, digits and few signs are kept."""
    parts = [part for name in names for part in name.replace("\\", "/").split("/") if part]
    return "/".join(map(_plain, parts))


def _plain(part: str) -> str:
    plain = re.sub(r"[^\w.@+=-]", "_", part).lstrip(".") or "_"
    whole = part.encode("utf-8", "surrogateescape")  # names of files may be any bytes
    return plain if plain == part else f"{plain}-{sha256(whole).hexdigest()[:8]}"
