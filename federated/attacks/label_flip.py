"""Label flip (Biggio et al. 2012): honest training on wrong labels.

A rhythm c of C becomes C - 1 - c, a finding its opposite.
"""

from __future__ import annotations

import numpy as np

from ...edge.labels import RHYTHMS
from ..labelled import UNKNOWN, Labelled


def flipped(data: Labelled) -> Labelled:
    """The same recordings with every known label turned round."""
    rhythm = np.where(data.rhythm == UNKNOWN, UNKNOWN, len(RHYTHMS) - 1 - data.rhythm)
    return Labelled(data.features, rhythm, 1 - data.findings, data.people)
