"""Findings of lead I, crossed over PTB-XL's folds: every record told by a readout of the others.

    python benchmarks/findings.py --data DATA --model phone
    python benchmarks/findings.py --data DATA --lead II     # by the readout of lead I

A fold alone has four to twelve cases of a finding. No finding has taught the bundle's network, so
that its readout can be fitted anew on eight folds for the ninth, and the thresholds be chosen on
the opinions of the others. Of what it reads, only the beat classes have heard of findings: of PVC
and PAC in folds 1 to 8 (`distill/hinted_beats.py`). Intervals are 95 %, by bootstrap over patients;
the last column is the specification's, of 12 leads and other records.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from leadone.distill.classification import (
    auc,
    interval_of,
    patient_weights,
    sensitivity_specificity,
    smooth_threshold,
)
from leadone.distill.findings_fit import FindingData, crossed_logits, read_findings
from leadone.distill.metrics import Interval
from leadone.distill.ptbxl import PATHOLOGIES
from leadone.distill.records import ptbxl_records
from leadone.distill.tables import TWELVE_LEAD_FIGURES
from leadone.edge.bundle import load_bundle


def main() -> None:
    """Print a row a finding."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", default="wrist")
    parser.add_argument("--lead", default="I")
    options = parser.parse_args()
    bundle, rows = load_bundle(options.model), ptbxl_records(options.data)
    leads = dict.fromkeys(("I", options.lead))
    with Progress(console=Console(stderr=True), transient=True) as bar:
        data = {lead: read_findings(rows, bundle, _progress(bar, lead), lead) for lead in leads}
    learned, read = data["I"], data[options.lead]
    logits = crossed_logits(learned, told=read)
    above = logits - _crossed_thresholds(learned, read.folds)
    weights = patient_weights(read.patients)
    title = f"{len(logits)} records, lead {options.lead}, {bundle.manifest['name']}"
    table = Table(title=title, box=None)
    for column in ("finding", "cases", "AUC", "Se", "Sp", "G-mean", "12 leads"):
        table.add_column(column, justify="left" if column == "finding" else "right")
    for k, code in enumerate(PATHOLOGIES):
        positive = read.cases[:, k]
        se, sp = sensitivity_specificity(positive, above[:, k], 0.0, weights)
        area = auc(positive, logits[:, k], weights)
        figures = [interval_of(values) for values in (area, se, sp, np.sqrt(se * sp))]
        twelve = f"{TWELVE_LEAD_FIGURES[code][2]:.3f}"
        table.add_row(code, str(positive.sum()), *map(_cell, figures), twelve)
    Console(width=140).print(table)


def _progress(bar: Progress, lead: str) -> Callable[[float], None]:
    task = bar.add_task(f"lead {lead}", total=1.0)
    return lambda share: bar.update(task, completed=share)


def _crossed_thresholds(learned: FindingData, folds: np.ndarray) -> np.ndarray:
    """Thresholds (n, findings) for records of these folds, each from the other folds of lead I."""
    told = crossed_logits(learned)

    def cuts(fold: int) -> list[float]:
        others = learned.folds != fold
        pairs = zip(learned.cases[others].T, told[others].T, strict=True)
        return [smooth_threshold(cases, logits) for cases, logits in pairs]

    by_fold = {fold: cuts(fold) for fold in set(folds.tolist())}
    return np.array([by_fold[fold] for fold in folds.tolist()])


def _cell(figure: Interval) -> str:
    return f"{figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}]"


if __name__ == "__main__":
    main()
