"""A classifier of whole records on an encoder: its head fitted alone, then all of it trained.

`fit_head` is a logistic regression a class on frozen embeddings (the linear probe). `train` goes on
from any weights by gradient descent. Fitting the head first and then training gently, with the deep
layers faster than the shallow ones and batch norm's statistics kept, is what carries pretraining
through few labels: a random head would first destroy what the encoder knows (Kumar et al. 2022,
"Fine-tuning can distort pretrained features", LP-FT).
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import minimize
from torch import Tensor, nn
from torch.nn import functional

from ..edge.frontend import network_input
from ..pretrain.embedding import Embedder
from ..pretrain.views import add_wander, add_white, draw_positions, interpolated, scale
from .average import follow
from .classification import macro_auc

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

PENALTIES = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003)
PARTS = 3  # to choose the penalty in
BATCH = 128  # of records when nothing is trained


@dataclass(frozen=True)
class TrainConfig:
    """How gently to train."""

    steps: int = 150
    batch: int = 32
    samples: int = 1920  # of a crop, 7.7 s
    warp: float = 1.1
    gain: float = 1.3
    noise: float = 0.1
    head_rate: float = 1e-3
    encoder_rate: float = 3e-4  # of the deepest level
    level_decay: float = 0.5  # each level above it
    keeps_statistics: bool = True  # of batch norm
    weight_decay: float = 0.05
    dropout: float = 0.2
    average: float = 0.98  # the weights that are kept follow those trained


class Classifier(nn.Module):
    """An embedder and a linear head; `forward` gives logits (b, classes)."""

    def __init__(self, embedder: Embedder, classes: int, dropout: float = 0.0) -> None:
        """`embedder` becomes a part of it: give a copy if it is to stay."""
        super().__init__()
        self.embedder = embedder
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(embedder.size, classes)

    def forward(self, x: Tensor) -> Tensor:
        """(b, inputs, 1, n) to (b, classes)."""
        logits: Tensor = self.head(self.dropout(self.embedder(x)))
        return logits


def as_input(signals_mv: Floats) -> Tensor:
    """Leads of records (b, leads, n) as an encoder's input (b, 2 * leads, 1, n)."""
    pairs = network_input(signals_mv)
    return torch.from_numpy(pairs.reshape(len(pairs), -1, 1, pairs.shape[-1]))


def embeddings(embedder: Embedder, signals_mv: Floats) -> Doubles:
    """Frozen features (b, size) of records (b, leads, n)."""
    embedder.eval()
    starts = range(0, len(signals_mv), BATCH)
    with torch.no_grad():
        parts = [embedder(as_input(signals_mv[start : start + BATCH])) for start in starts]
    features: Doubles = torch.cat(parts).double().numpy()
    return features


def predict(model: Classifier, signals_mv: Floats) -> Doubles:
    """Logits (b, classes) of records (b, leads, n)."""
    model.eval()
    with torch.no_grad():
        weight, bias = model.head.weight.double(), model.head.bias.double()
        features = torch.from_numpy(embeddings(model.embedder, signals_mv))
        logits: Doubles = (features @ weight.T + bias).numpy()
    return logits


def fit_head(features: Doubles, y: Bools) -> tuple[Doubles, Doubles]:
    """Weights (k, d) and offsets (k,) of logistic regressions of y (b, k) on features (b, d).

    The L2 penalty on standardised features is chosen by macro-AUC over three parts of the records.
    """
    z = (features - features.mean(0)) / _spread(features)
    part = np.arange(len(z)) % PARTS
    once = np.ones((1, len(z)))
    figures = []
    for penalty in PENALTIES:
        told = np.zeros(y.shape)
        for k in range(PARTS):
            if (part != k).any():
                w, b = _regression(z[part != k], y[part != k], penalty)
                told[part == k] = z[part == k] @ w.T + b
        figures.append(float(macro_auc(y, told, once)[0]))
    best = PENALTIES[int(np.nanargmax(figures))] if np.isfinite(figures).any() else PENALTIES[0]
    return fit_readout(features, y, best)


def fit_readout(features: Doubles, y: Bools, penalty: float | Doubles) -> tuple[Doubles, Doubles]:
    """As `fit_head`, with a given penalty on standardised features, one for all or of each (d,)."""
    mean, spread = features.mean(0), _spread(features)
    w, b = _regression((features - mean) / spread, y, penalty)
    return w / spread, b - (w / spread) @ mean


def with_head(embedder: Embedder, head: tuple[Doubles, Doubles], dropout: float) -> Classifier:
    """A copy of the embedder with a fitted head."""
    model = Classifier(copy.deepcopy(embedder), len(head[1]), dropout)
    with torch.no_grad():
        model.head.weight.copy_(torch.from_numpy(head[0]))
        model.head.bias.copy_(torch.from_numpy(head[1]))
    return model


def train(
    model: Classifier, signals_mv: Floats, y: Bools, config: TrainConfig, seed: int
) -> Classifier:
    """Train all of the model on records (b, leads, n) of labels y (b, k); returns the average."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    optimizer = torch.optim.AdamW(_groups(model, config), weight_decay=config.weight_decay)
    rates = [group["lr"] for group in optimizer.param_groups]
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rates, config.steps, pct_start=0.2)
    averaged = copy.deepcopy(model)
    order = _endless(len(y), min(config.batch, len(y)), rng)
    model.train()
    if config.keeps_statistics:
        for part in model.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.eval()
    for step in range(config.steps):
        chosen = next(order)
        logits = model(as_input(_augmented(signals_mv[chosen], config, rng)))
        target = torch.from_numpy(y[chosen].astype(np.float32))
        loss = functional.binary_cross_entropy_with_logits(logits, target)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        follow(averaged, model, min(config.average, (1 + step) / (10 + step)))
    return averaged.eval()


def _groups(model: Classifier, config: TrainConfig) -> list[dict[str, object]]:
    """The head, then the encoder's levels from the deepest up, each slower than the one below."""
    encoder = model.embedder.encoder
    levels = [encoder.level3, encoder.level2, encoder.level1, encoder.level0]
    return [{"params": list(model.head.parameters()), "lr": config.head_rate}] + [
        {
            "params": list(level.parameters()),
            "lr": config.encoder_rate * config.level_decay**depth,
        }
        for depth, level in enumerate(levels)
    ]


def _endless(n: int, batch: int, rng: np.random.Generator) -> Iterator[npt.NDArray[np.int64]]:
    """Batches of indices, all records once before any comes again."""
    while True:
        order = rng.permutation(n)
        for start in range(0, n - batch + 1, batch):
            yield order[start : start + batch]


def _augmented(signals_mv: Floats, config: TrainConfig, rng: np.random.Generator) -> Floats:
    """All leads of a record from one start, at one speed and one height, each with noise."""
    b, leads, n = signals_mv.shape
    samples = min(config.samples, n)
    positions = draw_positions(np.full(b, n), samples, config.warp, rng)
    rows = interpolated(signals_mv.reshape(b * leads, n), np.repeat(positions, leads, 0))
    rms_mv = np.sqrt((rows**2).mean(1, keepdims=True)) + 1e-6
    noisy = add_wander(add_white(rows / rms_mv, config.noise, rng), config.noise, rng) * rms_mv
    return scale(noisy.reshape(b, -1), config.gain, rng).reshape(b, leads, samples)


def _spread(features: Doubles) -> Doubles:
    spread = features.std(0)
    return np.where(spread > 1e-6 * np.abs(features).max(0), spread, 1.0)  # else it is constant


def _regression(z: Doubles, y: Bools, penalty: float | Doubles) -> tuple[Doubles, Doubles]:
    """Independent logistic regressions by L-BFGS: weights (k, d) and offsets (k,)."""
    ones = np.concatenate([z, np.ones((len(z), 1))], 1)
    signs = np.where(y, 1.0, -1.0)
    penalties = np.append(np.broadcast_to(penalty, z.shape[1]), 0.0)[:, None]  # the offset: none

    def loss(flat: Doubles) -> tuple[float, Doubles]:
        w = flat.reshape(ones.shape[1], -1)
        margin = signs * (ones @ w)
        pull = penalties * w
        gradient = -ones.T @ (signs * _sigmoid(-margin)) / len(z) + pull
        value = float(np.logaddexp(0, -margin).sum() / len(z) + 0.5 * (pull * w).sum())
        return value, gradient.ravel()

    start = np.zeros(ones.shape[1] * y.shape[1])
    fitted = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 200}).x
    w: Doubles = fitted.reshape(ones.shape[1], -1)
    return w[:-1].T, w[-1]


def _sigmoid(x: Doubles) -> Doubles:
    half: Doubles = 0.5 * (1 + np.tanh(0.5 * x))
    return half
