"""What the server can tell of a model on data of its own: its loss, slope, answers and G-means."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from ..distill.classification import macro_g_mean, smooth_threshold
from ..edge.labels import RHYTHMS
from . import head
from .aggregators.simbant import sharpened, sharpened_yes_or_no
from .arrays import Arrays, Doubles, difference
from .labelled import UNKNOWN, Labelled

SERVER_SEED = 7


class Task(Protocol):
    """What rules that look at a trust set ask of it."""

    def loss(self, model: Arrays) -> float:
        """f of BANT on the trust set."""

    def losses(self, model: Arrays) -> Doubles:
        """Each trust recording's part of it (records,); their mean is `loss`."""

    def gradient(self, model: Arrays) -> Arrays:
        """Its slope, with the names of an update."""

    def answers(self, model: Arrays) -> Doubles:
        """Sharpened answers (records, classes) on the trust set."""

    def targets(self) -> Doubles:
        """What they should be (records, classes)."""

    def server_update(self, model: Arrays, round_: int) -> Arrays:
        """What the trust set alone would make of the model in a round."""

    def cuts(self, model: Arrays) -> Doubles:
        """Thresholds (k,) of the findings, as logits."""


@dataclass(frozen=True)
class HeadTask:
    """The numpy head on a trust set."""

    trust: Labelled
    local: head.LocalConfig = field(default_factory=head.LocalConfig)

    def loss(self, model: Arrays) -> float:
        """f of BANT."""
        return float(self.losses(model).mean())

    def losses(self, model: Arrays) -> Doubles:
        """Of each recording."""
        with np.errstate(all="ignore"):
            return head.losses(model, self.trust)

    def gradient(self, model: Arrays) -> Arrays:
        """Its slope."""
        return head.gradient(model, self.trust)

    def answers(self, model: Arrays) -> Doubles:
        """Rhythms by softmax or findings, whichever the trust set has labels of; both, if both."""
        out = head.logits(model, self.trust.features)
        r, parts = len(RHYTHMS), []
        if self._has_rhythm:
            parts.append(sharpened(out[:, :r]))
        if self.trust.findings.shape[1]:
            parts.append(sharpened_yes_or_no(out[:, r:]))
        return np.concatenate(parts, 1)

    def targets(self) -> Doubles:
        """One-hot rhythms, findings as -1 and 1."""
        r, parts = len(RHYTHMS), []
        if self._has_rhythm:
            parts.append((self.trust.rhythm[:, None] == np.arange(r)).astype(np.float64))
        if self.trust.findings.shape[1]:
            parts.append(2.0 * np.nan_to_num(self.trust.findings) - 1.0)
        return np.concatenate(parts, 1)

    def server_update(self, model: Arrays, round_: int) -> Arrays:
        """A round of training on the trust set."""
        after = head.train_head(model, self.trust, self.local, (SERVER_SEED, round_))
        return difference(after, {n: v for n, v in model.items() if n not in head.CONSTANT})

    def cuts(self, model: Arrays) -> Doubles:
        """The findings' logits that are to become one half; 0 where the trust set tells none."""
        out = head.logits(model, self.trust.features)[:, len(RHYTHMS) :]
        held = self.trust.findings == 1
        found = [smooth_threshold(held[:, k], out[:, k]) for k in range(out.shape[1])]
        return np.nan_to_num(np.array(found, np.float64))

    @property
    def _has_rhythm(self) -> bool:
        return bool((self.trust.rhythm != UNKNOWN).any())


def g_means(
    model: Arrays, codes: tuple[str, ...], chosen: Labelled, test: Labelled
) -> dict[str, float]:
    """G-mean of each rhythm and finding on `test`, at the thresholds that are best on `chosen`.

    One that either part lacks is left out. Thresholds are of smoothed distributions, as a bundle's.
    """
    names = (*RHYTHMS, *codes)
    scores = [log_odds(head.logits(model, part.features)) for part in (chosen, test)]
    known = [part.targets() for part in (chosen, test)]
    once = np.ones((1, len(test)))
    found = {}
    for k, name in enumerate(names):
        cut = smooth_threshold(known[0][:, k], scores[0][:, k])
        if np.isfinite(cut) and 0 < known[1][:, k].sum() < len(test):
            one = slice(k, k + 1)
            value = macro_g_mean(known[1][:, one], scores[1][:, one], np.array([cut]), once)
            found[name] = float(value[0])
    return found


def log_odds(out: Doubles) -> Doubles:
    """Log-odds: of a rhythm against all the others together, of a finding as they are."""
    r, scores = len(RHYTHMS), out.copy()
    for k in range(r):
        others = np.delete(out[:, :r], k, 1)
        top = others.max(1)
        scores[:, k] = out[:, k] - top - np.log(np.exp(others - top[:, None]).sum(1))
    return scores
