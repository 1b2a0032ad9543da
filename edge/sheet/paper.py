"""An A4 page in millimetres from its upper left corner, and ECG paper true to scale on it."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Rectangle
from matplotlib.textpath import text_to_path

from ..labels import BEATS
from .strips import Strip
from .summary import Summary

WIDTH_MM, HEIGHT_MM = 210.0, 297.0
MARGIN_MM = 11.0
INNER_MM = WIDTH_MM - 2 * MARGIN_MM
MM_PER_INCH, POINTS_PER_INCH = 25.4, 72.0
SPEED_MM_PER_S = 25.0
GAINS_MM_PER_MV = (10.0, 5.0, 2.5, 1.0, 0.5)
STRIP_MM, LOW_STRIP_MM = 30.0, 24.5
STRIP_S = INNER_MM / SPEED_MM_PER_S
UNFILLED_MM = 8.0  # of a strip: its waves leave room for labels above and words below

INK, SOFT, LINE, ACCENT = "#16202b", "#556372", "#cfd7de", "#0b62ad"
PAPER, FINE, BOLD = "#fffcfa", "#f8e3dc", "#edbfb1"
WARN = "#b45309"
MISSING = "#e4e7ec"
NAMED_MM = 15.0  # a stretch without signal that has room for a word
BEAT_COLOURS = dict(zip(BEATS, ("#6b7885", "#a83b83", "#c24d00", "#7a6400"), strict=True))


class Page:
    """One A4 page."""

    def __init__(self) -> None:
        """White, with nothing on it."""
        self.figure = Figure(figsize=(WIDTH_MM / MM_PER_INCH, HEIGHT_MM / MM_PER_INCH))
        self._whole = self.axes(0, 0, WIDTH_MM, HEIGHT_MM)
        self._whole.set(xlim=(0, WIDTH_MM), ylim=(HEIGHT_MM, 0))
        self._whole.set_axis_off()

    def axes(self, x: float, y: float, width: float, height: float) -> Axes:
        """Axes that fill a rectangle, mm."""
        bottom = HEIGHT_MM - y - height
        place = (x / WIDTH_MM, bottom / HEIGHT_MM, width / WIDTH_MM, height / HEIGHT_MM)
        return self.figure.add_axes(place)

    def text(
        self,
        x: float,
        y: float,
        words: str,
        size: float,
        *,
        room_mm: float = INNER_MM,
        **style: Any,
    ) -> None:
        """Words with their baseline at y, shortened to fit; none is read as a formula."""
        style = {"color": INK, "va": "baseline", "parse_math": False, **style}
        said = fitted(printable(words), size, room_mm, style.get("fontweight", "normal"))
        self._whole.text(x, y, said, fontsize=size, **style)

    def line(self, x0: float, x1: float, y: float, colour: str = LINE, wide: float = 0.6) -> None:
        """A horizontal rule."""
        self._whole.plot([x0, x1], [y, y], color=colour, linewidth=wide, solid_capstyle="butt")

    def box(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """A filled rectangle."""
        self._whole.add_patch(Rectangle((x, y), width, height, facecolor=colour, edgecolor="none"))


def fitted(words: str, size: float, room_mm: float, weight: str = "normal") -> str:
    """As many of the words as fit, with an ellipsis where some do not."""
    if width_mm(words, size, weight) <= room_mm:
        return words
    low, high = 0, len(words)  # letters that fit, and that do not
    while high - low > 1:
        middle = (low + high) // 2
        is_short = width_mm(f"{words[:middle]}…", size, weight) <= room_mm
        low, high = (middle, high) if is_short else (low, middle)
    return f"{words[:low].rstrip()}…"


def width_mm(words: str, size: float, weight: str = "normal") -> float:
    """How wide words are in print."""
    font = FontProperties(size=size, weight=weight)
    wide, _, _ = text_to_path.get_text_width_height_descent(words, font, False)
    return float(wide) / POINTS_PER_INCH * MM_PER_INCH


def printable(words: str) -> str:
    """Without control characters, which no font has."""
    return "".join(character if character.isprintable() else "?" for character in words)


def gain_for(strip: Strip, room_mm: float) -> float:
    """The paper gain in mm/mV at which the strip fits; 10 unless it must be another."""
    signal_mv = strip.signal_mv[np.isfinite(strip.signal_mv)]
    if not len(signal_mv):
        return 10.0
    low, high = np.percentile(signal_mv, [0.2, 99.8])
    fitting = (gain for gain in GAINS_MM_PER_MV if (high - low) * gain <= room_mm)
    return next(fitting, GAINS_MM_PER_MV[-1])


def draw_strip(page: Page, y: float, tall: float, strip: Strip, summary: Summary) -> None:
    """A strip as wide as the page and `tall` mm: trace, beat labels, when and why."""
    axes = page.axes(MARGIN_MM, y, INNER_MM, tall)
    axes.set(xlim=(0, INNER_MM), ylim=(0, tall), facecolor=PAPER, xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(color=BOLD, linewidth=0.6)
    for every, colour, wide in ((1, FINE, 0.35), (5, BOLD, 0.5)):
        across = [[(x, 0), (x, tall)] for x in np.arange(0, INNER_MM + 1e-6, every)]
        along = [[(0, h), (INNER_MM, h)] for h in np.arange(0, tall + 1e-6, every)]
        axes.add_collection(LineCollection(across + along, colors=colour, linewidths=wide))
    room_mm = tall - UNFILLED_MM
    gain = gain_for(strip, room_mm)
    signal_mv = strip.signal_mv.astype(float)
    at_mm = np.arange(len(signal_mv)) / strip.rate_hz * SPEED_MM_PER_S
    if np.isfinite(signal_mv).any():
        low, middle, high = np.nanpercentile(signal_mv, [0.2, 50, 99.8]) * gain
        height = signal_mv * gain + np.clip(0.38 * tall - middle, 4 - low, room_mm + 4 - high)
        axes.plot(at_mm, height, color="#17191d", linewidth=0.7, clip_on=True)
    _mark_missing(axes, tall, strip)
    _label_beats(axes, tall, strip, summary)
    style: dict[str, Any] = {"fontsize": 6.5, "color": SOFT, "parse_math": False}
    box = {"facecolor": PAPER, "edgecolor": "none", "pad": 0.8, "alpha": 0.85}
    said = f"{strip.when} · {strip.title}" if strip.title else strip.when
    axes.text(1, 1.2, fitted(said, 6.5, INNER_MM - 40), bbox=box, **style)
    scale = f"{SPEED_MM_PER_S:g} mm/s · {gain:g} mm/mV"
    axes.text(INNER_MM - 1, 1.2, scale, bbox=box, ha="right", **style)


def _mark_missing(axes: Axes, tall: float, strip: Strip) -> None:
    """Paper without a trace that says so, where samples are missing."""
    edges = np.diff(np.isnan(strip.signal_mv).astype(int), prepend=0, append=0)
    at_mm = (np.flatnonzero(edges) / strip.rate_hz * SPEED_MM_PER_S).tolist()
    for start, end in zip(at_mm[::2], at_mm[1::2], strict=True):
        axes.add_patch(Rectangle((start, 0), end - start, tall, color=MISSING, linewidth=0))
        if end - start > NAMED_MM:
            style: dict[str, Any] = {"color": SOFT, "ha": "center", "fontsize": 8}
            axes.text((start + end) / 2, tall / 2, "no signal", **style)


def _label_beats(axes: Axes, tall: float, strip: Strip, summary: Summary) -> None:
    end_s = strip.start_s + len(strip.signal_mv) / strip.rate_hz
    first, last = np.searchsorted(summary.r_s, [strip.start_s, end_s])
    for k in range(int(first), int(last)):
        label = BEATS[int(summary.labels[k])]
        x = (float(summary.r_s[k]) - strip.start_s) * SPEED_MM_PER_S
        colour = BEAT_COLOURS[label]
        weight = "normal" if label == "N" else "bold"
        axes.text(x, tall - 3.2, label, color=colour, fontsize=7, ha="center", fontweight=weight)
        axes.plot([x, x], [tall - 5.2, tall - 3.9], color=colour, linewidth=0.6)
