"""Score what is said of whole records: the rhythm on CinC 2017, findings on PTB-XL's lead I."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..edge.analysis import Analysis
from ..edge.analyze import MIN_DURATION_S, analyze
from ..edge.bundle import Bundle, load_bundle
from ..edge.errors import InputError
from ..edge.formats.wfdb_records import read_record
from ..edge.labels import RHYTHMS
from ..edge.record import Record
from ..edge.record_head import RecordHead
from .calibration import Calibration, calibrate
from .classification import (
    auc,
    interval_of,
    patient_weights,
    sensitivity_specificity,
)
from .datasets import fold_of, read_cinc2017
from .evaluate import Run, Share, known_run, plain_dict, run_of, seen_by, with_progress
from .metrics import Interval
from .records import CLASS_OF_REFERENCE, ptbxl_records, read_lead

Doubles = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

AF = RHYTHMS.index("af")
AF_SPECIFICITY = 0.95
ERRORS = 10  # kept of a set, to look at
SCORED_RHYTHMS = 3  # the challenge's mean is of normal, af and other


@dataclass(frozen=True)
class RhythmResult:
    """CinC 2017, one rhythm a record: the challenge's F1, AF against the rest, and counts.

    `af_sensitivity` is at the threshold that leaves a specificity of .95 on these records.
    `confusion` is (reference, told) in the order of `RHYTHMS`.
    """

    run: Run
    f1: dict[str, Interval]
    mean_n_a_o: Interval
    af_auc: Interval
    af_sensitivity: Interval
    calibration: Calibration
    confusion: npt.NDArray[np.int64]
    classes: npt.NDArray[np.int64] = field(repr=False)
    probabilities: Doubles = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        left_out = ("classes", "probabilities")
        values = {k: v for k, v in asdict(self).items() if k not in (*left_out, "run")}
        known = {"rhythms": list(RHYTHMS), "surest_errors": self.surest_errors()}
        return plain_dict({**asdict(self.run), **values, **known})

    def surest_errors(self, count: int = ERRORS) -> list[dict[str, Any]]:
        """The records that were told wrongly with the highest probability, a few beats or more."""
        told, sure = self.probabilities.argmax(1), self.probabilities.max(1)
        wrong = np.flatnonzero((told != self.classes) & (sure < 1.0))
        return [
            {
                "record": self.run.records[k],
                "reference": RHYTHMS[self.classes[k]],
                "told": RHYTHMS[told[k]],
                "probability": float(sure[k]),
            }
            for k in wrong[np.argsort(-sure[wrong], kind="stable")][:count]
        ]


@dataclass(frozen=True)
class FindingScore:
    """One diagnosis at its bundle's threshold; G-mean is (sensitivity * specificity)^0.5."""

    cases: int
    auc: Interval
    sensitivity: Interval
    specificity: Interval
    g_mean: Interval


@dataclass(frozen=True)
class FindingResult:
    """PTB-XL, lead I alone, diagnosis by diagnosis; intervals over patients.

    `surest_errors` are what was told wrongly with the highest probability, a few at most.
    """

    run: Run
    findings: dict[str, FindingScore]
    surest_errors: tuple[dict[str, Any], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        own = {k: v for k, v in asdict(self).items() if k != "run"}
        return plain_dict({**asdict(self.run), **own})


def evaluate_records(
    name: str,
    data: Path,
    model: str | Path | Bundle,
    fold: int | None = None,
    progress: Share | None = None,
) -> RhythmResult | FindingResult:
    """Score a bundle on cinc2017 (folds 0 to 4, by record) or ptbxl (1 to 10, its own)."""
    bundle = model if isinstance(model, Bundle) else load_bundle(model)
    if name == "cinc2017":
        return evaluate_cinc2017(data, bundle, fold, progress)
    return evaluate_ptbxl(data, bundle, fold, progress)


def evaluate_cinc2017(
    data: Path, bundle: Bundle, fold: int | None = None, progress: Share | None = None
) -> RhythmResult:
    """One vote a record, by the mean of its windows; records under 5 s are noise."""
    folder = data / "cinc2017" if (data / "cinc2017").is_dir() else data
    rows = [
        (path, CLASS_OF_REFERENCE[kind])
        for path, kind in read_cinc2017(folder)
        if fold is None or fold_of(f"cinc2017/{path.name}") == fold
    ]
    _check_any(rows, folder, fold)
    told, analyses = [], []
    for path, _ in with_progress(rows, progress):
        analysis = _read(read_record(path), bundle)
        told.append(_rhythm_of(analysis))
        analyses += [analysis] if analysis else []
    run = run_of("cinc2017", "I", "REFERENCE-v3", [path.name for path, _ in rows], analyses)
    classes, probabilities = np.array([kind for _, kind in rows]), np.array(told)
    return score_rhythms(
        known_run(run, fold, seen_by(bundle, "cinc2017/{}".format)), classes, probabilities
    )


def score_rhythms(run: Run, classes: npt.NDArray[np.int64], probabilities: Doubles) -> RhythmResult:
    """Figures of classes (n,) and probabilities (n, 4), with intervals over records."""
    weights = patient_weights(np.arange(len(classes)).astype(str))
    told, k = probabilities.argmax(1), len(RHYTHMS)
    f1 = np.array([_f1(classes == c, told == c, weights) for c in range(k)])
    confusion = np.zeros((k, k), np.int64)
    np.add.at(confusion, (classes, told), 1)
    is_af, score = classes == AF, probabilities[:, AF]
    return RhythmResult(
        run,
        {name: interval_of(row) for name, row in zip(RHYTHMS, f1, strict=True)},
        interval_of(f1[:SCORED_RHYTHMS].mean(0)),
        interval_of(auc(is_af, score, weights)),
        interval_of(_sensitivity_at(is_af, score, AF_SPECIFICITY, weights)),
        calibrate(probabilities, classes),
        confusion,
        classes,
        probabilities,
    )


def evaluate_ptbxl(
    data: Path, bundle: Bundle, fold: int | None = None, progress: Share | None = None
) -> FindingResult:
    """Every finding of the bundle, against the statements of PTB-XL's table."""
    rows = [row for row in ptbxl_records(data) if fold is None or row[2].fold == fold]
    _check_any(rows, data, fold)
    analyses = [_read(read_lead(path), bundle) for path, _, _ in with_progress(rows, progress)]
    told = [{f.code: f for f in analysis.findings} if analysis else {} for analysis in analyses]
    run = run_of(
        "ptbxl",
        "I",
        "scp_codes",
        [identity for _, identity, _ in rows],
        [analysis for analysis in analyses if analysis],
    )
    weights = patient_weights(np.array([label.patient for _, _, label in rows]))
    scores, errors = {}, list[dict[str, Any]]()
    head = RecordHead.from_manifest(bundle.manifest["record_head"])
    for code, threshold in zip(head.findings, head.thresholds, strict=True):
        positive = np.array([code in label.codes for _, _, label in rows])
        values = np.array([row[code].probability if code in row else 0.0 for row in told])
        found = values >= threshold
        scores[code] = _score_finding(positive, values, found, weights)
        errors += _finding_errors(code, run.records, positive, values, found)
    errors.sort(key=lambda error: -float(error["probability"]))
    known = known_run(run, fold, seen_by(bundle, str))
    return FindingResult(known, scores, tuple(errors[:ERRORS]))


def _finding_errors(
    code: str, records: Sequence[str], positive: Bools, values: Doubles, found: Bools
) -> list[dict[str, Any]]:
    """What was told wrongly of a finding, with the probability of what was told."""
    words = (f"without {code}", f"with {code}")
    return [
        {
            "record": records[k],
            "reference": words[int(positive[k])],
            "told": words[int(found[k])],
            "probability": float(values[k] if found[k] else 1 - values[k]),
        }
        for k in np.flatnonzero(positive != found).tolist()
    ]


def _score_finding(
    positive: Bools, probabilities: Doubles, found: Bools, weights: Doubles
) -> FindingScore:
    se, sp = sensitivity_specificity(positive, found.astype(np.float64), 0.5, weights)
    return FindingScore(
        int(positive.sum()),
        interval_of(auc(positive, probabilities, weights)),
        interval_of(se),
        interval_of(sp),
        interval_of(np.sqrt(se * sp)),
    )


def _read(record: Record, bundle: Bundle) -> Analysis | None:
    return analyze(record, bundle) if record.duration_s >= MIN_DURATION_S else None


def _rhythm_of(analysis: Analysis | None) -> list[float]:
    if analysis is None:
        return [float(name == "noise") for name in RHYTHMS]
    return [analysis.rhythm.probabilities[name] for name in RHYTHMS]


def _f1(truth: Bools, told: Bools, weights: Doubles) -> Doubles:
    """F1 (r,) for each row of weights (r, n); NaN where a row has none of the class."""
    both = weights[:, truth & told].sum(1)
    either = weights[:, truth].sum(1) + weights[:, told].sum(1)
    f1: Doubles = np.where(weights[:, truth].sum(1) > 0, 2 * both / np.maximum(either, 1), np.nan)
    return f1


def _sensitivity_at(
    positive: Bools, scores: Doubles, specificity: float, weights: Doubles
) -> Doubles:
    """Sensitivity (r,) at the lowest threshold that leaves the specificity in each row.

    NaN where a row has no positive record or no other.
    """
    if positive.all() or not positive.any():
        return np.full(len(weights), np.nan)
    order = np.argsort(-scores, kind="stable")
    w, is_positive = weights[:, order], positive[order]
    false = np.cumsum(w * ~is_positive, 1) / np.maximum((w * ~is_positive).sum(1), 1e-9)[:, None]
    true = np.cumsum(w * is_positive, 1) / np.maximum((w * is_positive).sum(1), 1e-9)[:, None]
    best: Doubles = np.where(false <= 1 - specificity + 1e-12, true, 0.0).max(1)
    return best


def _check_any(rows: Sequence[object], folder: Path, fold: int | None) -> None:
    if not rows:
        where = "" if fold is None else f" in fold {fold}; leave --fold out"
        raise InputError(f"{folder} has no labelled record{where}")
