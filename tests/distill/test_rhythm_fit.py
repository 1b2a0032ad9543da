import numpy as np
import pytest

from leadone.distill.evaluate import Run
from leadone.distill.evaluate_records import RhythmResult, score_rhythms
from leadone.distill.rhythm_fit import RhythmData, fit
from leadone.edge.errors import InputError
from leadone.edge.rhythm import FEATURES


def _data(separation: float, seed: int, n: int = 1500) -> RhythmData:
    rng = np.random.default_rng(seed)
    classes = rng.integers(0, 4, n)
    features = rng.normal(size=(n, len(FEATURES)))
    features[:, 0] += separation * classes
    return RhythmData(features, classes, np.array([f"A{k:05d}" for k in range(n)]))


def _scored(separation: float) -> RhythmResult:
    """Fitted on some records, scored on others."""
    model, unseen = fit(_data(separation, 0)), _data(separation, 1)
    told = np.array(
        [list(model.probabilities(z).values()) for z in model.standardised(unseen.features)]
    )
    assert np.allclose(told.sum(1), 1)
    run = Run("cinc2017", "I", "", tuple(unseen.records), {}, 0.0)
    return score_rhythms(run, unseen.classes, told)


def test_it_finds_what_is_there_and_nothing_where_nothing_is() -> None:
    there, nothing = _scored(6.0), _scored(0.0)
    assert there.mean_n_a_o.value > 0.8 and there.af_auc.value > 0.9
    assert nothing.mean_n_a_o.value < 0.45 and abs(nothing.af_auc.value - 0.5) < 0.1


def test_a_rhythm_without_records_is_refused() -> None:
    data = _data(6.0, 0, 100)
    with pytest.raises(InputError, match="'other'"):
        fit(RhythmData(data.features, data.classes // 3, data.records))


def test_a_record_counts_once_however_many_windows_it_has() -> None:
    """A thousand windows of one odd record leave the others' rhythm as it was."""
    data = _data(6.0, 0)
    odd = np.full((1000, len(FEATURES)), 0.0)
    many = RhythmData(
        np.concatenate([data.features, odd]),
        np.concatenate([data.classes, np.full(1000, 3)]),
        np.concatenate([data.records, np.full(1000, "odd")]),
    )
    model = fit(many)
    at_normal = model.standardised(np.zeros(len(FEATURES)))
    assert model.probabilities(at_normal)["noise"] < 0.3
