"""Who vouches for a bundle: an Ed25519 signature over the bytes of manifest.json as they lie there.

The manifest holds the sha256 of every other file, so that these bytes stand for the whole bundle.
The signature lies beside it in manifest.sig, JSON of three texts: `algorithm` ("Ed25519", RFC 8032,
no prehash, no context), `public_key` (32 bytes in hex) and `signature` (64 bytes in hex). Any
implementation can check it, one in C too: nothing is parsed, sorted or encoded anew before.

Signing and checking need the package `cryptography`, which is imported here alone.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import InputError
from .files import check_target, make_folder

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

ALGORITHM = "Ed25519"
SIGNATURE_FILE = "manifest.sig"
PRIVATE_FILE, PUBLIC_FILE = "leadone-private.pem", "leadone-public.pem"
MAX_SIGNATURE_BYTES = 4096
MAX_KEY_BYTES = 16_384
LENGTHS = {"public_key": 32, "signature": 64}


@dataclass(frozen=True)
class Signature:
    """A signature and the key that it says it is by; what `check` has not seen proves nothing."""

    public_key: bytes
    signature: bytes

    @classmethod
    def read(cls, content: bytes, bundle: str) -> Signature:
        """The signature in a file's bytes; `bundle` is what a refusal calls it."""
        try:
            values = json.loads(content)
            if values.keys() != {"algorithm", *LENGTHS} or values["algorithm"] != ALGORITHM:
                raise ValueError
            parts = {key: bytes.fromhex(values[key]) for key in LENGTHS}
            if any(len(parts[key]) != length for key, length in LENGTHS.items()):
                raise ValueError
        except (ValueError, TypeError, AttributeError, RecursionError):
            raise InputError(
                f"the signature of bundle {bundle} is not one of {ALGORITHM}; sign the bundle again"
            ) from None
        return cls(**parts)

    def encoded(self) -> bytes:
        """The bytes of `manifest.sig`."""
        values = {
            "algorithm": ALGORITHM,
            "public_key": self.public_key.hex(),
            "signature": self.signature.hex(),
        }
        return (json.dumps(values, indent=1) + "\n").encode()

    def check(self, manifest: bytes, bundle: str) -> None:
        """InputError where it is not a signature of these bytes by its key."""
        need_cryptography()
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(self.signature, manifest)
        except (InvalidSignature, ValueError):
            raise InputError(
                f"the signature of bundle {bundle} is not of its manifest; the bundle was changed "
                "after it was signed: get it again"
            ) from None


def can_check() -> bool:
    """Whether signatures can be checked here."""
    return find_spec("cryptography") is not None


def need_cryptography() -> None:
    """InputError where signatures can't be made or checked."""
    if not can_check():
        raise InputError("signatures need cryptography: pip install 'leadone[sign]'")


def sign(manifest: bytes, private_key: Path) -> Signature:
    """Sign a manifest's bytes with the key in a PEM file (PKCS8, no password)."""
    key = _read_private(private_key)
    return Signature(_raw(key.public_key()), key.sign(manifest))


def read_public_key(path: Path) -> bytes:
    """The 32 bytes of the public key in a PEM file."""
    need_cryptography()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    content = _key_file(path)
    try:
        key = load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise InputError(
            f"{path} holds no Ed25519 public key (PEM); `leadone bundle keygen` makes one"
        )
    return _raw(key)


def make_keys(out: Path) -> tuple[Path, Path]:
    """A new private key (PEM, PKCS8, mode 0600) and its public key; never over files there."""
    need_cryptography()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
    )

    make_folder(out)
    private, public = out / PRIVATE_FILE, out / PUBLIC_FILE
    key = Ed25519PrivateKey.generate()
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    open_half = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for path in (private, public):
        if path.exists() or path.is_symlink():
            raise _is_there(path)
    _create(private, secret, 0o600)
    try:
        _create(public, open_half, 0o644)
    except InputError:
        private.unlink()  # half a pair is none
        raise
    return private, public


def _create(path: Path, content: bytes, mode: int) -> None:
    """A file that was not there; it never has more rights than `mode`, nor half of its content."""
    check_target(path)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        raise _is_there(path) from None
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}; choose another path") from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    except OSError as error:
        with suppress(OSError):
            path.unlink()
        raise InputError(f"cannot write {path}: {error.strerror}; choose another path") from error


def _is_there(path: Path) -> InputError:
    return InputError(f"{path} is there already and a key is never overwritten; name another --out")


def _read_private(path: Path) -> Ed25519PrivateKey:
    need_cryptography()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    content = _key_file(path)
    try:
        key = load_pem_private_key(content, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: it wants a password
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError(
            f"{path} holds no Ed25519 private key (PEM, PKCS8, no password); `leadone bundle "
            "keygen` makes one"
        )
    return key


def _key_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_KEY_BYTES)
    except OSError as error:
        raise InputError(
            f"cannot read the key {path}: {error.strerror}; name a PEM file"
        ) from error


def _raw(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes_raw()
