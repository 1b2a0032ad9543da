"""The loss of a rhythm that is told of a whole record."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

WEIGHTS = (1.0, 1.6, 1.2, 2.0)  # normal, af, other, noise: rarer rhythms weigh more
SMOOTHING = 0.03


def rhythm_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy of logits (b, 4) with probabilities (b, 4), targets softened."""
    soft = (1 - SMOOTHING) * target + SMOOTHING / target.shape[1]
    weighted = soft * _weights(soft.device)
    return -(weighted * torch.log_softmax(logits, 1)).sum() / weighted.sum()


@lru_cache
def _weights(device: torch.device) -> Tensor:
    return torch.tensor(WEIGHTS, device=device)
