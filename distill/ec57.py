"""ANSI/AAMI EC57's beat and episode tables as CSV: a row a record, then gross and average.

Cells of the confusion matrix are named as `bxb -L` does: `Vn` is a reference V that the test calls
n, `No` a reference N that it missed, `Ov` a V where the reference has no beat. Percentages, empty
where nothing defines one; FPR is false positives among the reference's beats of other classes.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..edge.files import whole_file
from .episodes import EpisodeCounts
from .metrics import CLASSES, Floats, qrs_counts, sveb_counts, veb_counts

CELLS = [r + t.lower() for r in CLASSES for t in CLASSES if (r, t) != ("O", "O")]
FIGURES = (
    *("QRS Se", "QRS +P", "VEB Se", "VEB +P", "VEB FPR", "SVEB Se", "SVEB +P", "SVEB FPR"),
    *("AF ESe", "AF E+P", "AF DSe", "AF D+P"),
)
DURATIONS = ("AF reference s", "AF told s", "AF both s")

Matrices = Sequence[npt.NDArray[np.int64]]


def write_ec57(
    path: Path,
    records: Sequence[str],
    confusions: Matrices,
    episodes: Sequence[EpisodeCounts],
    paced: Sequence[str] = (),
) -> None:
    """Write the table of a set; whole or not at all. Gross also without the `paced` records."""
    rows = [_figures(m, [e]) for m, e in zip(confusions, episodes, strict=True)]
    with whole_file(path) as unfinished, unfinished.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["record", *CELLS, *DURATIONS, *FIGURES])
        for name, matrix, episode, row in zip(records, confusions, episodes, rows, strict=True):
            table.writerow([name, *_cells(matrix), *_durations([episode]), *map(_text, row)])
        table.writerow(["gross", *_gross(confusions, episodes)])
        kept = [k for k, name in enumerate(records) if name not in paced]
        if paced and kept:
            chosen = [confusions[k] for k in kept], [episodes[k] for k in kept]
            table.writerow(["gross, unpaced", *_gross(*chosen)])
        blank = [""] * (len(CELLS) + len(DURATIONS))
        averages = [_mean_of_defined(column) for column in zip(*rows, strict=True)]
        table.writerow(["average", *blank, *map(_text, averages)])


def _gross(confusions: Matrices, episodes: Sequence[EpisodeCounts]) -> list[object]:
    total: npt.NDArray[np.int64] = np.sum(confusions, 0)
    figures = map(_text, _figures(total, episodes))
    return [*_cells(total), *_durations(episodes), *figures]


def _figures(matrix: npt.NDArray[np.int64], episodes: Sequence[EpisodeCounts]) -> list[float]:
    counts = matrix.astype(np.float64)
    reference = counts[:-1].sum()  # all beats of the reference
    figures: list[float] = []
    for count, own in ((qrs_counts, None), (veb_counts, "V"), (sveb_counts, "S")):
        tp, fn, fp = (float(value) for value in count(counts))
        figures += [_percent(tp, tp + fn), _percent(tp, tp + fp)]
        if own is not None:
            others = float(reference - counts[CLASSES.index(own)].sum())
            figures.append(_percent(_told_falsely(counts, own), others))
    found, missed = sum(e.found for e in episodes), sum(e.missed for e in episodes)
    true, false = sum(e.true for e in episodes), sum(e.false for e in episodes)
    annotated_s, told_s, both_s = (sum(values) for values in _seconds(episodes))
    figures += [_percent(found, found + missed), _percent(true, true + false)]
    return [*figures, _percent(both_s, annotated_s), _percent(both_s, told_s)]


def _told_falsely(counts: Floats, own: str) -> float:
    """Beats of the reference that are told `own` and count against it; the exempt do not."""
    against = {"V": "NS", "S": "NVF"}[own]
    return float(counts[[CLASSES.index(c) for c in against], CLASSES.index(own)].sum())


def _cells(matrix: npt.NDArray[np.int64]) -> list[int]:
    return [int(value) for value in matrix.ravel()[:-1]]


def _seconds(episodes: Sequence[EpisodeCounts]) -> tuple[list[float], list[float], list[float]]:
    return (
        [e.annotated_s for e in episodes],
        [e.told_s for e in episodes],
        [e.both_s for e in episodes],
    )


def _durations(episodes: Sequence[EpisodeCounts]) -> list[str]:
    return [f"{sum(values):.1f}" for values in _seconds(episodes)]


def _percent(part: float, whole: float) -> float:
    return 100 * part / whole if whole > 0 else math.nan


def _text(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.2f}"


def _mean_of_defined(values: Sequence[float]) -> float:
    defined = [value for value in values if not math.isnan(value)]
    return sum(defined) / len(defined) if defined else math.nan
