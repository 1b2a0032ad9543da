"""SimBANT (arXiv 2505.07614): trust a client as far as it answers the trust set as it should.

With p_i = softmax(logits_i / .05) of client i's model on each record of the trust set, either

    targets:  w = softmax(mean cos(p_i, y) / .05), y the labels as one-hot rows
    server:   w_i ~ max(mean c_i - sd c_i, 1e-4), c_i = cos(p_i, p_s), p_s of a model that the
              server itself has trained on a part of the trust set

Where labels are several yes or no, a record's row is sigmoid(logits / .05) and y the 0s and 1s;
both are scaled to -1 ... 1, since a record with no finding has no direction otherwise.
"""

from __future__ import annotations

import numpy as np

from ..arrays import Doubles

TEMPERATURE = 0.05
LEAST = 1e-4


def to_targets(answers: Doubles, targets: Doubles) -> Doubles:
    """Weights (n,) from sharpened answers (n, records, classes) and targets (records, classes)."""
    similar = cosine(answers, targets).mean(1) / TEMPERATURE
    grown = np.exp(similar - similar.max())
    weights: Doubles = grown / grown.sum()
    return weights


def to_server(answers: Doubles, server: Doubles) -> Doubles:
    """Weights (n,) from sharpened answers (n, records, classes) and the server's own."""
    similar = cosine(answers, server)
    scores = np.maximum(similar.mean(1) - similar.std(1, ddof=1), LEAST)
    weights: Doubles = scores / scores.sum()
    return weights


def sharpened(logits: Doubles) -> Doubles:
    """softmax(logits / .05) over the last axis."""
    scaled = (logits - logits.max(-1, keepdims=True)) / TEMPERATURE
    grown = np.exp(scaled)
    answers: Doubles = grown / grown.sum(-1, keepdims=True)
    return answers


def sharpened_yes_or_no(logits: Doubles) -> Doubles:
    """tanh(logits / .1), which is sigmoid(logits / .05) scaled to -1 ... 1."""
    answers: Doubles = np.tanh(logits / (2 * TEMPERATURE))
    return answers


def cosine(a: Doubles, b: Doubles) -> Doubles:
    """Of rows, over the last axis; 0 where one has no length."""
    lengths = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    products = (a * b).sum(-1)
    similar: Doubles = np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0)
    return similar
