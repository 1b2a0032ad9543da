"""TF-C: a stretch and its spectrum, through an encoder each, are to lie close together.

Zhang et al. 2022, "Self-supervised contrastive pre-training for time series via time-frequency
consistency". With h the time encoder's and frequency encoder's embeddings, z their projections
into a common space, a tilde for the augmented view and d NT-Xent:

    L_T = d(h_T, h~_T)    L_F = d(h_F, h~_F)    S_pair = d of z's: S_TF, S_T~F, S_TF~, S_T~F~
    L_C = sum over the three augmented pairs of (S_TF - S_pair + delta)

`variant = "paper"` is equation 5, lambda (L_T + L_F) + (1 - lambda) L_C. The authors' released code
computes L_C and then leaves it out: `variant = "released"` is 0.2 (L_T + L_F) + S_TF, what their
tables were made with.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...edge.errors import InputError
from ..contrast import nt_xent
from ..embedding import Embedder, Projection
from ..encoder import EncoderConfig
from ..views import Floats, Views, as_tensor, unit_rms
from ..windows import Windows
from .method import MAIN, Loss, Method, Whole

RELEASED_WEIGHT = 0.2
HOP = 16  # of the encoder


@dataclass(frozen=True)
class TFCConfig:
    """`weight` is lambda and `margin` delta of the paper; the released variant has its own."""

    variant: str = "paper"
    weight: float = 0.5
    margin: float = 1.0
    temperature: float = 0.2
    hidden: int = 128
    projected: int = 64
    changed: float = 0.1  # share of the spectrum removed, and as much added

    def __post_init__(self) -> None:
        """Refuse a variant that nobody named."""
        if self.variant not in ("paper", "released"):
            raise InputError(f"variant must be paper or released, not {self.variant!r}")


class TFC(Method):
    """A time encoder, which is kept, and a frequency encoder of the same kind."""

    config: TFCConfig

    def __init__(self, encoder: EncoderConfig, config: TFCConfig) -> None:
        """Two encoders and two heads into the common space."""
        super().__init__(encoder, config)
        self.of_spectrum = Embedder(encoder)
        size = self.embedder.size
        self.time_head = Projection(size, config.hidden, config.projected)
        self.frequency_head = Projection(size, config.hidden, config.projected)

    def draw(
        self, views: Views, windows: Windows, chosen: Whole, rng: np.random.Generator
    ) -> tuple[Tensor, ...]:
        """A stretch and another view of lead I; the stretch's spectrum and a changed one."""
        numbers = windows.number[chosen]
        x = views.draw(numbers, MAIN, rng)
        other = views.draw(numbers, MAIN, rng)
        spectrum = magnitudes(x[:, 0, 0].numpy())
        altered = changed(spectrum, self.config.changed, rng)
        both = [as_tensor(views.config.rms_mv * unit_rms(s)) for s in (spectrum, altered)]
        return x, other, *both

    def forward(self, *drawn: Tensor) -> Loss:
        """The loss of the chosen variant, and its parts."""
        x, other, spectrum, altered = drawn
        h_t, h_t2 = self.embedder(torch.cat([x, other])).chunk(2)
        h_f, h_f2 = self.of_spectrum(torch.cat([spectrum, altered])).chunk(2)
        z_t, z_t2 = self.time_head(torch.cat([h_t, h_t2])).chunk(2)
        z_f, z_f2 = self.frequency_head(torch.cat([h_f, h_f2])).chunk(2)
        temperature, margin = self.config.temperature, self.config.margin
        parts = {
            "time": nt_xent(h_t, h_t2, temperature),
            "frequency": nt_xent(h_f, h_f2, temperature),
            "time_frequency": nt_xent(z_t, z_f, temperature),
        }
        within = parts["time"] + parts["frequency"]
        if self.config.variant == "released":
            return RELEASED_WEIGHT * within + parts["time_frequency"], parts
        pairs = ((z_t2, z_f), (z_t, z_f2), (z_t2, z_f2))
        consistency = torch.stack(
            [parts["time_frequency"] - nt_xent(a, b, temperature) + margin for a, b in pairs]
        ).sum()
        weight = self.config.weight
        return weight * within + (1 - weight) * consistency, {**parts, "consistency": consistency}


def magnitudes(x: Floats) -> Floats:
    """Spectrum of rows (b, n): magnitudes (b, n / 2) without the highest bin, to whole hops."""
    bins = x.shape[1] // 2 // HOP * HOP
    return np.abs(np.fft.rfft(x, axis=1))[:, :bins].astype(np.float32)


def changed(spectrum: Floats, share: float, rng: np.random.Generator) -> Floats:
    """A share of the bins removed, as many raised by up to a tenth of the highest (section 3.3)."""
    removed = rng.random(spectrum.shape) < share
    raised = rng.random(spectrum.shape) < share
    height = 0.1 * spectrum.max(1, keepdims=True) * rng.random(spectrum.shape)
    return np.asarray(np.where(removed, 0.0, spectrum) + raised * height, np.float32)
