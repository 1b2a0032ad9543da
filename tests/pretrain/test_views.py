"""Each augmentation: seeded, as strong as it says, and never beyond the signal."""

from pathlib import Path

import numpy as np
import pytest
import torch

from leadone.edge.frontend import network_input
from leadone.pretrain.plots import plot_augmentations
from leadone.pretrain.shards import Shards
from leadone.pretrain.views import (
    ViewConfig,
    Views,
    add_powerline,
    add_recorded,
    add_wander,
    add_white,
    flip,
    lose_contact,
    scale,
    stretch,
    to_input,
    unit_rms,
)
from leadone.pretrain.windows import windows_of


def rms(x: np.ndarray) -> np.ndarray:
    return np.sqrt((x**2).mean(1))


def test_a_stretch_has_its_own_speed_and_never_leaves_the_signal() -> None:
    t = np.arange(2500) / 250
    signal = np.tile(np.sin(2 * np.pi * 5 * t), (64, 1)).astype(np.float32)
    signal[1::2, 1500:] = np.nan
    x = stretch(signal, 1408, 1.4, np.random.default_rng(0))
    assert x.shape == (64, 1408) and np.isfinite(x).all()
    hz = (np.diff(np.sign(x), axis=1) != 0).sum(1) / 2 / (1408 / 250)
    assert hz[::2].max() / hz[::2].min() > 1.5 and hz.min() > 5 / 1.45 and hz.max() < 5 * 1.45


def test_a_view_is_at_a_height_of_its_own_and_as_the_device_sees_it(views: Views) -> None:
    rng = np.random.default_rng(0)
    config = ViewConfig(rms_mv=0.2, gain=1.6)
    x = unit_rms(rng.standard_normal((64, 800), np.float32))
    drawn = to_input(x, config, rng)
    heights_mv = rms(drawn[:, 0, 0].numpy() * 5.0)
    assert 0.2 / 1.61 < heights_mv.min() < 0.15 and 0.27 < heights_mv.max() < 0.2 * 1.61
    wide_mv = drawn[3, 0, 0].numpy() * np.float32(5.0)
    torch.testing.assert_close(drawn[3, :, 0], torch.from_numpy(network_input(wide_mv)))
    again = [views.draw(np.arange(8), 0, np.random.default_rng(7)) for _ in range(2)]
    assert torch.equal(*again)
    other = views.draw(np.arange(8), 0, np.random.default_rng(8))
    assert not torch.equal(again[0], other)


def test_noises_are_as_strong_as_told_and_what_they_say() -> None:
    x, rng = np.zeros((200, 1408), np.float32), np.random.default_rng(0)
    recorded = [np.cumsum(rng.standard_normal(5000)).astype(np.float32)]
    for noisy in (
        add_white(x, 0.5, rng),
        add_wander(x, 0.5, rng),
        add_powerline(x, 0.5, rng),
        add_recorded(x, 0.5, recorded, rng),
    ):
        level = rms(noisy)
        assert 0.2 < level.mean() < 0.3 and level.max() < 0.8 and noisy.dtype == np.float32
    spectrum = np.abs(np.fft.rfft(add_powerline(x, 0.5, rng)))
    peaks = np.fft.rfftfreq(1408, 1 / 250)[spectrum.argmax(1)]
    assert set(np.round(peaks, -1)) == {50.0, 60.0}


def test_contact_polarity_and_gain() -> None:
    x, rng = (
        np.tile(np.arange(1000, dtype=np.float32), (300, 1)),
        np.random.default_rng(1),
    )
    lost = lose_contact(x, 0.5, 1.0, rng)
    flat = (np.diff(lost, axis=1) == 0).sum(1)
    assert 0.3 < (flat > 0).mean() < 0.6 and flat.max() <= 251
    assert np.array_equal(lost[flat == 0], x[flat == 0])
    turned = flip(x, 0.25, rng)
    is_turned = turned[:, -1] < 0
    assert 0.15 < is_turned.mean() < 0.35 and np.array_equal(turned[is_turned], -x[is_turned])
    factor = scale(x, 2.0, rng)[:, -1] / x[:, -1]
    assert 0.5 <= factor.min() < 0.6 and 1.7 < factor.max() <= 2.0
    assert np.array_equal(lose_contact(x, 0.0, 1.0, rng), x)


def test_the_picture_shows_every_augmentation(views: Views, built: Shards, tmp_path: Path) -> None:
    path = tmp_path / "augmentations.png"
    plot_augmentations(views, windows_of(built.rows()), 3, path)
    first = path.read_bytes()
    assert first.startswith(b"\x89PNG") and len(first) > 20_000
    plot_augmentations(views, windows_of(built.rows()), 3, path)
    assert path.read_bytes() == first
    plot_augmentations(views, windows_of(built.rows()), 4, path)
    assert path.read_bytes() != first


@pytest.mark.parametrize("samples", [320, 1408])
def test_a_lead_is_the_one_that_was_asked_for(built: Shards, samples: int) -> None:
    plain = ViewConfig(samples=samples, warp=1.0)
    first, fifth = (
        Views(built, plain).clean(np.arange(6), lead, np.random.default_rng(0)) for lead in (0, 10)
    )
    whole = built.read(range(6))
    assert not np.allclose(first, fifth)
    for row, lead in ((first, 0), (fifth, 10)):
        starts = [
            np.abs(np.correlate(unit_rms(whole[k, lead : lead + 1])[0], row[k], "valid")).max()
            for k in range(6)
        ]
        assert min(starts) > 0.5 * samples
