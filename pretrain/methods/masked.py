"""Masked reconstruction: what was cut out of lead I is filled in from what is left.

He et al. 2022, "Masked autoencoders are scalable vision learners": the mean squared error over
masked patches alone. Patches are set to zero, which a convolution can see (as SimMIM, Xie 2022).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...edge.errors import InputError
from ..decoder import Decoder
from ..encoder import EncoderConfig
from ..views import Views, to_input
from ..windows import Windows
from .method import MAIN, Loss, Method, Whole


@dataclass(frozen=True)
class MaskedConfig:
    """The share of patches cut out and their length, 0.19 s by default."""

    share: float = 0.5
    patch: int = 48

    def __post_init__(self) -> None:
        """Refuse a mask of nothing or of all."""
        if not 0 < self.share < 1:
            raise InputError(f"the masked share must be between 0 and 1, not {self.share:g}")
        if self.patch < 1:
            raise InputError(f"a patch has at least 1 sample, not {self.patch}")


class Masked(Method):
    """An encoder and a decoder."""

    config: MaskedConfig

    def __init__(self, encoder: EncoderConfig, config: MaskedConfig) -> None:
        """The decoder is dropped after training."""
        super().__init__(encoder, config)
        self.decoder = Decoder(encoder)

    def draw(
        self, views: Views, windows: Windows, chosen: Whole, rng: np.random.Generator
    ) -> tuple[Tensor, ...]:
        """Masked views, the whole stretches (b, n) at unit rms, and where the mask is (b, n)."""
        x = views.clean(windows.number[chosen], MAIN, rng)
        mask = draw_mask(x.shape, self.config, rng)
        masked = to_input(np.where(mask, np.float32(0), x), views.config, rng)
        return masked, torch.from_numpy(x), torch.from_numpy(mask)

    def forward(self, *drawn: Tensor) -> Loss:
        """Mean squared error where the mask is."""
        masked, whole, mask = drawn
        error = (self.decoder(self.embedder.encoder(masked)) - whole) ** 2
        return (error * mask).sum() / mask.sum().clamp_min(1), {}


def draw_mask(
    shape: tuple[int, ...], config: MaskedConfig, rng: np.random.Generator
) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """(b, n), True over a share of each row's patches, the same number in each row."""
    b, n = shape
    patches = -(-n // config.patch)
    cut = max(round(patches * config.share), 1)
    chosen = rng.random((b, patches)).argsort(1) < cut
    return np.repeat(chosen, config.patch, axis=1)[:, :n]
