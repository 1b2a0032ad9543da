"""What int8 costs: every figure of the float32 network and of the shipped one, side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..edge.errors import InputError
from .datasets import CINC_VALIDATION_FOLD
from .evaluate import BeatResult, DelineationResult, Result, evaluate_set
from .evaluate_records import FindingResult, RhythmResult, evaluate_records
from .ptbxl import VALIDATION_FOLD

MAX_LOSS_POINTS = 0.3
SETS = ("ludb", "qtdb", "mitdb", "cinc2017", "ptbxl")


@dataclass(frozen=True)
class Figure:
    """One figure (0..1) of one set by both arithmetics."""

    dataset: str
    name: str
    float32: float
    int8: float

    @property
    def loss_points(self) -> float:
        """How many percent int8 is worse; below zero where it is better."""
        return 100 * (self.float32 - self.int8)


def arithmetic_loss(
    data: Path,
    float32: Path,
    int8: Path,
    fold: int | None,
    sets: Sequence[str] = SETS,
    progress: Callable[[str], None] | None = None,
) -> list[Figure]:
    """Both bundles on the `sets` that are below `data`: records of `fold`, all for None.

    Rhythm and findings are read on the validation folds that fitted neither network.
    """
    figures = []
    for name in sets:
        if not (data / name).is_dir():
            continue
        if progress is not None:
            progress(name)
        wanted, got = (_scores(name, data, bundle, fold) for bundle in (float32, int8))
        figures += [Figure(name, key, wanted[key], got[key]) for key in wanted]
    return [f for f in figures if np.isfinite(f.float32) and np.isfinite(f.int8)]


def check_loss(figures: list[Figure], limit_points: float = MAX_LOSS_POINTS) -> None:
    """InputError where int8 loses more than `limit_points` of any figure."""
    worst = max(figures, key=lambda f: f.loss_points, default=None)
    if worst is not None and worst.loss_points > limit_points:
        raise InputError(
            f"int8 loses {worst.loss_points:.2f} points of {worst.name} on {worst.dataset}, more "
            f"than {limit_points:g}: nothing was written; train on, try another --percentile, or "
            "allow it by --max-loss"
        )


def _scores(name: str, data: Path, bundle: Path, fold: int | None) -> dict[str, float]:
    result: Result | RhythmResult | FindingResult
    if name == "cinc2017":
        result = evaluate_records(name, data, bundle, CINC_VALIDATION_FOLD)
    elif name == "ptbxl":
        result = evaluate_records(name, data, bundle, VALIDATION_FOLD)
    else:
        result = evaluate_set(name, data, str(bundle), fold=fold)
    return dict(_figures(result))


def _figures(result: Result | RhythmResult | FindingResult) -> Iterator[tuple[str, float]]:
    if isinstance(result, DelineationResult):
        for fiducial, one in result.score.fiducials.items():
            yield f"{fiducial.replace('_', ' ')} F1", one.f1.value
    elif isinstance(result, BeatResult):
        yield "QRS Se", result.score.qrs.sensitivity.value
        yield "QRS PPV", result.score.qrs.ppv.value
        yield "V F1", result.score.veb.f1.value
    elif isinstance(result, RhythmResult):
        yield "mean F1 of normal, af, other", result.mean_n_a_o.value
        yield "AF AUC", result.af_auc.value
    else:
        aucs = [one.auc.value for one in result.findings.values()]
        yield "mean AUC of findings", float(np.nanmean(aucs)) if aucs else float("nan")
