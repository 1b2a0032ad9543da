"""What the loop asks of a method: which windows, which views of them, and the loss."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ..embedding import Embedder
from ..encoder import EncoderConfig
from ..twelve_leads import LEADS
from ..views import Views
from ..windows import Windows

Whole = npt.NDArray[np.int64]
Loss = tuple[Tensor, dict[str, Tensor]]  # what is minimised, and its parts by name

MAIN_LEAD = "i"
MAIN = LEADS.index(MAIN_LEAD)
LEAST_SPREAD = 1e-3  # of a feature over records, relative to its size, below which it is silent


class Method(nn.Module, ABC):
    """A self-supervised method around one encoder.

    `draw` runs on numpy, from a generator, for a block of windows; `forward` on tensors of the
    whole batch, so that drawing can be spread and repeated while the network stays one.
    """

    needs = "lead I"  # of a window, said where no window fits

    def __init__(self, encoder: EncoderConfig, config: Any) -> None:
        """`embedder` is what training keeps; a method adds its heads."""
        super().__init__()
        self.config = config
        self.embedder = Embedder(encoder)

    @classmethod
    def fits(cls, windows: Windows, config: Any) -> npt.NDArray[np.bool_]:
        """Which windows the method can use (n,)."""
        return windows.has_lead[:, MAIN]

    def order(self, windows: Windows, rng: np.random.Generator) -> Whole:
        """Indices of an epoch's windows in the order of training."""
        return rng.permutation(len(windows))

    @abstractmethod
    def draw(
        self, views: Views, windows: Windows, chosen: Whole, rng: np.random.Generator
    ) -> tuple[Tensor, ...]:
        """What `forward` takes, for the chosen windows; first dimension b each."""

    @abstractmethod
    def forward(self, *drawn: Tensor) -> Loss:
        """The loss of a batch and its parts."""

    def paired(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        """Vectors (b, d) by which views of lead I and of a chest lead find each other.

        Here the embeddings themselves: each feature centred and scaled over both, unless it hardly
        moves.
        """
        joint = torch.cat([self.embedder(first), self.embedder(second)])
        scale = joint.std(0) + LEAST_SPREAD * joint.abs().mean(0)
        standard = (joint - joint.mean(0)) / (scale + 1e-9)
        one, two = standard.chunk(2)
        return one, two
