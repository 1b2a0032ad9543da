"""Rules against byzpy, Flower, and the papers' formulas written out."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from leadone.federated.aggregators import (
    autobant,
    bant,
    bucketing,
    centred_clipping,
    fedavg,
    fltrust,
    geometric_median,
    krum,
    median,
    multikrum,
    nearest_neighbour_mixing,
    simbant,
    trimmed_mean,
    zeno,
)
from leadone.federated.arrays import Arrays, flat, moved, rows, shaped, weighted, zeros
from leadone.federated.attacks import inner_product
from leadone.federated.attacks.knowledge import Knowledge

HERE = Path(__file__).parent
REFERENCE = json.loads((HERE / "byzpy_reference.json").read_text())


def _inputs() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference", HERE / "byzpy_reference.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


INPUTS = _inputs()
N, F = INPUTS.N, INPUTS.F


def _named(matrix: np.ndarray) -> list[Arrays]:
    """Rows as two arrays of different shapes, so that names and order matter."""
    return [{"w": row[:4].reshape(2, 2), "b": row[4:]} for row in matrix]


@pytest.fixture
def updates() -> list[Arrays]:
    return _named(INPUTS.updates())


def test_named_arrays_and_rows_are_each_others_inverse(updates: list[Arrays]) -> None:
    np.testing.assert_array_equal(rows(updates), INPUTS.updates())
    back = shaped(flat(updates[3]), updates[3])
    assert all(np.array_equal(back[name], updates[3][name]) for name in ("w", "b"))


def test_a_buffer_that_counts_stays_whole_when_the_model_moves() -> None:
    model: Arrays = {"w": np.ones(2, np.float32), "steps": np.array(10)}
    new = moved(model, {"w": np.ones(2, np.float32), "steps": np.array(2.6, np.float32)})
    assert new["steps"] == 13 and new["steps"].dtype == model["steps"].dtype


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("krum", lambda u: krum.aggregate(u, F)),
        ("multikrum", lambda u: multikrum.aggregate(u, F)),
        ("geometric-median", lambda u: geometric_median.aggregate(u, iterations=2000)),
    ],
)
def test_weightings_equal_byzpy(name, weights, updates: list[Arrays]) -> None:  # type: ignore[no-untyped-def]
    found = weights(updates)
    assert found.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(flat(weighted(updates, found)), REFERENCE[name], atol=2e-6)


@pytest.mark.parametrize(
    ("name", "aggregate"),
    [
        ("median", median.aggregate),
        ("trimmed-mean", lambda u: trimmed_mean.aggregate(u, F)),
        (
            "centred-clipping",
            lambda u: centred_clipping.aggregate(u, zeros(u[0]), tau=1.5, iterations=3),
        ),
    ],
)
def test_updates_equal_byzpy(name, aggregate, updates: list[Arrays]) -> None:  # type: ignore[no-untyped-def]
    np.testing.assert_allclose(flat(aggregate(updates)), REFERENCE[name], atol=1e-6)


def test_mixings_equal_byzpy(updates: list[Arrays], monkeypatch: pytest.MonkeyPatch) -> None:
    mix = nearest_neighbour_mixing.mixing(updates, F)
    np.testing.assert_allclose(mix @ rows(updates), REFERENCE["nearest"], atol=1e-6)

    class InOrder:
        def permutation(self, n: int) -> np.ndarray:
            return np.arange(n)

    monkeypatch.setattr(bucketing.np.random, "default_rng", lambda seed: InOrder())
    np.testing.assert_allclose(
        bucketing.mixing(N, 0) @ rows(updates), REFERENCE["bucketing"], atol=1e-6
    )


def test_inner_product_manipulation_equals_byzpy(updates: list[Arrays]) -> None:
    known = Knowledge(
        updates[0], updates[0], updates[F:], {}, N, F, np.random.default_rng(0), float, dict
    )
    np.testing.assert_allclose(flat(inner_product.update(known)), REFERENCE["ipm"], atol=1e-6)


def test_krum_median_and_trimmed_mean_equal_flower(updates: list[Arrays]) -> None:
    pytest.importorskip("flwr")
    from flwr.app import ArrayRecord, RecordDict
    from flwr.serverapp.strategy.fedtrimmedavg import trim_mean
    from flwr.serverapp.strategy.multikrum import select_multikrum

    contents = [RecordDict({"arrays": ArrayRecord(list(u.values()))}) for u in updates]
    for kept in (1, N - F):
        chosen = select_multikrum(contents, F, kept)
        theirs = sorted(contents.index(one) for one in chosen)
        assert theirs == np.flatnonzero(multikrum.aggregate(updates, F, kept)).tolist()
    theirs_trimmed = trim_mean(rows(updates), F / N + 1e-9)
    np.testing.assert_allclose(flat(trimmed_mean.aggregate(updates, F)), theirs_trimmed)
    np.testing.assert_allclose(flat(median.aggregate(updates)), np.median(rows(updates), 0))


def test_fedavg_is_the_mean_and_counts_are_the_callers(updates: list[Arrays]) -> None:
    np.testing.assert_allclose(fedavg.aggregate(updates), 1 / N)
    np.testing.assert_allclose(fedavg.aggregate(updates[:2], [1, 3]), [0.25, 0.75])


NOBODY = np.zeros(2, bool)


def test_bant_by_hand() -> None:
    after = np.array([[0.4], [0.8], [1.2], [np.nan]])
    found = bant.scores(np.ones(1), after, np.zeros(4, bool))
    np.testing.assert_allclose(found, [0.6, 0.2, 0, 0])
    weights, momentum = bant.trust(found, np.full(4, 0.25))
    # s = (.6, .2, 0, 0) / .8; m = .125 + s / 2; cut where s is 0; renormalised
    np.testing.assert_allclose(momentum, [0.5, 0.25, 0.125, 0.125])
    np.testing.assert_allclose(weights, [2 / 3, 1 / 3, 0, 0])


def test_bants_cut_is_by_this_rounds_score_whatever_the_past() -> None:
    weights, momentum = bant.trust(np.array([0.5, 0.0]), np.array([0.01, 0.99]))
    np.testing.assert_allclose(weights, [1.0, 0.0])
    assert momentum[1] == pytest.approx(0.495)


def test_bants_two_policies_where_nobody_improves() -> None:
    none, before = np.zeros(2), np.array([0.8, 0.2])
    weights, momentum = bant.trust(none, before)
    assert not weights.any() and np.array_equal(momentum, before)
    weights, _ = bant.trust(none, before, all_rejected=bant.UNIFORM)
    np.testing.assert_allclose(weights, 0.999 * before + 0.001 * 0.5)


def test_bants_margin_is_the_error_of_the_mean_over_recordings() -> None:
    before = np.ones(4)
    after = np.array([[1.3, 0.9, 1.3, 0.9], [1.1, 1.1, 1.1, 1.1]])
    # both gains are -.1; over four recordings the first's has an error of .1, the other's of 0
    assert bant.scores(before, after, NOBODY, 1.5).tolist() == [1.0, 0.0]
    assert bant.scores(before, after, NOBODY, 0.5).tolist() == [0.0, 0.0]
    assert bant.scores(before, after, ~NOBODY, 1.5).tolist() == [0.0, 0.0]
    assert bant.scores(before, 2 - after, ~NOBODY, 1.5).tolist() == [1.0, 1.0]
    assert bant.scores(before, np.full((2, 4), np.inf), NOBODY, 2.0).tolist() == [0.0, 0.0]
    assert bant.scores(before, np.ones((2, 4)), NOBODY, 2.0).tolist() == [0.0, 0.0]  # free riders
    assert bant.are_caught(before, after).tolist() == [False, True]
    assert bant.are_caught(before, np.full((2, 4), np.nan)).all()


def _bowl(model: Arrays) -> float:
    return float((flat(model) ** 2).sum())


def _bowls(model: Arrays) -> np.ndarray:
    return np.array([_bowl(model)])


def test_bant_tries_a_part_of_an_update_and_shortens_what_overshoots() -> None:
    model: Arrays = {"x": np.array([1.0])}
    far: list[Arrays] = [{"x": np.array([-2.6])}, {"x": np.array([0.5])}]
    half = np.array([0.5, 0.5])
    assert not bant.aggregate(far, model, _bowls, half, NOBODY).weights.any()  # as in the paper
    found = bant.aggregate(far, model, _bowls, half, NOBODY, trial=0.9)
    # .9 of -2.6 overshoots, .45 helps; of the step itself all overshoots, half helps
    np.testing.assert_allclose(found.weights, [0.5, 0.0])
    assert _bowl(moved(model, weighted(far, found.weights))) < _bowl(model)
    wild: list[Arrays] = [{"x": np.array([-20.0])}, {"x": np.array([-0.5])}]
    found = bant.aggregate(wild, model, _bowls, half, NOBODY, trial=0.05)
    np.testing.assert_allclose(found.weights, [0.0, 1.0])  # though .05 of -20 lands on the best
    near: list[Arrays] = [{"x": np.array([-0.5])}, {"x": np.array([0.5])}]
    np.testing.assert_allclose(
        bant.aggregate(near, model, _bowls, half, NOBODY, trial=0.1).weights, [1.0, 0.0]
    )


def test_autobants_step_is_mirror_descent_and_a_liar_ends_at_zero() -> None:
    w, slope = np.array([0.5, 0.3, 0.2]), np.array([1.0, 0.0, -1.0])
    grown = w * np.exp(-slope)
    np.testing.assert_allclose(autobant.mirror_step(w, slope), grown / grown.sum())
    model: Arrays = {"x": np.array([1.0, 1.0])}
    sent: list[Arrays] = [{"x": np.array(v)} for v in ([-1.0, -1.0], [-0.8, -1.0], [3.0, 3.0])]
    found = autobant.aggregate(sent, model, _bowl, lambda m: {"x": 2 * m["x"]}, steps=400)
    assert found[2] == 0 and found[:2].sum() > 0.9


def test_simbant_by_hand() -> None:
    answers = simbant.sharpened(np.array([[[0.1, 0.0], [0.0, 0.1]], [[0.0, 0.1], [0.1, 0.0]]]))
    p = 1 / (1 + np.exp(-2.0))  # softmax of (.1, 0) / .05
    np.testing.assert_allclose(answers[0, 0], [p, 1 - p])
    right, wrong = p / np.hypot(p, 1 - p), (1 - p) / np.hypot(p, 1 - p)
    grown = np.exp(np.array([right, wrong]) / 0.05)
    np.testing.assert_allclose(simbant.to_targets(answers, np.eye(2)), grown / grown.sum())
    # both records alike: no spread; the liar's cosine to the server is 2 p (1 - p) / (...)
    to_server = simbant.to_server(answers, answers[0])
    liar = 2 * p * (1 - p) / (p**2 + (1 - p) ** 2)
    np.testing.assert_allclose(to_server, np.array([1, liar]) / (1 + liar))


def test_fltrust_by_hand() -> None:
    sent: list[Arrays] = [{"x": np.array(v)} for v in ([2.0, 0.0], [3.0, 4.0], [-5.0, 0.0])]
    found = fltrust.aggregate(sent, {"x": np.array([1.0, 0.0])})
    # scores 1, .6, 0; each at the server's length
    np.testing.assert_allclose(found, [1 / 1.6 / 2, 0.6 / 1.6 / 5, 0])
    assert not fltrust.aggregate(sent[2:], {"x": np.array([1.0, 0.0])}).any()


def test_zeno_drops_the_worst_and_what_is_no_number() -> None:
    model: Arrays = {"x": np.array([1.0])}
    sent: list[Arrays] = [{"x": np.array([v])} for v in (-1.0, -0.5, 2.0, np.nan)]
    np.testing.assert_allclose(zeno.aggregate(sent, model, _bowl, 2), [0.5, 0.5, 0, 0])
    long: list[Arrays] = [{"x": np.array([-1.9])}, {"x": np.array([-0.1])}]
    assert zeno.aggregate(long, model, _bowl, 1, rho=0.1)[1] == 1.0  # rho makes length cost


def test_no_rule_depends_on_the_order_of_clients(updates: list[Arrays]) -> None:
    turned = updates[::-1]
    for rule in (lambda u: krum.aggregate(u, F), lambda u: multikrum.aggregate(u, F)):
        np.testing.assert_allclose(rule(turned)[::-1], rule(updates))
    np.testing.assert_allclose(
        geometric_median.aggregate(turned)[::-1], geometric_median.aggregate(updates), atol=1e-7
    )
