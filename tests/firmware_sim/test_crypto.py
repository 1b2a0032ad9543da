"""Hash, field, signature and CRC of the firmware beside those of Python."""

from __future__ import annotations

import ctypes
import hashlib
import random
import zlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from leadone.edge.core_build import compile_core
from leadone.firmware_sim.image import FIRMWARE, STRICT

MODULUS = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
Words = ctypes.c_uint32 * 8


@pytest.fixture(scope="module")
def c(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    library = tmp_path_factory.mktemp("crypto") / "crypto.so"
    sources = [FIRMWARE / f"{name}.c" for name in ("sha512", "field", "ed25519", "crc32")]
    compile_core(sources, library, ("-O2", "-shared", "-fPIC", *STRICT))
    found = ctypes.CDLL(str(library))
    found.ed25519_check.restype = ctypes.c_bool
    found.crc32.restype = ctypes.c_uint32
    return found


@pytest.mark.parametrize("length", [0, 1, 111, 112, 119, 120, 127, 128, 129, 1000])
def test_sha512(c: ctypes.CDLL, length: int) -> None:
    content = random.Random(length).randbytes(length)
    state, digest = ctypes.create_string_buffer(256), ctypes.create_string_buffer(64)
    c.sha512_init(state)
    c.sha512_push(state, content[: length // 3], length // 3)
    c.sha512_push(state, content[length // 3 :], length - length // 3)
    c.sha512_finish(state, digest)
    assert digest.raw == hashlib.sha512(content).digest()


def test_crc32(c: ctypes.CDLL) -> None:
    for length in range(40):
        content = random.Random(length).randbytes(length)
        assert c.crc32(0, content, length) == zlib.crc32(content)


def test_the_field(c: ctypes.CDLL) -> None:
    rng = random.Random(0)
    for _ in range(1000):
        a, b = (rng.choice(_odd_numbers(rng)) for _ in range(2))
        for name, expected in (("add", a + b), ("subtract", a - b), ("multiply", a * b)):
            out = Words()
            getattr(c, f"field_{name}")(out, _words(a), _words(b))
            assert (_number(out) - expected) % MODULUS == 0
        reduced = _words(a)
        c.field_reduce(reduced)
        assert _number(reduced) == a % MODULUS


def test_signatures(c: ctypes.CDLL) -> None:
    rng = random.Random(1)
    for length in range(60):
        private = Ed25519PrivateKey.from_private_bytes(rng.randbytes(32))
        key, message = private.public_key().public_bytes_raw(), rng.randbytes(length)
        signature = private.sign(message)
        assert c.ed25519_check(signature, key, message, length)
        damaged = bytearray(signature)
        damaged[rng.randrange(64)] ^= 1 << rng.randrange(8)
        assert not c.ed25519_check(bytes(damaged), key, message, length)
        assert not c.ed25519_check(signature, key, message + b"x", length + 1)


def test_a_signature_has_one_form(c: ctypes.CDLL) -> None:
    """s + order would pass without the check of RFC 8032, 5.1.7."""
    private = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    key, signature = private.public_key().public_bytes_raw(), private.sign(b"beat")
    s = int.from_bytes(signature[32:], "little") + ORDER
    assert not c.ed25519_check(signature[:32] + s.to_bytes(32, "little"), key, b"beat", 4)


def test_the_signature_of_rfc_8032(c: ctypes.CDLL) -> None:
    """Section 7.1, test 3."""
    key = bytes.fromhex("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025")
    signature = bytes.fromhex(
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
    )
    assert c.ed25519_check(signature, key, b"\xaf\x82", 2)


def _odd_numbers(rng: random.Random) -> list[int]:
    few = rng.getrandbits(6)
    return [rng.getrandbits(256), 2**256 - 1 - few, (MODULUS + few) % 2**256, few]


def _words(number: int) -> ctypes.Array[ctypes.c_uint32]:
    return Words(*(number >> 32 * k & 0xFFFF_FFFF for k in range(8)))


def _number(words: ctypes.Array[ctypes.c_uint32]) -> int:
    return sum(word << 32 * k for k, word in enumerate(words))
