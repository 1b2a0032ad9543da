"""`write_sheet`: an analysis on one A4 page, PDF or HTML, the same drawing in both."""

from __future__ import annotations

import html
import io
import re
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from ..amplitude import amplitude_doubt
from ..analysis import Analysis
from ..files import make_folder, whole_file
from ..labels import carries
from ..names import ALERT_NAMES, STATE_NAMES
from .paper import (
    INK,
    INNER_MM,
    LOW_STRIP_MM,
    MARGIN_MM,
    SOFT,
    STRIP_MM,
    STRIP_S,
    WARN,
    WIDTH_MM,
    Page,
    draw_strip,
)
from .plots import draw_legend, draw_poincare, draw_tachogram
from .strips import choose_strips
from .summary import Interval, Summary, summary_of
from .tables import draw_episodes, draw_hours, draw_intervals, hours_height, interval_rows
from .words import RHYTHMS, clock, duration, share, whole

LIMITS = (
    "One lead shows rate, rhythm and intervals; it can't show the place of an infarction, an axis "
    "or most bundle branch detail.",
    "Beats, waves and rhythm are told by a network and can be wrong, most of all in noise, in "
    "atrial flutter, and among many ectopic beats.",
    "Alerts follow fixed limits; nothing is said about signal that is not good. Look at the strips "
    "before believing a figure.",
)
STYLE: Any = {
    "font.family": ["DejaVu Sans"],
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
    "svg.hashsalt": "leadone",
    "text.usetex": False,
}
FEW = 0.05  # of the beats: an interval of so few says of how many it is
DPI = 220  # of what is drawn in pixels: crowds of dots
STRIPS, STRIPS_OF_HOURS = 4, 3
PAGE_HTML = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; \
img-src data:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
@page {{ size: A4; margin: 0; }}
body {{ margin: 0; background: #e8ecf0; }}
svg {{ display: block; width: min(100%, 210mm); height: auto; margin: 0 auto; background: #fff; }}
@media print {{ body {{ background: #fff; }} svg {{ width: 210mm; height: 297mm; }} }}
</style>
</head>
<body>
{svg}
</body>
</html>
"""


def write_sheet(analysis: Analysis, path: Path) -> None:
    """Write the page to `path`, a PDF or by its suffix .html; whole or not at all."""
    with matplotlib.rc_context(STYLE):
        figure = draw_sheet(analysis).figure
        is_html = path.suffix.casefold() in (".html", ".htm")
        content = _html(analysis, figure) if is_html else _pdf(analysis, figure)
    make_folder(path.parent)
    with whole_file(path) as unfinished:
        unfinished.write_bytes(content)


def draw_sheet(analysis: Analysis) -> Page:
    """From top to bottom, in the order in which it is read."""
    page, summary = Page(), summary_of(analysis)
    y = _header(page, analysis)
    y = _facts(page, y, analysis, summary)
    y = _findings(page, y, analysis, summary)
    count, tall = (STRIPS_OF_HOURS, LOW_STRIP_MM) if summary.hours else (STRIPS, STRIP_MM)
    page.text(MARGIN_MM, y, f"Lead {analysis.record.lead}", 8, fontweight="bold")
    y += 1.5
    for strip in choose_strips(analysis, summary, STRIP_S, count):
        draw_strip(page, y, tall, strip, summary)
        y += tall + 1.5
    y = _courses(page, y + 3.5, analysis, summary)
    draw_intervals(page, MARGIN_MM, y, 82, analysis, summary)
    draw_episodes(page, MARGIN_MM + 94, y, INNER_MM - 94, analysis, summary)
    if summary.hours:
        y += 4.0 * (max(interval_rows(summary), min(len(summary.episodes), 8)) + 1) + 3
        draw_hours(page, MARGIN_MM, y, INNER_MM, analysis, summary)
        assert y + hours_height(summary) < 297
    _footer(page, analysis)
    return page


def _header(page: Page, analysis: Analysis) -> float:
    record = analysis.record
    name = record.name or "Unnamed record"
    page.text(MARGIN_MM, 17, name, 15, room_mm=INNER_MM - 58, fontweight="bold")
    facts = [f"lead {record.lead}", duration(record.duration_s), f"{record.rate_hz:g} Hz"]
    if record.start_time is not None:
        facts.insert(0, record.start_time.strftime("%Y-%m-%d %H:%M"))
    kept = (record.about.get(key) for key in ("patient_name", "birth_date", "patient_id"))
    facts += [text for text in kept if text]
    page.text(MARGIN_MM, 22, " · ".join(facts), 8, room_mm=INNER_MM - 88, color=SOFT)
    right: dict[str, Any] = {"ha": "right"}
    style: dict[str, Any] = {"color": WARN, "fontweight": "bold", **right}
    page.text(WIDTH_MM - MARGIN_MM, 15, "Research use, not a medical device", 7, **style)
    page.text(WIDTH_MM - MARGIN_MM, 18.5, "automatic, reviewed by nobody", 7, color=SOFT, **right)
    page.text(WIDTH_MM - MARGIN_MM, 22, amplitude_doubt(record), 7, color=WARN, **right)
    page.line(MARGIN_MM, WIDTH_MM - MARGIN_MM, 24.5)
    return 24.5


def _facts(page: Page, y: float, analysis: Analysis, summary: Summary) -> float:
    """What is read first: rate, rhythm, intervals, beats, signal."""
    found = {interval.name: interval for interval in summary.intervals}
    counts = analysis.counts()
    rates = _spread(summary.slowest, summary.fastest)
    rhythm = analysis.rhythm
    probability = rhythm.probabilities.get(rhythm.label)
    is_told = bool(probability)
    ectopic = ", ".join(f"{label} {counts[label]}" for label in "SVQ" if counts[label])
    cells = [
        ("Heart rate, /min", whole(analysis.heart_rate_bpm), rates, False),
        (
            "Rhythm",
            RHYTHMS.get(rhythm.label, rhythm.label) if is_told else "–",
            f"probability {probability:.2f}" if probability else "not told",
            rhythm.label == "af",
        ),
        *(
            (
                f"{name}, ms",
                whole(found[name].median),
                _of_beats(found[name], summary),
                False,
            )
            for name in ("PR", "QRS", "QTcF")
        ),
        ("Beats", str(len(summary.r_s)), ectopic or "no ectopic beat", False),
        (
            "Good signal",
            share(summary.quality.get("good", 0.0)) if summary.quality else "–",
            _worst(summary),
            bool(summary.quality) and summary.quality.get("good", 0.0) < 0.5,
        ),
    ]
    widths = (25.0, 38.0, 21.0, 21.0, 21.0, 33.0, 29.0)
    x = MARGIN_MM
    for (name, value, note, warns), width in zip(cells, widths, strict=True):
        page.text(x, y + 4.5, name, 6.5, color=SOFT)
        style = {"fontweight": "bold", "color": WARN if warns else INK}
        page.text(x, y + 10.6, value, 13 if len(value) < 9 else 11, room_mm=width - 1, **style)
        page.text(x, y + 14.2, note, 6.0, room_mm=width - 1, color=SOFT)
        x += width
    page.line(MARGIN_MM, WIDTH_MM - MARGIN_MM, y + 16.5)
    return y + 16.5


def _spread(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{low:.0f} to {high:.0f}"


def _of_beats(interval: Interval, summary: Summary) -> str:
    """How far an interval goes; of how many beats it is where that is a small part of them."""
    if 0 < interval.count < FEW * len(summary.r_s):
        return f"of {interval.count} beats" if interval.count > 1 else "of one beat"
    return _spread(interval.low, interval.high)


def _worst(summary: Summary) -> str:
    rest = {STATE_NAMES[k]: v for k, v in summary.quality.items() if k != "good" and v > 0}
    return ", ".join(f"{name} {share(value)}" for name, value in rest.items())


def _findings(page: Page, y: float, analysis: Analysis, summary: Summary) -> float:
    """The record in three sentences."""
    rhythm = ", ".join(
        f"{RHYTHMS[label].lower().replace('af', 'AF')} {share(value)}"
        for label, value in sorted(summary.rhythm.items(), key=lambda item: -item[1])
    )
    kinds = ", ".join(f"{ALERT_NAMES[row.kind]} ({row.count})" for row in summary.episodes)
    lead, codes = analysis.record.lead, [finding.code for finding in analysis.findings]
    found = [finding.code for finding in analysis.findings if finding.is_found]
    untold = [code for code in codes if not carries(lead, code)]
    rest = f" (not told on lead {lead}: {', '.join(untold)})" if untold else ""
    lines = [
        f"Rhythm over time: {rhythm or 'too short to tell'}.",
        f"Episodes: {kinds or 'none'}.",
        f"Findings above their thresholds: {', '.join(found) or 'none'}{rest}.",
    ]
    for row, line in enumerate(lines):
        page.text(MARGIN_MM, y + 4.4 + 3.7 * row, line, 7.5)
    return y + 18.0


def _courses(page: Page, y: float, analysis: Analysis, summary: Summary) -> float:
    """Rate over time at the left, Poincaré at the right."""
    page.text(MARGIN_MM, y, "Heart rate, /min", 8, fontweight="bold")
    height = 42.0
    draw_legend(page, MARGIN_MM + 130, y, analysis, summary)
    draw_tachogram(page, (MARGIN_MM + 8, y + 2, 122, height), analysis, summary)
    left = WIDTH_MM - MARGIN_MM - height + 3
    page.text(left - 6, y, "RR to RR (Poincaré)", 8, fontweight="bold")
    square = (left, y + 2, height - 3, height - 3)
    draw_poincare(page, square, summary, analysis.heart_rate_variability)
    return y + height + 8.5


def _footer(page: Page, analysis: Analysis) -> None:
    y = 281.5
    page.line(MARGIN_MM, WIDTH_MM - MARGIN_MM, y - 3)
    for row, sentence in enumerate(LIMITS):
        page.text(MARGIN_MM, y + 2.6 * row, sentence, 5.6, color=SOFT)
    model = analysis.model
    said = f"leadone, model {model['name']} {model['version']}, sha256 {model['sha256'][:16]}"
    page.text(MARGIN_MM, y + 8.4, said, 5.6, room_mm=INNER_MM - 92, color=SOFT)
    end = f"record of {clock(analysis.record.duration_s)}; beats N normal, S supraventricular, V "
    end += "ventricular, Q paced or unknown"
    page.text(WIDTH_MM - MARGIN_MM, y + 8.4, end, 5.6, color=SOFT, ha="right")


def _pdf(analysis: Analysis, figure: Figure) -> bytes:
    buffer = io.BytesIO()
    title = f"{analysis.record.name}, lead {analysis.record.lead}"
    facts: dict[str, Any] = {"Title": title, "Creator": "leadone"}
    facts["CreationDate"] = None  # the same record is the same file
    figure.savefig(buffer, format="pdf", dpi=DPI, metadata=facts)
    return buffer.getvalue()


def _html(analysis: Analysis, figure: Figure) -> bytes:
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(buffer, format="svg", dpi=DPI, metadata=nothing)
    svg = re.sub(r"^.*?(?=<svg )", "", buffer.getvalue(), flags=re.DOTALL)
    svg = svg.replace("'DejaVu Sans'", "'DejaVu Sans', Verdana, sans-serif")  # the same widths
    title = html.escape(f"{analysis.record.name or 'ECG'}, lead {analysis.record.lead}")
    return PAGE_HTML.format(title=title, svg=svg).encode()
