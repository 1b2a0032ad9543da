"""The one place where metrics are defined: wave boundaries, beats, beat classes, intervals.

Boundaries: one-to-one matches per record within a tolerance, pooled over all records.
Beats: ANSI/AAMI EC57, as its reference implementation `bxb` (Moody, WFDB) counts them.
Everything is counted per record, so that one bootstrap over records serves every figure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Spans = tuple[tuple[float, float], ...]

FIDUCIALS = ("P_on", "P_off", "QRS_on", "QRS_off", "T_on", "T_off")
TOLERANCE_MS = dict.fromkeys(FIDUCIALS, 150.0)
TIGHT_MS = {**dict.fromkeys(FIDUCIALS, 50.0), "QRS_on": 40.0, "QRS_off": 40.0, "T_off": 100.0}
# Two standard deviations between referees, CSE Working Party 1985; it gives none for T onset.
CSE_2SD_MS = {"P_on": 10.2, "P_off": 12.7, "QRS_on": 6.5, "QRS_off": 11.6, "T_off": 30.6}

MATCH_WINDOW_S = 0.15
LEARNING_S = 300.0
CLASSES = "NSVFQO"  # O stands for no beat: its row holds false beats, its column missed ones
RESAMPLES = 2000
ROUNDING = 1e-6  # ms or samples: a distance equal to the tolerance matches


@dataclass(frozen=True)
class Interval:
    """A figure with its 95 % percentile interval; NaN where nothing defines it."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Marks:
    """One fiducial of one record, in ms.

    Unmatched predictions count as false inside `spans` only (LUDB's edge rule: the first and
    last beats are left unannotated), and not inside `exempt`, where the annotator marked the
    wave but left this edge out. Matches are allowed everywhere.
    """

    reference_ms: Floats
    predicted_ms: Floats
    spans_ms: Spans
    exempt_ms: Spans = ()


@dataclass(frozen=True)
class BoundaryCounts:
    """What one record adds to a fiducial's figures."""

    tp: int
    fp: int
    fn: int
    error_sum_ms: float
    error_square_sum: float
    within_cse: int


@dataclass(frozen=True)
class BoundaryScore:
    """One fiducial over a set: error = predicted - reference, pooled over all matched boundaries.

    `within_cse_matched` and `within_cse_all` are shares of the matched and of all reference
    boundaries; both are NaN for T onset.
    """

    references: int
    sensitivity: float
    ppv: float
    f1: Interval
    error_mean_ms: float
    error_sd_ms: Interval
    tight_f1: Interval
    within_cse_matched: float
    within_cse_all: float


@dataclass(frozen=True)
class DelineationScore:
    """The six fiducials, and the plain mean of their F1."""

    fiducials: dict[str, BoundaryScore]
    macro_f1: Interval
    macro_tight_f1: Interval


@dataclass(frozen=True)
class BeatRecord:
    """Beats of one record in samples, ascending, each with its AAMI class (N, S, V, F, Q)."""

    name: str
    rate_hz: float
    reference: npt.NDArray[np.int64]
    reference_labels: str
    test: npt.NDArray[np.int64]
    test_labels: str
    flutter: Spans = ()  # samples of `[` and `]`, both ends included


@dataclass(frozen=True)
class CountScore:
    """Gross counts with intervals, and the plain averages of the records' own figures."""

    tp: int
    fn: int
    fp: int
    sensitivity: Interval
    ppv: Interval
    f1: Interval
    average_sensitivity: float
    average_ppv: float


@dataclass(frozen=True)
class BeatScore:
    """QRS detection, ventricular (VEB) and supraventricular (SVEB) beats of a set."""

    qrs: CountScore
    veb: CountScore
    sveb: CountScore
    confusion: npt.NDArray[np.int64]  # (reference, test) in the order of CLASSES


# --- wave boundaries ------------------------------------------------------------------------


def score_delineation(
    records: Sequence[Mapping[str, Marks]], *, resamples: int = RESAMPLES, seed: int = 0
) -> DelineationScore:
    """Every fiducial at 150 ms and at the tight tolerances, with intervals over records."""
    weights = bootstrap_weights(len(records), resamples, seed)
    wide = {f: _count_table(records, f, TOLERANCE_MS[f]) for f in FIDUCIALS}
    tight = {f: _count_table(records, f, TIGHT_MS[f]) for f in FIDUCIALS}
    scores = {f: _boundary_score(f, wide[f], tight[f], weights) for f in FIDUCIALS}
    return DelineationScore(scores, _macro_f1(wide, weights), _macro_f1(tight, weights))


def count_boundaries(marks: Marks, tolerance_ms: float, limit_ms: float | None) -> BoundaryCounts:
    """The counts of one fiducial of one record; `limit_ms` is its CSE limit."""
    pairs = match_boundaries(marks.reference_ms, marks.predicted_ms, tolerance_ms)
    errors = np.array([marks.predicted_ms[p] - marks.reference_ms[r] for r, p in pairs])
    matched = {p for _, p in pairs}
    false = sum(
        _inside(at, marks.spans_ms) and not _inside(at, marks.exempt_ms)
        for p, at in enumerate(marks.predicted_ms)
        if p not in matched
    )
    limit = -1.0 if limit_ms is None else limit_ms + ROUNDING
    return BoundaryCounts(
        tp=len(pairs),
        fp=false,
        fn=len(marks.reference_ms) - len(pairs),
        error_sum_ms=float(errors.sum()),
        error_square_sum=float(np.square(errors).sum()),
        within_cse=int((np.abs(errors) <= limit).sum()),
    )


def match_boundaries(
    reference_ms: Floats, predicted_ms: Floats, tolerance_ms: float
) -> list[tuple[int, int]]:
    """One-to-one pairs (reference, prediction), nearest first, within the tolerance inclusive."""
    distance = np.abs(reference_ms[:, None] - predicted_ms[None, :])  # (reference, prediction)
    rows, columns = np.nonzero(distance <= tolerance_ms + ROUNDING)
    order = np.argsort(distance[rows, columns], kind="stable")
    taken_rows: set[int] = set()
    taken_columns: set[int] = set()
    pairs = []
    for row, column in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
        if row not in taken_rows and column not in taken_columns:
            taken_rows.add(row)
            taken_columns.add(column)
            pairs.append((row, column))
    return sorted(pairs)


def _inside(at: float, spans: Spans) -> bool:
    return any(start <= at <= end for start, end in spans)


def _count_table(
    records: Sequence[Mapping[str, Marks]], fiducial: str, tolerance_ms: float
) -> Floats:
    """One row a record: tp, fp, fn, error sum, error square sum, within CSE."""
    limit = CSE_2SD_MS.get(fiducial)
    counts = [count_boundaries(record[fiducial], tolerance_ms, limit) for record in records]
    rows = [(c.tp, c.fp, c.fn, c.error_sum_ms, c.error_square_sum, c.within_cse) for c in counts]
    return np.array(rows, dtype=np.float64).reshape(-1, 6)


def _boundary_score(fiducial: str, table: Floats, tight: Floats, weights: Floats) -> BoundaryScore:
    tp, fp, fn, error_sum, _, within = table.sum(axis=0)
    has_limit = fiducial in CSE_2SD_MS
    return BoundaryScore(
        references=int(tp + fn),
        sensitivity=_ratio(tp, tp + fn),
        ppv=_ratio(tp, tp + fp),
        f1=interval(table, _f1, weights),
        error_mean_ms=_ratio(error_sum, tp),
        error_sd_ms=interval(table, _error_sd, weights),
        tight_f1=interval(tight, _f1, weights),
        within_cse_matched=_ratio(within, tp) if has_limit else np.nan,
        within_cse_all=_ratio(within, tp + fn) if has_limit else np.nan,
    )


def _macro_f1(tables: Mapping[str, Floats], weights: Floats) -> Interval:
    """Mean F1 of the six fiducials; NaN where one has neither a reference nor a prediction."""
    stacked = np.concatenate([tables[f] for f in FIDUCIALS], axis=1)  # (records, 6 * 6)
    return interval(stacked, lambda sums: _f1(_by_fiducial(sums)).mean(axis=-1), weights)


def _by_fiducial(sums: Floats) -> Floats:
    return sums.reshape(*sums.shape[:-1], len(FIDUCIALS), 6)


def _f1(sums: Floats) -> Floats:
    tp, fp, fn = sums[..., 0], sums[..., 1], sums[..., 2]
    return _divide(2 * tp, 2 * tp + fp + fn)


def _error_sd(sums: Floats) -> Floats:
    """Sample standard deviation (n - 1) from the sums, so that it can be resampled."""
    n, error_sum, square_sum = sums[..., 0], sums[..., 3], sums[..., 4]
    variance = _divide(square_sum - _divide(error_sum**2, n), n - 1)
    return np.sqrt(np.maximum(variance, 0.0))


# --- beats: ANSI/AAMI EC57 ------------------------------------------------------------------


def score_beats(
    records: Sequence[BeatRecord],
    *,
    start_s: float = LEARNING_S,
    window_s: float = MATCH_WINDOW_S,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> BeatScore:
    """Beat-by-beat figures of a set, from `start_s` of each record on."""
    matrices = [confusion(record, start_s=start_s, window_s=window_s) for record in records]
    return score_confusions(matrices, resamples=resamples, seed=seed)


def score_confusions(
    matrices: Sequence[npt.NDArray[np.int64]], *, resamples: int = RESAMPLES, seed: int = 0
) -> BeatScore:
    """The same of each record's matrix by `confusion`."""
    size = len(CLASSES)
    table = np.array(matrices, dtype=np.float64).reshape(-1, size * size)
    weights = bootstrap_weights(len(matrices), resamples, seed)
    return BeatScore(
        qrs=_count_score(_square(table), qrs_counts, weights),
        veb=_count_score(_square(table), veb_counts, weights),
        sveb=_count_score(_square(table), sveb_counts, weights),
        confusion=table.sum(axis=0).reshape(size, size).astype(np.int64),
    )


def confusion(
    record: BeatRecord, *, start_s: float = LEARNING_S, window_s: float = MATCH_WINDOW_S
) -> npt.NDArray[np.int64]:
    """Label pairs of one record as `bxb` counts them: (reference, test) in the order of CLASSES.

    Reference beats between `[` and `]` are ignored, and so are test beats there unless a
    reference beat outside pairs with them: nobody counts QRS complexes in a flutter.
    """
    kept = np.array([not _inside(at, record.flutter) for at in record.reference], dtype=bool)
    reference = record.reference[kept]
    labels = [x for x, keep in zip(record.reference_labels, kept, strict=True) if keep]
    window = int(window_s * record.rate_hz + ROUNDING)
    matrix = np.zeros((len(CLASSES), len(CLASSES)), dtype=np.int64)
    for r, t in pair_beats(reference, record.test, window, start_s * record.rate_hz):
        if r is None and t is not None and _inside(record.test[t], record.flutter):
            continue
        row = "O" if r is None else labels[r]
        column = "O" if t is None else record.test_labels[t]
        matrix[CLASSES.index(row), CLASSES.index(column)] += 1
    return matrix


def pair_beats(
    reference: npt.NDArray[np.int64], test: npt.NDArray[np.int64], window: float, start: float = 0.0
) -> list[tuple[int | None, int | None]]:
    """Chronological one-to-one pairs by `bxb`'s rule; None stands for a missing partner.

    The earlier of the two current beats decides. A test beat that comes first pairs when the
    reference beat is within the window and strictly nearer to it than to the next test beat;
    a reference beat that comes first (or falls together) pairs when the test beat is within
    the window and strictly nearer to it than to the next reference beat. Else the earlier one
    stays alone. Beats before `start` are not counted, but the first counted reference beat may
    pair with the last test beat before `start`, and a test beat just after `start` that
    belongs to a reference beat before it is passed over.
    """
    r, t, pairs = _first_pair(reference, test, window, start)
    while r < len(reference) or t < len(test):
        ref, ref_next = _at(reference, r), _at(reference, r + 1)
        tst, tst_next = _at(test, t), _at(test, t + 1)
        if tst < ref:
            paired = ref - tst <= window and ref - tst < abs(ref - tst_next)
            pairs.append((r if paired else None, t))
            r, t = r + paired, t + 1
        else:
            paired = tst - ref <= window and tst - ref < abs(tst - ref_next)
            pairs.append((r, t if paired else None))
            r, t = r + 1, t + paired
    return pairs


def _first_pair(
    reference: npt.NDArray[np.int64], test: npt.NDArray[np.int64], window: float, start: float
) -> tuple[int, int, list[tuple[int | None, int | None]]]:
    """What `bxb` does at the end of the learning period, before its loop."""
    r, t = int(np.searchsorted(reference, start)), int(np.searchsorted(test, start))
    ref, before, after = _at(reference, r), _at(test, t - 1), _at(test, t)
    if r < len(reference) and ref - before < abs(ref - after) and ref - before <= window:
        return r + 1, t, [(r, t - 1)]
    following = _at(test, t + 1)
    passed_over = after - start <= window and abs(ref - following) < abs(ref - after)
    return r, t + int(passed_over), []


def _at(samples: npt.NDArray[np.int64], index: int) -> float:
    """A beat's time, or infinity before the first and after the last beat."""
    if index < 0:
        return -np.inf
    return float(samples[index]) if index < len(samples) else np.inf


def qrs_counts(matrix: Floats) -> tuple[Floats, Floats, Floats]:
    """TP, FN, FP of QRS detection: any beat paired with any beat is true."""
    beats, none = slice(0, len(CLASSES) - 1), len(CLASSES) - 1
    tp = matrix[..., beats, beats].sum(axis=(-2, -1))
    return tp, matrix[..., beats, none].sum(axis=-1), matrix[..., none, beats].sum(axis=-1)


def veb_counts(matrix: Floats) -> tuple[Floats, Floats, Floats]:
    """TP, FN, FP of ventricular beats.

    EC57: a fusion beat (F) or an unclassifiable or paced one (Q) called V is no false
    positive; N, S and no beat at all are. A V called anything else, or missed, is a miss.
    """
    return _class_counts(matrix, "V", against="NSO")


def sveb_counts(matrix: Floats) -> tuple[Floats, Floats, Floats]:
    """TP, FN, FP of supraventricular beats; here F called S is false, and Q is still exempt."""
    return _class_counts(matrix, "S", against="NVFO")


def _class_counts(matrix: Floats, label: str, against: str) -> tuple[Floats, Floats, Floats]:
    own = CLASSES.index(label)
    tp = matrix[..., own, own]
    fp = matrix[..., [CLASSES.index(x) for x in against], own].sum(axis=-1)
    return tp, matrix[..., own, :].sum(axis=-1) - tp, fp


def _square(table: Floats) -> Floats:
    return table.reshape(*table.shape[:-1], len(CLASSES), len(CLASSES))


def _count_score(
    matrices: Floats,  # (records, reference, test)
    counts: Callable[[Floats], tuple[Floats, Floats, Floats]],
    weights: Floats,
) -> CountScore:
    tp, fn, fp = counts(matrices)
    table = np.stack([tp, fp, fn], axis=-1)
    total = table.sum(axis=0)
    return CountScore(
        tp=int(total[0]),
        fn=int(total[2]),
        fp=int(total[1]),
        sensitivity=interval(table, lambda s: _divide(s[..., 0], s[..., 0] + s[..., 2]), weights),
        ppv=interval(table, lambda s: _divide(s[..., 0], s[..., 0] + s[..., 1]), weights),
        f1=interval(table, _f1, weights),
        average_sensitivity=_mean_of_defined(_divide(tp, tp + fn)),
        average_ppv=_mean_of_defined(_divide(tp, tp + fp)),
    )


# --- intervals ------------------------------------------------------------------------------


def bootstrap_weights(records: int, resamples: int = RESAMPLES, seed: int = 0) -> Floats:
    """How often each record is drawn in each resample, with replacement: (resamples, records)."""
    if not records:
        return np.zeros((resamples, 0))
    drawn = np.random.default_rng(seed).multinomial(
        records, np.full(records, 1 / records), size=resamples
    )
    return drawn.astype(np.float64)


def interval(table: Floats, figure: Callable[[Floats], Floats], weights: Floats) -> Interval:
    """A figure of summed per-record counts (records, counts) and its 95 % interval."""
    value = float(figure(table.sum(axis=0)))
    resampled = figure(weights @ table)
    defined = resampled[np.isfinite(resampled)]
    if not defined.size or not np.isfinite(value):
        return Interval(value, np.nan, np.nan)
    low, high = np.percentile(defined, (2.5, 97.5))
    return Interval(value, float(low), float(high))


def _divide(top: Floats, bottom: Floats) -> Floats:
    """Elementwise quotient, NaN where nothing was counted."""
    top, bottom = np.asarray(top, dtype=np.float64), np.asarray(bottom, dtype=np.float64)
    quotient: Floats = np.divide(top, bottom, out=np.full(bottom.shape, np.nan), where=bottom > 0)
    return quotient


def _ratio(top: float, bottom: float) -> float:
    return float(top / bottom) if bottom > 0 else float("nan")


def _mean_of_defined(values: Floats) -> float:
    defined = values[np.isfinite(values)]
    return float(defined.mean()) if defined.size else float("nan")
