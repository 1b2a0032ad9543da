"""What a device knows of its recordings: pooled features of each, and its labels, if known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..edge.labels import RHYTHMS

Floats = npt.NDArray[np.float32]
UNKNOWN = -1  # of a rhythm; NaN of a finding


@dataclass(frozen=True)
class Labelled:
    """n recordings: `features` (n, d) as `edge.pooling` gives them, with labels as far as known.

    `rhythm` (n,) is an index of `labels.RHYTHMS` or UNKNOWN; `findings` (n, k) are 0, 1 or NaN, in
    the order of the task's codes; `people` (n,) says whose they are: the unit of splitting.
    """

    features: Floats
    rhythm: npt.NDArray[np.int64]
    findings: Floats
    people: npt.NDArray[np.str_]

    def __len__(self) -> int:
        """Recordings."""
        return len(self.features)

    def __getitem__(self, chosen: npt.NDArray[np.generic] | slice) -> Labelled:
        """Some of them, by index or mask."""
        return Labelled(
            self.features[chosen], self.rhythm[chosen], self.findings[chosen], self.people[chosen]
        )

    def targets(self) -> npt.NDArray[np.bool_]:
        """What holds (n, rhythms + k), the rhythms one against the rest; unknown counts as no."""
        rhythms = self.rhythm[:, None] == np.arange(len(RHYTHMS))
        return np.concatenate([rhythms, self.findings == 1], 1)


def joined(parts: list[Labelled]) -> Labelled:
    """All recordings of some devices."""
    return Labelled(
        np.concatenate([p.features for p in parts]),
        np.concatenate([p.rhythm for p in parts]),
        np.concatenate([p.findings for p in parts]),
        np.concatenate([p.people for p in parts]),
    )
