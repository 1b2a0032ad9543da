"""Do probabilities mean what they say, and what is gained by saying nothing when in doubt?

ECE: Naeini, Cooper and Hauskrecht, AAAI 2015, of the told class as Guo et al., ICML 2017 (eq. 3).
Coverage: Geifman and El-Yaniv, NeurIPS 2017; the surest records first.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .figure_file import write_figure

Doubles = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

BINS = 10
COVERAGES = (1.0, 0.95, 0.9, 0.8, 0.5)
INK, PALE = "#1f4e79", "#c0392b"


@dataclass(frozen=True)
class Calibration:
    """Of the told class: bins of equal width over 0..1, their error, and accuracy at coverages.

    `bins` holds (records, mean probability, share right) of each bin that has any; `ece` is the
    mean of |probability - share right| over records; `brier` the mean square error summed over the
    classes (0..2). `accuracy_at` says how many of the surest share are right.
    """

    ece: float
    brier: float
    bins: tuple[tuple[int, float, float], ...]
    accuracy_at: dict[str, float]


def calibrate(probabilities: Doubles, classes: npt.NDArray[np.int64]) -> Calibration:
    """Probabilities (n, k) of records of classes (n,)."""
    told, confidence = probabilities.argmax(1), probabilities.max(1)
    right = told == classes
    rows = []
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    for k in range(BINS):
        inside = place == k
        if inside.any():
            rows.append(
                (int(inside.sum()), float(confidence[inside].mean()), float(right[inside].mean()))
            )
    ece = sum(n * abs(p - share) for n, p, share in rows) / len(classes)
    truth = np.eye(probabilities.shape[1])[classes]
    curve = coverage_curve(confidence, right)
    at = {f"{c:g}": float(curve[max(round(c * len(curve)), 1) - 1]) for c in COVERAGES}
    return Calibration(
        float(ece), float(((probabilities - truth) ** 2).sum(1).mean()), tuple(rows), at
    )


def coverage_curve(confidence: Doubles, right: Bools) -> Doubles:
    """Share right (n,) of the surest 1, 2, ... n records."""
    order = np.argsort(-confidence, kind="stable")
    curve: Doubles = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    return curve


def plot_calibration(
    probabilities: Doubles, classes: npt.NDArray[np.int64], title: str, path: Path
) -> None:
    """Reliability and coverage side by side, as .png or .svg."""
    figure = Figure(figsize=(10, 4.2), dpi=130, layout="constrained")
    left, right = figure.subplots(1, 2)
    _reliability(left, calibrate(probabilities, classes))
    confidence, is_right = probabilities.max(1), probabilities.argmax(1) == classes
    _coverage(right, coverage_curve(confidence, is_right))
    figure.suptitle(title, fontsize=11)
    write_figure(figure, path)


def _reliability(ax: Axes, found: Calibration) -> None:
    ax.plot([0, 1], [0, 1], color="0.7", linewidth=0.8, linestyle="--")
    n, said, share = (np.array(column) for column in zip(*found.bins, strict=True))
    ax.scatter(said, share, s=12 + 300 * n / n.sum(), color=INK, alpha=0.75, linewidth=0)
    for count, x, y in found.bins:
        ax.annotate(str(count), (x, y), (7, -9), textcoords="offset points", fontsize=7)
    ax.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="probability of the told class")
    ax.set(ylabel="share right", title=f"reliability, ECE {found.ece:.3f}, n of each bin")
    _tidy(ax)


def _coverage(ax: Axes, curve: Doubles) -> None:
    share = 100 * np.arange(1, len(curve) + 1) / len(curve)
    shown = slice(max(len(curve) // 50, 1) - 1, None)  # the first few records are noise
    ax.plot(100 - share[shown], curve[shown], color=PALE, linewidth=1.4)
    ax.set(xlim=(0, 100), xlabel="% withheld, the least sure first", ylabel="share right")
    ax.set(title=f"coverage: {curve[-1]:.3f} of all right")
    _tidy(ax)


def _tidy(ax: Axes) -> None:
    ax.title.set_fontsize(10)
    ax.grid(color="0.92", linewidth=0.6)
    ax.spines[["top", "right"]].set_visible(False)
