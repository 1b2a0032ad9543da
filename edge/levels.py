"""Where the signal stands around an R peak, in parts of the QRS's height: what conduction changes.

In lead I a right bundle branch block ends its QRS in a broad S wave, with the ST segment on the
other side; a left anterior fascicular block begins it with a q wave (AHA/ACCF/HRS 2009, part III).
Whole numbers, so that a device has the same ones, of a byte each.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .beat_context import QRS_WINDOW

Integers = npt.NDArray[np.int64]
Levels = tuple[int, ...]

PLACES = ((-12, -6), (6, 15), (25, 40))  # samples from the R peak: where q, S and ST are
STEPS = 64  # of a height
LARGEST = 127


def levels_of(steps: Integers, r: int) -> Levels:
    """The mean at each of `PLACES` over the height, in `STEPS`, of a signal whose R peak is at `r`.

    `steps` (n,) are whole steps of the signal from `r` - 25 to `r` + 40 at least.
    """
    qrs = steps[r + QRS_WINDOW[0] : r + QRS_WINDOW[1]]
    height = int(qrs.max() - qrs.min()) + 1
    means = (
        (STEPS * int(steps[r + first : r + last].sum()), (last - first) * height)
        for first, last in PLACES
    )
    rounded = ((total + size // 2) // size for total, size in means)
    return tuple(min(max(level, -LARGEST), LARGEST) for level in rounded)
