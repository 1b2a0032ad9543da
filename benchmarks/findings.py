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
)
from leadone.distill.findings_fit import (
    LEADS,
    FindingData,
    crossed_logits,
    fit_readouts,
    lead_one_thresholds,
    read_findings,
)
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
    leads = tuple(dict.fromkeys((*LEADS, options.lead)))
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("records", total=1.0)
        data = read_findings(rows, bundle, leads, lambda share: bar.update(task, completed=share))
    logits = crossed_logits(data, _fit)
    above = logits - _crossed_thresholds(data, logits)
    shown = data.leads == options.lead
    data, logits, above = data[shown], logits[shown], above[shown]
    weights = patient_weights(data.patients)
    title = f"{len(logits)} records, lead {options.lead}, {bundle.manifest['name']}"
    table = Table(title=title, box=None)
    for column in ("finding", "cases", "AUC", "Se", "Sp", "G-mean", "12 leads"):
        table.add_column(column, justify="left" if column == "finding" else "right")
    for k, code in enumerate(PATHOLOGIES):
        positive = data.cases[:, k]
        se, sp = sensitivity_specificity(positive, above[:, k], 0.0, weights)
        area = auc(positive, logits[:, k], weights)
        figures = [interval_of(values) for values in (area, se, sp, np.sqrt(se * sp))]
        twelve = f"{TWELVE_LEAD_FIGURES[code][2]:.3f}"
        table.add_row(code, str(positive.sum()), *map(_cell, figures), twelve)
    Console(width=140).print(table)


def _fit(data: FindingData) -> tuple[np.ndarray, np.ndarray]:
    """As a bundle's: a lead that is only looked at teaches nothing."""
    return fit_readouts(data[np.isin(data.leads, LEADS)])


def _crossed_thresholds(data: FindingData, logits: np.ndarray) -> np.ndarray:
    """Each recording's thresholds (n, findings), from lead I of the folds that it is not in."""
    cuts = np.empty_like(logits)
    for fold in np.unique(data.folds):
        others = data.folds != fold
        cuts[~others] = lead_one_thresholds(data[others], logits[others])
    return cuts


def _cell(figure: Interval) -> str:
    return f"{figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}]"


if __name__ == "__main__":
    main()
