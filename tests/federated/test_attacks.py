"""Liars do what their papers say, and none of it ends a round."""

import numpy as np
import pytest
from scipy.stats import norm as normal

from leadone.edge.errors import InputError
from leadone.edge.labels import RHYTHMS
from leadone.federated import head
from leadone.federated.arrays import Arrays, flat, moved, norm, rows
from leadone.federated.attacks import adaptive, little_is_enough, replacement, stale
from leadone.federated.attacks.kinds import ATTACKS, ON_UPDATES, check_attack
from leadone.federated.attacks.knowledge import Knowledge
from leadone.federated.attacks.label_flip import flipped
from leadone.federated.checks import fault
from leadone.federated.labelled import UNKNOWN, Labelled


def _data(n: int = 60, seed: int = 0) -> Labelled:
    """Two rhythms that one feature tells apart, two findings that another does."""
    rng = np.random.default_rng(seed)
    rhythm = rng.integers(0, 2, n)
    finding = rng.integers(0, 2, (n, 2)).astype(np.float32)
    features = rng.normal(0, 1, (n, 5)).astype(np.float32)
    features[:, 0] += 3 * rhythm
    features[:, 1] += 3 * finding[:, 0]
    return Labelled(features, rhythm, finding, np.array([f"p{k}" for k in range(n)]))


@pytest.fixture
def known() -> Knowledge:
    data = _data()
    model = head.start_head(data.features, 2)
    rng = np.random.default_rng(1)
    like = {name: v for name, v in model.items() if name not in head.CONSTANT}
    honest: list[Arrays] = [
        {n: rng.normal(0.1, 0.05, v.shape).astype(np.float32) for n, v in like.items()}
        for _ in range(6)
    ]
    return Knowledge(
        honest[0],
        honest[1],
        honest,
        model,
        10,
        4,
        np.random.default_rng(2),
        lambda m: head.loss(m, data),
        lambda m: head.gradient(m, data),
    )


def test_flipping_labels_twice_gives_them_back_and_unknown_ones_stay_unknown() -> None:
    data = _data()
    data.rhythm[0], data.findings[0] = UNKNOWN, np.nan
    once = flipped(data)
    assert once.rhythm[0] == UNKNOWN and np.isnan(once.findings[0]).all()
    assert (once.rhythm[1:] == len(RHYTHMS) - 1 - data.rhythm[1:]).all()
    twice = flipped(once)
    assert np.array_equal(twice.rhythm, data.rhythm)
    assert np.array_equal(twice.findings, data.findings, equal_nan=True)


def test_a_little_is_enough_as_its_paper_has_it(known: Knowledge) -> None:
    honest = rows(known.honest)
    supporters = 10 // 2 + 1 - 4
    z = normal.ppf((10 - 4 - supporters) / (10 - 4))
    expected = honest.mean(0) - z * honest.std(0)
    np.testing.assert_allclose(flat(little_is_enough.update(known)), expected, rtol=1e-5)


def test_an_average_with_replaced_updates_is_the_liars_model(known: Knowledge) -> None:
    sent = replacement.update(known)
    np.testing.assert_allclose(known.f * flat(sent) / known.n, flat(known.own), rtol=1e-5)
    data = _data()
    data.rhythm[:] = RHYTHMS.index("af")
    assert (replacement.backdoored(data).rhythm == RHYTHMS.index("normal")).all()


def test_a_stale_client_repeats_itself(known: Knowledge) -> None:
    assert stale.update(known) is known.first


def test_the_adaptive_liar_looks_better_than_the_best_honest_client_and_pulls_away(
    known: Knowledge,
) -> None:
    sent = adaptive.update(known)
    best = min(known.trust_loss(moved(known.model, u)) for u in known.honest)
    assert known.trust_loss(moved(known.model, sent)) <= best + 1e-9
    assert fault(sent, known.own) is None  # and the checks let it through
    assert norm(sent) > 3 * norm(known.own)


@pytest.mark.parametrize(
    ("attack", "reason"),
    [
        ("nan", "not finite"),
        ("inf", "not finite"),
        ("wrong-shape", "has the shape"),
        ("extra-key", "unknown 'surprise'"),
    ],
)
def test_malformed_replies_are_named(attack: str, reason: str, known: Knowledge) -> None:
    found = fault(ON_UPDATES[attack](known), known.own)
    assert found is not None and reason in found


def test_checks_name_what_else_is_wrong(known: Knowledge) -> None:
    def changed(**parts: np.ndarray) -> Arrays:
        return {**known.own, **parts}

    bias = known.own["rhythm.bias"]
    assert fault(known.own, known.own) is None
    short = {n: v for n, v in known.own.items() if n != "rhythm.bias"}
    assert "lacks 'rhythm.bias'" in str(fault(short, known.own))
    assert "int64" in str(fault(changed(**{"rhythm.bias": np.ones(4, np.int64)}), known.own))
    objects = np.array([object()] * 4, dtype=object)
    assert "object" in str(fault(changed(**{"rhythm.bias": objects}), known.own))
    assert "more than" in str(fault(changed(**{"rhythm.bias": bias + 1e3}), known.own))
    assert "more than" in str(fault(changed(**{"rhythm.bias": bias + 3e38}), known.own))


def test_unknown_attacks_are_refused_by_name() -> None:
    with pytest.raises(InputError, match="sign-flip"):
        check_attack("signflip")
    assert len(ATTACKS) == 16
