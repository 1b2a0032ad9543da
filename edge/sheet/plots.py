"""Rate over the whole record with its rhythm and signal quality, and RR against the RR before."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
from matplotlib.axes import Axes

from ..analysis import Analysis, Variability
from ..labels import BEATS
from ..names import STATE_NAMES
from ..record import Record
from .paper import ACCENT, BEAT_COLOURS, INK, LINE, SOFT, Page, width_mm
from .summary import Summary, shaded_spans
from .words import RHYTHMS, clock, whole

MOST_DOTS = 3000
BINS = 240
RHYTHM_COLOURS = {"normal": "#7fbfa8", "af": "#c0303c", "other": "#5b7fb5", "noise": "#c3cad1"}
QUALITY_COLOURS = {"good": "#7fbfa8", "noisy": "#e8a838", "lead_off": "#8b96a1"}
TICKS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 14_400, 21_600)
DAY_S = 86_400
DAYLONG_S = 108_000.0  # up to 30 h the axis needs no dates
LONG_S = 600.0  # from here on the axis is of the time of day
EPISODE = "#f4e3d6"
SMALL, LEGEND = 6.5, 5.5


def draw_tachogram(
    page: Page,
    place: tuple[float, float, float, float],
    analysis: Analysis,
    summary: Summary,
) -> None:
    """RR of every beat, or of long records its spread in each of 240 stretches, as a rate."""
    x, y, width, height = place
    axes = page.axes(x, y, width, height - 9)
    duration_s = analysis.record.duration_s
    axes.set(xlim=(0, duration_s), xticks=_ticks(analysis.record))
    _plain(axes)
    rate = 60 / np.where(summary.rr_s > 0, summary.rr_s, np.nan)
    known = np.isfinite(rate)
    for start_s, end_s in shaded_spans(analysis):
        axes.axvspan(start_s, end_s, color=EPISODE, linewidth=0)
    if known.any():
        low, high = np.percentile(rate[known], [0.2, 99.8])
        axes.set_ylim(max(low - 8, 0), high + 8)
        if known.sum() > MOST_DOTS:
            _spread(axes, summary.r_s[known], rate[known], duration_s)
        else:
            for k, label in enumerate(BEATS):
                chosen = known & (summary.labels == k)
                size = 3.0 if label == "N" else 9.0
                colour = BEAT_COLOURS[label]
                axes.scatter(summary.r_s[chosen], rate[chosen], size, colour, linewidths=0)
    else:
        axes.set_yticks([])
        _say_instead(axes, "no two beats to measure between")
    axes.tick_params(labelbottom=False)
    _bars(page, (x, y + height - 8, width), analysis)


def _say_instead(axes: Axes, why: str) -> None:
    """Why there is nothing to draw."""
    axes.text(0.5, 0.5, why, color=SOFT, fontsize=8, ha="center", transform=axes.transAxes)


def _spread(axes: Axes, at_s: np.ndarray, rate: np.ndarray, duration_s: float) -> None:
    """Median and the middle 90 % of each stretch."""
    edges = np.linspace(0, duration_s, BINS + 1)
    firsts = np.searchsorted(at_s, edges)
    middles, found = [], []
    for k in range(BINS):
        part = rate[firsts[k] : firsts[k + 1]]
        middles.append((edges[k] + edges[k + 1]) / 2)
        found.append(np.percentile(part, [5, 50, 95]) if len(part) > 4 else np.full(3, np.nan))
    low, median, high = np.array(found).T
    axes.fill_between(middles, low, high, color=ACCENT, alpha=0.22, linewidth=0)
    axes.plot(middles, median, color=ACCENT, linewidth=0.8)


def _bars(page: Page, place: tuple[float, float, float], analysis: Analysis) -> None:
    """Rhythm and quality, each a bar under the tachogram, and the time below them."""
    x, y, width = place
    axes = page.axes(x, y, width, 4.4)
    duration_s = analysis.record.duration_s
    axes.set(xlim=(0, duration_s), ylim=(2, 0), yticks=[])
    rows = (
        ([(r.start_s, r.end_s, RHYTHM_COLOURS[r.label]) for r in analysis.rhythms], 0),
        ([(q.start_s, q.end_s, QUALITY_COLOURS[q.state]) for q in analysis.quality], 1),
    )
    for spans, row in rows:
        for colour in dict.fromkeys(colour for _, _, colour in spans):
            some = [(a, b - a) for a, b, c in spans if c == colour]
            axes.broken_barh(some, (row + 0.08, 0.84), facecolors=colour, linewidth=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    ticks = _ticks(analysis.record)
    axes.set_xticks(ticks)
    labels = [_when(analysis.record, t) for t in ticks]
    axes.set_xticklabels(labels, fontsize=SMALL, color=SOFT)
    axes.tick_params(length=2, width=0.5, color=LINE, pad=1.5)
    for row, name in enumerate(("rhythm", "signal")):
        page.text(x - 1, y + 1.75 + 2.2 * row, name, 5.5, color=SOFT, ha="right")


def _ticks(record: Record) -> list[float]:
    """Round times: of the day where that is told, else from the record's start."""
    duration_s, start = record.duration_s, record.start_time
    steps = (*TICKS_S, *(days * DAY_S / 2 for days in (1, 2, 4, 8, 16)))
    most = 9 if duration_s <= DAYLONG_S else 6
    step = next((s for s in steps if duration_s / s <= most), steps[-1])
    since_s = 0.0
    if start is not None and duration_s >= LONG_S:
        since_s = start.hour * 3600.0 + start.minute * 60 + start.second
    return [float(t) for t in np.arange(-since_s % step, duration_s + 1e-6, step)]


def _when(record: Record, seconds: float) -> str:
    """The time of day where it is known and the record is long enough for it to matter."""
    if record.start_time is not None and record.duration_s >= LONG_S:
        at = record.start_time + timedelta(seconds=seconds)
        return at.strftime("%H:%M" if record.duration_s <= DAYLONG_S else "%d.%m. %H:%M")
    text = clock(seconds)
    return text if record.duration_s >= 3600 else text.removeprefix("0:")


def draw_legend(page: Page, x: float, y: float, analysis: Analysis, summary: Summary) -> None:
    """What the colours mean, of those that are there; ends at x."""
    counts, has_dots = analysis.counts(), len(summary.r_s) <= MOST_DOTS
    told, judged = summary.rhythm, summary.quality.keys()
    entries = [
        *((label, BEAT_COLOURS[label]) for label in BEATS if has_dots and counts[label]),
        *((RHYTHMS[name], RHYTHM_COLOURS[name]) for name in RHYTHM_COLOURS if name in told),
        *(
            (STATE_NAMES[name], QUALITY_COLOURS[name])
            for name in ("noisy", "lead_off")
            if name in judged
        ),
        *((("episode", EPISODE),) if shaded_spans(analysis) else ()),
    ]
    for words, colour in reversed(entries):
        x -= width_mm(words, LEGEND)
        page.text(x, y, words, LEGEND, color=SOFT)
        page.box(x - 2.1, y - 1.6, 1.6, 1.6, colour)
        x -= 3.9


def draw_poincare(
    page: Page,
    place: tuple[float, float, float, float],
    summary: Summary,
    variability: Variability,
) -> None:
    """Each RR against the one before; on the diagonal nothing changes (SD1 across, SD2 along)."""
    axes = page.axes(*place)
    _plain(axes)
    rr_ms = 1000 * summary.rr_s
    before, after = rr_ms[:-1], rr_ms[1:]
    pairs = np.flatnonzero(np.isfinite(before) & np.isfinite(after))
    if len(pairs) < 2:
        axes.set(xticks=[], yticks=[])
        _say_instead(axes, "too few beats")
        return
    both = np.concatenate([before[pairs], after[pairs]])
    low, high = np.percentile(both, [0.2, 99.8])
    low, high = max(low - 60, 0), high + 60
    axes.set(xlim=(low, high), ylim=(low, high), aspect="equal")
    axes.plot([low, high], [low, high], color=LINE, linewidth=0.6)
    if len(pairs) > MOST_DOTS:
        pairs = np.sort(np.random.default_rng(0).choice(pairs, MOST_DOTS, replace=False))
    labels = summary.labels[1:][pairs]
    for k, label in enumerate(BEATS):
        chosen = pairs[labels == k]
        size, colour = 1.6 if label == "N" else 3.5, BEAT_COLOURS[label]
        x, y = before[chosen], after[chosen]
        axes.scatter(x, y, size, colour, linewidths=0, alpha=0.7, rasterized=True)
    across, along = variability.sd1_ms, variability.sd2_ms
    said = "" if across is None else f" · SD1 {whole(across)}, SD2 {whole(along)}"
    axes.set_xlabel(f"RR before, ms{said}", fontsize=SMALL, color=SOFT, labelpad=1)
    axes.set_ylabel("RR, ms", fontsize=SMALL, color=SOFT, labelpad=1)


def _plain(axes: Axes) -> None:
    axes.grid(color=LINE, linewidth=0.4)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=SMALL, labelcolor=SOFT, length=0, pad=1.5)
    for spine in axes.spines.values():
        spine.set(color=LINE, linewidth=0.6)
    axes.title.set_color(INK)
