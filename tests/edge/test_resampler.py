import numpy as np
import pytest

from leadone.edge.resampler import Resampler

RATES_HZ = [128, 130, 200, 250, 256, 300, 360, 500, 512.4, 512.844, 1000]


def _resampled(x: np.ndarray, rate_hz: float, sizes: list[int]) -> tuple[np.ndarray, Resampler]:
    resampler, parts, at = Resampler(rate_hz), [], 0
    for size in sizes:
        parts.append(resampler.push(x[at : at + size]))
        at += size
    parts += [resampler.push(x[at:]), resampler.finish()]
    return np.concatenate(parts), resampler


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_a_sine_keeps_its_place_in_time(rate_hz: float) -> None:
    t = np.arange(int(20 * rate_hz)) / rate_hz
    y, resampler = _resampled(np.sin(2 * np.pi * 10 * t), rate_hz, [])
    at = np.arange(len(y)) * resampler.seconds_per_output
    inside = slice(250, -250)
    assert np.abs(y - np.sin(2 * np.pi * 10 * at))[inside].max() < 2e-3


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_chunks_do_not_matter(rate_hz: float) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=4000)
    whole, _ = _resampled(x, rate_hz, [])
    for sizes in ([1] * 500, [7] * 300, rng.integers(1, 90, 60).tolist()):
        pieces, _ = _resampled(x, rate_hz, sizes)
        assert np.array_equal(whole, pieces)


def test_what_250_hz_cannot_carry_is_removed() -> None:
    t = np.arange(20_000) / 1000
    y, _ = _resampled(np.sin(2 * np.pi * 180 * t), 1000, [])
    assert np.abs(y[100:-100]).max() < 0.01


def test_no_drift_over_an_hour() -> None:
    """A click an hour into the record is found at its time to a fraction of a sample."""
    rate_hz = 512.844
    x = np.zeros(int(3601 * rate_hz))
    x[-600] = 1.0
    y, resampler = _resampled(x, rate_hz, [])
    found_s = np.abs(y).argmax() * resampler.seconds_per_output
    assert abs(found_s - (len(x) - 600) / rate_hz) <= 0.5 * resampler.seconds_per_output
