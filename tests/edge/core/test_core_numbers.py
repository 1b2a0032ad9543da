"""The functions of a libc, against numpy's in double."""

import ctypes

import numpy as np
import pytest

RNG = np.random.default_rng(0)


def _called(function: ctypes._CFuncPtr, x: np.ndarray, kind: type) -> np.ndarray:
    function.restype, function.argtypes = kind, [kind]
    return np.array([function(float(value)) for value in x])


@pytest.mark.parametrize(
    ("name", "x", "expected"),
    [
        ("lo_expf", RNG.uniform(-80, 80, 20_000), np.exp),
        ("lo_expf", RNG.uniform(-1e-3, 1e-3, 5_000), np.exp),
        ("lo_logf", np.exp(RNG.uniform(-80, 80, 20_000)), np.log),
        ("lo_logf", RNG.uniform(0.5, 2.0, 20_000), np.log),
        ("lo_sqrtf", np.exp(RNG.uniform(-60, 60, 5_000)), np.sqrt),
    ],
)
def test_two_units_in_the_last_place(
    core: ctypes.CDLL, name: str, x: np.ndarray, expected: np.ufunc
) -> None:
    x = x.astype(np.float32)
    found = _called(core[name], x, ctypes.c_float)
    right = expected(x.astype(np.float64))
    ulp = np.spacing(np.abs(right).astype(np.float32)).astype(np.float64)
    assert np.max(np.abs(found - right) / ulp) <= 2


@pytest.mark.parametrize(("name", "expected"), [("lo_floor", np.floor), ("lo_round_even", np.rint)])
def test_rounding_is_exact(core: ctypes.CDLL, name: str, expected: np.ufunc) -> None:
    halves = np.arange(-9, 10) / 2
    x = np.concatenate([halves, RNG.uniform(-1e12, 1e12, 2_000), RNG.uniform(-3, 3, 2_000)])
    assert np.array_equal(_called(core[name], x, ctypes.c_double), expected(x))
    if name == "lo_round_even":
        small = np.concatenate([halves, RNG.uniform(-4e6, 4e6, 2_000)]).astype(np.float32)
        assert np.array_equal(_called(core.test_round_evenf, small, ctypes.c_float), np.rint(small))


def test_what_is_finite(core: ctypes.CDLL) -> None:
    core.test_finite.restype, core.test_finite.argtypes = ctypes.c_bool, [ctypes.c_float]
    assert [core.test_finite(x) for x in (0.0, -3e38, np.nan, np.inf, -np.inf)] == [1, 1, 0, 0, 0]


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 12, 65, 166])
def test_the_median_is_numpys(core: ctypes.CDLL, n: int) -> None:
    core.lo_median.restype = ctypes.c_float
    for _ in range(20):
        values = np.round(RNG.normal(0, 4, n)).astype(np.float32)
        expected = np.median(values)
        assert core.lo_median(values.ctypes.data_as(ctypes.c_void_p), n) == expected
        assert np.all(np.diff(values) >= 0)


def test_a_product_of_64_bits_is_rounded(core: ctypes.CDLL) -> None:
    core.test_scaled_by.restype = ctypes.c_int64
    core.test_scaled_by.argtypes = [ctypes.c_int64, ctypes.c_int32]
    for _ in range(2_000):
        x, factor = int(RNG.integers(-(2**60), 2**60)), int(RNG.integers(-(2**31), 2**31))
        assert core.test_scaled_by(x, factor) == (x * factor + 2**29) >> 30
