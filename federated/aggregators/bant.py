"""BANT (arXiv 2505.07614): trust a client as far as its model lowers a loss of the server's own.

With f the loss on a small clean trust set, for client i of N in round t

    s_i = max(0, f(x^t) - f(x_i^t)),  normalised by their sum
    m_i = (1 - beta) m_i + beta s_i,  m_i = 1/N at first
    w_i = m_i where s_i > 0, else 0; renormalised
    x^(t+1) = sum_i w_i x_i^t

The cut is by this round's score: whoever does harm now has no weight, whatever its past. Where no
client improves f, the global model stays (`keep_global`); the authors' code goes on with the old
trust instead, s_i = 1/N and beta = .001 (`uniform`), which lets attackers in slowly. The clip at 0
is of their code too: the formula as first published divides by a sum that may be about 0.

Ours beside it: a client's model may overshoot on its own and still point the right way, most of
all where clients hold different kinds of people. With `trial` below 1 its update is tried at that
part of its length, f(x^t) - f(x^t + trial u_i), halved as long as `SHORTEST` allows while no client
improves. What is not tried at its whole length must do no harm at it: an update that multiplies f
by more than `WILD` has no score, and the step that comes of all is halved until f rises by no more
than `SLACK`. `trial` 1 is the paper's, without any of this.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from ..arrays import Arrays, Doubles, moved, weighted, zeros

BETA = 0.5
FALLBACK_BETA = 0.001
SHORTEST = 1 / 1024
WILD = 3.0  # few honest clients with one kind of people reach it, at first
SLACK = 0.02  # f is of few recordings: without any, the model stops at their own optimum
KEEP_GLOBAL, UNIFORM = "keep_global", "uniform"
POLICIES = (KEEP_GLOBAL, UNIFORM)


class Trust(NamedTuple):
    """Weights of this round (n,), all 0 where the model stays, and momentum for the next (n,)."""

    weights: Doubles
    momentum: Doubles


def aggregate(
    updates: Sequence[Arrays],
    model: Arrays,
    trust_losses: Callable[[Arrays], Doubles],
    momentum: Doubles,
    beta: float = BETA,
    all_rejected: str = KEEP_GLOBAL,
    trial: float = 1.0,
    margin: float = 0.0,
) -> Trust:
    """One round; `momentum` (n,) is what the round before left of each of these clients.

    `trust_losses` are those of a model on each trust recording; f is their mean.
    """
    assert 0 < trial <= 1 and margin >= 0
    now, length = trust_losses(model), trial
    before = float(now.mean())
    if trial < 1:
        wild = ~(_tried(updates, model, trust_losses, 1.0).mean(1) <= before * WILD)
        updates = [zeros(u) if w else u for u, w in zip(updates, wild, strict=True)]
    found = gains(now, _tried(updates, model, trust_losses, length), margin)
    while trial < 1 and not (found > 0).any() and length / 2 >= SHORTEST:
        length /= 2
        found = gains(now, _tried(updates, model, trust_losses, length), margin)
    trusted = trust(found, momentum, beta, all_rejected)
    if trial == 1 or not trusted.weights.any():
        return trusted
    step, length = weighted(updates, trusted.weights), 1.0
    while not trust_losses(moved(model, step, length)).mean() <= before * (1 + SLACK):
        length /= 2
        if length < SHORTEST:
            return Trust(np.zeros(len(updates)), momentum)
    return Trust(trusted.weights * length, trusted.momentum)


def gains(before: Doubles, after: Doubles, margin: float = 0.0) -> Doubles:
    """How much f falls by each client (n,), from recordings' losses: (records,), (n, records).

    To each is added `margin` times the standard error of its own mean over recordings.
    """
    with np.errstate(invalid="ignore"):
        changes = before - after
        errors = changes.std(1) / np.sqrt(len(before)) if margin else 0.0
        found: Doubles = changes.mean(1) + margin * errors
    return found


def trust(
    gains: Doubles,
    momentum: Doubles,
    beta: float = BETA,
    all_rejected: str = KEEP_GLOBAL,
) -> Trust:
    """The weights from each client's gain (n,) alone; one that is no number is none."""
    assert all_rejected in POLICIES and gains.shape == momentum.shape
    gained = np.where(np.isfinite(gains), np.maximum(gains, 0.0), 0.0)
    total = gained.sum()
    if total > 0:
        scores = gained / total
    elif all_rejected == UNIFORM:
        scores, beta = np.full(len(gained), 1.0 / len(gained)), FALLBACK_BETA
    else:
        return Trust(np.zeros(len(gained)), momentum)
    mixed = (1 - beta) * momentum + beta * scores
    weights = np.where(scores > 0, mixed, 0.0)
    return Trust(weights / weights.sum(), mixed)


def _tried(
    updates: Sequence[Arrays],
    model: Arrays,
    trust_losses: Callable[[Arrays], Doubles],
    length: float,
) -> Doubles:
    return np.array([trust_losses(moved(model, update, length)) for update in updates])
