"""Metrics of classifiers: AUC, sensitivity, specificity and their geometric mean.

Each figure is computed for many weightings of the records at once, so that one bootstrap over
patients serves a figure, its interval, and the difference of two classifiers on the same patients.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from .metrics import RESAMPLES, Interval, bootstrap_weights

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def patient_weights(
    patients: npt.NDArray[np.str_], resamples: int = RESAMPLES, seed: int = 0
) -> Floats:
    """How often each record counts (1 + resamples, n): first once, then as patients are redrawn."""
    _, patient = np.unique(patients, return_inverse=True)
    drawn = bootstrap_weights(int(patient.max()) + 1, resamples, seed)
    return np.concatenate([np.ones((1, len(patients))), drawn[:, patient]])


def auc(positive: Bools, scores: Floats, weights: Floats) -> Floats:
    """Area under the ROC curve (r,) for each row of weights (r, n); NaN where a kind is missing.

    The chance that a positive record scores above a negative one, ties counting half.
    """
    order = np.argsort(scores, kind="stable")
    ranked, w, is_positive = scores[order], weights[:, order], positive[order]
    first = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))
    of_positive = np.add.reduceat(w * is_positive, first, axis=1)
    of_negative = np.add.reduceat(w * ~is_positive, first, axis=1)
    below = np.cumsum(of_negative, 1) - of_negative / 2
    pairs = of_positive.sum(1) * of_negative.sum(1)
    with np.errstate(invalid="ignore"):
        area: Floats = (of_positive * below).sum(1) / np.where(pairs > 0, pairs, np.nan)
    return area


def macro_auc(positive: Bools, scores: Floats, weights: Floats) -> Floats:
    """Mean AUC (r,) over the classes (n, k) that have both kinds."""
    areas = [auc(positive[:, k], scores[:, k], weights) for k in range(positive.shape[1])]
    return _mean_of_defined(np.array(areas))


def best_threshold(positive: Bools, scores: Floats) -> float:
    """The score from which on to say yes for the largest G-mean on these records.

    To be chosen on validation records, never on those that are reported. Between two scores, the
    middle; NaN where a kind is missing.
    """
    if positive.all() or not positive.any():
        return float("nan")
    values = np.unique(scores)
    cuts = np.concatenate([values[:1] - 1.0, (values[1:] + values[:-1]) / 2, values[-1:] + 1.0])
    said = scores[None] >= cuts[:, None]
    sensitivity = said[:, positive].mean(1)
    specificity = 1.0 - said[:, ~positive].mean(1)
    return float(cuts[np.argmax(sensitivity * specificity)])


def smooth_threshold(positive: Bools, logits: Floats) -> float:
    """As `best_threshold`, on both distributions smoothed, which few positive records need.

    Normal kernels of Silverman's width (1986, eq. 3.31); NaN where a kind is missing.
    """
    if positive.all() or not positive.any():
        return float("nan")
    cuts = np.linspace(logits.min(), logits.max(), 401)
    sensitivity = _smooth_share_above(logits[positive], cuts)
    specificity = 1.0 - _smooth_share_above(logits[~positive], cuts)
    return float(cuts[np.argmax(sensitivity * specificity)])


def sensitivity_specificity(
    positive: Bools, scores: Floats, threshold: float, weights: Floats
) -> tuple[Floats, Floats]:
    """Both (r,) for each row of weights (r, n); NaN where a kind is missing."""
    said = scores >= threshold
    return _share(weights, said & positive, positive), _share(weights, ~said & ~positive, ~positive)


def macro_g_mean(positive: Bools, scores: Floats, thresholds: Floats, weights: Floats) -> Floats:
    """Mean over classes (n, k) of (Se * Sp)^0.5 (r,), of those that have both kinds."""
    means = []
    for k in range(positive.shape[1]):
        se, sp = sensitivity_specificity(positive[:, k], scores[:, k], thresholds[k], weights)
        means.append(np.sqrt(se * sp))
    return _mean_of_defined(np.array(means))


def interval_of(values: Floats) -> Interval:
    """A figure for all records with the 95 % interval of its redraws: values (1 + resamples,)."""
    drawn = values[1:][np.isfinite(values[1:])]
    low, high = np.percentile(drawn, [2.5, 97.5]) if len(drawn) else (np.nan, np.nan)
    return Interval(float(values[0]), float(low), float(high))


def _smooth_share_above(values: Floats, cuts: Floats) -> Floats:
    low, high = np.percentile(values, [25, 75])
    width = 0.9 * min(values.std(), (high - low) / 1.34) * len(values) ** -0.2
    share: Floats = norm.cdf((values[:, None] - cuts) / max(width, 0.1)).mean(0)
    return share


def _share(weights: Floats, part: Bools, whole: Bools) -> Floats:
    total = weights[:, whole].sum(1)
    with np.errstate(invalid="ignore"):
        share: Floats = weights[:, part].sum(1) / np.where(total > 0, total, np.nan)
    return share


def _mean_of_defined(values: Floats) -> Floats:
    """Mean over the first axis of what is not NaN; NaN where nothing is."""
    defined = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        mean: Floats = np.where(defined, values, 0.0).sum(0) / np.where(
            defined.any(0), defined.sum(0), np.nan
        )
    return mean
