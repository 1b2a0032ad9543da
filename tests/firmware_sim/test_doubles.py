"""The firmware's doubles against this machine's, bit by bit."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import pytest

from leadone.edge.core_build import HOST, compile_core
from leadone.firmware_sim.image import FIRMWARE

COUNT = 40_000
SIGN = 1 << 63
ODD = (
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    1.5,
    2.0**52,
    2.0**53 + 2,
    1e300,
    -1e-300,
    np.inf,
    -np.inf,
    np.nan,
)

Bits = np.ndarray


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    path = tmp_path_factory.mktemp("doubles") / "doubles.so"
    compile_core([FIRMWARE / "doubles.c"], path, HOST)
    return ctypes.CDLL(str(path))


@pytest.fixture(scope="module")
def pairs() -> tuple[Bits, Bits]:
    """Any two, two of about the same size, two with few digits, and odd ones."""
    rng = np.random.default_rng(0)
    anything = rng.integers(0, 2**64, (2, COUNT), np.uint64)
    near = rng.normal(0, 1, (2, COUNT)) * 2.0 ** rng.integers(-3, 4, (2, COUNT))
    near[1, ::3] = -near[0, ::3] * (1 + 2.0**-50 * rng.integers(-4, 5, len(near[0, ::3])))
    short = rng.integers(-5000, 5000, (2, COUNT)) * 2.0 ** rng.integers(-60, 60, (2, COUNT))
    odd = np.stack(np.meshgrid(ODD, ODD)).reshape(2, -1)
    floats = np.concatenate([near, short, odd], 1)
    a, b = np.concatenate([anything, floats.view(np.uint64)], 1)
    return _flushed(a), _flushed(b)


def _flushed(bits: Bits) -> Bits:
    """A number below 2^-1022 is 0."""
    is_tiny = bits << np.uint64(1) < np.uint64(2 << 52)
    return np.where(is_tiny, bits & np.uint64(SIGN), bits)


def _called(library: ctypes.CDLL, name: str, result: type, *columns: Bits) -> Bits:
    """A function of each row of its arguments."""
    call: Any = getattr(library, f"__aeabi_{name}")
    call.restype = np.ctypeslib.as_ctypes_type(np.dtype(result))
    call.argtypes = [np.ctypeslib.as_ctypes_type(column.dtype) for column in columns]
    return np.array(
        [call(*row) for row in zip(*(c.tolist() for c in columns), strict=True)], result
    )


def _same(found: Bits, expected: Bits) -> bool:
    """The same bits, or neither a number."""
    neither = np.isnan(expected) & np.isnan(found.view(expected.dtype))
    return bool((neither | (found == expected.view(found.dtype))).all())


@pytest.mark.parametrize(
    ("name", "operation"),
    [("dadd", np.add), ("dsub", np.subtract), ("dmul", np.multiply), ("ddiv", np.divide)],
)
def test_arithmetic(
    library: ctypes.CDLL, pairs: tuple[Bits, Bits], name: str, operation: np.ufunc
) -> None:
    a, b = pairs
    with np.errstate(all="ignore"):
        expected = operation(a.view(float), b.view(float))
    is_tiny = (expected != 0) & (np.abs(expected) < 2.0**-1021)  # may have been rounded up to it
    found = _called(library, name, np.uint64, a[~is_tiny], b[~is_tiny])
    assert _same(found, expected[~is_tiny])


@pytest.mark.parametrize(
    ("name", "relation"),
    [
        ("dcmpeq", np.equal),
        ("dcmplt", np.less),
        ("dcmple", np.less_equal),
        ("dcmpgt", np.greater),
        ("dcmpge", np.greater_equal),
    ],
)
def test_comparisons(
    library: ctypes.CDLL, pairs: tuple[Bits, Bits], name: str, relation: np.ufunc
) -> None:
    a, b = pairs
    b = np.where(np.arange(len(b)) % 7 == 0, a, b)
    found = _called(library, name, np.int32, a, b)
    assert (found == relation(a.view(float), b.view(float))).all()


def test_floats_and_whole_numbers(library: ctypes.CDLL, pairs: tuple[Bits, Bits]) -> None:
    doubles = pairs[0].view(float)
    rng = np.random.default_rng(1)
    longs = rng.integers(-(2**63), 2**63, COUNT) >> rng.integers(0, 63, COUNT)
    longs = np.concatenate([longs, [0, 1, -1, 2**53 + 1, 2**24 + 1, -(2**63), 2**63 - 1]])
    words = longs.astype(np.int32)
    for name, given in (("l2d", longs), ("i2d", words)):
        found = _called(library, name, np.uint64, given)
        assert _same(found, given.astype(float))
    found = _called(library, "ui2d", np.uint64, words.view(np.uint32))
    assert _same(found, words.view(np.uint32).astype(float))
    found = _called(library, "l2f", np.uint32, longs)
    assert _same(found, longs.astype(np.float32))
    with np.errstate(all="ignore"):
        floats = doubles.astype(np.float32)
    is_tiny = (floats.view(np.uint32) & 0x7F800000 == 0) & (doubles != 0)
    is_tiny |= np.abs(floats) == np.float32(2.0**-126)
    found = _called(library, "d2f", np.uint32, pairs[0][~is_tiny])
    assert _same(found, floats[~is_tiny])
    kept = floats[~is_tiny].view(np.uint32)
    found = _called(library, "f2d", np.uint64, kept)
    assert _same(found, floats[~is_tiny].astype(float))
    inside = np.abs(doubles) < 2.0**63
    whole = _called(library, "d2lz", np.int64, pairs[0][inside])
    assert (whole == np.trunc(doubles[inside]).astype(np.int64)).all()
    inside = np.abs(doubles) < 2.0**31
    whole = _called(library, "d2iz", np.int32, pairs[0][inside])
    assert (whole == np.trunc(doubles[inside])).all()
    inside = (doubles > -1) & (doubles < 2.0**32)
    whole = _called(library, "d2uiz", np.uint32, pairs[0][inside])
    assert (whole == np.trunc(doubles[inside])).all()
