import numpy as np
import pytest

from leadone.edge.pooling import KEPT_BLOCKS, SPREAD_FLOOR, Pool

RNG = np.random.default_rng(0)
DEEP = np.round(RNG.normal(0, 40, (5, 1000))).astype(np.float32) * np.float32(0.043)  # 64 s
FIRST_OF_BLOCK = [0, 157, 313, 469, 625, 782, 938]  # a frame is 16 samples, a block 2500


def _filled(sizes: int) -> Pool:
    pool = Pool()
    for k in range(0, DEEP.shape[1], sizes):
        pool.push(DEEP[:, k : k + sizes])
    return pool


def test_statistics_are_those_of_the_blocks_inside() -> None:
    inside = DEEP[:, FIRST_OF_BLOCK[3] : FIRST_OF_BLOCK[6]].astype(np.float64)
    expected = [inside.mean(1), inside.max(1), np.sqrt(inside.var(1) + SPREAD_FLOOR)]
    found = _filled(100).statistics(30.0, 60.0)
    assert found == pytest.approx(np.concatenate(expected), rel=1e-6)
    assert _filled(100).statistics(27.5, 57.5) == pytest.approx(found)  # blocks 3, 4 and 5 again


def test_chunks_make_no_difference_to_the_bit() -> None:
    whole = _filled(1000).statistics(0.0, 100.0)
    for size in (1, 7, 333):
        assert np.array_equal(_filled(size).statistics(0.0, 100.0), whole)


def test_old_blocks_are_forgotten_and_an_empty_window_says_so() -> None:
    pool = _filled(100)
    for _ in range(20):
        pool.push(DEEP)
    assert len(pool._blocks) == KEPT_BLOCKS + 1
    assert pool.statistics(0.0, 10.0) is None and Pool().statistics(0.0, 30.0) is None
