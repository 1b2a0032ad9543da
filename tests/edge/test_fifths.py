import numpy as np
import pytest

from leadone.edge.fifths import KEPT, Fifths

GATHER = (np.minimum, np.maximum, np.add)


def _facts(n: int) -> np.ndarray:
    x = np.random.default_rng(0).normal(size=n)
    return np.stack([x, x, np.ones(n)])


@pytest.mark.parametrize("rate_hz", [50.0, 250.0, 360.0, 512.844])
@pytest.mark.parametrize("size", [1, 7, 250, 5000])
def test_a_fifth_is_what_its_samples_are(rate_hz: float, size: int) -> None:
    facts = _facts(round(7.3 * rate_hz))
    fifths = Fifths(rate_hz, GATHER)
    for k in range(0, facts.shape[1], size):
        fifths.push(facts[:, k : k + size])
    ends = [round(k * rate_hz / 5) for k in range(37)] + [facts.shape[1]]
    for k in range(37):
        x = facts[0, ends[k] : ends[k + 1]]
        (found,) = fifths.between(k / 5, (k + 1) / 5).T
        assert found.tolist() == [x.min(), x.max(), len(x)]
    assert fifths.between(2.0, 3.0)[2].sum() == round(3 * rate_hz) - round(2 * rate_hz)
    assert fifths.between(9.0, 10.0).shape == (3, 0) and fifths.between(-1.0, 0.2).shape == (3, 1)


def test_the_past_is_forgotten() -> None:
    fifths, facts = Fifths(250, GATHER), _facts(50)
    for _ in range(3 * KEPT):
        fifths.push(facts)
    assert fifths.between(0.0, 1.0).shape[1] == 0
    assert fifths.between(0.0, 1e9).shape[1] in (KEPT, KEPT + 1)
