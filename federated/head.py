"""The numpy head: linear readouts of the frozen encoder's pooled features, and their training.

What `edge.record_head` reads out on a device, trained there: softmax over the rhythms, a yes or no
for each finding. Plain gradient descent on standardised features, no torch; for 14 outputs of the
wrist's 120 features a step on 32 recordings is 54,000 multiplications twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..edge.labels import RHYTHMS
from ..edge.record_head import RecordHead
from .arrays import Arrays, Doubles
from .labelled import UNKNOWN, Floats, Labelled

MEAN, SCALE = "features.mean", "features.scale"
CONSTANT = (MEAN, SCALE)  # the server's; no device changes or sends them
Indices = np.ndarray[tuple[int], np.dtype[np.int64]]


@dataclass(frozen=True)
class LocalConfig:
    """How a device trains in one round.

    `proximal` is mu of FedProx (Li et al. 2020, arXiv 1812.06127, eq. 2: mu/2 ||w - w^t||^2 more
    in the loss). `clip` bounds the gradient of a step or, with `noise`, of each recording: then it
    is DP-SGD (Abadi et al. 2016, arXiv 1607.00133, algorithm 1) with `noise` the sd in clips.
    """

    epochs: int = 3
    batch: int = 32
    learning_rate: float = 0.2
    weight_decay: float = 3e-3
    proximal: float = 0.0
    clip: float = 0.0  # 0: none
    noise: float = 0.0
    delta: float = 1e-5


def start_head(features: Floats, findings: int) -> Arrays:
    """A head that knows nothing; `features` (n, d) give the standardisation."""
    mean, spread = features.mean(0), features.std(0)
    scale = np.where(spread > 1e-6 * np.abs(features).max(0), spread, 1.0)
    d = features.shape[1]
    return {
        "rhythm.weight": np.zeros((len(RHYTHMS), d), np.float32),
        "rhythm.bias": np.zeros(len(RHYTHMS), np.float32),
        "finding.weight": np.zeros((findings, d), np.float32),
        "finding.bias": np.zeros(findings, np.float32),
        MEAN: mean.astype(np.float32),
        SCALE: scale.astype(np.float32),
    }


def logits(model: Arrays, features: Floats) -> Doubles:
    """Logits (n, rhythms + k) from features (n, d)."""
    return _logits(model, standardised(model, features))


def standardised(model: Arrays, features: Floats) -> Doubles:
    """Features (n, d) less their mean, in standard deviations, within +-10 against outliers."""
    z: Doubles = np.clip((features - model[MEAN]) / model[SCALE], -10.0, 10.0).astype(np.float64)
    return z


def loss(model: Arrays, data: Labelled) -> float:
    """Mean cross-entropy of the rhythms plus the sum of each finding's, over the known labels."""
    return _loss(_logits(model, standardised(model, data.features)), data)


def gradient(model: Arrays, data: Labelled) -> Arrays:
    """Of `loss`, with the names of an update."""
    z = standardised(model, data.features)
    return _gradient(z, _errors(_logits(model, z), data))


def train_head(model: Arrays, data: Labelled, local: LocalConfig, seed: tuple[int, ...]) -> Arrays:
    """The model after one round on these recordings; `CONSTANT` stays. `data` has at least one."""
    rng = np.random.default_rng(seed)
    z = standardised(model, data.features)
    now = {name: value.astype(np.float64) for name, value in model.items()}
    for chosen in _batches(len(data), local, rng):
        part, x = data[chosen], z[chosen]
        errors = _errors(_logits(now, x), part)
        step = (
            _private_gradient(x, errors, local, rng)
            if local.noise > 0
            else _clipped(_gradient(x, errors), local.clip)
        )
        for name, slope in step.items():
            pull = local.proximal * (now[name] - model[name])
            decay = local.weight_decay * now[name] if name.endswith("weight") else 0.0
            now[name] = now[name] - local.learning_rate * (slope + pull + decay)
    return {name: value.astype(model[name].dtype) for name, value in now.items()}


def record_head(model: Arrays, findings: tuple[str, ...], cuts: Doubles) -> RecordHead:
    """The head as a bundle's manifest holds it; `cuts` (k,) are the logits that become one half."""
    scale, mean = model[SCALE].astype(np.float64), model[MEAN].astype(np.float64)
    weights = {name: model[f"{name}.weight"] / scale for name in ("rhythm", "finding")}
    bias = {name: model[f"{name}.bias"] - weights[name] @ mean for name in weights}
    return RecordHead(
        tuple(map(tuple, weights["rhythm"].tolist())),
        tuple(bias["rhythm"].tolist()),
        findings,
        tuple(map(tuple, weights["finding"].tolist())),
        tuple((bias["finding"] - cuts).tolist()),
        (0.5,) * len(findings),
    )


def _batches(n: int, local: LocalConfig, rng: np.random.Generator) -> Iterator[Indices]:
    """Each recording once an epoch; with noise each by chance (Poisson), as its accountant asks."""
    steps = -(-n // local.batch)
    for _ in range(local.epochs):
        order = rng.permutation(n)
        for k in range(steps):
            if local.noise > 0:
                yield np.flatnonzero(rng.random(n) < min(local.batch / n, 1.0))
            else:
                yield order[k * local.batch : (k + 1) * local.batch]


def _logits(model: Arrays, z: Doubles) -> Doubles:
    weight = np.concatenate([model["rhythm.weight"], model["finding.weight"]])
    bias = np.concatenate([model["rhythm.bias"], model["finding.bias"]])
    out: Doubles = z @ weight.T.astype(np.float64) + bias
    return out


def _loss(out: Doubles, data: Labelled) -> float:
    told, known = data.rhythm != UNKNOWN, np.isfinite(data.findings)
    r, total = len(RHYTHMS), 0.0
    if told.any():
        rhythm = out[told, :r] - out[told, :r].max(1, keepdims=True)
        log_p = rhythm - np.log(np.exp(rhythm).sum(1, keepdims=True))
        total -= float(log_p[np.arange(len(log_p)), data.rhythm[told]].mean())
    if known.any():
        signed = np.where(data.findings == 1, 1.0, -1.0) * out[:, r:]
        each = np.logaddexp(0.0, -signed) * known
        total += float((each.sum(0) / np.maximum(known.sum(0), 1)).sum())
    return total


def _errors(out: Doubles, data: Labelled) -> Doubles:
    """Slope of the mean loss by each logit (n, rhythms + k), each times n."""
    r, n = len(RHYTHMS), len(out)
    told, known = data.rhythm != UNKNOWN, np.isfinite(data.findings)
    errors = np.zeros_like(out)
    if told.any():
        grown = np.exp(out[:, :r] - out[:, :r].max(1, keepdims=True))
        target = data.rhythm[:, None] == np.arange(r)
        errors[:, :r] = (grown / grown.sum(1, keepdims=True) - target) * told[:, None]
        errors[:, :r] *= n / told.sum()
    if known.any():
        half = 0.5 * (1 + np.tanh(0.5 * out[:, r:]))
        each = np.where(known, half - np.nan_to_num(data.findings), 0.0)
        errors[:, r:] = each * n / np.maximum(known.sum(0), 1)
    return errors


def _gradient(z: Doubles, errors: Doubles) -> Arrays:
    n = max(len(z), 1)
    return _named(errors.T @ z / n, errors.sum(0) / n)


def _private_gradient(
    z: Doubles, errors: Doubles, local: LocalConfig, rng: np.random.Generator
) -> Arrays:
    """The sum of gradients, each clipped, with noise of `noise * clip`, over the expected batch.

    A recording's gradient is the outer product of its errors and features: its length is theirs
    multiplied, so that none has to be formed.
    """
    clip = local.clip or 1.0
    lengths = np.linalg.norm(errors, axis=1) * np.sqrt((z**2).sum(1) + 1.0)
    bounded = errors * np.minimum(1.0, clip / np.maximum(lengths, 1e-12))[:, None]
    noisy = np.concatenate([bounded.T @ z, bounded.sum(0)[:, None]], 1)
    noisy += rng.normal(0.0, local.noise * clip, noisy.shape)
    return _named(noisy[:, :-1] / local.batch, noisy[:, -1] / local.batch)


def _named(weight: Doubles, bias: Doubles) -> Arrays:
    r = len(RHYTHMS)
    return {
        "rhythm.weight": weight[:r],
        "rhythm.bias": bias[:r],
        "finding.weight": weight[r:],
        "finding.bias": bias[r:],
    }


def _clipped(slopes: Arrays, clip: float) -> Arrays:
    if clip <= 0:
        return slopes
    length = float(np.sqrt(sum((s**2).sum() for s in slopes.values())))
    return {name: s * min(1.0, clip / max(length, 1e-12)) for name, s in slopes.items()}
