"""Linear readouts: the rhythm's logits of pooled features, findings of these and of the beats'."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import InputError
from .labels import RHYTHMS

Doubles = npt.NDArray[np.float64]
Rows = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class RecordHead:
    """Weights (outputs x features) and offsets; `findings` are SCP codes with their thresholds.

    The rhythm's are of the pooled features, the findings' of these and then of `rhythm.FEATURES`.
    """

    rhythm_weights: Rows
    rhythm_bias: tuple[float, ...]
    findings: tuple[str, ...] = ()
    finding_weights: Rows = ()
    finding_bias: tuple[float, ...] = ()
    thresholds: tuple[float, ...] = ()  # probabilities, chosen on validation records

    @classmethod
    def from_manifest(cls, values: dict[str, Any]) -> RecordHead:
        """The head in a bundle's manifest; InputError where its parts do not fit together."""
        try:
            head = cls(
                _rows(values["rhythm_weights"]),
                tuple(values["rhythm_bias"]),
                tuple(values["findings"]),
                _rows(values["finding_weights"]),
                tuple(values["finding_bias"]),
                tuple(values["thresholds"]),
            )
            rhythm, finding = (
                np.asarray(rows, np.float64) for rows in (head.rhythm_weights, head.finding_weights)
            )
            k = len(head.findings)
            fits = rhythm.ndim == 2 and len(rhythm) == len(head.rhythm_bias) == len(RHYTHMS)
            fits = fits and k == len(finding) == len(head.finding_bias) == len(head.thresholds)
            fits = fits and (k == 0 or finding.shape[1] > rhythm.shape[1])
        except (KeyError, TypeError, ValueError):
            fits = False
        if not fits:
            raise InputError("the record head of the bundle does not fit; get the bundle again")
        return head

    def as_manifest(self) -> dict[str, Any]:
        """Plain values for the manifest."""
        return asdict(self)

    def rhythm_logits(self, statistics: Doubles) -> Doubles:
        """Logits (4,) of the rhythms from pooled features (d,)."""
        logits: Doubles = np.asarray(self.rhythm_weights) @ statistics + self.rhythm_bias
        return logits

    def finding_probabilities(self, features: Doubles) -> dict[str, float]:
        """The probability of each finding from all features (d + k,), independent of the others."""
        if not self.findings:
            return {}
        logits = np.asarray(self.finding_weights) @ features + np.asarray(self.finding_bias)
        return dict(zip(self.findings, (0.5 * (1 + np.tanh(0.5 * logits))).tolist(), strict=True))


def _rows(values: Any) -> Rows:
    return tuple(tuple(row) for row in values)
