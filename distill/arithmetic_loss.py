"""What int8 costs: every figure of the float32 network and of the shipped one, side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from ..edge.errors import InputError
from .datasets import CINC_VALIDATION_FOLD
from .evaluate import BeatResult, DelineationResult, Result, Share, evaluate_set
from .evaluate_records import FindingResult, RhythmResult, evaluate_records
from .ptbxl import VALIDATION_FOLD

MAX_LOSS_POINTS = 0.3
SETS = ("ludb", "qtdb", "mitdb", "cinc2017", "ptbxl")


@dataclass(frozen=True)
class Figure:
    """One figure of one set by both arithmetics: a share (0..1), or a spread in ms.

    What is `bounded` may not lose more than the limit; the rest, of few cases or in ms, is shown.
    """

    dataset: str
    name: str
    float32: float
    int8: float
    unit: str = "%"
    bounded: bool = True

    @property
    def loss(self) -> float:
        """How many points, or ms, int8 is worse; below zero where it is better."""
        return 100 * (self.float32 - self.int8) if self.unit == "%" else self.int8 - self.float32


def arithmetic_loss(
    data: Path,
    float32: Path,
    int8: Path,
    fold: int | None,
    sets: Sequence[str] = SETS,
    progress: Callable[[str, float], None] | None = None,
) -> list[Figure]:
    """Both bundles on the `sets` that are below `data`: records of `fold`, all for None.

    Rhythm and findings are read on the validation folds that fitted neither network.
    """
    figures = []
    for name in sets:
        if not (data / name).is_dir():
            continue
        show = partial(progress, f"int8 on {name}") if progress is not None else None
        wanted, got = (
            _scores(name, data, bundle, fold, _half_of(show, half))
            for half, bundle in enumerate((float32, int8))
        )
        pairs = zip(wanted, got, strict=True)
        figures += [Figure(name, a.name, a.value, b.value, a.unit, a.bounded) for a, b in pairs]
    return [f for f in figures if np.isfinite(f.float32) and np.isfinite(f.int8)]


def check_loss(figures: list[Figure], limit_points: float = MAX_LOSS_POINTS) -> None:
    """InputError where int8 loses more than `limit_points` of any figure."""
    worst = max((f for f in figures if f.bounded), key=lambda f: f.loss, default=None)
    if worst is not None and worst.loss > limit_points:
        raise InputError(
            f"int8 loses {worst.loss:.2f} points of {worst.name} on {worst.dataset}, more "
            f"than {limit_points:g}: nothing was written; train on, try another --percentile, or "
            "allow it by --max-loss"
        )


@dataclass(frozen=True)
class _Value:
    name: str
    value: float
    unit: str = "%"
    bounded: bool = True


def _half_of(progress: Share | None, half: int) -> Share | None:
    """What tells the progress of the first (0) or second (1) half of some work."""
    return None if progress is None else lambda share: progress((half + share) / 2)


def _scores(
    name: str, data: Path, bundle: Path, fold: int | None, progress: Share | None
) -> list[_Value]:
    result: Result | RhythmResult | FindingResult
    if name == "cinc2017":
        result = evaluate_records(name, data, bundle, CINC_VALIDATION_FOLD, progress)
    elif name == "ptbxl":
        result = evaluate_records(name, data, bundle, VALIDATION_FOLD, progress)
    else:
        result = evaluate_set(name, data, str(bundle), fold=fold, progress=progress)
    return list(_figures(result))


def _figures(result: Result | RhythmResult | FindingResult) -> Iterator[_Value]:
    if isinstance(result, DelineationResult):
        for fiducial, one in result.score.fiducials.items():
            edge = fiducial.replace("_", " ")
            yield _Value(f"{edge} F1", one.f1.value)
            yield _Value(f"{edge} error sd", one.error_sd_ms.value, "ms", False)
    elif isinstance(result, BeatResult):
        yield _Value("QRS Se", result.score.qrs.sensitivity.value)
        yield _Value("QRS PPV", result.score.qrs.ppv.value)
        yield _Value("V F1", result.score.veb.f1.value)
        yield _Value("S F1", result.score.sveb.f1.value, bounded=False)
    elif isinstance(result, RhythmResult):
        yield _Value("mean F1 of normal, af, other", result.mean_n_a_o.value)
        yield _Value("AF AUC", result.af_auc.value)
        yield _Value("AF Se at Sp 95", result.af_sensitivity.value, bounded=False)
    else:
        aucs = [finding.auc.value for finding in result.findings.values()]
        yield _Value("mean AUC of findings", float(np.nanmean(aucs)) if aucs else float("nan"))
        for code, finding in result.findings.items():
            yield _Value(f"{code} AUC", finding.auc.value, bounded=False)
