"""An attacker that knows BANT's trust loss: helpful on the trust set, harmful everywhere else.

It follows the trust loss down until its gain beats every honest client's, so that it takes most of
the trust; then it adds as much of a harmful direction (against the honest mean) as leaves that
gain, at right angles to the loss's slope where it stands, doubling and halving by trial.
"""

from __future__ import annotations

import numpy as np

from ..arrays import Arrays, Doubles, flat, moved, rows, shaped
from .knowledge import Knowledge

STEPS, RATE = 30, 0.3
MARGIN = 1.0  # of the best honest gain that it keeps
REACH = 40.0  # longest update: checks refuse longer ones
HALVINGS = 12


def update(known: Knowledge) -> Arrays:
    """The same for every liar."""
    honest = known.honest or [known.own]
    before = known.trust_loss(known.model)
    wanted = MARGIN * max(before - known.trust_loss(moved(known.model, u)) for u in honest)
    loved, slope = _down(known)
    harm = -rows(honest).mean(0)
    harm -= slope * (harm @ slope) / max(float(slope @ slope), 1e-12)
    harm /= max(float(np.linalg.norm(harm)), 1e-12)
    low, high = 0.0, REACH - float(np.linalg.norm(loved))
    for _ in range(HALVINGS):
        length = (low + high) / 2
        found = shaped(loved + length * harm, known.own)
        is_trusted = before - known.trust_loss(moved(known.model, found)) >= wanted
        low, high = (length, high) if is_trusted else (low, length)
    return shaped(loved + low * harm, known.own)


def _down(known: Knowledge) -> tuple[Doubles, Doubles]:
    """An update that suits the trust set well, and the loss's slope there."""
    here = np.zeros(sum(value.size for value in known.own.values()))
    slope = here
    for _ in range(STEPS):
        gradient = known.trust_gradient(moved(known.model, shaped(here, known.own)))
        slope = flat({name: gradient[name] for name in known.own})
        here = here - RATE * slope
    return here, slope
