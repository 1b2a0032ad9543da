"""Fit the beat classes on MIT-BIH: what tells S and V beats in the context of those before.

Each record's evidence should come from a network that has not seen it (`leadone quantize --cross`):
the QRS edges of its own training records are better than those of any other will be.
"""

from __future__ import annotations

import copy

import numpy as np
import numpy.typing as npt
import torch
from scipy.linalg import block_diag
from torch import nn
from torch.nn import functional

from ..edge.beat_context import FEATURES
from ..edge.beat_model import CLASSES, CLIP, BeatModel
from ..edge.errors import InputError
from .beat_data import BeatData

Doubles = npt.NDArray[np.float64]
MEMBERS = 3
HIDDEN = 8
STEPS = 2000
BATCH = 512
NOISE, DROPPED, SMOOTHING = 0.3, 0.05, 0.02
RATE, DECAY, AVERAGE = 5e-3, 0.03, 0.995


def fit_beats(data: BeatData, seed: int = 0) -> BeatModel:
    """The mean of `MEMBERS` networks from different random weights, as one.

    InputError where a class has no beat: it could never be told.
    """
    for k, name in enumerate(CLASSES):
        if not (data.classes == k).any():
            raise InputError(
                f"no labelled beat to fit the classes on is {name}; bring more records"
            )
    mean, scale = data.features.mean(0), data.features.std(0) + 1e-6
    z = np.clip((data.features - mean) / scale, -CLIP, CLIP)
    members = [_member(data, z, seed + k) for k in range(MEMBERS)]
    first, second, last = zip(*members, strict=True)
    layers = (
        (np.concatenate([w for w, _ in first]), np.concatenate([b for _, b in first])),
        (block_diag(*(w for w, _ in second)), np.concatenate([b for _, b in second])),
        (np.concatenate([w for w, _ in last], 1) / MEMBERS, np.mean([b for _, b in last], 0)),
    )
    return BeatModel(mean, scale, layers)


def _member(data: BeatData, z: Doubles, seed: int) -> list[tuple[Doubles, Doubles]]:
    """Weights and offsets of the layers of one network."""
    x, y = torch.tensor(z, dtype=torch.float32), torch.from_numpy(data.classes)
    chance = data.weights / data.weights.sum()
    torch.manual_seed(seed)
    net = nn.Sequential(
        nn.Linear(len(FEATURES), HIDDEN),
        nn.ReLU(),
        nn.Linear(HIDDEN, HIDDEN),
        nn.ReLU(),
        nn.Linear(HIDDEN, len(CLASSES)),
    )
    averaged = copy.deepcopy(net)
    optimizer = torch.optim.AdamW(net.parameters(), RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=STEPS)
    rng = np.random.default_rng(seed)
    for step in range(STEPS):
        chosen = rng.choice(len(x), BATCH, p=chance)
        seen = x[chosen] + NOISE * torch.randn(BATCH, x.shape[1])
        seen = seen * (torch.rand_like(seen) > DROPPED)
        loss = functional.cross_entropy(net(seen), y[chosen], label_smoothing=SMOOTHING)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        decay = min(AVERAGE, (1 + step) / (10 + step))
        with torch.no_grad():
            for kept, new in zip(averaged.parameters(), net.parameters(), strict=True):
                kept.lerp_(new, 1 - decay)
    layers = [layer for layer in averaged if isinstance(layer, nn.Linear)]
    return [(_plain(layer.weight), _plain(layer.bias)) for layer in layers]


def _plain(values: torch.Tensor) -> Doubles:
    plain: Doubles = values.detach().double().numpy()
    return plain
