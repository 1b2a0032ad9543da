"""Fit the findings on PTB-XL: a logistic readout of what the bundle makes of a record's lead I.

The network's pooled features, which no finding has trained, stand beside the features of the beats
(`rhythm.FEATURES`): among the latter are those that define a finding, such as the rate, the PR
interval and the width of a QRS. Rate, rhythm and PR are the same on every lead, so that their
readouts learn from leads I and II, each a recording of its own; what is read from the shape of a
QRS learns from lead I.

Training records are the folds 1 to 8. Each of them is told by a readout of the seven other folds;
on these opinions of lead I the thresholds of the best smoothed G-mean are chosen, and are put at a
probability of one half: what is told is the probability among as many cases as others, not at any
clinic's prevalence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..edge.analyze import MIN_DURATION_S
from ..edge.bundle import Bundle
from ..edge.errors import InputError
from ..edge.events import Rhythm
from ..edge.monitor import Monitor
from ..edge.network import StreamingNetwork
from ..edge.record import Record
from ..edge.record_features import pooled_features
from ..edge.record_head import RecordHead
from ..edge.rhythm import FEATURES, RhythmModel
from .classification import smooth_threshold
from .classifier import Doubles, fit_readout
from .ptbxl import PATHOLOGIES, TEST_FOLDS, Label
from .records import ptbxl_records, read_lead

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Strings = npt.NDArray[np.str_]

# Lead II, where P waves are tall, beside I: crosswise on folds 1 to 9 it lifts lead I's mean AUC by
# .0016 [.0001, .0037] (wrist) and .0015 [.0001, .0029] (phone); V1 to V6 beside it lift no more.
LEADS = ("I", "II")
SHAPES = ("IRBBB", "CRBBB", "CLBBB", "LAFB")

THRESHOLD = 0.5
FEW_CASES = 10  # below it a threshold is luck
# The network's features are four times as many as the beats', and of a finding there are few cases.
# Chosen crosswise on folds 1 to 8: the mean G-mean is .875 (wrist) and .869 (phone), with .03 for
# all of them .869 and .871.
BEATS_PENALTY, NETWORK_PENALTY = 0.03, 0.3


@dataclass(frozen=True)
class FindingData:
    """Features (n, d + k), cases (n, findings), and fold, patient and lead of each recording."""

    features: Doubles
    cases: Bools
    folds: Ints
    patients: Strings
    leads: Strings

    def __getitem__(self, chosen: Bools) -> FindingData:
        """The recordings of a mask."""
        return FindingData(*(getattr(self, field.name)[chosen] for field in fields(self)))


Fit = Callable[[FindingData], tuple[Doubles, Doubles]]


def finding_rows(data: Path) -> list[tuple[Path, str, Label]]:
    """PTB-XL's records outside the folds for testing; InputError where they show no finding."""
    rows = [row for row in ptbxl_records(data) if row[2].fold not in TEST_FOLDS]
    labels = [label for _, _, label in rows]
    if len(why_not_fitted(_cases(labels), _folds(labels))) == len(PATHOLOGIES):
        raise InputError(
            f"PTB-XL's folds 1 to 8 below {data} hold {len(rows)} records, and no finding has "
            "cases in two of these folds: none could be fitted; bring others, or leave the folder "
            "out"
        )
    return rows


def why_not_fitted(cases: Bools, folds: Ints) -> dict[str, str]:
    """The findings that can't be fitted and tried across folds, each with the reason.

    `cases` (n, findings) and `folds` (n,) are those of the records.
    """
    reasons = {}
    for k, code in enumerate(PATHOLOGIES):
        with_it, without = np.unique(folds[cases[:, k]]), np.unique(folds[~cases[:, k]])
        if not len(with_it):
            reasons[code] = "in no record"
        elif len(with_it) == 1:
            reasons[code] = f"in fold {with_it[0]} alone"
        elif len(without) < 2:
            reasons[code] = "in every record of all folds but one"
    return reasons


def said_of(data: FindingData) -> list[str]:
    """Sentences about what was not fitted, and about what was fitted on few cases."""
    own = data[data.leads == "I"]
    reasons = why_not_fitted(own.cases, own.folds)
    by_reason: dict[str, list[str]] = {}
    for code, reason in reasons.items():
        by_reason.setdefault(reason, []).append(code)
    sentences = [
        f"not fitted, and not told by the bundle: {', '.join(codes)} ({reason})"
        for reason, codes in by_reason.items()
    ]
    few = [
        f"{code} ({count})"
        for code, count in zip(PATHOLOGIES, own.cases.sum(0).tolist(), strict=True)
        if code not in reasons and count < FEW_CASES
    ]
    return sentences + ([f"fitted on few cases: {', '.join(few)}"] if few else [])


def read_findings(
    rows: Sequence[tuple[Path, str, Label]],
    bundle: Bundle,
    leads: Sequence[str] = ("I",),
    progress: Callable[[float], None] | None = None,
) -> FindingData:
    """The features of these leads of the records; what can't be read is left out."""
    features, labels, names = [], [], []
    stream = StreamingNetwork(bundle.files[bundle.manifest["network"]])
    recordings = [(lead, path, label) for lead in leads for path, _, label in rows]
    for k, (lead, path, label) in enumerate(recordings):
        found = record_features(read_lead(path, lead), bundle, stream)
        if found is not None:
            features.append(found)
            labels.append(label)
            names.append(lead)
        if progress is not None:
            progress((k + 1) / len(recordings))
    return FindingData(
        np.array(features),
        _cases(labels),
        _folds(labels),
        np.array([label.patient for label in labels]),
        np.array(names),
    )


def _cases(labels: Sequence[Label]) -> Bools:
    cases = [[code in label.codes for code in PATHOLOGIES] for label in labels]
    return np.array(cases, bool).reshape(-1, len(PATHOLOGIES))


def _folds(labels: Sequence[Label]) -> Ints:
    return np.array([label.fold for label in labels], np.int64)


def fit_readouts(data: FindingData, last: int = len(FEATURES)) -> tuple[Doubles, Doubles]:
    """Weights (findings, d + k) and offsets of logistic readouts; the `last` features are few."""
    penalty = np.full(data.features.shape[1], NETWORK_PENALTY)
    penalty[-last:] = BEATS_PENALTY
    weights, bias = fit_readout(data.features, data.cases, penalty)
    lead_one = data[data.leads == "I"]
    shapes = np.isin(PATHOLOGIES, SHAPES)
    weights[shapes], bias[shapes] = fit_readout(
        lead_one.features, lead_one.cases[:, shapes], penalty
    )
    return weights, bias


def fit_findings(data: FindingData, head: RecordHead) -> RecordHead:
    """The head with findings, without those of `why_not_fitted`; InputError where none is left."""
    own = data[data.leads == "I"]
    reasons = why_not_fitted(own.cases, own.folds)
    told = np.array([k for k, code in enumerate(PATHOLOGIES) if code not in reasons])
    if not len(told):
        raise InputError(
            f"{len(own.folds)} records of PTB-XL hold enough beats, and no finding has cases in "
            "two folds of these: none could be fitted; bring others, or leave the folder out"
        )
    weights, bias = fit_readouts(data)
    cuts = lead_one_thresholds(data, crossed_logits(data))
    return replace(
        head,
        findings=tuple(PATHOLOGIES[k] for k in told),
        finding_weights=tuple(map(tuple, weights[told].tolist())),
        finding_bias=tuple((bias - cuts)[told].tolist()),
        thresholds=(THRESHOLD,) * len(told),
    )


def lead_one_thresholds(data: FindingData, logits: Doubles) -> Doubles:
    """The threshold of each finding (findings,) by the opinions (n, findings) of lead I; or NaN."""
    own = data.leads == "I"
    pairs = zip(data.cases[own].T, logits[own].T, strict=True)
    return np.array([smooth_threshold(cases, told) for cases, told in pairs])


def crossed_logits(data: FindingData, fit: Fit = fit_readouts) -> Doubles:
    """Logits (n, findings) of each fold by a readout that `fit` makes of the others."""
    logits = np.full(data.cases.shape, np.nan)
    for fold in np.unique(data.folds):
        here = data.folds == fold
        weights, bias = fit(data[~here])
        logits[here] = data.features[here] @ weights.T + bias
    return logits


def record_features(record: Record, bundle: Bundle, stream: StreamingNetwork) -> Doubles | None:
    """Pooled features and those of the beats (d + k,) of a short record; None for too few beats."""
    if record.duration_s < MIN_DURATION_S:
        return None
    monitor = Monitor(bundle, record.lead)
    events = monitor.push(record.signal_mv, record.rate_hz) + monitor.finish()
    told = [event.evidence for event in events if isinstance(event, Rhythm) and event.evidence]
    if not told:
        return None
    model = RhythmModel.from_manifest(bundle.manifest["rhythm"])
    return np.concatenate([pooled_features(record, stream), model.standardised(np.array(told[-1]))])
