import numpy as np
import pytest

from leadone.edge.events import Beat
from leadone.edge.polarity import BEATS, PolarityTracker
from leadone.edge.record_head import RecordHead
from leadone.edge.rhythm import FEATURES, RhythmModel, classify, rhythm_features, terms


def _beats(rr_s: np.ndarray, p: bool = True, labels: str = "N") -> list[Beat]:
    r_s = np.cumsum(np.concatenate([[1.0], rr_s]))
    return [
        Beat(r, r - 0.04, r + 0.05, r - 0.2 if p else None, label=labels[k % len(labels)])
        for k, r in enumerate(r_s.tolist())
    ]


def _feature(beats: list[Beat], name: str) -> float:
    features = rhythm_features(beats, 0.0, np.zeros(4))
    assert features is not None and len(features) == len(FEATURES)
    return float(features[FEATURES.index(name)])


def test_fibrillation_is_irregular_and_one_ectopic_beat_is_not() -> None:
    rng = np.random.default_rng(0)
    irregular = _feature(_beats(rng.uniform(0.4, 1.0, 40)), "log_irregularity")
    one_early = np.full(40, 0.8)
    one_early[20:22] = 0.5, 1.1
    assert _feature(_beats(one_early), "log_irregularity") == pytest.approx(np.log(0.01))
    assert _feature(_beats(one_early), "log_rmssd") > np.log(0.05)
    assert irregular > np.log(0.1)


def test_shares() -> None:
    beats = _beats(np.full(19, 0.8), p=False, labels="NNNV")
    assert _feature(beats, "p_share") == 0 and _feature(beats, "v_share") == 0.25
    assert _feature(beats, "heart_rate") == pytest.approx(0.75)


def test_too_few_beats_are_noise_not_a_guess() -> None:
    k = len(FEATURES)
    products = len(terms(np.zeros(k)))
    model = RhythmModel((0.0,) * k, (1.0,) * k, ((0.0,) * products,) * 4, (9.0, 0.0, 0.0, 0.0))
    head = RecordHead(((0.0,) * 6,) * 4, (0.0,) * 4, ("CRBBB",), ((0.0,) * 6,), (0.0,), (0.4,))
    pooled, span_s = np.zeros(6), (0.0, 30.0)
    few = classify(_beats(np.full(4, 0.8)), 0.0, pooled, span_s, (head, model))
    assert (few.label, few.probabilities["noise"], few.findings) == ("noise", 1.0, {})
    enough = classify(_beats(np.full(9, 0.8)), 0.0, pooled, span_s, (head, model))
    assert enough.label == "normal" and sum(enough.probabilities.values()) == pytest.approx(1)
    assert enough.findings == {"CRBBB": 0.5} and len(enough.evidence) == k
    unseen = classify(_beats(np.full(9, 0.8)), 0.0, None, span_s, (head, model))
    assert unseen.label == "noise"


def test_terms_are_features_and_products_of_two() -> None:
    assert terms(np.array([2.0, 3.0])).tolist() == [2, 3, 4, 6, 9]
    assert terms(np.array([99.0])).tolist() == [4, 16]


def test_reversal_needs_most_of_twenty_beats() -> None:
    def told(p_mv: list[float | None], qrs_mv: float) -> bool:
        tracker = PolarityTracker()
        return [tracker.beat(float(k), p, qrs_mv) for k, p in enumerate(p_mv)][-1]

    assert told([-0.1] * BEATS, -0.8)
    assert not told([-0.1] * (BEATS - 1), -0.8)  # too few yet
    assert not told([-0.1] * BEATS, 0.8)
    assert not told([0.1] * 5 + [-0.1] * 15, -0.8)
    assert not told([None] * 40, -0.8)  # without P waves a wide QRS may well point down


def test_reversal_begins_with_its_first_beat_and_ends_when_the_hands_are_right() -> None:
    tracker = PolarityTracker()
    turns = [0.1] * 30 + [-0.1] * 30 + [0.1] * 30
    told = [(tracker.beat(float(k), p, p), tracker.since_s) for k, p in enumerate(turns)]
    first = next(k for k, (is_told, _) in enumerate(told) if is_told)
    assert first == 30 + 15 and told[first][1] == 30.0
    assert not told[-1][0]
