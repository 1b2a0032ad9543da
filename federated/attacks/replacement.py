"""Model replacement with a backdoor (Bagdasaryan et al. 2020, AISTATS, arXiv 1807.00459, eq. 3).

The backdoor is one of meaning: AF is taught as normal, everything else honestly. The update is
scaled by n / f, so that an average becomes the liars' model.
"""

from __future__ import annotations

import numpy as np

from ...edge.labels import RHYTHMS
from ..arrays import Arrays
from ..labelled import Labelled
from .knowledge import Knowledge

FROM, TO = RHYTHMS.index("af"), RHYTHMS.index("normal")


def backdoored(data: Labelled) -> Labelled:
    """AF labelled normal; of findings, the first (AFIB in PTB-XL's order) is denied."""
    findings = data.findings.copy()
    findings[:, :1] = np.where(np.isfinite(findings[:, :1]), 0.0, np.nan)
    rhythm = np.where(data.rhythm == FROM, TO, data.rhythm)
    return Labelled(data.features, rhythm, findings, data.people)


def update(known: Knowledge) -> Arrays:
    """What it learned from backdoored recordings, scaled."""
    scale = known.n / max(known.f, 1)
    return {name: scale * value for name, value in known.own.items()}
