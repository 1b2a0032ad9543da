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

Ours beside it, each switched off by `trial` 1 and `margin` 0, which are the paper's rule:

- A client's model may overshoot on its own and still point the right way, most of all where clients
  hold different kinds of people. With `trial` below 1 its update is tried at that part of its
  length, f(x^t) - f(x^t + trial u_i), halved as long as `SHORTEST` allows while no client improves.
  What is not tried at its whole length must do no harm at it: an update that multiplies f by more
  than `WILD` has no score, and the step that comes of all is halved until f rises by no more than
  `SLACK`.
- f is a mean over few recordings, and near the end a client's gain is smaller than that mean's own
  error: by its sign half of fifty small honest clients are refused each round, and weights by its
  size follow the trust set's chance. With `margin` above 0 every client has the same score unless
  its gain lies that many standard errors of the mean (over recordings, paired) below 0. A client
  whose gain was ever `CAUGHT` errors below 0 is judged by the paper's cut from then on: it needs a
  gain. Without that, liars come back as soon as the model has converged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..arrays import Arrays, Doubles, moved, weighted, zeros

Flags = npt.NDArray[np.bool_]

BETA = 0.5
FALLBACK_BETA = 0.001
SHORTEST = 1 / 1024
WILD = 3.0  # few honest clients with one kind of people reach it, at first
CAUGHT = 4.0  # standard errors
SLACK = 0.02  # f is of few recordings: without any, the model stops at their own optimum
KEEP_GLOBAL, UNIFORM = "keep_global", "uniform"
POLICIES = (KEEP_GLOBAL, UNIFORM)


class Trust(NamedTuple):
    """Weights of this round (n,), all 0 where the model stays, and momentum for the next (n,).

    `caught` (n,) are the clients that were, in this round or before.
    """

    weights: Doubles
    momentum: Doubles
    caught: Flags


def aggregate(
    updates: Sequence[Arrays],
    model: Arrays,
    trust_losses: Callable[[Arrays], Doubles],
    momentum: Doubles,
    caught: Flags,
    beta: float = BETA,
    all_rejected: str = KEEP_GLOBAL,
    trial: float = 1.0,
    margin: float = 0.0,
) -> Trust:
    """One round; `momentum` and `caught` (n,) are what the rounds before left of these clients.

    `trust_losses` are those of a model on each trust recording; f is their mean.
    """
    assert 0 < trial <= 1 and margin >= 0
    now, length = trust_losses(model), trial
    before = float(now.mean())
    if trial < 1:
        wild = ~(_tried(updates, model, trust_losses, 1.0).mean(1) <= before * WILD)
        updates = [zeros(u) if w else u for u, w in zip(updates, wild, strict=True)]
        caught = caught | wild
    after = _tried(updates, model, trust_losses, length)
    if margin:
        caught = caught | are_caught(now, after)
    found = scores(now, after, caught, margin)
    while trial < 1 and not found.any() and length / 2 >= SHORTEST:
        length /= 2
        after = _tried(updates, model, trust_losses, length)
        found = scores(now, after, caught, margin)
    weights, momentum = trust(found, momentum, beta, all_rejected)
    if trial == 1 or not weights.any():
        return Trust(weights, momentum, caught)
    step, length = weighted(updates, weights), 1.0
    while not trust_losses(moved(model, step, length)).mean() <= before * (1 + SLACK):
        length /= 2
        if length < SHORTEST:
            return Trust(np.zeros(len(updates)), momentum, caught)
    return Trust(weights * length, momentum, caught)


def scores(before: Doubles, after: Doubles, caught: Flags, margin: float = 0.0) -> Doubles:
    """Each client's s_i (n,), from recordings' losses before (records,) and after (n, records).

    They are the gains clipped at 0 or, with a margin, 1 for all that are not refused. What is no
    number has none.
    """
    gains, errors = _gains(before, after)
    if not margin:
        return np.where(np.isfinite(gains), np.maximum(gains, 0.0), 0.0)
    with np.errstate(invalid="ignore"):
        is_good = gains > np.where(caught, 0.0, -margin * errors)
    return np.where(np.isfinite(gains) & is_good, 1.0, 0.0)


def are_caught(before: Doubles, after: Doubles) -> Flags:
    """Who does harm beyond any chance (n,)."""
    gains, errors = _gains(before, after)
    with np.errstate(invalid="ignore"):
        return ~(gains >= -CAUGHT * errors)


def trust(
    found: Doubles, momentum: Doubles, beta: float = BETA, all_rejected: str = KEEP_GLOBAL
) -> tuple[Doubles, Doubles]:
    """Weights and momentum from the scores (n,) alone; all weights are 0 where the model stays."""
    assert all_rejected in POLICIES and found.shape == momentum.shape
    total = found.sum()
    if total > 0:
        shares = found / total
    elif all_rejected == UNIFORM:
        shares, beta = np.full(len(found), 1.0 / len(found)), FALLBACK_BETA
    else:
        return np.zeros(len(found)), momentum
    mixed = (1 - beta) * momentum + beta * shares
    weights = np.where(shares > 0, mixed, 0.0)
    return weights / weights.sum(), mixed


def _gains(before: Doubles, after: Doubles) -> tuple[Doubles, Doubles]:
    """How much f falls by each client (n,), and the standard error of that mean (n,)."""
    with np.errstate(all="ignore"):
        changes = before - after
        return changes.mean(1), changes.std(1) / np.sqrt(len(before))


def _tried(
    updates: Sequence[Arrays],
    model: Arrays,
    trust_losses: Callable[[Arrays], Doubles],
    length: float,
) -> Doubles:
    return np.array([trust_losses(moved(model, update, length)) for update in updates])
