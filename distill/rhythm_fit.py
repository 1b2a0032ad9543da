"""Fit the rhythm regression on CinC 2017: what separates N, A, O and ~ in the features of 30 s.

Multinomial logistic regression on the features and their products, with an L2 penalty and class
weights (n / (4 n_class))^0.5, by L-BFGS. Records are split into five folds by name;
`rhythm_report` scores each fold with a model fitted on the other four.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from ..edge.analyze import MIN_DURATION_S
from ..edge.bundle import Bundle
from ..edge.events import Beat, Quality
from ..edge.formats.wfdb_records import read_record
from ..edge.labels import RHYTHMS
from ..edge.monitor import Monitor
from ..edge.rhythm import FEATURES, WINDOW_S, RhythmModel, rhythm_features, terms
from .datasets import CINC_TEST_FOLD, fold_of, read_cinc2017

Doubles = npt.NDArray[np.float64]
CLASS_OF_REFERENCE = {"N": 0, "A": 1, "O": 2, "~": 3}
PENALTY = 3e-3


@dataclass(frozen=True)
class RhythmData:
    """Window features (n, k), class, record name and fold of each window."""

    features: Doubles
    classes: npt.NDArray[np.int64]
    records: tuple[str, ...]
    folds: npt.NDArray[np.int64]


def collect(
    folder: Path, bundle: Bundle, progress: Callable[[float], None] | None = None
) -> RhythmData:
    """Read every record of a CinC 2017 folder with the bundle's network; windows of up to 30 s."""
    rows = [(path, CLASS_OF_REFERENCE[kind]) for path, kind in read_cinc2017(folder)]
    features, classes, names = [], [], []
    for k, (path, kind) in enumerate(rows):
        for window in _windows(path, bundle):
            features.append(window)
            classes.append(kind)
            names.append(path.name)
        if progress is not None:
            progress((k + 1) / len(rows))
    folds = np.array([fold_of(f"cinc2017/{name}") for name in names])
    return RhythmData(np.array(features), np.array(classes), tuple(names), folds)


def fit(data: RhythmData, keep: npt.NDArray[np.bool_] | None = None) -> RhythmModel:
    """The regression on the windows where `keep` is true, all by default."""
    keep = np.ones(len(data.classes), bool) if keep is None else keep
    x, y = data.features[keep], data.classes[keep]
    mean, scale = x.mean(0), x.std(0) + 1e-9
    z = np.concatenate([terms((x - mean) / scale), np.ones((len(x), 1))], 1)
    counts = np.bincount(y, minlength=len(RHYTHMS))
    weight = np.sqrt(len(y) / (len(RHYTHMS) * np.maximum(counts, 1)))[y]
    target = np.eye(len(RHYTHMS))[y]

    def loss(flat: Doubles) -> tuple[float, Doubles]:
        w = flat.reshape(len(RHYTHMS), -1)
        logits = z @ w.T
        logits -= logits.max(1, keepdims=True)
        log_p = logits - np.log(np.exp(logits).sum(1, keepdims=True))
        value = -(weight * log_p[np.arange(len(y)), y]).sum() / weight.sum()
        gradient = (weight[:, None] * (np.exp(log_p) - target)).T @ z / weight.sum()
        return value + PENALTY * (flat**2).sum(), gradient.ravel() + 2 * PENALTY * flat

    start = np.zeros(len(RHYTHMS) * z.shape[1])
    best = minimize(loss, start, jac=True, method="L-BFGS-B").x.reshape(len(RHYTHMS), -1)
    weights = tuple(tuple(row) for row in best[:, :-1].tolist())
    return RhythmModel(
        tuple(mean.tolist()), tuple(scale.tolist()), weights, tuple(best[:, -1].tolist())
    )


def rhythm_report(data: RhythmData) -> dict[str, float]:
    """Out-of-fold F1 a class and the challenge's mean of N, A, O, one vote a record.

    `mean_n_a_o_unseen` is the mean on fold `CINC_TEST_FOLD` alone, whose AF records the network
    has not seen in training either.
    """
    probabilities = np.zeros((len(data.classes), len(RHYTHMS)))
    for fold in np.unique(data.folds):
        model = fit(data, data.folds != fold)
        for k in np.flatnonzero(data.folds == fold):
            probabilities[k] = list(model.probabilities(data.features[k]).values())
    unique, first = np.unique(np.array(data.records), return_index=True)
    summed = np.zeros((len(unique), len(RHYTHMS)))
    np.add.at(summed, np.searchsorted(unique, np.array(data.records)), probabilities)
    predicted, truth = summed.argmax(1), data.classes[first]
    unseen = data.folds[first] == CINC_TEST_FOLD
    scores = _f1_scores(truth, predicted)
    report = {
        **scores,
        "mean_n_a_o": _mean_n_a_o(scores),
        "records": float(len(unique)),
        "mean_n_a_o_unseen": _mean_n_a_o(_f1_scores(truth[unseen], predicted[unseen])),
        "records_unseen": float(unseen.sum()),
    }
    return {key: round(value, 4) for key, value in report.items()}


def _f1_scores(truth: npt.NDArray[np.int64], predicted: npt.NDArray[np.int64]) -> dict[str, float]:
    return {
        name: 2
        * float(((predicted == k) & (truth == k)).sum())
        / max(float((predicted == k).sum() + (truth == k).sum()), 1.0)
        for k, name in enumerate(RHYTHMS)
    }


def _mean_n_a_o(scores: dict[str, float]) -> float:
    return (scores["normal"] + scores["af"] + scores["other"]) / 3


def as_manifest(model: RhythmModel) -> dict[str, object]:
    """The regression as the manifest holds it."""
    return {
        "features": list(FEATURES),
        "mean": list(model.mean),
        "scale": list(model.scale),
        "weights": [list(row) for row in model.weights],
        "bias": list(model.bias),
    }


def _windows(path: Path, bundle: Bundle) -> list[Doubles]:
    """Features of a record's windows: 30 s each, the last one from the end, none too sparse."""
    record = read_record(path)
    if record.duration_s < MIN_DURATION_S:
        return []
    monitor = Monitor(bundle, record.lead)
    events = monitor.push(record.signal_mv, record.rate_hz) + monitor.finish()
    beats = [e for e in events if isinstance(e, Beat)]
    noisy = [e for e in events if isinstance(e, Quality) and e.state != "good"]
    ends = np.arange(WINDOW_S, record.duration_s, WINDOW_S).tolist()
    ends.append(record.duration_s)
    found = []
    for end_s in ends:
        start_s = max(end_s - WINDOW_S, 0.0)
        inside = [b for b in beats if start_s <= b.r_s < end_s]
        lost = sum(max(min(q.end_s, end_s) - max(q.start_s, start_s), 0) for q in noisy)
        features = rhythm_features(inside, lost / max(end_s - start_s, 1.0))
        if features is not None:
            found.append(features)
    return found
