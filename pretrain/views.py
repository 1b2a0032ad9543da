"""Views of a lead for a contrast: a stretch of its own, at a speed, height and noise of its own.

The independent time warp is what makes the task worth solving: without it two leads of one record
are matched by their common heart rate and the encoder learns nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..edge.frontend import INPUT_RANGES_MV

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class ViewConfig:
    """How views differ; `warp` and `gain` are drawn log-uniformly between their inverse and it."""

    samples: int = 1408  # 5.6 s at 250 Hz, a multiple of the encoder's hop
    warp: float = 1.4
    gain: float = 1.6
    rms_mv: float = 0.2  # of a view before its gain: archives come in mV and without any unit
    noise: float = 0.1  # white, at most this share of the rms
    wander: float = 0.3  # a slow wave that the high-pass left, at most this share of the rms


def draw_views(signals: Floats, config: ViewConfig, rng: np.random.Generator) -> Tensor:
    """A view of each lead: (b, n) in mV, NaN only at a row's end, to (b, 2, 1, samples)."""
    stretches = _stretches(signals, config, rng)
    stretches -= stretches.mean(1, keepdims=True)
    stretches /= np.sqrt((stretches**2).mean(1, keepdims=True)) + 1e-6
    b, n = stretches.shape
    stretches += config.noise * rng.random((b, 1)) * rng.standard_normal((b, n), np.float32)
    phase = 2 * np.pi * (rng.uniform(0.2, 0.8, (b, 1)) * np.arange(n) / 250.0 + rng.random((b, 1)))
    stretches += config.wander * rng.random((b, 1)) * np.sin(phase)
    gain = config.gain ** rng.uniform(-1, 1, (b, 1))
    return as_input((config.rms_mv * gain * stretches).astype(np.float32))


def as_input(signals: Floats) -> Tensor:
    """Filtered mV (b, n) as the network sees them: (b, 2, 1, n), as `edge.frontend` has it."""
    x = np.stack([np.clip(signals / mv, -1.0, 1.0) for mv in INPUT_RANGES_MV], 1)
    return torch.from_numpy(x[:, :, None].astype(np.float32))


def _stretches(signals: Floats, config: ViewConfig, rng: np.random.Generator) -> Floats:
    """Each row from a start and at a speed of its own, interpolated."""
    valid = np.isfinite(signals).sum(1)
    speed = config.warp ** rng.uniform(-1, 1, len(signals))
    speed = np.minimum(speed, (valid - 2) / config.samples)
    start = rng.random(len(signals)) * (valid - 2 - speed * config.samples)
    at = start[:, None] + speed[:, None] * np.arange(config.samples)
    whole = at.astype(np.int64)
    share = (at - whole).astype(np.float32)
    rows = np.arange(len(signals))[:, None]
    filled = np.nan_to_num(signals)
    stretches: Floats = filled[rows, whole] * (1 - share) + filled[rows, whole + 1] * share
    return stretches
