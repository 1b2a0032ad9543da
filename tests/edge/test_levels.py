import numpy as np

from leadone.edge.levels import LARGEST, levels_of


def _beat(r: int = 40, n: int = 120) -> np.ndarray:
    """An R wave of 1,000 steps, which with a step for no height at all is 1,001."""
    steps = np.zeros(n, np.int64)
    steps[r - 3 : r + 4] = 300, 700, 900, 1000, 900, 700, 300
    return steps


def test_a_plain_beat_is_level() -> None:
    assert levels_of(_beat(), 40) == (0, 0, 0)


def test_a_broad_s_wave_and_its_st() -> None:
    steps = _beat()
    steps[46:55] = -500  # 24 to 56 ms behind the R peak
    steps[65:80] = 250
    assert levels_of(steps, 40) == (0, -21, 11)  # of a height of 1,501: 500 and 250


def test_a_q_wave_is_before() -> None:
    steps = _beat()
    steps[28:34] = -200
    assert levels_of(steps, 40) == (-11, 0, 0)


def test_what_has_no_height_stays_a_byte() -> None:
    steps = np.zeros(120, np.int64)
    steps[76:80] = 30000  # behind what is measured for the height
    assert levels_of(steps, 40) == (0, 0, LARGEST)
