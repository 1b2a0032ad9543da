"""TS-TCC: a weak and a strong view predict each other's future, and their contexts find each other.

Eldele et al. 2021, "Time-series representation learning via temporal and contextual contrasting".
With features z of the encoder over time, a transformer's context c_t of z up to t, and one linear
map W_k a step ahead (equations 1 to 4):

    L_TC^s = -1/K sum_k log( exp(W_k(c_t^s) . z_{t+k}^w) / sum_n exp(W_k(c_t^s) . z_n^w) )
    L_TC^w = the same with s and w exchanged
    L_CC   = NT-Xent of the projected contexts c_t^s, c_t^w
    L      = lambda_1 (L_TC^s + L_TC^w) + lambda_2 L_CC

where n runs over the batch at t + k. The weak view is scaled and jittered, the strong one shuffled
in segments and jittered; both are of one stretch, because the future must be the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ...edge.errors import InputError
from ..contrast import info_nce, nt_xent
from ..encoder import EncoderConfig
from ..views import Views, add_white, scale, to_input
from ..windows import Windows
from .method import MAIN, Loss, Method, Whole
from .segments import shuffled

STEPS_A_FEATURE = 4  # encoder outputs averaged into one step of 0.26 s


@dataclass(frozen=True)
class TSTCCConfig:
    """Weights and temperature are the paper's; so are depth 4 and 4 heads of the transformer."""

    temporal_weight: float = 1.0  # lambda_1
    contextual_weight: float = 0.7  # lambda_2
    temperature: float = 0.2
    steps_ahead: int = 6  # K
    hidden: int = 64
    depth: int = 4
    heads: int = 4
    projected: int = 32
    most_segments: int = 5
    weak_gain: float = 1.3
    strong_jitter: float = 0.4  # at most this share of the rms

    def __post_init__(self) -> None:
        """Refuse what the transformer can't be built of."""
        if self.hidden % self.heads:
            raise InputError(f"hidden ({self.hidden}) must divide by heads ({self.heads})")
        if self.steps_ahead < 1 or self.most_segments < 2:
            raise InputError("steps_ahead must be 1 or more and most_segments 2 or more")


class TSTCC(Method):
    """Encoder, context network, K predictors and a head."""

    config: TSTCCConfig

    def __init__(self, encoder: EncoderConfig, config: TSTCCConfig) -> None:
        """All but the encoder is dropped after training."""
        super().__init__(encoder, config)
        size = encoder.channels[3]
        self.inward = nn.Linear(size, config.hidden)
        self.token = nn.Parameter(torch.zeros(1, 1, config.hidden))
        layer = nn.TransformerEncoderLayer(
            config.hidden, config.heads, config.hidden, 0.0, batch_first=True, norm_first=True
        )
        self.context = nn.TransformerEncoder(layer, config.depth, enable_nested_tensor=False)
        self.ahead = nn.ModuleList(
            nn.Linear(config.hidden, size) for _ in range(config.steps_ahead)
        )
        self.head = nn.Sequential(
            nn.Linear(config.hidden, config.hidden // 2),
            nn.BatchNorm1d(config.hidden // 2),
            nn.ReLU(),
            nn.Linear(config.hidden // 2, config.projected),
        )

    def draw(
        self, views: Views, windows: Windows, chosen: Whole, rng: np.random.Generator
    ) -> tuple[Tensor, ...]:
        """The weak and the strong view of a stretch."""
        x = views.clean(windows.number[chosen], MAIN, rng)
        weak = scale(views.corrupted(x, rng), self.config.weak_gain, rng)
        segments = int(rng.integers(2, self.config.most_segments + 1))
        orders = rng.random((len(x), segments)).argsort(1)
        whole = x.shape[1] - x.shape[1] % segments
        strong = x.copy()
        strong[:, :whole] = shuffled(x[:, :whole], orders)
        strong = add_white(strong, self.config.strong_jitter, rng)
        return to_input(weak, views.config, rng), to_input(strong, views.config, rng)

    def forward(self, *drawn: Tensor) -> Loss:
        """The temporal losses of both directions and the contextual one."""
        features = self.embedder.encoder(torch.cat(drawn))[-1].squeeze(2)
        z = functional.avg_pool1d(features, STEPS_A_FEATURE).transpose(1, 2)
        z_weak, z_strong = z.chunk(2)
        ahead = self.config.steps_ahead
        if z.shape[1] <= ahead:
            raise InputError(f"views are too short to look {ahead} steps ahead; lower steps_ahead")
        t = int(torch.randint(1, z.shape[1] - ahead + 1, ()))  # the same on all ranks: one seed
        context = self._context(z[:, :t])
        c_weak, c_strong = context.chunk(2)
        by_strong = self._temporal(c_strong, z_weak[:, t : t + ahead])
        by_weak = self._temporal(c_weak, z_strong[:, t : t + ahead])
        first, second = self.head(context).chunk(2)
        contextual = nt_xent(first, second, self.config.temperature)
        loss = (
            self.config.temporal_weight * (by_strong + by_weak)
            + self.config.contextual_weight * contextual
        )
        return loss, {"strong": by_strong, "weak": by_weak, "contextual": contextual}

    def _context(self, past: Tensor) -> Tensor:
        """c_t (b, hidden) of the features up to t (b, t, channels): what a token gathered."""
        token = self.token.expand(len(past), -1, -1)
        gathered: Tensor = self.context(torch.cat([token, self.inward(past)], 1))[:, 0]
        return gathered

    def _temporal(self, context: Tensor, future: Tensor) -> Tensor:
        """The mean over k of finding z_{t+k} (b, K, channels) from the context."""
        losses = [info_nce(step(context), future[:, k]) for k, step in enumerate(self.ahead)]
        return torch.stack(losses).mean()
