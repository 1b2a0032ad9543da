"""Choose each finding's threshold on PTB-XL's fold for validation, unseen by the network."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..edge.analyze import analyze
from ..edge.bundle import Bundle
from .classification import smooth_threshold
from .evaluate import with_progress
from .ptbxl import VALIDATION_FOLD
from .records import ptbxl_records, read_lead_one


def thresholds(data: Path, bundle: Bundle) -> dict[str, float]:
    """Probability from which each finding is told: the best smoothed G-mean.

    A finding that has no case among the records is left out.
    """
    rows = [row for row in ptbxl_records(data) if row[2].fold == VALIDATION_FOLD]
    told: dict[str, list[tuple[bool, float]]] = {}
    for path, _, label in with_progress(rows):
        for finding in analyze(read_lead_one(path), bundle).findings:
            case = finding.code in label.codes
            told.setdefault(finding.code, []).append((case, finding.probability))
    chosen = {}
    for code, pairs in told.items():
        cases, probabilities = (np.array(values) for values in zip(*pairs, strict=True))
        logits = np.log(np.clip(probabilities, 1e-9, None) / np.clip(1 - probabilities, 1e-9, None))
        cut = smooth_threshold(cases, logits)
        if np.isfinite(cut):
            chosen[code] = float(0.5 * (1 + np.tanh(0.5 * cut)))
    return chosen
