"""The running average of a network in training: what is kept of it in the end."""

from __future__ import annotations

import torch
from torch import nn


def follow(averaged: nn.Module, model: nn.Module, decay: float) -> None:
    """Move an average of weights and batch-norm statistics towards the model's."""
    ours, theirs = averaged.state_dict(), model.state_dict()
    real = [key for key, value in ours.items() if value.dtype.is_floating_point]
    with torch.no_grad():
        torch._foreach_lerp_([ours[k] for k in real], [theirs[k] for k in real], 1 - decay)
        for key in ours.keys() - set(real):
            ours[key].copy_(theirs[key])
