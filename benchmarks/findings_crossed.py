"""Findings on both folds of PTB-XL that no weight has seen, each with the other fold's thresholds.

    python benchmarks/findings_crossed.py --data DATA --model phone

Fold 9 alone has four to twelve cases of a finding; with fold 8 there are more. The bundle's own
thresholds were chosen on fold 8, so that here they are chosen anew: on fold 9 for fold 8, and the
other way round. Lead I; 95 % intervals by bootstrap over patients.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from leadone.distill.classification import (
    auc,
    interval_of,
    patient_weights,
    sensitivity_specificity,
    smooth_threshold,
)
from leadone.distill.evaluate import with_progress
from leadone.distill.metrics import Interval
from leadone.distill.ptbxl import PATHOLOGIES, VALIDATION_FOLD
from leadone.distill.records import ptbxl_records, read_lead_one
from leadone.edge.bundle import load_bundle
from leadone.edge.network import StreamingNetwork
from leadone.edge.record_features import pooled_features

FOLDS = (VALIDATION_FOLD, VALIDATION_FOLD + 1)


def main() -> None:
    """Print a row a finding."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", default="wrist")
    options = parser.parse_args()
    bundle = load_bundle(options.model)
    network = StreamingNetwork(bundle.files[bundle.manifest["network"]])
    rows = [row for row in ptbxl_records(options.data) if row[2].fold in FOLDS]
    features = np.array(
        [pooled_features(read_lead_one(path), network) for path, _, _ in with_progress(rows)]
    )
    labels = [label for _, _, label in rows]
    folds = np.array([label.fold for label in labels])
    weights = patient_weights(np.array([label.patient for label in labels]))
    head = bundle.manifest["record_head"]
    logits = features @ np.array(head["finding_weights"]).T + np.array(head["finding_bias"])
    table = Table(title=f"{len(rows)} records, {bundle.manifest['name']}", box=None)
    for column in ("finding", "cases", "AUC", "Se", "Sp", "G-mean"):
        table.add_column(column, justify="left" if column == "finding" else "right")
    for k, code in enumerate(PATHOLOGIES):
        positive = np.array([code in label.codes for label in labels])
        above = logits[:, k] - _crossed_thresholds(positive, logits[:, k], folds)
        se, sp = sensitivity_specificity(positive, above, 0.0, weights)
        area = auc(positive, logits[:, k], weights)
        figures = [interval_of(values) for values in (area, se, sp, np.sqrt(se * sp))]
        table.add_row(code, str(positive.sum()), *map(_cell, figures))
    Console(width=120).print(table)


def _crossed_thresholds(positive: np.ndarray, logits: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Each record's threshold, from the fold that it is not in."""
    here, there = (folds == fold for fold in FOLDS)
    return np.where(
        here,
        smooth_threshold(positive[there], logits[there]),
        smooth_threshold(positive[here], logits[here]),
    )


def _cell(figure: Interval) -> str:
    return f"{figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}]"


if __name__ == "__main__":
    main()
