"""Fit the rhythm regression on CinC 2017: what separates N, A, O and ~ in the evidence of 30 s.

Multinomial logistic regression on the standardised features, with an L2 penalty and class weights
(n / (4 n_class))^0.5, by L-BFGS; a record's windows share its weight. Products of two features cost
F1 (.8168 instead of .8334 of the wrist, crossed on fold 1), and levels of the signal, which are for
findings, cost likelihood (-.395 instead of -.391 a record). It is fitted on fold
`CINC_VALIDATION_FOLD`, which the network has not seen: on records that it was trained on, the
network's own opinion looks better than it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from ..edge.analyze import MIN_DURATION_S
from ..edge.bundle import Bundle
from ..edge.errors import InputError
from ..edge.events import Rhythm
from ..edge.formats.wfdb_records import read_record
from ..edge.labels import RHYTHMS
from ..edge.monitor import Monitor
from ..edge.rhythm import CLIP, FEATURES, LEVELS, RhythmModel
from .datasets import fold_of, read_cinc2017
from .records import CLASS_OF_REFERENCE

Doubles = npt.NDArray[np.float64]
PENALTIES = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2)
PARTS = 5  # to choose the penalty in
HEARD = np.array([name not in LEVELS for name in FEATURES])  # which are for findings


@dataclass(frozen=True)
class RhythmData:
    """Evidence (n, k), class and record name of each window."""

    features: Doubles
    classes: npt.NDArray[np.int64]
    records: npt.NDArray[np.str_]


def collect(
    folder: Path, bundle: Bundle, fold: int, progress: Callable[[float], None] | None = None
) -> RhythmData:
    """The evidence of every window that a stream of the fold's records tells a rhythm of."""
    rows = [row for row in read_cinc2017(folder) if fold_of(f"cinc2017/{row[0].name}") == fold]
    features: list[Sequence[float]] = []
    classes, names = [], []
    for k, (path, kind) in enumerate(rows):
        found = _evidence(path, bundle)
        features += found
        classes += [CLASS_OF_REFERENCE[kind]] * len(found)
        names += [path.name] * len(found)
        if progress is not None:
            progress((k + 1) / len(rows))
    return RhythmData(np.array(features), np.array(classes), np.array(names))


def fit(data: RhythmData) -> RhythmModel:
    """The regression, its penalty chosen by the likelihood of records left out.

    InputError where a rhythm is in no record: it could never be told.
    """
    for k, name in enumerate(RHYTHMS):
        if not (data.classes == k).any():
            raise InputError(
                f"no record to fit the rhythm on is {name!r}; bring some, or --no-rhythm"
            )
    _, record = np.unique(data.records, return_inverse=True)
    part = record % PARTS
    losses = []
    for penalty in PENALTIES:
        loss = 0.0
        for k in range(PARTS):
            model = _fit(
                data.features[part != k], data.classes[part != k], record[part != k], penalty
            )
            told = _probabilities(model, data.features[part == k])
            loss -= np.log(told[np.arange(len(told)), data.classes[part == k]] + 1e-9).sum()
        losses.append(loss)
    best = PENALTIES[int(np.argmin(losses))]
    return _fit(data.features, data.classes, record, best)


def as_manifest(model: RhythmModel) -> dict[str, object]:
    """The regression as the manifest holds it."""
    return {
        "features": list(FEATURES),
        "mean": list(model.mean),
        "scale": list(model.scale),
        "weights": [list(row) for row in model.weights],
        "bias": list(model.bias),
    }


def _fit(
    x: Doubles, y: npt.NDArray[np.int64], record: npt.NDArray[np.int64], penalty: float
) -> RhythmModel:
    mean, scale = x.mean(0), x.std(0) + 1e-9
    heard = HEARD * np.clip((x - mean) / scale, -CLIP, CLIP)
    z = np.concatenate([heard, np.ones((len(x), 1))], 1)
    counts = np.bincount(y, minlength=len(RHYTHMS))
    weight = np.sqrt(len(y) / (len(RHYTHMS) * np.maximum(counts, 1)))[y]
    weight = weight / np.bincount(record)[record]
    target = np.eye(len(RHYTHMS))[y]

    def loss(flat: Doubles) -> tuple[float, Doubles]:
        w = flat.reshape(len(RHYTHMS), -1)
        logits = z @ w.T
        logits -= logits.max(1, keepdims=True)
        log_p = logits - np.log(np.exp(logits).sum(1, keepdims=True))
        value = -(weight * log_p[np.arange(len(y)), y]).sum() / weight.sum()
        gradient = (weight[:, None] * (np.exp(log_p) - target)).T @ z / weight.sum()
        return value + penalty * (flat**2).sum(), gradient.ravel() + 2 * penalty * flat

    start = np.zeros(len(RHYTHMS) * z.shape[1])
    best = minimize(loss, start, jac=True, method="L-BFGS-B").x.reshape(len(RHYTHMS), -1)
    weights = tuple(tuple(row) for row in best[:, :-1].tolist())
    return RhythmModel(
        tuple(mean.tolist()), tuple(scale.tolist()), weights, tuple(best[:, -1].tolist())
    )


def _probabilities(model: RhythmModel, features: Doubles) -> Doubles:
    return np.array([list(model.probabilities(z).values()) for z in model.standardised(features)])


def _evidence(path: Path, bundle: Bundle) -> list[tuple[float, ...]]:
    record = read_record(path)
    if record.duration_s < MIN_DURATION_S:
        return []
    monitor = Monitor(bundle, record.lead)
    events = monitor.push(record.signal_mv, record.rate_hz) + monitor.finish()
    return [e.evidence for e in events if isinstance(e, Rhythm) and e.evidence]
