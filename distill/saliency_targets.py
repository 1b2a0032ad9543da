"""What of the network's outputs is explained: the log-odds of a class at the frames that count.

Log-odds, because a probability of nearly one has no slope left and a logit alone says nothing
about the other classes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from ..edge.labels import BEATS, RHYTHMS, WAVES
from ..edge.record_head import RecordHead
from ..edge.timing import BEAT_FRAME_SAMPLES, LOOKAHEAD_SAMPLES, WAVE_FRAME_SAMPLES
from .record_heads import pooled
from .saliency import Target

Doubles = npt.NDArray[np.float64]
BEATS_OUTPUT, WAVES_OUTPUT, DEEP_OUTPUT = "beats", "waves", "deep"


def beat_target(name: str, r_samples: Doubles) -> Target:
    """The sum over beats of a beat class's log-odds, mean of the frames around the R peak."""
    frames, row = torch.from_numpy(beat_frames(r_samples)), BEATS.index(name)

    def target(outputs: dict[str, Tensor]) -> Tensor:
        return log_odds(outputs[BEATS_OUTPUT], row)[:, frames].mean(2).sum(1)

    return target


def wave_target(name: str, edges: list[tuple[float, float]]) -> Target:
    """The sum over waves of a wave class's log-odds, mean of the frames from onset to offset."""
    delay, row = LOOKAHEAD_SAMPLES, WAVES.index(name)
    first = [round((onset + delay) / WAVE_FRAME_SAMPLES) for onset, _ in edges]
    last = [round((offset + delay) / WAVE_FRAME_SAMPLES) for _, offset in edges]

    def target(outputs: dict[str, Tensor]) -> Tensor:
        odds = log_odds(outputs[WAVES_OUTPUT], row)
        return torch.stack(
            [odds[:, a : max(b, a + 1)].mean(1) for a, b in zip(first, last, strict=True)]
        ).sum(0)

    return target


def window_target(name: str, head: RecordHead, frames: slice) -> Target:
    """The log-odds of a rhythm or finding, by the deepest features of these frames."""

    def target(outputs: dict[str, Tensor]) -> Tensor:
        deep = outputs[DEEP_OUTPUT][:, :, 0, frames]
        return window_odds(pooled(deep, torch.tensor([deep.shape[2]])), name, head)

    return target


def window_odds(features: Tensor, name: str, head: RecordHead) -> Tensor:
    """Log-odds (batch,) from pooled features (batch, 3 c): the network's own opinion.

    Of a rhythm among rhythms, of a finding by itself; what beats add to the latter is left out.
    """
    is_rhythm = name in RHYTHMS
    weights = head.rhythm_weights if is_rhythm else head.finding_weights
    bias = head.rhythm_bias if is_rhythm else head.finding_bias
    of_network = torch.tensor(weights)[:, : features.shape[1]]
    logits = functional.linear(features, of_network, torch.tensor(bias))
    if is_rhythm:
        return log_odds(logits[:, :, None, None], RHYTHMS.index(name))[:, 0]
    return logits[:, head.findings.index(name)]


def beat_frames(r_samples: Doubles) -> npt.NDArray[np.int64]:
    """The output frames (beats, 3) that label beats, as `edge.beats` reads them, look-ahead on."""
    frame = np.floor((r_samples + 0.5) / BEAT_FRAME_SAMPLES).astype(np.int64)
    return np.asarray(frame[:, None] + np.arange(-1, 2) + LOOKAHEAD_SAMPLES // BEAT_FRAME_SAMPLES)


def log_odds(logits: Tensor, row: int) -> Tensor:
    """ln(p / (1 - p)) of one class (batch, frames) from logits (batch, classes, 1, frames)."""
    others = torch.cat([logits[:, :row], logits[:, row + 1 :]], 1)
    return logits[:, row, 0] - others.logsumexp(1)[:, 0]
