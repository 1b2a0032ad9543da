"""From the two deepest levels of an encoder back to the signal: for methods that reconstruct it.

Not causal and never exported: it sees the features on both sides of a sample, and no shallow ones,
so that what it needs must be in the embedding.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from .encoder import EncoderConfig

WIDTH = 32
SAMPLES_A_STEP = 8  # of the second deepest level


class Decoder(nn.Module):
    """Features at 1/8 and 1/16 of the rate to samples."""

    def __init__(self, config: EncoderConfig) -> None:
        """Two convolutions over joined features, then eight samples a step."""
        super().__init__()
        inputs = config.channels[2] + config.channels[3]
        self.layers = nn.Sequential(
            nn.Conv1d(inputs, WIDTH, 9, padding=4),
            nn.ReLU(),
            nn.Conv1d(WIDTH, WIDTH, 9, padding=4),
            nn.ReLU(),
            nn.Conv1d(WIDTH, SAMPLES_A_STEP, 5, padding=2),
        )

    def forward(self, levels: tuple[Tensor, ...]) -> Tensor:
        """An encoder's levels to a signal (b, n)."""
        fine, deep = levels[-2].squeeze(2), levels[-1].squeeze(2)
        steps = self.layers(torch.cat([fine, functional.interpolate(deep, scale_factor=2.0)], 1))
        signal: Tensor = steps.transpose(1, 2).flatten(1)
        return signal
