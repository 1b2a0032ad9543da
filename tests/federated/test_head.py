"""The numpy head: its slope, its learning, its noise, and as a bundle's own head."""

from dataclasses import replace

import numpy as np
import pytest

from leadone.edge.errors import InputError
from leadone.edge.labels import RHYTHMS
from leadone.edge.rhythm import FEATURES
from leadone.federated import head
from leadone.federated.arrays import Arrays, difference, norm
from leadone.federated.client import Client, shared_names
from leadone.federated.config import Instruction
from leadone.federated.head import LocalConfig, train_head
from leadone.federated.labelled import UNKNOWN, Labelled
from leadone.federated.privacy import epsilon


def data(n: int = 80, seed: int = 0, findings: int = 2) -> Labelled:
    rng = np.random.default_rng(seed)
    rhythm = rng.integers(0, 4, n)
    features = rng.normal(0, 1, (n, 6)).astype(np.float32)
    features[np.arange(n), rhythm] += 3
    found = (features[:, 4:5] > np.arange(findings) - 0.5).astype(np.float32)
    return Labelled(features, rhythm, found, np.array([f"p{k}" for k in range(n)]))


@pytest.fixture
def model() -> Arrays:
    rng = np.random.default_rng(3)
    start = head.start_head(data().features, 2)
    return {
        n: v if n in head.CONSTANT else rng.normal(0, 0.3, v.shape).astype(np.float64)
        for n, v in start.items()
    }


def test_the_gradient_is_the_slope_of_the_loss_with_labels_missing(model: Arrays) -> None:
    some = data(40)
    some.rhythm[::3], some.findings[1::4] = UNKNOWN, np.nan
    slopes = head.gradient(model, some)
    for name, slope in slopes.items():
        at = (0,) * slope.ndim
        up, down = ({n: v.copy() for n, v in model.items()} for _ in range(2))
        up[name][at] += 1e-5
        down[name][at] -= 1e-5
        measured = (head.loss(up, some) - head.loss(down, some)) / 2e-5
        assert slope[at] == pytest.approx(measured, rel=1e-5, abs=1e-8)


def test_training_learns_and_repeats_to_the_bit() -> None:
    start = head.start_head(data().features, 2)
    local = LocalConfig(epochs=20)
    once, again = (train_head(start, data(), local, (1, 2)) for _ in range(2))
    assert all(np.array_equal(once[n], again[n]) for n in once)
    assert head.loss(once, data(seed=9)) < 0.5 * head.loss(start, data(seed=9))
    assert all(np.array_equal(once[n], start[n]) for n in head.CONSTANT)


def test_fedprox_keeps_a_device_near_the_global_model() -> None:
    start = head.start_head(data().features, 2)

    def away(mu: float) -> float:
        local = LocalConfig(epochs=10, proximal=mu)
        return norm(difference(train_head(start, data(), local, (0,)), start))

    assert away(1.0) < 0.7 * away(0.0)


def test_a_clipped_step_is_no_longer_than_the_clip() -> None:
    start = head.start_head(data().features, 2)
    local = LocalConfig(1, batch=1000, clip=0.01, learning_rate=1.0, weight_decay=0.0)
    assert norm(difference(train_head(start, data(), local, (0,)), start)) <= 0.01 + 1e-6


def test_one_recording_moves_the_private_sum_by_a_clip_at_most(model: Arrays) -> None:
    some = data(30)
    z = np.concatenate([head.standardised(model, some.features), np.ones((30, 1))], 1)
    errors = head._errors(head.logits(model, some.features), some.rhythm, some.findings)
    still = LocalConfig(batch=1, clip=0.5, noise=1e-12)

    def total(rows: slice) -> np.ndarray:
        return head._private_slope(z[rows], errors[rows], still, np.random.default_rng(0))

    whole, without = total(slice(0, 30)), total(slice(1, 30))
    assert np.linalg.norm(whole - without) <= 0.5 + 1e-6
    by_hand = np.zeros_like(whole)
    for row, x in zip(errors, z, strict=True):
        alone = np.outer(row, x)
        by_hand += alone * min(1.0, 0.5 / np.linalg.norm(alone))
    np.testing.assert_allclose(whole, by_hand, atol=1e-9)


def test_noise_has_the_spread_that_its_accountant_is_told() -> None:
    z, errors = np.zeros((4, 500)), np.zeros((4, 6))
    local = LocalConfig(batch=2, clip=3.0, noise=1.5)
    noisy = head._private_slope(z, errors, local, np.random.default_rng(0))
    assert noisy.std() == pytest.approx(1.5 * 3.0 / 2, rel=0.05)


def test_epsilon_falls_with_noise_and_grows_with_rounds() -> None:
    local = LocalConfig(noise=1.0, batch=8)
    assert epsilon(replace(local, noise=0.0), 100, 10) == float("inf")
    assert 0 < epsilon(replace(local, noise=4.0), 100, 10) < epsilon(local, 100, 10)
    assert epsilon(local, 100, 10) < epsilon(local, 100, 100)
    # without sampling, one step: the Gaussian mechanism; sd 5 at delta 1e-5 is below 1 (classical
    # bound sqrt(2 ln(1.25 / delta)) / sd = .97) and above what zCDP's optimum alone allows
    once = epsilon(LocalConfig(1, noise=5.0, batch=100), 100, 1)
    assert 0.7 < once < 1.05


def test_as_a_bundles_head_it_says_the_same() -> None:
    from leadone.federated.head import logits, record_head

    trained = train_head(head.start_head(data().features, 2), data(), LocalConfig(), (0,))
    cuts = np.array([0.3, -0.2])
    told = record_head(trained, ("AFIB", "PVC"), cuts)
    row = data().features[0]
    out = logits(trained, row[None])[0]
    np.testing.assert_allclose(told.rhythm_logits(row), out[:4], atol=1e-5)
    probabilities = told.finding_probabilities(np.concatenate([row, np.ones(len(FEATURES))]))
    expected = 1 / (1 + np.exp(-(out[4:] - cuts)))
    np.testing.assert_allclose(list(probabilities.values()), expected, atol=1e-5)


def _told(**parts: object) -> Instruction:
    return Instruction(1, "abc", **parts)  # type: ignore[arg-type]


def test_a_client_sends_what_it_learned_and_keeps_what_is_personal() -> None:
    start = head.start_head(data().features, 2)
    client = Client("watch", data(), "abc")
    whole = client.train(start, _told())
    assert set(whole) == set(shared_names(start)) and norm(whole) > 0
    part = client.train(start, _told(personal=("finding",)))
    assert set(part) == {"rhythm.weight", "rhythm.bias"}
    assert set(client.personal) == {"finding.weight", "finding.bias"}
    before = {n: v.copy() for n, v in client.personal.items()}
    client.train(start, _told(personal=("finding",)))
    assert not np.array_equal(before["finding.weight"], client.personal["finding.weight"])


def test_a_client_that_cannot_take_part_says_why() -> None:
    start = head.start_head(data().features, 0)
    some = data(findings=0)
    with pytest.raises(InputError, match="encoder other"):
        Client("a", some, "abc").train(start, Instruction(1, "other"))
    with pytest.raises(InputError, match="no labelled recordings"):
        Client("a", some[:0], "abc").train(start, _told())
    one_class = some[some.rhythm == RHYTHMS.index("af")]
    with pytest.raises(InputError, match="one and the same"):
        Client("a", one_class, "abc").train(start, _told())


def test_an_instruction_travels_as_text_and_a_bent_one_is_refused() -> None:
    told = _told(local=LocalConfig(proximal=0.1), personal=("finding",), compression="int8")
    assert Instruction.from_json(told.to_json()) == told
    for bent in ("{", "{}", '{"round": 1, "encoder": "a", "local": {"rate": 1}}', "[]"):
        with pytest.raises(InputError):
            Instruction.from_json(bent)
