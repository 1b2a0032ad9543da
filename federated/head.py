"""The numpy head: linear readouts of the frozen encoder's pooled features, and their training.

What `edge.record_head` reads out on a device, trained there: softmax over the rhythms, a yes or no
for each finding. Plain gradient descent on standardised features, no torch; for 14 outputs of the
wrist's 120 features a step on 32 recordings is 54,000 multiplications twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..edge.labels import RHYTHMS
from ..edge.record_head import RecordHead
from ..edge.rhythm import FEATURES
from .arrays import Arrays, Doubles
from .labelled import UNKNOWN, Floats, Labelled

MEAN, SCALE = "features.mean", "features.scale"
CONSTANT = (MEAN, SCALE)  # the server's; no device changes or sends them
Rhythms = npt.NDArray[np.int64]
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
    out: Doubles = _with_ones(standardised(model, features)) @ _stacked(model).T
    return out


def standardised(model: Arrays, features: Floats) -> Doubles:
    """Features (n, d) less their mean, in standard deviations, within +-10 against outliers."""
    z: Doubles = np.clip((features - model[MEAN]) / model[SCALE], -10.0, 10.0).astype(np.float64)
    return z


def loss(model: Arrays, data: Labelled) -> float:
    """Mean cross-entropy of the rhythms plus the sum of each finding's, over the known labels."""
    return float(losses(model, data).mean())


def losses(model: Arrays, data: Labelled) -> Doubles:
    """Each recording's part (n,), of which `loss` is the mean, whoever lacks some of the labels."""
    return _losses(logits(model, data.features), data)


def gradient(model: Arrays, data: Labelled) -> Arrays:
    """Of `loss`, with the names of an update."""
    z = _with_ones(standardised(model, data.features))
    errors = _errors(z @ _stacked(model).T, data.rhythm, data.findings)
    return _named(errors.T @ z / len(z))


def train_head(model: Arrays, data: Labelled, local: LocalConfig, seed: tuple[int, ...]) -> Arrays:
    """The model after one round on these recordings; `CONSTANT` stays. `data` has at least one."""
    rng = np.random.default_rng(seed)
    z = _with_ones(standardised(model, data.features))
    start = now = _stacked(model)
    decay = np.full(start.shape[1], local.weight_decay)
    decay[-1] = 0.0  # the offsets
    for chosen in _batches(len(data), local, rng):
        x = z[chosen]
        errors = _errors(x @ now.T, data.rhythm[chosen], data.findings[chosen])
        if local.noise > 0:
            slope = _private_slope(x, errors, local, rng)
        else:
            slope = _clipped(errors.T @ x / len(x), local.clip)
        slope = slope + decay * now
        if local.proximal > 0:
            slope += local.proximal * (now - start)
        now = now - local.learning_rate * slope
    parts = _named(now)
    return {n: parts[n].astype(v.dtype) if n in parts else v for n, v in model.items()}


def record_head(model: Arrays, findings: tuple[str, ...], cuts: Doubles) -> RecordHead:
    """The head as a bundle's manifest holds it; `cuts` (k,) are the logits that become one half.

    A bundle's findings are read from the beats' features too; of those this head knows nothing.
    """
    scale, mean = model[SCALE].astype(np.float64), model[MEAN].astype(np.float64)
    weights = {name: model[f"{name}.weight"] / scale for name in ("rhythm", "finding")}
    bias = {name: model[f"{name}.bias"] - weights[name] @ mean for name in weights}
    of_beats = np.zeros((len(findings), len(FEATURES)))
    return RecordHead(
        tuple(map(tuple, weights["rhythm"].tolist())),
        tuple(bias["rhythm"].tolist()),
        findings,
        tuple(map(tuple, np.concatenate([weights["finding"], of_beats], 1).tolist())),
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


def _stacked(model: Arrays) -> Doubles:
    """All outputs' weights and, last, their offsets (rhythms + k, d + 1)."""
    weight = np.concatenate([model["rhythm.weight"], model["finding.weight"]])
    bias = np.concatenate([model["rhythm.bias"], model["finding.bias"]])
    return np.concatenate([weight, bias[:, None]], 1).astype(np.float64)


def _with_ones(z: Doubles) -> Doubles:
    return np.concatenate([z, np.ones((len(z), 1))], 1)


def _losses(out: Doubles, data: Labelled) -> Doubles:
    told, known = data.rhythm != UNKNOWN, np.isfinite(data.findings)
    r, n = len(RHYTHMS), len(out)
    found = np.zeros(n)
    if told.any():
        rhythm = out[told, :r] - out[told, :r].max(1, keepdims=True)
        log_p = rhythm - np.log(np.exp(rhythm).sum(1, keepdims=True))
        found[told] -= log_p[np.arange(len(log_p)), data.rhythm[told]] * n / told.sum()
    if known.any():
        signed = np.where(data.findings == 1, 1.0, -1.0) * out[:, r:]
        each = np.logaddexp(0.0, -signed) * known
        found += (each * n / np.maximum(known.sum(0), 1)).sum(1)
    return found


def _errors(out: Doubles, rhythm: Rhythms, findings: Floats) -> Doubles:
    """Slope of the mean loss by each logit (n, rhythms + k), times n."""
    r, n = len(RHYTHMS), len(out)
    errors = np.zeros_like(out)
    told = rhythm != UNKNOWN
    if told.any():
        grown = np.exp(out[:, :r] - out[:, :r].max(1, keepdims=True))
        target = rhythm[:, None] == np.arange(r)
        errors[:, :r] = (grown / grown.sum(1, keepdims=True) - target) * told[:, None]
        errors[:, :r] *= n / told.sum()
    if findings.size:
        known = np.isfinite(findings)
        half = 0.5 * (1 + np.tanh(0.5 * out[:, r:]))
        each = np.where(known, half - np.nan_to_num(findings), 0.0)
        errors[:, r:] = each * n / np.maximum(known.sum(0), 1)
    return errors


def _private_slope(
    z: Doubles, errors: Doubles, local: LocalConfig, rng: np.random.Generator
) -> Doubles:
    """The sum of slopes, each clipped, with noise of `noise * clip`, over the expected batch.

    A recording's slope is the outer product of its errors and features: its length is theirs
    multiplied, so that none has to be formed.
    """
    clip = local.clip or 1.0
    lengths = np.linalg.norm(errors, axis=1) * np.linalg.norm(z, axis=1)
    bounded = errors * np.minimum(1.0, clip / np.maximum(lengths, 1e-12))[:, None]
    noisy: Doubles = bounded.T @ z
    noisy += rng.normal(0.0, local.noise * clip, noisy.shape)
    return noisy / local.batch


def _named(stacked: Doubles) -> Arrays:
    r = len(RHYTHMS)
    return {
        "rhythm.weight": stacked[:r, :-1],
        "rhythm.bias": stacked[:r, -1],
        "finding.weight": stacked[r:, :-1],
        "finding.bias": stacked[r:, -1],
    }


def _clipped(slope: Doubles, clip: float) -> Doubles:
    if clip <= 0:
        return slope
    return slope * min(1.0, clip / max(float(np.linalg.norm(slope)), 1e-12))
