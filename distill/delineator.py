"""The network: encoder, then a decoder to per-frame waves (125 Hz) and beat classes (31.25 Hz).

Targets are delayed by `LOOKAHEAD_FRAMES`: output frame k speaks of input frame k - LOOKAHEAD. The
encoder's finer features are delayed on their way to the decoder, such that its filters lie around
the frame that they speak of; the deepest ones come at once, so that the decoder knows what follows.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..edge.labels import BEATS, WAVES
from ..edge.timing import BEAT_FRAME_SAMPLES, LOOKAHEAD_FRAMES, LOOKAHEAD_SAMPLES
from ..pretrain.encoder import Conv, Encoder, EncoderConfig, Residual

REFINING_KERNEL = 9


class Delay(nn.Module):
    """The features of `frames` ago; zeros before the first. Streams as a ring buffer."""

    def __init__(self, frames: int, channels: int) -> None:
        """`channels` is what an exporter needs to know of the buffer."""
        super().__init__()
        self.frames, self.channels = frames, channels

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, 1, time) to the same."""
        return delayed(x, self.frames)


class Delineator(nn.Module):
    """Per-frame wave logits (batch, 4, time/2) and beat logits (batch, 4, time/8)."""

    def __init__(self, config: EncoderConfig) -> None:
        """A decoder that mirrors the encoder's widths."""
        super().__init__()
        self.config = config
        c0, c1, c2, c3 = config.channels
        self.encoder = Encoder(config)

        def refining(channels: int) -> Residual:
            return Residual(channels, REFINING_KERNEL, causal=config.causal)

        lags = decoder_lags() if config.causal else (0, 0, 0)
        self.delay2, self.delay1, self.delay0 = map(Delay, lags, (c2, c1, c0))
        self.merge2, self.refine2 = Conv(c3 + c2, c2, 1), refining(c2)
        self.merge1, self.refine1 = Conv(c2 + c1, c1, 1), refining(c1)
        self.merge0, self.refine0 = Conv(c1 + c0, c0, 1), refining(c0)
        self.wave_head = nn.Conv2d(c0, len(WAVES), 1)
        self.beat_head = nn.Conv2d(c2, len(BEATS), 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(batch, 2, 1, time) to wave and beat logits and the deepest features.

        Time is a multiple of 16; the features have one frame for 16 samples.
        """
        x0, x1, x2, x3 = self.encoder(x)
        y2 = self.refine2(self.merge2(torch.cat([upsample(x3), self.delay2(x2)], 1)))
        y1 = self.refine1(self.merge1(torch.cat([upsample(y2), self.delay1(x1)], 1)))
        y0 = self.refine0(self.merge0(torch.cat([upsample(y1), self.delay0(x0)], 1)))
        waves, beats = self.wave_head(y0), self.beat_head(y2)
        if self.config.causal:
            return waves, beats, x3
        late_beats = delayed(beats, LOOKAHEAD_SAMPLES // BEAT_FRAME_SAMPLES)
        return delayed(waves, LOOKAHEAD_FRAMES), late_beats, x3


def decoder_lags() -> tuple[int, int, int]:
    """By how many frames x2, x1 and x0 are late, so that filters lie around what they speak of."""
    lags, lag = [], LOOKAHEAD_FRAMES
    for _ in range(3):  # from the finest down
        lags.append(lag - REFINING_KERNEL // 2)
        lag = lags[-1] // 2
    return lags[2], lags[1], lags[0]


def delayed(x: Tensor, frames: int) -> Tensor:
    """What was `frames` ago; zeros before the first."""
    return functional.pad(x, (frames, 0))[..., : x.shape[-1]]


def upsample(x: Tensor) -> Tensor:
    """Each frame twice."""
    return functional.interpolate(x, scale_factor=(1.0, 2.0), mode="nearest")


def work_of(model: nn.Module, seconds: float = 16.0) -> tuple[int, float]:
    """Parameters after folding batch norm, and multiply-accumulates a second of signal."""
    macs = 0

    def count(layer: nn.Module, _: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal macs
        assert isinstance(layer, nn.Conv2d)
        macs += output.shape[-1] * layer.weight.numel()

    layers = [m for m in model.modules() if isinstance(m, nn.Conv2d)]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    was_training = model.training
    model.eval()
    with torch.no_grad():
        model(torch.zeros(1, 2, 1, int(seconds * 250)))
    model.train(was_training)
    for hook in hooks:
        hook.remove()
    return sum(layer.weight.numel() + layer.out_channels for layer in layers), macs / seconds
