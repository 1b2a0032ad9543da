"""Views of a lead: a stretch of its own, at a speed, height and noise of its own.

The independent time warp is what makes a contrast worth solving: without it two leads of one record
are matched by their common heart rate and the encoder learns nothing else. Each step works on rows
(b, n) of unit rms with a generator of its own caller: nothing here holds a state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..edge.filters import RATE_HZ
from ..edge.frontend import network_input
from .augment import AugmentConfig, noise_by_kind
from .shards import Shards
from .twelve_leads import LEADS

Floats = npt.NDArray[np.float32]
Whole = npt.NDArray[np.int64]

RECORDED = ("ma", "em", "bw")  # NSTDB: muscle, electrode motion, baseline wander


@dataclass(frozen=True)
class ViewConfig:
    """How views differ; `warp` and `gain` are drawn log-uniformly between their inverse and it.

    Noises are given as the largest share of the signal's rms; a view draws from nothing up to it.
    """

    samples: int = 1408  # 5.6 s at 250 Hz, a multiple of the encoder's hop
    warp: float = 1.4
    gain: float = 1.6
    rms_mv: float = 0.2  # of a view before its gain: archives come in mV and without any unit
    flip_share: float = 0.0  # views upside down: hands swapped
    white: float = 0.1
    wander: float = 0.2  # a slow wave that the high-pass left
    powerline: float = 0.05  # what the notch left at 50 or 60 Hz
    recorded: float = 0.3  # muscle, electrode motion and wander of NSTDB, where it is given
    lost_contact_share: float = 0.0  # views with a flat stretch
    lost_contact_s: float = 1.0


class Views:
    """Draws views of windows of shards, with NSTDB's noises by kind where they are given."""

    def __init__(
        self,
        shards: Shards,
        config: ViewConfig,
        noises: Mapping[str, Sequence[Floats]] | None = None,
    ) -> None:
        """Nothing is read until it is drawn."""
        self.shards, self.config, self.noises = shards, config, noises or {}

    def draw(self, numbers: Whole, leads: Whole | int, rng: np.random.Generator) -> Tensor:
        """A view (b, 2, 1, samples) of one lead (its place in LEADS) of each window."""
        return to_input(self.corrupted(self.clean(numbers, leads, rng), rng), self.config, rng)

    def clean(self, numbers: Whole, leads: Whole | int, rng: np.random.Generator) -> Floats:
        """Stretches (b, samples) of unit rms, each with a start and speed of its own."""
        signals = self.shards.read_lead(numbers, np.broadcast_to(leads, np.shape(numbers)))
        return unit_rms(stretch(signals, self.config.samples, self.config.warp, rng))

    def corrupted(self, x: Floats, rng: np.random.Generator) -> Floats:
        """Rows (b, n) with all the noises of the configuration."""
        config = self.config
        x = add_white(x, config.white, rng)
        x = add_wander(x, config.wander, rng)
        x = add_powerline(x, config.powerline, rng)
        for kind in RECORDED:
            if self.noises.get(kind):
                x = add_recorded(x, config.recorded, self.noises[kind], rng)
        return lose_contact(x, config.lost_contact_share, config.lost_contact_s, rng)


def to_input(x: Floats, config: ViewConfig, rng: np.random.Generator) -> Tensor:
    """Rows (b, n) of about unit rms at a height and polarity drawn, as the network sees them."""
    signals_mv = config.rms_mv * scale(flip(x, config.flip_share, rng), config.gain, rng)
    return as_tensor(signals_mv)


def as_tensor(signals_mv: Floats) -> Tensor:
    """Filtered mV (b, n) as the network's input (b, 2, 1, n)."""
    return torch.from_numpy(network_input(signals_mv)[:, :, None])


def stretch(signals: Floats, samples: int, warp: float, rng: np.random.Generator) -> Floats:
    """Crop and time warp: each row (n,) from a start and at a speed of its own, interpolated.

    NaN stands at rows' ends only, where a window is longer than its record.
    """
    valid = np.isfinite(signals).sum(1)
    return interpolated(np.nan_to_num(signals), draw_positions(valid, samples, warp, rng))


def draw_positions(
    valid: npt.NDArray[np.int64], samples: int, warp: float, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Where to look (b, samples) in rows of so many valid samples."""
    speed = np.minimum(warp ** rng.uniform(-1, 1, len(valid)), (valid - 2) / samples)
    start = rng.random(len(valid)) * (valid - 2 - speed * samples)
    positions: npt.NDArray[np.float64] = start[:, None] + speed[:, None] * np.arange(samples)
    return positions


def interpolated(signals: Floats, positions: npt.NDArray[np.float64]) -> Floats:
    """Rows (b, n) at fractional positions (b, samples)."""
    whole = positions.astype(np.int64)
    share = (positions - whole).astype(np.float32)
    rows = np.arange(len(signals))[:, None]
    return signals[rows, whole] * (1 - share) + signals[rows, whole + 1] * share


def unit_rms(x: Floats) -> Floats:
    """Rows without their mean, at an rms of 1; a flat row stays flat."""
    x = x - x.mean(1, keepdims=True)
    return np.asarray(x / (np.sqrt((x**2).mean(1, keepdims=True)) + 1e-6), np.float32)


def add_white(x: Floats, most: float, rng: np.random.Generator) -> Floats:
    """White noise, as amplifiers have it."""
    level = _levels(x, most, rng)
    return x + level * rng.standard_normal(x.shape, np.float32)


def add_wander(x: Floats, most: float, rng: np.random.Generator) -> Floats:
    """A slow sine of 0.2 to 0.8 Hz: breath."""
    return x + _levels(x, most, rng) * _sine(x, rng.uniform(0.2, 0.8, (len(x), 1)), rng)


def add_powerline(x: Floats, most: float, rng: np.random.Generator) -> Floats:
    """A sine of 50 or 60 Hz."""
    return x + _levels(x, most, rng) * _sine(x, rng.choice((50.0, 60.0), (len(x), 1)), rng)


def add_recorded(
    x: Floats, most: float, noises: Sequence[Floats], rng: np.random.Generator
) -> Floats:
    """Stretches of recorded noise at a drawn level."""
    n = x.shape[1]
    drawn = [noises[k] for k in rng.integers(0, len(noises), len(x))]
    starts = (rng.random(len(x)) * [len(noise) - n for noise in drawn]).astype(int)
    rows = [noise[at : at + n] for noise, at in zip(drawn, starts, strict=True)]
    return x + _levels(x, most, rng) * unit_rms(np.stack(rows))


def lose_contact(x: Floats, share: float, seconds: float, rng: np.random.Generator) -> Floats:
    """A finger lifted: in a share of the rows a stretch of up to `seconds` stays where it was."""
    out = x.copy()
    for row in np.flatnonzero(rng.random(len(x)) < share):
        length = 1 + int(rng.random() * seconds * RATE_HZ)
        first = rng.integers(0, max(x.shape[1] - length, 1))
        out[row, first : first + length] = x[row, first]
    return out


def flip(x: Floats, share: float, rng: np.random.Generator) -> Floats:
    """A share of the rows upside down: hands swapped."""
    return np.where(rng.random((len(x), 1)) < share, -x, x)


def scale(x: Floats, gain: float, rng: np.random.Generator) -> Floats:
    """Each row at a height of its own."""
    return np.asarray(x * gain ** rng.uniform(-1, 1, (len(x), 1)), np.float32)


def load_noises(folder: Path) -> dict[str, list[Floats]]:
    """NSTDB's noises by kind, without the part that evaluation has for itself."""
    return noise_by_kind(folder, AugmentConfig().train_share_of_noise)


def lead_places(names: Sequence[str]) -> Whole:
    """Leads' places in LEADS, by key."""
    return np.array([LEADS.index(name) for name in names], np.int64)


def _levels(x: Floats, most: float, rng: np.random.Generator) -> Floats:
    return (most * rng.random((len(x), 1))).astype(np.float32)


def _sine(x: Floats, hz: npt.NDArray[np.float64], rng: np.random.Generator) -> Floats:
    """Unit-rms sines, one a row, from a phase drawn."""
    t = np.arange(x.shape[1]) / RATE_HZ
    phase = 2 * np.pi * (hz * t + rng.random((len(x), 1)))
    wave: Floats = (np.sqrt(2.0) * np.sin(phase)).astype(np.float32)
    return wave
