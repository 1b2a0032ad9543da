"""Classifiers' metrics by hand and by counting pairs."""

import numpy as np
import pytest

from leadone.distill.classification import (
    auc,
    best_threshold,
    interval_of,
    macro_auc,
    macro_g_mean,
    patient_weights,
    sensitivity_specificity,
    smooth_threshold,
)

ONCE = np.ones((1, 6))


def pairs(positive: np.ndarray, scores: np.ndarray) -> float:
    """The share of (positive, negative) pairs in the right order, ties half."""
    won = [
        1.0 if p > n else 0.5 if p == n else 0.0
        for p in scores[positive]
        for n in scores[~positive]
    ]
    return float(np.mean(won))


def test_auc_is_the_share_of_pairs_in_order() -> None:
    positive = np.array([True, False, True, False, False, True])
    assert auc(positive, positive * 1.0, ONCE)[0] == 1.0
    assert auc(positive, -1.0 * positive, ONCE)[0] == 0.0
    assert auc(positive, np.zeros(6), ONCE)[0] == 0.5
    rng = np.random.default_rng(0)
    for _ in range(20):
        positive, scores = rng.random(40) < 0.3, rng.integers(0, 8, 40) * 1.0
        assert auc(positive, scores, np.ones((1, 40)))[0] == pytest.approx(pairs(positive, scores))


def test_a_weight_is_how_often_a_record_counts() -> None:
    rng = np.random.default_rng(1)
    positive, scores = rng.random(30) < 0.4, rng.integers(0, 9, 30) * 1.0
    weights = rng.integers(0, 4, (5, 30)).astype(float)
    for row in weights:
        again = np.repeat(np.arange(30), row.astype(int))
        expected = pairs(positive[again], scores[again])
        assert auc(positive, scores, row[None])[0] == pytest.approx(expected)


def test_a_class_without_both_kinds_is_left_out() -> None:
    y = np.array([[True, True], [False, True], [True, True], [False, True]])
    scores = np.array([[4.0, 1.0], [3.0, 2.0], [2.0, 3.0], [1.0, 4.0]])
    assert np.isnan(auc(y[:, 1], scores[:, 1], np.ones((1, 4))))[0]
    assert macro_auc(y, scores, np.ones((1, 4)))[0] == 0.75
    assert np.isnan(macro_auc(y[:, 1:], scores[:, 1:], np.ones((1, 4))))[0]


def test_threshold_and_g_mean_by_hand() -> None:
    positive = np.array([True, True, True, False, False, False])
    scores = np.array([0.9, 0.8, 0.3, 0.5, 0.2, 0.1])
    cut = best_threshold(positive, scores)
    assert cut == pytest.approx(0.25) or cut == pytest.approx(0.65)  # 1 * 2/3 or 2/3 * 1
    se, sp = sensitivity_specificity(positive, scores, 0.25, ONCE)
    assert (se[0], sp[0]) == (1.0, pytest.approx(2 / 3))
    both = np.stack([positive, ~positive], 1)
    means = macro_g_mean(both, np.stack([scores, -scores], 1), np.array([0.25, -0.65]), ONCE)
    assert means[0] == pytest.approx(np.sqrt(2 / 3))
    assert np.isnan(best_threshold(np.ones(6, bool), scores))


def test_a_patient_is_redrawn_with_all_records() -> None:
    patients = np.array(["a", "b", "a", "c"])
    weights = patient_weights(patients, 300)
    assert weights.shape == (301, 4) and (weights[0] == 1).all()
    assert (weights[:, 0] == weights[:, 2]).all() and not (weights[:, 0] == weights[:, 1]).all()
    figures = np.concatenate([[0.5], np.linspace(0, 1, 1001)])
    found = interval_of(figures)
    assert (found.value, found.low, found.high) == (0.5, pytest.approx(0.025), pytest.approx(0.975))


def test_a_smooth_threshold_is_not_led_by_one_record() -> None:
    rng = np.random.default_rng(0)
    logits = np.concatenate([rng.normal(-3, 1, 400), [2.0, 2.5, 3.0, 3.2]])
    positive = np.arange(404) >= 400
    assert 0.0 < smooth_threshold(positive, logits) < 2.0  # between them, not at the first case
    odd = logits.copy()
    odd[400] = -6.0  # one case that looks like none
    assert smooth_threshold(positive, odd) > -1.0
    assert np.isnan(smooth_threshold(np.zeros(404, bool), logits))
