import numpy as np
import pytest

from leadone.edge.events import Beat
from leadone.edge.levels import Levels
from leadone.edge.record_head import RecordHead
from leadone.edge.rhythm import FEATURES, RhythmModel, classify, rhythm_features

LEVELS = (-4, 8, 12)
Heard = list[tuple[Beat, Levels]]


def _beats(rr_s: np.ndarray, p: bool = True, labels: str = "N") -> Heard:
    r_s = np.cumsum(np.concatenate([[1.0], rr_s]))
    return [
        (Beat(r, r - 0.04, r + 0.05, r - 0.2 if p else None, label=labels[k % len(labels)]), LEVELS)
        for k, r in enumerate(r_s.tolist())
    ]


def _feature(beats: Heard, name: str) -> float:
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
    model = RhythmModel((0.0,) * k, (1.0,) * k, ((0.0,) * k,) * 4, (9.0, 0.0, 0.0, 0.0))
    finding = ((0.0,) * (6 + k),)
    head = RecordHead(((0.0,) * 6,) * 4, (0.0,) * 4, ("CRBBB",), finding, (0.0,), (0.4,))
    pooled, span_s = np.zeros(6), (0.0, 30.0)
    few = classify(_beats(np.full(4, 0.8)), 0.0, pooled, span_s, (head, model))
    assert (few.label, few.probabilities["noise"], few.findings) == ("noise", 1.0, {})
    enough = classify(_beats(np.full(9, 0.8)), 0.0, pooled, span_s, (head, model))
    assert enough.label == "normal" and sum(enough.probabilities.values()) == pytest.approx(1)
    assert enough.findings == {"CRBBB": 0.5} and len(enough.evidence) == k
    unseen = classify(_beats(np.full(9, 0.8)), 0.0, None, span_s, (head, model))
    assert unseen.label == "noise"


def test_a_finding_is_told_by_the_network_and_by_the_beats() -> None:
    k = len(FEATURES)
    model = RhythmModel((0.0,) * k, (0.01,) * k, ((0.0,) * k,) * 4, (0.0,) * 4)
    weights = np.zeros(6 + k)
    weights[2], weights[6 + FEATURES.index("fast")] = 0.5, 2.0
    head = RecordHead(((0.0,) * 6,) * 4, (0.0,) * 4, ("X",), (tuple(weights),), (-3.0,), (0.5,))
    pooled = np.array([0.0, 0.0, 1.0, 0.0, 0.0, 0.0])
    slow, fast = (
        classify(_beats(np.full(20, rr)), 0.0, pooled, (0.0, 30.0), (head, model)).findings["X"]
        for rr in (0.8, 0.5)
    )
    assert slow == pytest.approx(1 / (1 + np.exp(2.5)))
    assert fast == pytest.approx(1 / (1 + np.exp(-5.5)))  # a feature weighs no more than CLIP


def test_no_finding_on_what_is_mostly_noisy() -> None:
    k = len(FEATURES)
    model = RhythmModel((0.0,) * k, (1.0,) * k, ((0.0,) * k,) * 4, (9.0, 0.0, 0.0, 0.0))
    head = RecordHead(
        ((0.0,) * 6,) * 4, (0.0,) * 4, ("CRBBB",), ((0.0,) * (6 + k),), (0.0,), (0.4,)
    )
    told = [
        classify(_beats(np.full(9, 0.8)), noisy, np.zeros(6), (0.0, 30.0), (head, model))
        for noisy in (0.5, 0.51)
    ]
    assert [set(one.findings) for one in told] == [{"CRBBB"}, set()]
    assert all(one.evidence and one.label == "normal" for one in told)


def test_intervals_and_extremes() -> None:
    rr = np.full(40, 0.8)
    rr[20] = 0.4
    beats = _beats(rr)
    assert _feature(beats, "pr") == pytest.approx(0.16, abs=1e-4)
    assert _feature(beats, "qrs") == pytest.approx(0.09, abs=1e-4)
    assert _feature(beats, "shortest_rr") == pytest.approx(np.log(0.5), abs=1e-3)
    assert _feature(beats, "longest_rr") == pytest.approx(0, abs=1e-3)
    assert _feature(beats, "slow") == 0 and _feature(_beats(np.full(9, 1.2)), "slow") > 0.2
    assert _feature(_beats(rr, p=False), "pr") == 0.16
    assert _feature(_beats(rr, labels="NNNS"), "has_s") == 1


def test_levels_are_medians_in_heights() -> None:
    beats = _beats(np.full(8, 0.8))
    beats[3] = beats[3][0], (127, -127, 127)  # one odd beat
    assert [_feature(beats, f"{name}_level") for name in ("q", "s", "st")] == [
        -1 / 16,
        1 / 8,
        3 / 16,
    ]
