"""FLTrust (Cao et al. 2021, NDSS, arXiv 2012.13995, eq. 2 to 4): cosine to the server's own update.

    TS_i = max(0, cos(g_i, g_0)),   g = sum_i TS_i (||g_0|| / ||g_i||) g_i / sum_j TS_j

g_0 is what the server's trust set would have made of the model.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..arrays import Arrays, Doubles, flat, rows


def aggregate(updates: Sequence[Arrays], server_update: Arrays) -> Doubles:
    """What each update is multiplied by (n,), its length taken off; all 0 where none points so."""
    matrix, own = rows(updates), flat(server_update)
    lengths, length = np.linalg.norm(matrix, axis=1), float(np.linalg.norm(own))
    lengths = np.where(lengths > 0, lengths, np.inf)
    if length == 0:
        return np.zeros(len(updates))
    scores = np.maximum(matrix @ own / (lengths * length), 0.0)
    if not scores.any():
        return np.zeros(len(updates))
    weights: Doubles = scores / scores.sum() * (length / lengths)
    return weights
