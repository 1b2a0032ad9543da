"""Denoising autoencoder: the clean lead I out of a noisy one.

Vincent et al. 2010, "Stacked denoising autoencoders", with squared error; on ECG Chiang et
al. 2019. Noise is that of the views' configuration, at a drawn signal-to-noise ratio.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..decoder import Decoder
from ..encoder import EncoderConfig
from ..views import Views, to_input, unit_rms
from ..windows import Windows
from .method import MAIN, Loss, Method, Whole


@dataclass(frozen=True)
class DenoisingConfig:
    """Signal-to-noise ratio of powers over the stretch, drawn evenly between the two."""

    snr_db: tuple[float, float] = (-6.0, 12.0)


class Denoising(Method):
    """An encoder and a decoder."""

    config: DenoisingConfig

    def __init__(self, encoder: EncoderConfig, config: DenoisingConfig) -> None:
        """The decoder is dropped after training."""
        super().__init__(encoder, config)
        self.decoder = Decoder(encoder)

    def draw(
        self, views: Views, windows: Windows, chosen: Whole, rng: np.random.Generator
    ) -> tuple[Tensor, ...]:
        """Noisy views, and the clean stretches (b, n) at unit rms."""
        x = views.clean(windows.number[chosen], MAIN, rng)
        noise = unit_rms(views.corrupted(np.zeros_like(x), rng))
        snr_db = rng.uniform(*self.config.snr_db, (len(x), 1))
        noisy = x + (10 ** (-snr_db / 20)).astype(np.float32) * noise
        return to_input(noisy, views.config, rng), torch.from_numpy(x)

    def forward(self, *drawn: Tensor) -> Loss:
        """Mean squared error of the whole stretch."""
        noisy, clean = drawn
        return ((self.decoder(self.embedder.encoder(noisy)) - clean) ** 2).mean(), {}
