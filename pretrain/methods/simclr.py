"""SimCLR: two views of lead I find each other among all views of the batch.

Chen, Kornblith, Norouzi, Hinton 2020, "A simple framework for contrastive learning of visual
representations", equation 1 (NT-Xent, `contrast.py`) behind a nonlinear projection head.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..contrast import nt_xent
from ..embedding import Projection
from ..encoder import EncoderConfig
from ..views import Views
from ..windows import Windows
from .method import MAIN, Loss, Method, Whole


@dataclass(frozen=True)
class SimCLRConfig:
    """The temperature of the contrast and the widths of the head."""

    temperature: float = 0.2
    hidden: int = 128
    projected: int = 64


class SimCLR(Method):
    """One lead alone: what lead transfer has to beat."""

    config: SimCLRConfig

    def __init__(self, encoder: EncoderConfig, config: SimCLRConfig) -> None:
        """An encoder and a head."""
        super().__init__(encoder, config)
        self.head = Projection(self.embedder.size, config.hidden, config.projected)

    def draw(
        self, views: Views, windows: Windows, chosen: Whole, rng: np.random.Generator
    ) -> tuple[Tensor, ...]:
        """Two views of lead I of each window."""
        numbers = windows.number[chosen]
        return views.draw(numbers, MAIN, rng), views.draw(numbers, MAIN, rng)

    def forward(self, *drawn: Tensor) -> Loss:
        """NT-Xent of the two views."""
        first, second = self.head(self.embedder(torch.cat(drawn))).chunk(2)
        loss = nt_xent(first, second, self.config.temperature)
        return loss, {}

    def paired(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        """Both leads behind the head."""
        return self.head(self.embedder(first)), self.head(self.embedder(second))
