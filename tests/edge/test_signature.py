"""Signatures of bundles: over the stored bytes, refused when wrong, keys never lost or shown."""

from __future__ import annotations

import hashlib
import json
import shutil
import stat
import zipfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from leadone import Monitor
from leadone.edge import signature as signature_module
from leadone.edge.bundle import (
    BUILT_FILE,
    list_built,
    load_bundle,
    pack_bundle,
    sign_bundle,
    verify_bundle,
    write_bundle,
)
from leadone.edge.errors import InputError
from leadone.edge.signature import Signature, make_keys, read_public_key

# RFC 8032, 7.1, test 2: the secret key and its public key.
SECRET = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
PUBLIC = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
RFC_SIGNATURE = bytes.fromhex(
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """The shipped bundle as a folder of one's own."""
    shipped = load_bundle("wrist")
    write_bundle(tmp_path / "b", {**shipped.manifest, "name": "b"}, shipped.files)
    return tmp_path / "b"


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    return make_keys(tmp_path / "keys")


def _pem(path: Path, secret: bytes) -> Path:
    key = Ed25519PrivateKey.from_private_bytes(secret)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path


def test_a_signature_is_rfc_8032_over_the_stored_bytes(tmp_path: Path, bundle: Path) -> None:
    sign_bundle(bundle, _pem(tmp_path / "k", SECRET))
    values = json.loads((bundle / "manifest.sig").read_text())
    assert values["algorithm"] == "Ed25519" and bytes.fromhex(values["public_key"]) == PUBLIC
    manifest = (bundle / "manifest.json").read_bytes()
    assert _rfc_8032_holds(PUBLIC, manifest, bytes.fromhex(values["signature"]))
    assert not _rfc_8032_holds(PUBLIC, manifest + b" ", bytes.fromhex(values["signature"]))
    assert "manifest.sig" not in load_bundle(bundle).manifest["files"]


def test_the_bytes_of_manifest_sig_are_pinned(tmp_path: Path) -> None:
    assert signature_module.sign(b"\x72", _pem(tmp_path / "k", SECRET)).encoded() == (
        b'{\n "algorithm": "Ed25519",\n "public_key": "' + PUBLIC.hex().encode() + b'",\n'
        b' "signature": "' + RFC_SIGNATURE.hex().encode() + b'"\n}\n'
    )


@pytest.mark.parametrize("form", ["folder", "zip"])
def test_signed_bundles_load_and_are_trusted(
    bundle: Path, keys: tuple[Path, Path], tmp_path: Path, form: str
) -> None:
    private, public = keys
    path = bundle if form == "folder" else tmp_path / "b.zip"
    if form == "zip":
        pack_bundle(bundle, path)
    sha256 = load_bundle(path).sha256
    with pytest.raises(InputError, match="not signed"):
        load_bundle(path, public)
    with pytest.raises(InputError, match="not signed"):
        verify_bundle(path)
    sign_bundle(path, private)
    loaded = load_bundle(path, public)
    assert loaded.sha256 == sha256 and loaded.signature is not None
    assert verify_bundle(path, public).public_key == read_public_key(public)
    assert Monitor.load(path, trusted=public).bundle.sha256 == sha256
    _, other = make_keys(tmp_path / "others")
    for refused in (lambda: load_bundle(path, other), lambda: Monitor.load(path, trusted=other)):
        with pytest.raises(InputError, match="by another key"):
            refused()
    sign_bundle(path, tmp_path / "others" / "leadone-private.pem")  # replaces the first
    assert verify_bundle(path).public_key == read_public_key(other)


def test_a_wrong_signature_is_refused_even_unasked(bundle: Path, keys: tuple[Path, Path]) -> None:
    sign_bundle(bundle, keys[0])
    file = bundle / "manifest.json"
    file.write_bytes(file.read_bytes().replace(b'"name": "b"', b'"name": "c"'))
    with pytest.raises(InputError, match="not of its manifest"):
        load_bundle(bundle)
    file.write_bytes(file.read_bytes().replace(b'"name": "c"', b'"name": "b"'))
    load_bundle(bundle)
    file.write_bytes(file.read_bytes() + b"\n")  # the same JSON, other bytes
    with pytest.raises(InputError, match="not of its manifest"):
        load_bundle(bundle)


def test_anothers_key_beside_a_right_signature_is_refused(
    bundle: Path, keys: tuple[Path, Path], tmp_path: Path
) -> None:
    right = sign_bundle(bundle, keys[0])
    _, other = make_keys(tmp_path / "others")
    forged = Signature(read_public_key(other), right.signature)
    (bundle / "manifest.sig").write_bytes(forged.encoded())
    with pytest.raises(InputError, match="not of its manifest"):
        load_bundle(bundle, other)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"[" * 5000,
        b"null",
        b'{"algorithm": "Ed25519"}',
        b'{"algorithm": "none", "public_key": "", "signature": ""}',
        b'{"algorithm": "Ed25519", "public_key": 7, "signature": []}',
        b'{"algorithm": "Ed25519", "public_key": "00", "signature": "00"}',
        b'{"algorithm": "Ed25519", "public_key": "zz", "signature": "00"}',
        b"\xff" * 100,
        b" " * 5000,
    ],
)
def test_no_signature_is_no_signature(bundle: Path, content: bytes) -> None:
    (bundle / "manifest.sig").write_bytes(content)
    with pytest.raises(InputError, match=r"not one of Ed25519|larger than"):
        load_bundle(bundle)


def test_without_cryptography_only_what_asks_for_it_is_refused(
    bundle: Path, keys: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sign_bundle(bundle, keys[0])
    monkeypatch.setattr(signature_module, "find_spec", lambda name: None)
    assert load_bundle(bundle).signature is not None
    for asks in (
        lambda: load_bundle(bundle, keys[1]),
        lambda: verify_bundle(bundle),
        lambda: sign_bundle(bundle, keys[0]),
        lambda: make_keys(tmp_path / "more"),
    ):
        with pytest.raises(InputError, match=r"pip install 'leadone\[sign\]'"):
            asks()
    assert not (tmp_path / "more").exists()


def test_a_bundle_written_anew_keeps_no_old_signature(
    bundle: Path, keys: tuple[Path, Path]
) -> None:
    sign_bundle(bundle, keys[0])
    shipped = load_bundle("wrist")
    write_bundle(bundle, {**shipped.manifest, "name": "c"}, shipped.files)
    assert load_bundle(bundle).signature is None


def test_a_changed_bundle_is_not_signed(bundle: Path, keys: tuple[Path, Path]) -> None:
    (bundle / "model.onnx").write_bytes(b"other")
    with pytest.raises(InputError, match="not the file its manifest lists"):
        sign_bundle(bundle, keys[0])
    assert not (bundle / "manifest.sig").exists()
    with pytest.raises(InputError, match="no bundle"):
        sign_bundle(bundle / "absent", keys[0])


def test_a_signature_vouches_for_what_was_built_beside(
    tmp_path: Path, bundle: Path, keys: tuple[Path, Path]
) -> None:
    """The page and the libraries of `export --target` lie in the folder, not in the bundle."""
    private, public = keys
    page = bundle / "web" / "index.html"
    page.parent.mkdir()
    page.write_text("<p>the page", encoding="utf-8")
    list_built(load_bundle(bundle), bundle, [page])
    listed = (bundle / BUILT_FILE).read_text(encoding="utf-8")
    assert listed == f"{hashlib.sha256(page.read_bytes()).hexdigest()}  web/index.html\n"
    sign_bundle(bundle, private)
    verify_bundle(bundle, public)
    pack_bundle(bundle, tmp_path / "b.zip")
    verify_bundle(tmp_path / "b.zip", public)  # the page is elsewhere: the list says what it was
    page.write_text("<p>another", encoding="utf-8")
    with pytest.raises(InputError, match=r"web/index\.html in bundle b is not what was built"):
        verify_bundle(bundle, public)
    load_bundle(bundle, public)  # which uses no page


def test_keys_are_private_and_never_overwritten(tmp_path: Path, keys: tuple[Path, Path]) -> None:
    private, public = keys
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert private.read_text().startswith("-----BEGIN PRIVATE KEY-----")
    assert public.read_text().startswith("-----BEGIN PUBLIC KEY-----")
    before = private.read_bytes(), public.read_bytes()
    with pytest.raises(InputError, match="never overwritten"):
        make_keys(private.parent)
    private.unlink()
    with pytest.raises(InputError, match="never overwritten"):
        make_keys(private.parent)
    assert not private.exists() and public.read_bytes() == before[1]


def test_what_is_no_key_is_one_sentence(
    bundle: Path, keys: tuple[Path, Path], tmp_path: Path
) -> None:
    private, public = keys
    with pytest.raises(InputError, match="no Ed25519 private key"):
        sign_bundle(bundle, public)
    with pytest.raises(InputError, match="no Ed25519 public key"):
        load_bundle(bundle, private)
    for name, key, encryption in (
        ("ec", generate_private_key(SECP256R1()), NoEncryption()),
        ("locked", Ed25519PrivateKey.generate(), BestAvailableEncryption(b"x")),
    ):
        path = tmp_path / name
        path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
        with pytest.raises(InputError, match="no Ed25519 private key"):
            sign_bundle(bundle, path)
    (tmp_path / "empty").write_bytes(b"")
    with pytest.raises(InputError, match="no Ed25519 public key"):
        load_bundle(bundle, tmp_path / "empty")
    for path in (tmp_path / "absent", tmp_path):
        with pytest.raises(InputError, match="cannot read the key"):
            load_bundle(bundle, path)


def test_a_zip_is_the_same_bytes_wherever_it_is_packed(
    bundle: Path, keys: tuple[Path, Path], tmp_path: Path
) -> None:
    sign_bundle(bundle, keys[0])
    pack_bundle(bundle, tmp_path / "a.zip")
    shutil.copytree(bundle, tmp_path / "copy")
    (tmp_path / "copy" / "notes.txt").write_text("not of the bundle")
    pack_bundle(tmp_path / "copy", tmp_path / "b.zip")
    pack_bundle(tmp_path / "a.zip", tmp_path / "c.zip")
    assert len({hashlib.sha256((tmp_path / f"{k}.zip").read_bytes()).digest() for k in "abc"}) == 1
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.namelist() == ["manifest.json", "manifest.sig", "model.onnx"]
    assert load_bundle(tmp_path / "a.zip", keys[1]).sha256 == load_bundle(bundle).sha256


# Verification as RFC 8032 section 6 writes it, by nothing of ours: what a device has to do.
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
Point = tuple[int, int]


def _rfc_8032_holds(public: bytes, message: bytes, signature: bytes) -> bool:
    a, r = _point(public), _point(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    digest = hashlib.sha512(signature[:32] + public + message).digest()
    h = int.from_bytes(digest, "little") % L
    base_y = 4 * pow(5, P - 2, P) % P
    base = _point(base_y.to_bytes(32, "little"))
    return s < L and _times(s, base) == _plus(r, _times(h, a))


def _point(encoded: bytes) -> Point:
    y = int.from_bytes(encoded, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    assert (x * x - square) % P == 0
    return (x if x & 1 == sign else P - x), y


def _plus(a: Point, b: Point) -> Point:
    product = D * a[0] * b[0] * a[1] * b[1]
    x = (a[0] * b[1] + a[1] * b[0]) * pow(1 + product, P - 2, P)
    y = (a[1] * b[1] + a[0] * b[0]) * pow(1 - product, P - 2, P)
    return x % P, y % P


def _times(k: int, point: Point) -> Point:
    result = (0, 1)
    while k:
        if k & 1:
            result = _plus(result, point)
        point, k = _plus(point, point), k >> 1
    return result
