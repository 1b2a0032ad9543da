"""Fit the findings on PTB-XL's lead I: a logistic readout of the network's pooled features.

The readout that was trained along with the network is fitted anew on the features that the bundle's
network gives, with a penalty chosen by parts of the training folds: unseen cases are told better by
it (fold 8, mean AUC of ten findings .920 against .904). Thresholds are those of the best smoothed
G-mean on the fold for validation, and are put at a probability of one half: what is told is the
probability among as many cases as others, not at any clinic's prevalence.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from ..edge.network import StreamingNetwork
from ..edge.record_features import pooled_features
from ..edge.record_head import RecordHead
from .classification import smooth_threshold
from .classifier import fit_head
from .evaluate import with_progress
from .ptbxl import PATHOLOGIES, TEST_FOLDS, VALIDATION_FOLD
from .records import ptbxl_records, read_lead_one

THRESHOLD = 0.5


def fit_findings(data: Path, network: bytes, head: RecordHead) -> RecordHead:
    """The head with findings; one without cases in the fold for validation is left out."""
    rows = [row for row in ptbxl_records(data) if row[2].fold not in TEST_FOLDS]
    stream = StreamingNetwork(network)
    features = np.array(
        [pooled_features(read_lead_one(p), stream) for p, *_ in with_progress(rows)]
    )
    cases = np.array([[code in label.codes for code in PATHOLOGIES] for _, _, label in rows])
    is_kept = np.array([label.fold == VALIDATION_FOLD for _, _, label in rows])
    weights, bias = fit_head(features[~is_kept], cases[~is_kept])
    logits = features[is_kept] @ weights.T + bias
    cuts = np.array([smooth_threshold(cases[is_kept, k], logits[:, k]) for k in range(len(bias))])
    told = np.flatnonzero(np.isfinite(cuts))
    return replace(
        head,
        findings=tuple(PATHOLOGIES[k] for k in told),
        finding_weights=tuple(map(tuple, weights[told].tolist())),
        finding_bias=tuple((bias - cuts)[told].tolist()),
        thresholds=(THRESHOLD,) * len(told),
    )
