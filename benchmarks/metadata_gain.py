"""What age and sex add to the findings: the same readout of the shipped network, with and without.

    python benchmarks/metadata_gain.py --data DATA

A logistic readout of what the bundle makes of PTB-XL's lead I is fitted on eight of folds 1 to 9
for the ninth, once with age (in decades, its square) and sex beside it; AUC over all nine, and the
difference on the same patients with its 95 % interval. PTB-XL was recorded by one maker's
devices and names no other, so that a device as input can't be measured on it.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from leadone.distill.classification import auc, interval_of, patient_weights
from leadone.distill.findings_fit import crossed_logits, fit_readouts, read_findings
from leadone.distill.ptbxl import PATHOLOGIES, Label
from leadone.distill.records import ptbxl_records
from leadone.edge.bundle import load_bundle
from leadone.edge.rhythm import FEATURES

OLDEST = 90.0  # PTB-XL writes 300 for all above 89


def main() -> None:
    """Print a row a finding."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", default="wrist")
    options = parser.parse_args()
    bundle = load_bundle(options.model)
    rows = ptbxl_records(options.data)
    data = read_findings(rows, bundle)
    person_of = {label.patient: _person(label) for _, _, label in rows}
    persons = np.array([person_of[patient] for patient in data.patients])
    told = replace(data, features=np.concatenate([data.features, persons], 1))
    weights = patient_weights(data.patients)
    last = len(FEATURES) + persons.shape[1]
    scores = [crossed_logits(data), crossed_logits(told, partial(fit_readouts, last=last))]
    table = Table(box=None)
    for column in ("finding", "cases", "AUC", "with age and sex", "difference"):
        table.add_column(column, justify="left" if column == "finding" else "right")
    for k, code in enumerate(PATHOLOGIES):
        without, with_them = (auc(data.cases[:, k], one[:, k], weights) for one in scores)
        figures = [interval_of(v) for v in (without, with_them, with_them - without)]
        cells = [f"{f.value:.3f} [{f.low:.3f}, {f.high:.3f}]" for f in figures]
        table.add_row(code, str(data.cases[:, k].sum()), *cells)
    Console(width=120).print(table)


def _person(label: Label) -> list[float]:
    """Age in decades around 60 and its square, sex, and whether each is known."""
    has_age, has_sex = np.isfinite(label.age), np.isfinite(label.sex)
    decades = (min(label.age, OLDEST) - 60) / 10 if has_age else 0.0
    sex = label.sex - 0.5 if has_sex else 0.0
    return [decades, decades**2, sex, float(has_age), float(has_sex)]


if __name__ == "__main__":
    main()
