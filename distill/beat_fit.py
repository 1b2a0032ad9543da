"""Fit the beat classes: what tells S and V beats in the context of those before.

Marked beats teach by cross-entropy; of a record whose statement says only that a class is there or
not, the beats learn -ln(1 - prod(1 - p)), or the mean of -ln(1 - p): the likelihood of what is
known (multiple instance learning by noisy-or; Maron and Lozano-Perez 1998).

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
from .hinted_beats import NONE, SOME, HintedBeats

Doubles = npt.NDArray[np.float64]
MEMBERS = 3
HIDDEN = 8
STEPS = 2000
BATCH = 512
NOISE, DROPPED, SMOOTHING = 0.3, 0.05, 0.02
RATE, DECAY, AVERAGE = 5e-3, 0.03, 0.995
HINTED_RECORDS = 16  # a step, of those with something, and as many of the others
NONE_WEIGHT, SOME_WEIGHT = 1.0, 0.3
# Taken off the log-odds of N, S, V: draws show V more often than hearts do. Crosswise on MIT-BIH
# the F1 of V hardly changes from 0 to 1 and is best here.
OFF = np.array([0.0, 0.0, 0.5])
SUREST = 1 - 1e-4  # a probability, where 1 would be infinitely wrong


def fit_beats(data: BeatData, hinted: HintedBeats | None = None, seed: int = 0) -> BeatModel:
    """The mean of `MEMBERS` networks from different random weights, as one.

    `data` are marked beats, `hinted` those of records with statements. InputError where a class has
    no beat: it could never be told.
    """
    for k, name in enumerate(CLASSES):
        if not (data.classes == k).any():
            raise InputError(
                f"no labelled beat to fit the classes on is {name}; bring more records"
            )
    mean, scale = data.features.mean(0), data.features.std(0) + 1e-6

    def standardised(features: Doubles) -> torch.Tensor:
        z = np.clip((features - mean) / scale, -CLIP, CLIP)
        return torch.tensor(z, dtype=torch.float32)

    z = standardised(data.features)
    hints = _Hints(hinted, standardised(hinted.features)) if hinted is not None else None
    members = [_member(data, z, hints, seed + k) for k in range(MEMBERS)]
    first, second, last = zip(*members, strict=True)
    layers = (
        (np.concatenate([w for w, _ in first]), np.concatenate([b for _, b in first])),
        (block_diag(*(w for w, _ in second)), np.concatenate([b for _, b in second])),
        (np.concatenate([w for w, _ in last], 1) / MEMBERS, np.mean([b for _, b in last], 0) - OFF),
    )
    return BeatModel(mean, scale, layers)


class _Hints:
    """Hinted beats by record, (records, longest, k), and which of those places hold a beat."""

    def __init__(self, hinted: HintedBeats, z: torch.Tensor) -> None:
        counts = np.bincount(hinted.records, minlength=len(hinted.hints))
        place = np.arange(len(z)) - np.repeat(np.cumsum(counts) - counts, counts)
        shape = len(counts), int(counts.max())
        self.z, self.has_beat = torch.zeros(*shape, z.shape[1]), torch.zeros(*shape)
        self.z[hinted.records, place] = z
        self.has_beat[hinted.records, place] = 1.0
        self.hints = torch.from_numpy(hinted.hints)
        has_some = (hinted.hints == SOME).any(1)
        self._kinds = [np.flatnonzero(kind) for kind in (has_some, ~has_some) if kind.any()]

    def loss(self, net: nn.Module, rng: np.random.Generator) -> torch.Tensor:
        """Of a few records of each kind, summed over the classes."""
        chosen = np.concatenate([rng.choice(kind, HINTED_RECORDS) for kind in self._kinds])
        here, hints = self.has_beat[chosen][..., None], self.hints[chosen]
        chance = functional.softmax(net(_disturbed(self.z[chosen])), 2).clamp(max=SUREST)
        absent = (torch.log1p(-chance) * here).sum(1)  # (records, classes)
        each = absent / here.sum(1)
        total = torch.zeros(())
        for k in range(len(CLASSES)):
            none, some = hints[:, k] == NONE, hints[:, k] == SOME
            if none.any():
                total = total - NONE_WEIGHT * each[none, k].mean()
            if some.any():
                nowhere = absent[some, k].exp().clamp(max=SUREST)
                total = total - SOME_WEIGHT * torch.log1p(-nowhere).mean()
        return total


def _disturbed(z: torch.Tensor) -> torch.Tensor:
    """Features with noise, some of them missing."""
    seen = z + NOISE * torch.randn_like(z)
    return seen * (torch.rand_like(seen) > DROPPED)


def _member(
    data: BeatData, x: torch.Tensor, hints: _Hints | None, seed: int
) -> list[tuple[Doubles, Doubles]]:
    """Weights and offsets of the layers of one network."""
    y = torch.from_numpy(data.classes)
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
        told = net(_disturbed(x[chosen]))
        loss = functional.cross_entropy(told, y[chosen], label_smoothing=SMOOTHING)
        if hints is not None:
            loss = loss + hints.loss(net, rng)
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
