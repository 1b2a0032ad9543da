"""Heads and gentle training on two kinds of synthetic leads."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from leadone.distill.classification import macro_auc
from leadone.distill.classifier import (
    TrainConfig,
    as_input,
    embeddings,
    fit_head,
    predict,
    train,
    with_head,
)
from leadone.edge.frontend import network_input
from leadone.pretrain.embedding import Embedder
from leadone.pretrain.encoder import EncoderConfig

SMALL = EncoderConfig(channels=(4, 8, 8, 8), blocks=(0, 0, 0), dilations=(1,), expansion=1)
GENTLE = TrainConfig(steps=30, batch=16, samples=320)


def leads(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Sharp or broad spikes, in noise: (n, 1, 640) mV and whether they are sharp (n, 1)."""
    rng = np.random.default_rng(seed)
    sharp = rng.random(n) < 0.5
    t = np.arange(640)
    at = (t[None] + rng.integers(0, 160, (n, 1))) % 160 - 80
    x = np.exp(-((at / np.where(sharp, 4, 14)[:, None]) ** 2)) + 0.3 * rng.standard_normal((n, 640))
    return (0.2 * x[:, None]).astype(np.float32), sharp[:, None]


@pytest.fixture
def embedder() -> Embedder:
    torch.manual_seed(0)
    return Embedder(SMALL).eval()


def area(scores: np.ndarray, y: np.ndarray) -> float:
    return float(macro_auc(y, scores, np.ones((1, len(y))))[0])


def test_a_fitted_head_on_frozen_features_is_the_model(embedder: Embedder) -> None:
    x, y = leads(120, 0)
    features = embeddings(embedder, x)
    weights, offsets = fit_head(features, y)
    model = with_head(embedder, (weights, offsets), dropout=0.0)
    np.testing.assert_allclose(predict(model, x), features @ weights.T + offsets, atol=1e-4)
    unseen, truth = leads(200, 1)
    assert area(predict(model, unseen), truth) > 0.6
    shifted, scaled = features * 1e3 + 5.0, fit_head(features * 1e3 + 5.0, y)
    np.testing.assert_allclose(
        shifted @ scaled[0].T + scaled[1], features @ weights.T + offsets, atol=0.05
    )


def test_gentle_training_helps_and_leaves_the_embedder_as_it_was(embedder: Embedder) -> None:
    x, y = leads(120, 0)
    before = {key: value.clone() for key, value in embedder.state_dict().items()}
    model = with_head(embedder, fit_head(embeddings(embedder, x), y), dropout=0.1)
    trained = train(model, x, y, replace(GENTLE, encoder_rate=3e-3, steps=60), seed=0)
    unseen, truth = leads(300, 2)
    probe = with_head(embedder, fit_head(embeddings(embedder, x), y), dropout=0.0)
    assert area(predict(trained, unseen), truth) > area(predict(probe, unseen), truth)
    assert all(torch.equal(before[key], value) for key, value in embedder.state_dict().items())
    norms = {key for key in before if "running_mean" in key}
    moved = trained.embedder.state_dict()
    assert all(torch.equal(before[key], moved[key]) for key in norms)
    again = with_head(embedder, fit_head(embeddings(embedder, x), y), dropout=0.1)
    repeated = train(again, x, y, replace(GENTLE, encoder_rate=3e-3, steps=60), seed=0)
    np.testing.assert_array_equal(predict(repeated, unseen), predict(trained, unseen))


def test_from_scratch_batch_norm_learns_its_statistics(embedder: Embedder) -> None:
    x, y = leads(40, 0)
    model = with_head(embedder, fit_head(embeddings(embedder, x), y), dropout=0.0)
    trained = train(model, x, y, replace(GENTLE, steps=10, keeps_statistics=False), seed=0)
    key = "encoder.level0.0.norm.running_mean"
    assert not torch.equal(trained.embedder.state_dict()[key], embedder.state_dict()[key])


def test_several_leads_are_channels_in_pairs() -> None:
    x = np.random.default_rng(0).normal(0, 1, (3, 12, 64)).astype(np.float32)
    given = as_input(x)
    assert given.shape == (3, 24, 1, 64)
    torch.testing.assert_close(given[1, 10:12, 0], torch.from_numpy(network_input(x[1, 5])))
    embedder = Embedder(replace(SMALL, inputs=24))
    assert embeddings(embedder, x).shape == (3, embedder.size)


def test_a_class_nobody_has_does_not_break_the_head(embedder: Embedder) -> None:
    x, y = leads(30, 0)
    both = np.concatenate([y, np.zeros_like(y)], 1)
    weights, offsets = fit_head(embeddings(embedder, x), both)
    assert np.isfinite(weights).all() and np.isfinite(offsets).all() and offsets[1] < 0
