"""The head that names a window's rhythm, as it is trained: pooled deepest features, linear."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..edge.labels import RHYTHMS
from ..edge.pooling import SPREAD_FLOOR
from ..edge.record_head import RecordHead
from ..edge.timing import HOP_SAMPLES


class RhythmHead(nn.Module):
    """Rhythm logits (b, 4) of records of unequal length."""

    def __init__(self, channels: int, dropout: float = 0.2) -> None:
        """`channels` of the deepest features; their statistics are 3 times as many."""
        super().__init__()
        size = 3 * channels
        self.norm = nn.BatchNorm1d(size, affine=False)
        self.dropout = nn.Dropout(dropout)
        self.rhythm = nn.Linear(size, len(RHYTHMS))

    def forward(self, deep: Tensor, samples: Tensor) -> Tensor:
        """Features (b, c, 1, n/16) of windows of which the first `samples` (b,) are signal."""
        features = self.dropout(self.norm(pooled(deep.squeeze(2), samples // HOP_SAMPLES)))
        logits: Tensor = self.rhythm(features)
        return logits

    def exported(self) -> RecordHead:
        """The readout as plain numbers, batch norm folded in; findings are fitted on their own."""
        assert self.norm.running_mean is not None and self.norm.running_var is not None
        factor = (self.norm.running_var.double() + self.norm.eps).rsqrt()
        weight = self.rhythm.weight.detach().double() * factor
        bias = self.rhythm.bias.detach().double() - weight @ self.norm.running_mean.double()
        return RecordHead(tuple(map(tuple, weight.tolist())), tuple(bias.tolist()))


def pooled(deep: Tensor, frames: Tensor) -> Tensor:
    """Mean, maximum and spread (b, 3 * c) over the first `frames` (b,) of features (b, c, n)."""
    inside = (torch.arange(deep.shape[2], device=deep.device) < frames[:, None])[:, None]
    n = frames[:, None]
    mean = (deep * inside).sum(2) / n
    variance = ((deep - mean[..., None]) ** 2 * inside).sum(2) / n
    highest = deep.masked_fill(~inside, -torch.inf).amax(2)
    return torch.cat([mean, highest, (variance + SPREAD_FLOOR).sqrt()], 1)
