"""An encoder's features over time as one vector, and the head that a contrast is taken behind."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .encoder import Encoder, EncoderConfig


class Embedder(nn.Module):
    """Encoder and pooling: mean, maximum and spread over time of the two deepest levels."""

    def __init__(self, config: EncoderConfig) -> None:
        """`size` is the length of the vector."""
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.size = 3 * (config.channels[2] + config.channels[3])

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, 1, time) to (batch, size)."""
        *_, x2, x3 = self.encoder(x)
        pooled = [p for level in (x2, x3) for p in _pooled(level.squeeze(2))]
        return torch.cat(pooled, 1)


class Projection(nn.Sequential):
    """The nonlinear head of SimCLR: what helps the contrast and not the embedding stays in it."""

    def __init__(self, size: int, hidden: int, out: int) -> None:
        """Two layers behind batch norm: pooled features differ in scale by orders."""
        super().__init__(
            nn.BatchNorm1d(size),
            nn.Linear(size, hidden, bias=False),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
            nn.Linear(hidden, out),
        )


def _pooled(features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    spread = (features.var(2, unbiased=False) + 1e-5).sqrt()  # smooth where a channel is silent
    return features.mean(2), features.amax(2), spread
