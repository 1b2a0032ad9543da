"""The tables of an evaluation for a terminal; percentages with 95 % intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from ..edge.labels import RHYTHMS
from .arithmetic_loss import Figure
from .calibration import Calibration
from .drift import Day
from .evaluate import BeatResult, DelineationResult, Result, record_figures
from .evaluate_alerts import AlertResult
from .evaluate_noise import NoiseResult
from .evaluate_polarity import PolarityResult
from .evaluate_records import AF_SPECIFICITY, FindingResult, RhythmResult
from .export.verify import Verdict
from .export.verify_data import SetVerdict
from .metrics import (
    CLASSES,
    FIDUCIALS,
    TIGHT_MS,
    BeatScore,
    BoundaryScore,
    CountScore,
    DelineationScore,
    Interval,
)
from .personal import Personal

# Se, Sp and G-mean of ISP's 12-lead networks on their own archive, by the specification's table.
TWELVE_LEAD_FIGURES = {
    "AFIB": (0.981, 0.975, 0.978),
    "PVC": (0.958, 0.890, 0.923),
    "STACH": (0.912, 0.939, 0.926),
    "SBRAD": (0.918, 0.977, 0.947),
    "1AVB": (0.921, 0.923, 0.922),
    "IRBBB": (0.825, 0.936, 0.878),
    "CRBBB": (0.963, 0.980, 0.972),
    "CLBBB": (0.965, 0.970, 0.967),
    "PAC": (0.930, 0.861, 0.894),
    "LAFB": (0.890, 0.870, 0.880),
    "LAD": (0.877, 0.952, 0.914),
    "RAD": (0.939, 0.960, 0.949),
}
# F1 at 150 ms by the specification's table: P, QRS, T on and off, of networks that see more leads,
# on test sets of their own; ECG-CODE: arXiv 2406.02711. Not the same records as ours.
PUBLISHED_F1 = {
    "Moskalenko": (0.971, 0.971, 0.996, 0.996, 0.978, 0.978),
    "Liang": (0.952, 0.953, 0.992, 0.991, 0.981, 0.976),
    "Chen": (0.975, 0.975, 0.980, 0.980, 0.972, 0.972),
    "ECG-CODE": (0.969, 0.971, 0.997, 0.997, 0.983, 0.980),
}
BEYOND_LEAD_ONE = {
    "IRBBB": "an r' in V1: lead I hardly shows it",
    "LAFB": "an axis: lead I alone does not carry it",
    "LAD": "left axis: not told, lead I alone does not carry it, and PTB-XL has no statement of it",
    "RAD": "right axis: the same",
}


Reported = Result | RhythmResult | FindingResult | AlertResult | NoiseResult | PolarityResult


def print_report(result: Reported, console: Console) -> None:
    """Print a result; the intervals are a bootstrap over records."""
    run = result.run
    model = " ".join(filter(None, (run.model.get("name"), run.model.get("version"))))
    fold = "" if run.fold is None else f", fold {run.fold}"
    console.print(
        f"{run.dataset}: {len(run.records)} records{fold}, lead {run.lead}, annotator "
        f"{run.annotator}, model {model}, {100 * run.withheld:.1f} % of signal withheld",
        highlight=False,
    )
    if run.trained_on:
        console.print(
            f"note: the model was trained on {run.trained_on} of these {len(run.records)} records; "
            "that is no measure of it",
            highlight=False,
        )
    if isinstance(result, DelineationResult):
        console.print(_boundary_table(result.score))
        if run.dataset == "ludb":
            console.print(_published_table(result.score))
    elif isinstance(result, RhythmResult):
        console.print(_rhythm_table(result))
        console.print(_calibration_lines(result.calibration), highlight=False)
    elif isinstance(result, FindingResult):
        console.print(_finding_table(result))
        for code, why in BEYOND_LEAD_ONE.items():
            console.print(f"* {code}: {why}", highlight=False)
    elif isinstance(result, AlertResult):
        console.print(_alert_table(result))
        console.print(_alert_record_table(result))
    elif isinstance(result, NoiseResult):
        console.print(_noise_table(result))
    elif isinstance(result, PolarityResult):
        console.print(_polarity_table(result))
    else:
        console.print(_record_table(result))
        console.print(_class_table(result))
        console.print(_episode_table(result))
        console.print(_confusion_table(result.score))


def loss_table(figures: Sequence[Figure]) -> Table:
    """Float32 beside int8, in percent or ms, and what int8 loses."""
    table = _table("set", "figure", "float32", "int8", "loss")
    for one in figures:
        scale = 100 if one.unit == "%" else 1
        values = [f"{scale * value:.2f} {one.unit}" for value in (one.float32, one.int8)]
        star = "" if one.bounded else "*"
        table.add_row(one.dataset, f"{one.name}{star}", *values, f"{one.loss:+.2f}")
    table.caption = "* shown beside: no loss of it refuses a bundle"
    return table


def verdict_table(verdicts: Sequence[Verdict], macs_per_second: float | None) -> Table:
    """How each target answered beside the integers, and what it costs."""
    table = _table(
        *("target", "bytes", "RAM", "ms per 10 s", "ms per hop", "equal bytes", "largest step"),
        *("equal beats", "equal waves", ""),
    )
    for one in verdicts:
        equal = one.equal
        shares = (equal.beat_share, equal.wave_share) if equal else (None, None)
        table.add_row(
            one.target,
            f"{one.file_bytes:,}",
            "-" if one.ram_bytes is None else f"{one.ram_bytes:,}",
            f"{one.ms_per_10_s:.2f}",
            "-" if one.ms_per_hop is None else f"{one.ms_per_hop:.3f}",
            f"{one.equal_bytes:.2%}",
            str(one.largest),
            *("-" if share is None else f"{share:.2%}" for share in shares),
            "as it has to be" if one.holds else "FAILS",
        )
    work = 10 * (macs_per_second or 0) / 1e6
    table.caption = (
        f"bytes of {verdicts[0].windows} windows of 10.24 s of real signal; ms of the processor's "
        f"time{f', {work:.1f} million multiplications per 10 s of signal' if work else ''}; RAM: "
        "states and tensors of a stream, TFLM's arena"
    )
    return table


def set_table(verdicts: Sequence[SetVerdict]) -> Table:
    """One set on each runtime, beside the integers."""
    table = _table("runtime", *(f"{name} F1" for name in verdicts[0].f1), "beats", "waves", "")
    for one in verdicts:
        table.add_row(
            one.runtime,
            *(f"{100 * value:.2f}" for value in one.f1.values()),
            f"{one.equal.beat_share:.2%}",
            f"{one.equal.wave_share:.2%}",
            "as it has to be" if one.holds else "FAILS",
        )
    what = f"{verdicts[0].records} records, {verdicts[0].equal.beats_of:,} beats"
    table.title = f"{verdicts[0].dataset}: {what}; shares that equal the integers'"
    return table


def drift_table(days: Sequence[Day]) -> Table:
    """A wearer's recordings: rate, intervals, and likeness and height beside the first."""
    table = _table(
        *("record", "when", "beats", "HR", "PR", "QRS", "QT", "QTc", "likeness", "height")
    )
    for day in days:
        when = day.start_time.strftime("%Y-%m-%d %H:%M") if day.start_time else "-"
        intervals = [_number(day.intervals_ms[k]) for k in ("pr", "qrs", "qt", "qtc")]
        shape = [_number(value, 3) for value in (day.likeness, day.height)]
        rate = _number(day.heart_rate_bpm)
        table.add_row(day.record, when, str(day.beats), rate, *intervals, *shape)
    return table


def personal_table(personal: Personal) -> Table:
    """Before and after, on the wearer's later beats and on other hearts'."""
    table = _table("beats of", "class", "n", "Se", "PPV", "F1", "Se after", "PPV", "F1")
    for whose, before, after in (
        ("the wearer", personal.own_before, personal.own_after),
        ("the general test", personal.general_before, personal.general_after),
    ):
        for label in before:
            pair = before[label], after[label]
            values = [_percent(v) for one in pair for v in (one.sensitivity, one.ppv, one.f1)]
            table.add_row(whose, label, str(before[label].beats), *values)
    learned = f"learned from {personal.learned_from} beats, {100 * personal.share:.0f} % of the way"
    table.caption = learned
    return table


def _boundary_table(score: DelineationScore) -> Table:
    table = _table(
        "boundary", "n", "Se", "PPV", "F1 150 ms", "error ms", "F1 tight", "in CSE, matched/all"
    )
    for fiducial, one in score.fiducials.items():
        table.add_row(
            fiducial.replace("_", " "),
            str(one.references),
            _percent(one.sensitivity),
            _percent(one.ppv),
            _bracket(one.f1),
            f"{one.error_mean_ms:+.1f} ± {_bracket(one.error_sd_ms, 1.0, 1)}",
            f"{_bracket(one.tight_f1)} {TIGHT_MS[fiducial]:g} ms",
            _within(one),
        )
    table.add_row(
        "mean", "", "", "", _bracket(score.macro_f1), "", _bracket(score.macro_tight_f1), ""
    )
    return table


def _published_table(score: DelineationScore) -> Table:
    """Beside networks that see more than one lead; measured peers: benchmarks/delineation_peers."""
    table = _table("F1 150 ms", *(name.replace("_", " ") for name in FIDUCIALS))
    own = [_percent(score.fiducials[name].f1.value) for name in FIDUCIALS]
    table.add_row("this, one lead", *own)
    for name, figures in PUBLISHED_F1.items():
        table.add_row(f"{name}*", *(f"{100 * f1:.1f}" for f1 in figures))
    table.caption = "* as published, more leads, other records"
    return table


def _record_table(result: BeatResult) -> Table:
    table = _table("record", "TP", "FN", "FP", "Se", "PPV")
    for name, matrix in zip(result.run.records, result.confusions, strict=True):
        row = record_figures(matrix)
        counts = [str(row[key]) for key in ("tp", "fn", "fp")]
        table.add_row(name, *counts, _percent(row["sensitivity"]), _percent(row["ppv"]))
    qrs = result.score.qrs
    table.add_section()
    table.add_row("gross", *_counts(qrs), _bracket(qrs.sensitivity), _bracket(qrs.ppv))
    averages = _percent(qrs.average_sensitivity), _percent(qrs.average_ppv)
    table.add_row("average", "", "", "", *averages)
    return table


def _class_table(result: BeatResult) -> Table:
    table = _table("class", "TP", "FN", "FP", "Se", "PPV", "F1")
    rows = _classes(result.score)[1:]
    if result.paced and len(result.paced) < len(result.run.records):
        rows += [(f"{name}*", one) for name, one in _classes(result.unpaced)]
        table.caption = f"* by EC57, which leaves out the paced {', '.join(result.paced)}"
    for name, one in rows:
        figures = [_bracket(value) for value in (one.sensitivity, one.ppv, one.f1)]
        table.add_row(name, *_counts(one), *figures)
    return table


def _classes(score: BeatScore) -> list[tuple[str, CountScore]]:
    return [("QRS", score.qrs), ("VEB", score.veb), ("SVEB", score.sveb)]


def _episode_table(result: BeatResult) -> Table:
    """By the rules of `epicmp`: per record that has or tells AF, and gross."""
    table = _table("AF episodes", "n", "found", "told", "true", "s", "told s", "both s")
    for name, one in zip(result.run.records, result.af_counts, strict=True):
        n, told = one.found + one.missed, one.true + one.false
        if n or told:
            seconds = [f"{v:.0f}" for v in (one.annotated_s, one.told_s, one.both_s)]
            table.add_row(name, str(n), str(one.found), str(told), str(one.true), *seconds)
    table.add_section()
    for text, value, scale in (
        ("episode Se", result.af.episode_sensitivity, 100.0),
        ("episode +P", result.af.episode_ppv, 100.0),
        ("duration Se", result.af.duration_sensitivity, 100.0),
        ("duration +P", result.af.duration_ppv, 100.0),
        ("false in 24 h", result.af.false_per_day, 1.0),
    ):
        table.add_row(text, _bracket(value, scale, 1))
    return table


def _alert_table(result: AlertResult) -> Table:
    table = _table("alert", "n", "told", "episode Se", "episode PPV", "false in 24 h")
    for kind, score in result.scores.items():
        rows = result.counts[kind]
        table.add_row(
            kind,
            str(sum(one.found + one.missed for one in rows)),
            str(sum(one.true + one.false for one in rows)),
            _bracket(score.episode_sensitivity, digits=1),
            _bracket(score.episode_ppv, digits=1),
            _bracket(score.false_per_day, 1.0, 1),
        )
    return table


def _alert_record_table(result: AlertResult) -> Table:
    """Found of annotated, and false ones behind a plus."""
    table = _table("record", *result.counts)
    for k, name in enumerate(result.run.records):
        rows = [counts[k] for counts in result.counts.values()]
        texts = [f"{one.found}/{one.found + one.missed}" for one in rows]
        told = [f"{t} +{one.false}" if one.false else t for t, one in zip(texts, rows, strict=True)]
        table.add_row(name, *("" if text == "0/0" else text for text in told))
    return table


def _noise_table(result: NoiseResult) -> Table:
    table = _table("detector", "noise", "SNR, dB", "PPV", "Se", "withheld")
    for one in result.scores:
        figures = [_bracket(value) for value in (one.ppv, one.sensitivity, one.withheld)]
        table.add_row(one.detector, one.noise, f"{one.snr_db:g}", *figures)
    table.caption = "beats of the noisy minutes; what is withheld is a share of those"
    return table


def _polarity_table(result: PolarityResult) -> Table:
    table = _table("lead I", "records", "told reversed")
    for name, share in (("turned", result.found), ("as it is", result.falsely)):
        table.add_row(name, str(len(result.run.records)), _bracket(share))
    return table


def _confusion_table(score: BeatScore) -> Table:
    table = _table("reference", *(name.lower() for name in CLASSES))
    for name, row in zip(CLASSES, score.confusion, strict=True):
        table.add_row(name, *(str(count) for count in row))
    return table


def _rhythm_table(result: RhythmResult) -> Table:
    table = _table("rhythm", "n", "F1", *(f"told {name}" for name in RHYTHMS))
    for name, row in zip(RHYTHMS, result.confusion, strict=True):
        counts = [str(count) for count in row]
        table.add_row(name, str(row.sum()), _bracket(result.f1[name]), *counts)
    table.add_section()
    table.add_row("mean of normal, af, other", "", _bracket(result.mean_n_a_o))
    table.add_row("af against the rest: AUC", "", _bracket(result.af_auc))
    table.add_row(f"  Se at Sp {100 * AF_SPECIFICITY:g}", "", _bracket(result.af_sensitivity))
    return table


def _calibration_lines(found: Calibration) -> str:
    kept = ", ".join(f"{100 * v:.1f} at {100 * float(c):g} %" for c, v in found.accuracy_at.items())
    return (
        f"calibration: ECE {found.ece:.3f}, Brier {found.brier:.3f}\n"
        f"% right of the surest records, by the share kept: {kept}"
    )


def _finding_table(result: FindingResult) -> Table:
    """The bundle's findings, and what the specification names besides, which no bundle tells."""
    table = _table("finding", "cases", "AUC", "Se", "Sp", "G-mean", "12 leads: Se", "Sp", "G")
    for code in dict.fromkeys((*result.findings, *TWELVE_LEAD_FIGURES)):
        own = [""] * 5
        if code in result.findings:
            one = result.findings[code]
            figures = (one.auc, one.sensitivity, one.specificity, one.g_mean)
            own = [str(one.cases), *(_bracket(value, digits=1) for value in figures)]
        elsewhere = [f"{100 * value:.1f}" for value in TWELVE_LEAD_FIGURES.get(code, ())]
        star = "*" if code in BEYOND_LEAD_ONE else ""
        table.add_row(code + star, *own, *(elsewhere or [""] * 3))
    return table


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for k, column in enumerate(columns):
        table.add_column(column, justify="right" if k else "left", no_wrap=True)
    return table


def _counts(score: CountScore) -> list[str]:
    return [str(score.tp), str(score.fn), str(score.fp)]


def _number(value: float | None, digits: int = 0) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _percent(value: float) -> str:
    return "-" if math.isnan(value) else f"{100 * value:.2f}"


def _bracket(interval: Interval, scale: float = 100.0, digits: int = 2) -> str:
    if math.isnan(interval.value):
        return "-"
    low, high = (f"{scale * bound:.{digits}f}" for bound in (interval.low, interval.high))
    return f"{scale * interval.value:.{digits}f} [{low}, {high}]"


def _within(score: BoundaryScore) -> str:
    if math.isnan(score.within_cse_all):
        return "-"
    return f"{_percent(score.within_cse_matched)} / {_percent(score.within_cse_all)}"
