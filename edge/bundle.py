"""A bundle: one folder (or a .zip of it) with a manifest that names and hashes every file.

Never pickle: JSON and ONNX. A bundle whose files do not match its manifest, whose signature does
not, or whose format is newer than this code, is refused before anything of it is used.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .bundle_source import MANIFEST, MAX_FILE_BYTES, Source, open_source
from .errors import InputError
from .files import make_folder, whole_file
from .manifest import FORMAT_VERSION, MAX_MANIFEST_BYTES, read_manifest
from .signature import (
    MAX_SIGNATURE_BYTES,
    SIGNATURE_FILE,
    Signature,
    can_check,
    need_cryptography,
    read_public_key,
    sign,
)

MAX_BUNDLE_BYTES = 2 * MAX_FILE_BYTES
SHIPPED = Path(__file__).parent / "models"
BUILT_FILE = "built.sha256"  # of what was compiled beside the bundle, as `sha256sum` writes it
ZIP_TIME = (1980, 1, 1, 0, 0, 0)  # of every entry: the same bundle is the same zip


@dataclass(frozen=True)
class Bundle:
    """A checked bundle: its manifest and the bytes of the files it lists.

    `signature` is what lies beside the manifest; `load_bundle` has checked it wherever it can be
    (`signature.can_check`).
    """

    manifest: dict[str, Any]
    files: dict[str, bytes]
    sha256: str  # of the manifest, which holds the hashes of all else
    signature: Signature | None = None

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


def load_bundle(model: str | Path, trusted: str | Path | None = None) -> Bundle:
    """A shipped bundle by name, or one by path; every hash is checked, and the signature.

    `trusted` is a file with a public key: a bundle that is not signed by it is refused.
    """
    path = _find(model)
    with open_source(path) as source:
        stored = _Stored.read(source, path)
    return stored.checked(path.name, None if trusted is None else Path(trusted))


def write_bundle(folder: Path, manifest: dict[str, Any], files: dict[str, bytes]) -> str:
    """Write the files, then the manifest with their hashes; returns the manifest's sha256.

    A signature that the folder has is of another manifest, and goes.
    """
    make_folder(folder)
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    complete = {"format": FORMAT_VERSION, **manifest, "files": hashes}
    encoded = (json.dumps(complete, indent=1) + "\n").encode()
    with suppress(FileNotFoundError):
        (folder / SIGNATURE_FILE).unlink()
    for name, content in [*files.items(), (MANIFEST, encoded)]:
        with whole_file(folder / name) as unfinished:
            unfinished.write_bytes(content)
    return hashlib.sha256(encoded).hexdigest()


def list_built(bundle: Bundle, folder: Path, built: Sequence[Path]) -> None:
    """Write the bundle of `folder` again, with hashes of the files that were built inside it.

    They are no part of it: nothing here loads them, no zip holds them. But one signature then
    vouches for the page that a static host serves and for the library that an app links.
    """
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}\n"
        for path in sorted(built)
    ]
    manifest = {k: v for k, v in bundle.manifest.items() if k not in ("format", "files")}
    write_bundle(folder, manifest, {**bundle.files, BUILT_FILE: "".join(lines).encode()})


def sign_bundle(path: Path, private_key: Path) -> Signature:
    """Sign a bundle in its folder or zip with the key in a PEM file; an older signature goes.

    A zip is packed anew, as by `pack_bundle`.
    """
    if not path.exists():
        raise InputError(f"no bundle {path}; give the path of a folder or zip")
    with open_source(path) as source:
        stored = _Stored.read(source, path)
    signature = sign(stored.manifest, private_key)
    if path.is_dir():
        with whole_file(path / SIGNATURE_FILE) as unfinished:
            unfinished.write_bytes(signature.encoded())
    else:
        _Stored(stored.manifest, stored.files, signature.encoded()).pack(path)
    return signature


def verify_bundle(model: str | Path, public_key: Path | None = None) -> Signature:
    """The signature of a bundle that is whole and signed, by that key where one is given.

    InputError where it is not, where a file built inside it is another than was built, or where
    nothing here can check signatures.
    """
    need_cryptography()
    bundle = load_bundle(model, public_key)
    if bundle.signature is None:
        raise InputError(f"bundle {Path(model).name} is not signed; see `leadone bundle sign`")
    _check_built(_find(model), bundle.files.get(BUILT_FILE, b""))
    return bundle.signature


def _check_built(folder: Path, listed: bytes) -> None:
    """InputError for another file than the list says; one that lies elsewhere is not sought."""
    for line in listed.decode(errors="replace").splitlines():
        expected, _, name = line.partition("  ")
        built = folder / name
        if built.is_file() and hashlib.sha256(built.read_bytes()).hexdigest() != expected:
            raise InputError(
                f"{name} in bundle {folder.name} is not what was built with it; export it again"
            )


def pack_bundle(model: str | Path, out: Path) -> None:
    """Write a bundle as one zip: the same bundle gives the same bytes, whenever and wherever."""
    path = _find(model)
    with open_source(path) as source:
        stored = _Stored.read(source, path)
    stored.checked(path.name, None)
    stored.pack(out)


@dataclass(frozen=True)
class _Stored:
    """A bundle's bytes as they lie there; each listed file is the one that the manifest lists."""

    manifest: bytes
    files: dict[str, bytes]
    signature: bytes | None

    @classmethod
    def read(cls, source: Source, path: Path) -> _Stored:
        encoded = source.read(MANIFEST, MAX_MANIFEST_BYTES)
        files: dict[str, bytes] = {}
        left = MAX_BUNDLE_BYTES
        for name, expected in read_manifest(encoded, path.name)["files"].items():
            files[name] = source.read(name, min(left, MAX_FILE_BYTES))
            left -= len(files[name])
            if hashlib.sha256(files[name]).hexdigest() != expected:
                raise InputError(
                    f"{name} in bundle {path.name} is not the file its manifest lists; "
                    "it was changed or damaged: get the bundle again"
                )
        is_signed = source.has(SIGNATURE_FILE)
        return cls(
            encoded, files, source.read(SIGNATURE_FILE, MAX_SIGNATURE_BYTES) if is_signed else None
        )

    def checked(self, bundle: str, trusted: Path | None) -> Bundle:
        """The bundle, once its signature is right and, where one is asked for, by that key."""
        signature = None if self.signature is None else Signature.read(self.signature, bundle)
        if trusted is not None:
            key = read_public_key(trusted)
            if signature is None:
                raise InputError(
                    f"bundle {bundle} is not signed; get one signed by the key in {trusted.name}, "
                    "or do not ask for it"
                )
            if signature.public_key != key:
                raise InputError(
                    f"bundle {bundle} is signed by another key than the one in {trusted.name}; "
                    "get it from whom you trust"
                )
        if signature is not None and can_check():
            signature.check(self.manifest, bundle)
        digest = hashlib.sha256(self.manifest).hexdigest()
        return Bundle(read_manifest(self.manifest, bundle), self.files, digest, signature)

    def pack(self, out: Path) -> None:
        with whole_file(out) as unfinished, zipfile.ZipFile(unfinished, "w") as archive:
            for name, content in self._entries():
                entry = zipfile.ZipInfo(name, ZIP_TIME)
                entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
                entry.create_system = 3  # Unix, on every system
                archive.writestr(entry, content, compresslevel=9)

    def _entries(self) -> Iterator[tuple[str, bytes]]:
        yield MANIFEST, self.manifest
        if self.signature is not None:
            yield SIGNATURE_FILE, self.signature
        yield from sorted(self.files.items())


def _find(model: str | Path) -> Path:
    path = SHIPPED / str(model) if str(model) in shipped_models() else Path(model)
    if path.is_dir() or (path.is_file() and zipfile.is_zipfile(path)):
        return path
    if path.is_file():
        raise InputError(f"{path.name} is no zip, or not all of one; get the bundle again")
    names = ", ".join(shipped_models()) or "none shipped"
    raise InputError(f"no model bundle {str(model)!r}; give a bundle's path or a name: {names}")
