"""A bundle: one folder (or a .zip of it) with a manifest that names and hashes every file.

Never pickle: JSON and ONNX. A bundle whose files do not match its manifest, or whose format is
newer than this code, is refused before anything of it is used.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import InputError
from .files import make_folder, whole_file
from .labels import BEATS, RHYTHMS, WAVES
from .timing import HOP_SAMPLES, LOOKAHEAD_SAMPLES

FORMAT_VERSION = 3
MANIFEST = "manifest.json"
MAX_FILE_BYTES = 64 * 1024 * 1024
# What this code assumes of every network; a bundle must declare the same.
CONTRACT: dict[str, dict[str, Any]] = {
    "input": {"rate_hz": 250, "hop_samples": HOP_SAMPLES, "lookahead_samples": LOOKAHEAD_SAMPLES},
    "labels": {"waves": list(WAVES), "beats": list(BEATS), "rhythm": list(RHYTHMS)},
}
SHIPPED = Path(__file__).parent / "models"


@dataclass(frozen=True)
class Bundle:
    """A checked bundle: its manifest and the bytes of the files it lists."""

    manifest: dict[str, Any]
    files: dict[str, bytes]
    sha256: str  # of the manifest, which holds the hashes of all else

    @property
    def identity(self) -> dict[str, str]:
        """Name, version and sha256, as reports state them."""
        return {
            "name": str(self.manifest["name"]),
            "version": str(self.manifest["version"]),
            "sha256": self.sha256,
        }


def shipped_models() -> list[str]:
    """Names of the bundles inside this package."""
    return sorted(p.parent.name for p in SHIPPED.glob(f"*/{MANIFEST}"))


def load_bundle(model: str | Path) -> Bundle:
    """A shipped bundle by name, or one by path; every hash is checked."""
    path = SHIPPED / str(model) if str(model) in shipped_models() else Path(model)
    if path.is_dir():
        read = _folder_reader(path)
    elif path.is_file() and zipfile.is_zipfile(path):
        read = _zip_reader(path)
    else:
        names = ", ".join(shipped_models()) or "none shipped"
        raise InputError(f"no model bundle {str(model)!r}; give a bundle's path or a name: {names}")
    manifest_bytes = read(MANIFEST)
    manifest = _checked_manifest(manifest_bytes, path)
    files = {}
    for name, expected in manifest["files"].items():
        files[name] = read(name)
        if hashlib.sha256(files[name]).hexdigest() != expected:
            raise InputError(
                f"{name} in bundle {path.name} is not the file its manifest lists; "
                "it was changed or damaged: get the bundle again"
            )
    return Bundle(manifest, files, hashlib.sha256(manifest_bytes).hexdigest())


def write_bundle(folder: Path, manifest: dict[str, Any], files: dict[str, bytes]) -> str:
    """Write the files, then the manifest with their hashes; returns the manifest's sha256."""
    make_folder(folder)
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    complete = {"format": FORMAT_VERSION, **manifest, "files": hashes}
    encoded = (json.dumps(complete, indent=1) + "\n").encode()
    for name, content in [*files.items(), (MANIFEST, encoded)]:
        with whole_file(folder / name) as unfinished:
            unfinished.write_bytes(content)
    return hashlib.sha256(encoded).hexdigest()


def _checked_manifest(encoded: bytes, path: Path) -> dict[str, Any]:
    try:
        manifest = json.loads(encoded)
    except ValueError as error:
        raise InputError(
            f"the manifest of {path.name} is not JSON; get the bundle again"
        ) from error
    if not isinstance(manifest, dict) or not isinstance(manifest.get("files"), dict):
        raise InputError(f"the manifest of {path.name} lists no files; get the bundle again")
    if manifest.get("format") != FORMAT_VERSION:
        raise InputError(
            f"bundle {path.name} has format {manifest.get('format')!r}, this leadone reads "
            f"{FORMAT_VERSION}; install the leadone that made it"
        )
    for name in manifest["files"]:
        if Path(name).name != name or name.startswith("."):
            raise InputError(f"bundle {path.name} names a file outside itself: {name!r}")
    _check_contract(manifest, path)
    return manifest


def _check_contract(manifest: dict[str, Any], path: Path) -> None:
    missing = [
        key
        for key in ("name", "version", "network", "record_head", "rhythm", "beat_model")
        if key not in manifest
    ]
    if missing:
        raise InputError(f"the manifest of {path.name} lacks {missing[0]!r}; get the bundle again")
    if manifest["network"] not in manifest["files"]:
        raise InputError(f"bundle {path.name} does not list its network; get the bundle again")
    for part, expected in CONTRACT.items():
        found = manifest.get(part)
        for key, value in expected.items():
            if not isinstance(found, dict) or found.get(key) != value:
                raise InputError(
                    f"bundle {path.name} declares another {part} {key} than {value}; install the "
                    "leadone that made it"
                )


def _folder_reader(folder: Path) -> Any:
    def read(name: str) -> bytes:
        file = folder / name
        if not file.is_file() or file.is_symlink():
            raise InputError(f"bundle {folder.name} lacks {name}; get the bundle again")
        if file.stat().st_size > MAX_FILE_BYTES:
            raise InputError(f"{name} in bundle {folder.name} is larger than any model; refused")
        return file.read_bytes()

    return read


def _zip_reader(path: Path) -> Any:
    def read(name: str) -> bytes:
        with _opened(path) as archive:
            inside = [i for i in archive.infolist() if i.filename.rsplit("/", 1)[-1] == name]
            if len(inside) != 1:
                raise InputError(f"bundle {path.name} lacks {name}; get the bundle again")
            if inside[0].file_size > MAX_FILE_BYTES:
                raise InputError(f"{name} in bundle {path.name} is larger than any model; refused")
            return archive.read(inside[0])

    return read


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
        raise InputError(f"bundle {path.name} is a damaged zip; get the bundle again") from error
