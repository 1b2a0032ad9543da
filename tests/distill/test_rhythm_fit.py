import numpy as np

from leadone.distill.rhythm_fit import RhythmData, fit, rhythm_report
from leadone.edge.rhythm import FEATURES


def _data(separation: float, n: int = 400) -> RhythmData:
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 4, n)
    features = rng.normal(size=(n, len(FEATURES)))
    features[:, 0] += separation * classes
    records = tuple(f"A{k:05d}" for k in range(n))
    return RhythmData(features, classes, records, rng.integers(0, 5, n))


def test_it_finds_what_is_there_and_nothing_where_nothing_is() -> None:
    assert rhythm_report(_data(6.0))["mean_n_a_o"] > 0.8
    assert rhythm_report(_data(0.0))["mean_n_a_o"] < 0.45


def test_probabilities_of_the_fitted_model() -> None:
    data = _data(6.0)
    model = fit(data)
    rows = np.array([list(model.probabilities(f).values()) for f in data.features])
    assert np.allclose(rows.sum(1), 1)
    assert (rows.argmax(1) == data.classes).mean() > 0.8


def test_out_of_fold_means_out_of_fold() -> None:
    """Labels of a fold turned around must cost that fold everything."""
    data = _data(6.0)
    turned = np.where(data.folds == 0, 3 - data.classes, data.classes)
    honest = RhythmData(data.features, turned, data.records, data.folds)
    assert rhythm_report(honest)["mean_n_a_o"] < rhythm_report(data)["mean_n_a_o"] - 0.1
