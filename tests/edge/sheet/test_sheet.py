"""The sheet: its figures, its strips, and a page on which nothing runs over or off."""

import os
import re
import shutil
import subprocess
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from leadone import Record
from leadone.edge.analysis import Analysis, Episode, Finding, Stretch, Variability
from leadone.edge.events import Alert, Beat, Quality, Rhythm
from leadone.edge.sheet.paper import HEIGHT_MM, STRIP_S, WIDTH_MM, gain_for
from leadone.edge.sheet.sheet import STYLE, draw_sheet, write_sheet
from leadone.edge.sheet.strips import Strip, choose_strips
from leadone.edge.sheet.summary import row_s, summary_of
from leadone.edge.sheet.words import clock, duration, share, time_of_day

HOSTILE = "</svg><script>alert(1)</script>$\\frac{a}{b}$&\0"
KINDS = ("af_suspected", "bradycardia", "dropped_beats", "lead_off", "pause", "pr_long", "qtc_long")
KINDS += ("reversed_hands", "tachycardia", "v_bigeminy", "v_couplet", "v_frequent", "v_run")


def beats_every(rr_s: float, duration_s: float, start_s: float = 0.4) -> list[Beat]:
    return [
        Beat(r, r - 0.05, r + 0.05, r - 0.2, r - 0.1, r + 0.2, r + 0.35, "V" if k % 9 == 8 else "N")
        for k, r in enumerate(np.arange(start_s, duration_s - 0.4, rr_s).tolist())
    ]


def analysis_of(duration_s: float, **changes: Any) -> Analysis:
    """Beats of a triangle a second on a signal of 100 Hz."""
    time_s = np.arange(round(100 * duration_s)) / 100
    signal_mv = np.maximum(0, 1 - np.abs(time_s % 0.8 - 0.4) / 0.04).astype(np.float32)
    record = Record(signal_mv, 100.0, "I", datetime(2026, 5, 30, 16, 32), "a/one")
    values: dict[str, Any] = {
        "model": {"name": "wrist", "version": "1", "sha256": "ab" * 32},
        "beats": tuple(beats_every(0.8, duration_s)),
        "rhythm": Rhythm(0.0, duration_s, "normal", {"normal": 0.9, "af": 0.1}),
        "episodes": (),
        "alerts": (),
        "quality": (Quality(0.0, duration_s, "good"),),
        "intervals_ms": {"pr": 150.0, "qrs": 100.0, "qt": 400.0, "qtc": 430.0},
        "heart_rate_bpm": 75.0,
        "rhythms": (Stretch(0.0, duration_s, "normal"),),
    }
    return Analysis(record=record, **(values | changes))


def crowded(duration_s: float) -> Analysis:
    """A record with everything, under a name that is too long."""
    step = duration_s / 40
    episodes = tuple(
        Episode(kind, (k + 0.2) * step, (k + 0.7) * step) for k, kind in enumerate(KINDS * 3)
    )
    quality = tuple(
        Quality(k * step, (k + 1) * step, ("good", "noisy", "lead_off")[k % 3], "muscle")
        for k in range(40)
    )
    rhythms = tuple(
        Stretch(k * step, (k + 1) * step, ("normal", "af", "other", "noise")[k % 4])
        for k in range(40)
    )
    analysis = analysis_of(
        duration_s,
        episodes=episodes,
        alerts=(Alert("pause", duration_s - 3, duration_s - 6, "no beat"),),
        quality=quality,
        rhythms=rhythms,
        findings=tuple(Finding(f"CODE{k}", 0.9, True) for k in range(30)),
        rhythm=Rhythm(0.0, duration_s, "af", {"af": 1.0}),
        heart_rate_variability=Variability(1_750_000, 1234.0, 1234.0, 100.0, 1234.0, 1234.0),
    )
    about = {"patient_name": "W" * 90, "birth_date": "1958-03-07"}
    record = replace(analysis.record, source="a/" + "W" * 200, has_gain=False, about=about)
    return replace(analysis, record=record)


def boxes(analysis: Analysis) -> list[tuple[str, Any]]:
    """Every text of the page itself with its box in mm from the upper left corner."""
    with matplotlib.rc_context(STYLE):
        page = draw_sheet(analysis)
        renderer = FigureCanvasAgg(page.figure).get_renderer()
        scale = page.figure.dpi / 25.4
        found = []
        for text in page.figure.axes[0].texts:
            box = text.get_window_extent(renderer)
            edges = (box.x0 / scale, box.x1 / scale)
            rows = (HEIGHT_MM - box.y1 / scale, HEIGHT_MM - box.y0 / scale)
            found.append((text.get_text(), (*edges, *rows)))
    return found


@pytest.mark.parametrize("hours", [10 / 3600, 0.1, 3.0, 26.0, 14 * 24.0])
@pytest.mark.parametrize("made", [analysis_of, crowded])
def test_nothing_runs_over_or_off_the_page(hours: float, made: Any) -> None:
    found = [(words, box) for words, box in boxes(made(min(hours, 30.0) * 3600)) if words]
    for words, (left, right, top, bottom) in found:
        assert left > 5 and right < WIDTH_MM - 5, words
        assert top > 5 and bottom < HEIGHT_MM - 4, words
    for k, (words, a) in enumerate(found):
        for other, b in found[k + 1 :]:
            across = min(a[1], b[1]) - max(a[0], b[0])
            along = min(a[3], b[3]) - max(a[2], b[2])
            assert across < 0.2 or along < 0.9, (words, other)


def test_no_text_runs_into_another() -> None:
    many = [Episode("v_frequent", k, k + 0.5) for k in range(1500)]
    for analysis in (crowded(600), analysis_of(3600, episodes=(*many, Episode("pause", 5, 9)))):
        found = [box for box in boxes(analysis) if box[0].strip()]
        for k, (text, (x0, x1, y0, y1)) in enumerate(found):
            for other, (u0, u1, v0, v1) in found[k + 1 :]:
                across, down = min(x1, u1) - max(x0, u0), min(y1, v1) - max(y0, v0)
                assert across <= 0 or down <= 0.5, (text, other)


def test_paper_is_true_to_scale() -> None:
    with matplotlib.rc_context(STYLE):
        page = draw_sheet(analysis_of(10))
    strip = page.figure.axes[1]
    box = strip.get_position()
    assert box.width * WIDTH_MM == pytest.approx(strip.get_xlim()[1])
    assert box.height * HEIGHT_MM == pytest.approx(strip.get_ylim()[1])
    trace = max(strip.lines, key=lambda line: len(line.get_xdata()))
    x, y = np.asarray(trace.get_xdata()), np.asarray(trace.get_ydata())
    assert x[100] - x[0] == pytest.approx(25)  # a second
    assert y.max() - y.min() == pytest.approx(10)  # a millivolt


def test_missing_signal_is_marked_where_it_is_missing() -> None:
    whole = analysis_of(7)
    signal_mv = whole.record.signal_mv.copy()
    signal_mv[200:400] = signal_mv[500:510] = np.nan
    with matplotlib.rc_context(STYLE):
        page = draw_sheet(replace(whole, record=replace(whole.record, signal_mv=signal_mv)))
    strip = page.figure.axes[1]
    spans = [(patch.get_x(), patch.get_width()) for patch in strip.patches]
    assert spans == [pytest.approx((50, 50)), pytest.approx((125, 2.5))]  # 25 mm a second
    assert [text.get_text() for text in strip.texts].count("no signal") == 1


def test_an_interval_of_few_beats_says_of_how_many() -> None:
    beats = [replace(b, p_on_s=None, p_off_s=None) for b in beats_every(0.8, 100)]
    few = [replace(beats[k], p_on_s=beats[k].r_s - 0.2, p_off_s=beats[k].r_s - 0.1) for k in (0, 1)]
    for count, said in ((1, "of one beat"), (2, "of 2 beats")):
        analysis = analysis_of(100, beats=(*few[:count], *beats[count:]))
        assert said in [text for text, _ in boxes(analysis)]
    assert not any("of 1" in text for text, _ in boxes(analysis_of(100)))


def test_variability_is_said_with_what_it_stands_on() -> None:
    said = [text for text, _ in boxes(analysis_of(100))]
    assert "– (0 NN intervals)" in said
    told = Variability(345, 44.4, 25.1, 6.9, 17.7, 53.3)
    analysis = analysis_of(100, heart_rate_variability=told)
    assert "SDNN 44, RMSSD 25 ms, pNN50 7 %, 345 NN" in [text for text, _ in boxes(analysis)]
    labels = [axes.get_xlabel() for axes in draw_sheet(analysis).figure.axes]
    assert "RR before, ms · SD1 18, SD2 53" in labels


def test_gain_falls_only_where_the_strip_would_leave_its_paper() -> None:
    def strip(reach_mv: float) -> Strip:
        samples = np.tile([0, reach_mv], 500).astype(np.float32)
        return Strip(0.0, samples, 100.0, "0:00:00", "")

    assert [gain_for(strip(reach), 22.0) for reach in (0.1, 2.0, 2.5, 6.0, 40.0)] == [
        10.0,
        10.0,
        5.0,
        2.5,
        0.5,
    ]
    assert gain_for(replace(strip(1.0), signal_mv=np.full(9, np.nan, np.float32)), 22.0) == 10.0


def test_figures_are_those_of_the_record() -> None:
    slow, fast = beats_every(1.5, 1800), beats_every(0.4, 3600, 1803.0)
    beats = tuple(beat for beat in (*slow, *fast))
    analysis = analysis_of(
        3 * 3600,
        beats=beats,
        rhythms=(Stretch(0.0, 5400.0, "normal"), Stretch(5400.0, 10_800.0, "af")),
        quality=(Quality(0.0, 8100.0, "good"), Quality(8100.0, 10_800.0, "noisy")),
        episodes=(Episode("pause", 10.0, 13.5), Episode("pause", 50.0, 59.0)),
        alerts=(Alert("pause", 13.0, 10.0, "no beat"), Alert("v_run", 10_000.0, 9_999.0, "run")),
    )
    summary = summary_of(analysis)
    assert summary.slowest == pytest.approx(40) and summary.fastest == pytest.approx(150)
    assert summary.rhythm == pytest.approx({"normal": 0.5, "af": 0.5})
    assert summary.quality == pytest.approx({"good": 0.75, "noisy": 0.25})
    rows = {row.kind: row for row in summary.episodes}
    assert (rows["pause"].count, rows["pause"].total_s, rows["pause"].longest_start_s) == (
        2,
        12.5,
        50.0,
    )
    assert rows["v_run"].total_s == pytest.approx(801)  # open until the end
    hours = summary.hours
    assert [hour.beats for hour in hours] == [
        sum(3600 * k <= b.r_s < 3600 * (k + 1) for b in beats) for k in range(3)
    ]
    assert [hour.af for hour in hours] == pytest.approx([0, 0.5, 1])
    assert [hour.good for hour in hours] == pytest.approx([1, 1, 0.25])
    assert hours[0].slowest == pytest.approx(40) and hours[2].beats == 0
    assert hours[2].mean is None
    names = [(interval.name, interval.median) for interval in summary.intervals[1:]]
    assert names == [("PR", 150.0), ("QRS", 100.0), ("QT", 400.0), ("QTcF", 430.0)]
    normal = sum(beat.label == "N" for beat in beats)
    assert summary.intervals[2].count == normal
    assert summary.intervals[0].count == len(beats) - 2  # not across the gap


def test_rows_of_the_table_fit() -> None:
    assert row_s(24 * 3600) == row_s(26 * 3600) == 3600
    assert row_s(14 * 86_400) / 3600 * 26 >= 14 * 24


def test_a_short_record_is_shown_whole() -> None:
    analysis = analysis_of(4 * STRIP_S - 0.5)
    strips = choose_strips(analysis, summary_of(analysis), STRIP_S, 4)
    shown = np.concatenate([strip.signal_mv for strip in strips])
    np.testing.assert_array_equal(shown, analysis.record.signal_mv)


def test_strips_show_the_usual_and_the_longest_of_what_is_most_urgent() -> None:
    good = [Quality(k, k + 2, "good", "powerline" if k % 4 else "") for k in range(400, 500, 2)]
    analysis = analysis_of(
        600,
        quality=(Quality(0, 400, "noisy"), *good, Quality(500, 600, "noisy")),
        episodes=(
            Episode("tachycardia", 100.0, 160.0),
            Episode("lead_off", 20.0, 30.0),
            Episode("pause", 200.0, 203.2),
            Episode("pause", 300.0, 304.0),
        ),
        alerts=(Alert("pause", 203.0, 200.0, "no beat"),),
    )
    usual, pause, fast = choose_strips(analysis, summary_of(analysis), STRIP_S, 3)
    assert 400 <= usual.start_s <= 500 - STRIP_S and usual.title == "usual rhythm"
    assert pause.title == "Pause, the longest of 2: 4.0 s" and pause.start_s == 298.5
    assert fast.title == "Tachycardia: 1 min 00 s" and 100 < fast.start_s < 150


def test_pdf_is_one_page_of_a4_and_the_same_again(tmp_path: Path) -> None:
    first, second = tmp_path / "a.pdf", tmp_path / "b.pdf"
    for path in (first, second):
        write_sheet(analysis_of(30), path)
    content = first.read_bytes()
    assert content == second.read_bytes() and len(content) < 300_000
    (box,) = re.findall(rb"/MediaBox \[ ?([\d. ]+?) ?\]", content)
    assert [float(v) / 72 * 25.4 for v in box.split()] == pytest.approx([0, 0, 210, 297], abs=0.1)


def test_html_runs_nothing_fetches_nothing_and_keeps_names_text(tmp_path: Path) -> None:
    analysis = analysis_of(30)
    hostile = replace(analysis.record, source=f"a/{HOSTILE}".replace("/", "|"), lead=HOSTILE)
    path = tmp_path / "a.html"
    write_sheet(replace(analysis, record=hostile), path)
    text = path.read_text(encoding="utf-8")
    assert "<script" not in text and "default-src 'none'" in text and "\\frac" in text
    for address in re.findall(r"""(?:href|src)\s*=\s*["']([^"']*)""", text):
        assert address.startswith(("#", "data:"))
    assert [p.name for p in tmp_path.iterdir()] == ["a.html"]


def test_a_record_without_anything_makes_a_page(tmp_path: Path) -> None:
    nothing = analysis_of(
        30,
        beats=(),
        rhythms=(),
        quality=(),
        intervals_ms=dict.fromkeys(("pr", "qrs", "qt", "qtc")),
        heart_rate_bpm=None,
        rhythm=Rhythm(0.0, 30.0, "noise"),
    )
    record = replace(nothing.record, signal_mv=np.full(3000, np.nan, np.float32), start_time=None)
    assert not any("– to" in text for text, _ in boxes(replace(nothing, record=record)))
    write_sheet(replace(nothing, record=record), tmp_path / "a.pdf")
    assert (tmp_path / "a.pdf").stat().st_size > 10_000


def test_it_prints_on_one_page_in_a_real_browser(tmp_path: Path) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        assert os.environ.get("LEADONE_BROWSER") != "required", "no chromium"
        pytest.skip("needs chromium")
    page, printed = tmp_path / "a.html", tmp_path / "printed.pdf"
    write_sheet(crowded(30 * 3600), page)
    command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"]
    command += [f"--user-data-dir={tmp_path}/profile", f"--print-to-pdf={printed}", str(page)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    content = printed.read_bytes()
    assert len(re.findall(rb"/Type\s*/Page\b", content)) == 1


def test_words() -> None:
    assert [clock(s) for s in (5, 3605.9, 90_061)] == ["0:00:05", "1:00:05", "1 d 1:01:01"]
    assert [duration(s) for s in (3.84, 44, 101, 8880, 100_000)] == [
        "3.8 s",
        "44 s",
        "1 min 41 s",
        "2 h 28 min",
        "1 d 3 h 46 min",
    ]
    start = datetime(2026, 5, 30, 23, 59)
    assert time_of_day(start, 30) == "23:59" and time_of_day(start, 90) == "31.05. 00:00"
    assert time_of_day(None, 30) == ""
    assert [share(v) for v in (0, 0.0001, 0.004, 0.5, 0.9999, 1)] == [
        "0 %",
        "0.1 %",
        "0.4 %",
        "50 %",
        "99.9 %",
        "100 %",
    ]
