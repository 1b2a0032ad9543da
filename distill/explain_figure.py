"""An explanation as a picture on ECG paper, 25 mm/s and 10 mm/mV true to the file's size."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from scipy.ndimage import gaussian_filter1d

from ..edge.events import Beat
from ..edge.trace import RHYTHM_NAMES, WAVE_STYLES, beat_waves, record_title
from .explain import Explanation
from .figure_file import write_figure

MM_PER_S, MM_PER_MV, MM_PER_INCH = 25.0, 10.0, 25.4
DPI = 150

LEFT_MM, RIGHT_MM, TOP_MM, BOTTOM_MM = 30.0, 8.0, 9.0, 15.0
LABELS_MM, STRIP_MM, CHANCE_MM, BAR_MM, SPACE_MM = 13.0, 13.0, 14.0, 5.0, 2.5
MIN_WIDTH_MM = 215.0  # the title and the legend need as much
NOTE_MM, MM_PER_CHARACTER_POINT, LONGEST_NAME = 28.0, 0.215, 32
MARGIN_MV, MAX_MV = 0.3, 8.0

INK, FAINT = "#22252b", "#777b84"
PAPER, FINE, COARSE = "#fffcf9", "#f8e3dc", "#efc3b6"
FOR, AGAINST = "#e6a700", "#6f5aa8"
BEAT_COLOURS = {"N": INK, "S": "#b03a86", "V": "#c9501a", "Q": "#8a6d10"}
RHYTHM_COLOURS = {"normal": "#a9d3c0", "af": "#d79ac1", "other": "#c3ccd8", "noise": "#ddd6cb"}
QUALITY_COLOURS = {"good": "#d5e8df", "noisy": "#f0cf7a", "lead_off": "#9a9ea6"}
QUALITY_NAMES = {"good": "good", "noisy": "noisy", "lead_off": "lead off"}
CLASS_NAMES = {
    "N": "normal beats (N)",
    "S": "supraventricular ectopic beats (S)",
    "V": "ventricular ectopic beats (V)",
    "Q": "paced or unclassifiable beats (Q)",
    "P": "P waves",
    "QRS": "QRS complexes",
    "T": "T waves",
    **RHYTHM_NAMES,
}
SMOOTH_S = 0.016  # attributions of neighbouring samples alternate; the eye wants their sum
MARKED_SHARE, MARKED = 0.8, 6  # the beats that make up this much, at most so many

Doubles = npt.NDArray[np.float64]


def draw_explanation(explanation: Explanation, path: Path) -> None:
    """Write the picture to `path`, whole or not at all."""
    write_figure(render(explanation), path)


def render(explanation: Explanation) -> Figure:
    """The figure; every length in it is a millimetre on paper."""
    low, high = _range_mv(explanation)
    page = _Page(explanation, (high - low) * MM_PER_MV)
    paper = page.row(page.paper_mm, after_mm=LABELS_MM)
    _draw_paper(paper, low, high)
    _draw_heat(paper, explanation)
    _draw_trace(paper, explanation)
    _draw_labels(paper, explanation)
    _draw_strip(page.row(STRIP_MM), explanation)
    _draw_probability(page.row(CHANCE_MM), explanation)
    _draw_rhythm(page.row(BAR_MM), explanation)
    _draw_quality(page.row(BAR_MM, after_mm=1.2), explanation)
    _draw_clock(page.axes[-1], explanation)
    _write_title(page, explanation)
    _write_legend(page, explanation)
    return page.figure


class _Page:
    """Rows from top to bottom on one time axis; `axes` are those placed so far."""

    def __init__(self, explanation: Explanation, paper_mm: float) -> None:
        self._span = (explanation.start_s, explanation.end_s)
        self.trace_mm = (explanation.end_s - explanation.start_s) * MM_PER_S
        self.paper_mm = paper_mm
        self.width_mm = max(LEFT_MM + self.trace_mm + RIGHT_MM, MIN_WIDTH_MM)
        rows_mm = LABELS_MM + paper_mm + STRIP_MM + CHANCE_MM + 2 * BAR_MM + 2 * SPACE_MM + 1.2
        self.height_mm = TOP_MM + rows_mm + SPACE_MM + BOTTOM_MM
        size = (self.width_mm / MM_PER_INCH, self.height_mm / MM_PER_INCH)
        self.figure = Figure(figsize=size, dpi=DPI, facecolor="white")
        self.axes: list[Axes] = []
        self._at_mm = TOP_MM - SPACE_MM

    def row(self, height_mm: float, after_mm: float = SPACE_MM) -> Axes:
        """Axes as long as the trace, below the last ones by `after_mm`."""
        if not self.axes:
            after_mm += SPACE_MM
        bottom_mm = self.height_mm - self._at_mm - after_mm - height_mm
        ax = self.figure.add_axes(
            (
                LEFT_MM / self.width_mm,
                bottom_mm / self.height_mm,
                self.trace_mm / self.width_mm,
                height_mm / self.height_mm,
            )
        )
        self._at_mm += after_mm + height_mm
        ax.set_xlim(*self._span)
        ax.tick_params(
            labelsize=7, length=2, width=0.5, colors=FAINT, labelbottom=False, bottom=False
        )
        for spine in ax.spines.values():
            spine.set(linewidth=0.5, color=COARSE)
        self.axes.append(ax)
        return ax


def _range_mv(explanation: Explanation) -> tuple[float, float]:
    """Lowest and highest mV of the paper, whole 5 mm squares."""
    valid = explanation.lead_mv[np.isfinite(explanation.lead_mv)]
    low, high = (float(valid.min()), float(valid.max())) if len(valid) else (0.0, 0.0)
    low = max(np.floor(2 * (low - MARGIN_MV)) / 2, -MAX_MV / 2)
    high = min(np.ceil(2 * (high + MARGIN_MV)) / 2, MAX_MV / 2)
    return float(low), float(high)


def _draw_paper(ax: Axes, low: float, high: float) -> None:
    """1 mm and 5 mm squares, on whole seconds and millivolts."""
    ax.set_facecolor(PAPER)
    ax.set_ylim(low, high)
    start, end = ax.get_xlim()
    for step_s, step_mv, colour, width in ((0.04, 0.1, FINE, 0.35), (0.2, 0.5, COARSE, 0.55)):
        seconds = np.arange(np.ceil(start / step_s - 1e-6), end / step_s + 1e-6) * step_s
        volts = np.arange(np.ceil(low / step_mv - 1e-6), high / step_mv + 1e-6) * step_mv
        ax.vlines(seconds, low, high, color=colour, linewidth=width, zorder=0)
        ax.hlines(volts, start, end, color=colour, linewidth=width, zorder=0)
    ax.set_yticks(np.arange(np.ceil(low + 0.1), np.ceil(high - 0.1)))
    _name(ax, "mV", "25 mm/s", "10 mm/mV")


def _draw_heat(ax: Axes, explanation: Explanation) -> None:
    """Bands behind the trace: gold where the signal speaks for the class, blue against."""
    values = _smoothed(explanation)
    strength = np.abs(values) / max(float(np.abs(values).max(initial=0.0)), 1e-12)
    picture = np.zeros((1, len(values), 4))
    picture[0, :, :3] = np.where(values[:, None] > 0, to_rgb(FOR), to_rgb(AGAINST))
    picture[0, :, 3] = 0.8 * strength**0.7
    low, high = ax.get_ylim()
    start, end = ax.get_xlim()
    ax.imshow(
        picture,
        extent=(start, end, low, high),
        aspect="auto",
        interpolation="bilinear",
        zorder=1,
    )
    ax.set(xlim=(start, end), ylim=(low, high))


def _draw_trace(ax: Axes, explanation: Explanation) -> None:
    t, lead = explanation.t_s, explanation.lead_mv
    ax.plot(t, lead, color=INK, linewidth=0.8, zorder=3, solid_joinstyle="round")
    for beat in explanation.beats:
        for name, onset_s, offset_s in beat_waves(beat):
            first, last = np.searchsorted(t, [onset_s, offset_s])
            part = slice(first, last + 1)
            ax.plot(t[part], lead[part], color=WAVE_STYLES[name], linewidth=1.35, zorder=4)


def _draw_labels(ax: Axes, explanation: Explanation) -> None:
    """Labels above the paper; the beats that decided with their rank and share."""
    ranks = deciding_beats(explanation.shares)
    marks = ax.get_xaxis_transform()
    mm = 1.0 / ((ax.get_ylim()[1] - ax.get_ylim()[0]) * MM_PER_MV)
    for k, beat in enumerate(explanation.beats):
        ax.text(
            beat.r_s,
            1 + 1.4 * mm,
            beat.label,
            transform=marks,
            ha="center",
            va="bottom",
            fontsize=9,
            color=BEAT_COLOURS[beat.label],
            fontweight="bold" if beat.label != "N" else "normal",
        )
        if k in ranks:
            _draw_rank(ax, beat, ranks.index(k) + 1, explanation.shares[k], mm)


def _draw_rank(ax: Axes, beat: Beat, rank: int, share: float, mm: float) -> None:
    """A numbered disc and the share above the label."""
    marks = ax.get_xaxis_transform()
    text: dict[str, Any] = {"transform": marks, "ha": "center", "clip_on": False}
    ax.text(beat.r_s, 1 + 5.6 * mm, f"{share:.0%}", va="bottom", fontsize=6.5, color=INK, **text)
    ax.plot(beat.r_s, 1 + 10.4 * mm, "o", color=FOR, markersize=8.5, transform=marks, clip_on=False)
    ax.text(
        beat.r_s, 1 + 10.3 * mm, str(rank), va="center_baseline", fontsize=6.5, color=INK,
        fontweight="bold", **text,
    )  # fmt: skip


def deciding_beats(shares: Sequence[float]) -> list[int]:
    """The beats that together make up most of what the shown ones say, the largest first."""
    order = sorted(range(len(shares)), key=lambda k: -shares[k])
    total, sum_so_far, chosen = sum(shares), 0.0, list[int]()
    for k in order[:MARKED]:
        if sum_so_far >= MARKED_SHARE * total:
            break
        chosen.append(k)
        sum_so_far += shares[k]
    return chosen


def _draw_strip(ax: Axes, explanation: Explanation) -> None:
    """The attributions themselves, in log-odds a millimetre."""
    t = explanation.t_s
    values = _smoothed(explanation) * 0.04 / np.median(np.diff(t))
    ax.axhline(0, color=FAINT, linewidth=0.4)
    ax.fill_between(t, values.clip(min=0), color=FOR, linewidth=0)
    ax.fill_between(t, values.clip(max=0), color=AGAINST, linewidth=0)
    largest = max(float(np.abs(values).max(initial=0.0)), 1e-6)
    bottom, top = min(values.min(), -0.2 * largest), max(values.max(), 0.2 * largest)
    ax.set_ylim(bottom - 0.2 * largest, top + 0.2 * largest)
    ax.yaxis.set_major_locator(MaxNLocator(3))
    _name(ax, "adds", "log-odds", "per mm")


def _draw_probability(ax: Axes, explanation: Explanation) -> None:
    at, values = explanation.probability
    if explanation.is_wave:
        ax.fill_between(at, values, color=WAVE_STYLES[explanation.name], alpha=0.35, linewidth=0)
        ax.plot(at, values, color=WAVE_STYLES[explanation.name], linewidth=0.8)
        rate = "each 8 ms"
    elif not explanation.is_beat:
        ax.plot(at, values, color=INK, linewidth=1.0)
        rate = "since start"
    else:
        colours = [BEAT_COLOURS[beat.label] for beat in explanation.beats]
        ax.vlines(at, 0, values, color=colours, linewidth=1.2)
        ax.scatter(at, values, c=colours, s=12, zorder=3, clip_on=False)
        rate = "each beat"
    ax.set(ylim=(0, 1.04), yticks=(0, 0.5, 1))
    ax.axhline(0.5, color=COARSE, linewidth=0.5, zorder=0)
    _name(ax, f"p({explanation.name})", rate)


def _draw_rhythm(ax: Axes, explanation: Explanation) -> None:
    """The rhythm's probabilities as heights, from each verdict back to the one before."""
    _name(ax, "rhythm")
    ax.set(yticks=(), ylim=(0, 1))
    before = 0.0
    for rhythm in explanation.rhythms:
        start, end, at = before, rhythm.end_s, 0.0
        before = rhythm.end_s
        if end <= explanation.start_s or start >= explanation.end_s:
            continue
        for name, share in rhythm.probabilities.items():
            ax.fill_between([start, end], at, at + share, color=RHYTHM_COLOURS[name], linewidth=0)
            at += share
        ax.axvline(end, color="white", linewidth=1.2)
        text = f"{RHYTHM_NAMES[rhythm.label]} {rhythm.probabilities[rhythm.label]:.2f}"
        _write_in(ax, explanation, start, end, text)


def _draw_quality(ax: Axes, explanation: Explanation) -> None:
    _name(ax, "quality")
    ax.set(yticks=(), ylim=(0, 1))
    for stretch in explanation.quality:
        if stretch.end_s <= explanation.start_s or stretch.start_s >= explanation.end_s:
            continue
        ax.axvspan(
            stretch.start_s, stretch.end_s, color=QUALITY_COLOURS[stretch.state], linewidth=0
        )
        name = QUALITY_NAMES[stretch.state]
        text = f"{name}: {stretch.reason}" if stretch.reason else name
        _write_in(ax, explanation, stretch.start_s, stretch.end_s, text)


def _write_in(ax: Axes, explanation: Explanation, start_s: float, end_s: float, text: str) -> None:
    """Text in the middle of a bar's shown part, where it fits."""
    start, end = max(start_s, explanation.start_s), min(end_s, explanation.end_s)
    if (end - start) * MM_PER_S > 1.5 * len(text) + 2:
        ax.text((start + end) / 2, 0.47, text, ha="center", va="center", fontsize=7, color=INK)


def _draw_clock(ax: Axes, explanation: Explanation) -> None:
    ticks = np.arange(np.ceil(explanation.start_s), np.floor(explanation.end_s) + 1)
    ax.set_xticks(ticks, [f"{t:g} s" for t in ticks])
    ax.tick_params(labelbottom=True, bottom=True)


def _write_title(page: _Page, explanation: Explanation) -> None:
    """One line, smaller where names are long."""
    record, model = explanation.record, explanation.model
    of_many = explanation.is_beat or explanation.is_wave
    text = (
        f"{_clipped(record_title(record))}, lead {_clipped(record.lead)}: "
        f"{CLASS_NAMES.get(explanation.name, explanation.name)} as {_clipped(model['name'])} "
        f"{_clipped(model['version'])} reads {'them' if of_many else 'it'}"
    )
    room_mm = page.width_mm - LEFT_MM - RIGHT_MM - NOTE_MM
    size = min(10.5, room_mm / len(text) / MM_PER_CHARACTER_POINT)
    left, right = LEFT_MM / page.width_mm, 1 - RIGHT_MM / page.width_mm
    y, write = 1 - 5.0 / page.height_mm, page.figure.text
    write(left, y, text, fontsize=size, fontweight="bold", color=INK, va="center")
    write(right, y, "research use only", fontsize=8, color=FAINT, ha="right", va="center")


def _clipped(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def _write_legend(page: _Page, explanation: Explanation) -> None:
    waves = [Line2D([], [], color=c, linewidth=2, label=n) for n, c in WAVE_STYLES.items()]
    heat = [
        Patch(color=FOR, label=f"speaks for {explanation.name}"),
        Patch(color=AGAINST, label="speaks against"),
    ]
    disc = Line2D(
        [],
        [],
        color=FOR,
        marker="o",
        linestyle="",
        markersize=7,
        label="decided most, share of all",
    )
    rhythms = [
        Patch(color=colour, label=f"rhythm: {RHYTHM_NAMES[name]}" if not k else RHYTHM_NAMES[name])
        for k, (name, colour) in enumerate(RHYTHM_COLOURS.items())
    ]
    handles = [*waves, *heat, disc, *rhythms]
    page.figure.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(LEFT_MM / page.width_mm, 1.5 / page.height_mm),
        ncols=len(handles) if page.width_mm > 250 else 5,
        fontsize=7,
        labelcolor=INK,
        frameon=False,
        borderaxespad=0,
        borderpad=0,
        handlelength=1.2,
        handletextpad=0.5,
        columnspacing=1.4,
    )


def _name(ax: Axes, name: str, *units: str) -> None:
    """What a row shows, left of its ticks."""
    trace_mm = (ax.get_xlim()[1] - ax.get_xlim()[0]) * MM_PER_S
    x, y = -(LEFT_MM - 3) / trace_mm, 0.5
    text: dict[str, Any] = {"transform": ax.transAxes, "ha": "left", "va": "center"}
    ax.text(x, y, name, fontsize=8, color=INK, **text)
    for line, unit in enumerate(units):
        ax.annotate(
            unit,
            (x, y),
            (0, -9 - 7.5 * line),
            xycoords="axes fraction",
            textcoords="offset points",
            fontsize=6,
            color=FAINT,
            ha="left",
            va="center",
        )


def _smoothed(explanation: Explanation) -> Doubles:
    rate_hz = 1.0 / float(np.median(np.diff(explanation.t_s)))
    values = explanation.attribution.astype(np.float64)
    return np.asarray(gaussian_filter1d(values, SMOOTH_S * rate_hz))
