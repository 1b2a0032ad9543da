"""PCL, patient contrastive learning: two records of one patient find each other.

Diamant et al. 2022, "Patient contrastive learning: a performant, expressive, and practical approach
to electrocardiogram modeling" (PCLR), whose loss is SimCLR's with another record of the patient as
the second view. A patient is drawn once an epoch, so that no batch holds a patient against himself.
One who has a single record is paired with another window of it, or another view of its only window
(as CLOCS pairs segments, Kiyasseh 2021).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from ..views import Views
from ..windows import Windows
from .method import MAIN, Whole
from .simclr import SimCLR, SimCLRConfig


@dataclass(frozen=True)
class PCLConfig(SimCLRConfig):
    """As SimCLR's."""


class PCL(SimCLR):
    """SimCLR whose views come from two windows of a patient."""

    def order(self, windows: Windows, rng: np.random.Generator) -> Whole:
        """One window of each patient."""
        return windows.one_of_each_patient(rng)

    def draw(
        self, views: Views, windows: Windows, chosen: Whole, rng: np.random.Generator
    ) -> tuple[Tensor, ...]:
        """Lead I of each window, and of another of its patient."""
        other = windows.another_of_patient(chosen, rng)
        first = views.draw(windows.number[chosen], MAIN, rng)
        return first, views.draw(windows.number[other], MAIN, rng)
