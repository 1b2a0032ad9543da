"""What a reply has to be before any rule looks at it; one that is not is left out, by its reason.

No count, loss or accuracy that a client states of itself is used anywhere.
"""

from __future__ import annotations

import numpy as np

from .arrays import Arrays, norm

MAX_NORM = 50.0  # a round of honest training moves a head by about 1


def fault(update: Arrays, like: Arrays, max_norm: float = MAX_NORM) -> str | None:
    """Why the update can't be used, None if it can; `like` has the names, shapes and dtypes."""
    for name in like:
        if name not in update:
            return f"lacks {name!r}"
    for name, value in update.items():
        if name not in like:
            return f"has the unknown {name[:40]!r}"
        if not isinstance(value, np.ndarray) or value.shape != like[name].shape:
            return f"{name!r} has the shape {np.shape(value)}, not {like[name].shape}"
        if value.dtype not in (np.float32, np.float64):
            return f"{name!r} is {value.dtype}, not float32"
        if not np.isfinite(value).all():
            return f"{name!r} is not finite"
    length = norm(update)
    if not length <= max_norm:
        return f"moves the model by {length:.3g}, more than {max_norm:g}"
    return None
