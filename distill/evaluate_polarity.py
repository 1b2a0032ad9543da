"""Swapped hands on PTB-XL: lead I turned upside down has to be told, as it is it must not be.

Swapped arm electrodes turn lead I exactly. A record that is told at any moment counts.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..edge.analysis import Analysis
from ..edge.analyze import analyze
from ..edge.bundle import Bundle, load_bundle
from ..edge.errors import InputError
from .classification import patient_weights
from .evaluate import Run, known_run, plain_dict, run_of, seen_by, with_progress
from .metrics import Interval, interval
from .records import ptbxl_records, read_lead


@dataclass(frozen=True)
class PolarityResult:
    """The share told reversed of turned records, and of those as they are."""

    run: Run
    found: Interval
    falsely: Interval

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        shares = {"found": asdict(self.found), "falsely": asdict(self.falsely)}
        return plain_dict({**asdict(self.run), **shares})


def evaluate_polarity(
    data: Path, model: str | Path | Bundle, fold: int | None = None, *, limit: int | None = None
) -> PolarityResult:
    """Score a bundle on PTB-XL's lead I, as it is and turned; intervals over patients."""
    bundle = model if isinstance(model, Bundle) else load_bundle(model)
    rows = [row for row in ptbxl_records(data) if fold is None or row[2].fold == fold][:limit]
    if not rows:
        raise InputError(f"{data} has no record of PTB-XL's fold {fold}; see its labels.csv")
    told: list[tuple[bool, bool]] = []
    analyses: list[Analysis] = []
    for path, _, _ in with_progress(rows):
        record = read_lead(path)
        turned = replace(record, signal_mv=-record.signal_mv)
        both = [analyze(one, bundle) for one in (turned, record)]
        analyses.append(both[1])
        turned_told, as_is_told = (_is_told(one) for one in both)
        told.append((turned_told, as_is_told))
    names = [identity for _, identity, _ in rows]
    run = run_of("polarity", "i", "turned", names, analyses)
    run = known_run(run, fold, seen_by(bundle, str))
    weights = patient_weights(np.array([label.patient for _, _, label in rows]))[1:]
    table = np.array([(*both, True) for both in told], np.float64)
    found = interval(table, lambda sums: np.asarray(sums[..., 0] / sums[..., 2]), weights)
    falsely = interval(table, lambda sums: np.asarray(sums[..., 1] / sums[..., 2]), weights)
    return PolarityResult(run, found, falsely)


def _is_told(analysis: Analysis) -> bool:
    return any(alert.kind == "reversed_hands" for alert in analysis.alerts)
