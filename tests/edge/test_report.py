import base64
import hashlib
import json
import re
from dataclasses import asdict, replace
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leadone.edge import report
from leadone.edge.analysis import Analysis, Episode, Finding, Variability
from leadone.edge.beat_store import BeatStore
from leadone.edge.errors import InputError
from leadone.edge.events import Alert, Beat, Quality, Rhythm
from leadone.edge.record import Record
from leadone.edge.stored_intervals import interval_values_ms

HOSTILE = "a/</script><script>alert(1)</script>{{data}}<img src=x onerror=alert(2)>&\u2028'\""


def beats_of(duration_s: float, rr_s: float = 0.8) -> tuple[Beat, ...]:
    return tuple(
        Beat(
            r, r - 0.05, r + 0.05, r - 0.21, r - 0.1, r + 0.2, r + 0.35, "V" if k % 9 == 8 else "N"
        )
        for k, r in enumerate(np.arange(0.5, duration_s - 0.5, rr_s).tolist())
    )


def analysis_of(record: Record, beats: tuple[Beat, ...] = (), **changes: Any) -> Analysis:
    values: dict[str, Any] = {
        "model": {"name": "wrist", "version": "1", "sha256": "ab" * 32},
        "rhythm": Rhythm(0.0, record.duration_s, "noise"),
        "episodes": (),
        "alerts": (),
        "quality": (),
        "intervals_ms": dict.fromkeys(("pr", "qrs", "qt", "qtc")),
        "heart_rate_bpm": None,
    }
    return Analysis(record=record, beats=beats, **(values | changes))


def record_of(duration_s: float, rate_hz: float = 360.0, source: str = "a/one") -> Record:
    time_s = np.arange(round(duration_s * rate_hz)) / rate_hz
    return Record(np.sin(7 * time_s).astype(np.float32), rate_hz, source=source)


class Page(HTMLParser):
    """Counts elements, collects script bodies and every attribute that could fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.scripts: list[str] = []
        self.policy = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        values = dict(attrs)
        self.addresses += [v or "" for k, v in attrs if k in ("src", "href", "action", "data")]
        if tag == "script":
            self.scripts.append("")
        if values.get("http-equiv") == "Content-Security-Policy":
            self.policy = values["content"] or ""

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] == "script" and self.scripts:
            self.scripts[-1] += data

    @property
    def data(self) -> dict[str, Any]:
        text = self.scripts[0].split("\n")[0]
        return dict(json.loads(text))


def page_of(analysis: Analysis, folder: Path) -> Page:
    path = folder / "new" / "report.html"
    report.write_report(analysis, path)
    assert list(path.parent.iterdir()) == [path]
    return Page(path.read_text(encoding="utf-8"))


def signal_of(page: Page) -> np.ndarray:
    signal = page.data["signal"]
    codes = np.frombuffer(base64.b64decode(signal["samples"]), "<i2").astype(float)
    return np.where(codes == report.MISSING, np.nan, codes * signal["step_mv"])


def test_the_page_fetches_nothing_and_runs_its_own_script_alone(tmp_path: Path) -> None:
    page = page_of(analysis_of(record_of(10)), tmp_path)
    assert page.addresses == ["data:,"]
    script = page.scripts[1].encode()
    digest = base64.b64encode(hashlib.sha256(script.rstrip(b"\n") + b"\n").digest()).decode()
    assert f"script-src 'sha256-{digest}'" in page.policy
    assert page.policy.startswith("default-src 'none'")
    assert not re.search("fetch\\(|XMLHttpRequest|WebSocket|import\\(|innerHTML", page.scripts[1])


def test_a_hostile_record_name_stays_text(tmp_path: Path) -> None:
    tame = page_of(analysis_of(record_of(10)), tmp_path / "a")
    record = Record(record_of(10).signal_mv, 360.0, lead=HOSTILE, source=HOSTILE)
    path = tmp_path / "b.html"
    report.write_report(analysis_of(record), path)
    page = Page(path.read_text(encoding="utf-8"))
    assert page.tags == tame.tags
    assert page.data["record"] == record.name == HOSTILE.rsplit("/", 1)[-1].replace("\u2028", "_")
    assert page.data["lead"] == HOSTILE


def test_the_signal_survives_the_page(tmp_path: Path) -> None:
    record = record_of(10)
    record.signal_mv[100:150] = np.nan
    shown = signal_of(page_of(analysis_of(record), tmp_path))
    centred = record.signal_mv - np.nanmedian(record.signal_mv)
    np.testing.assert_array_equal(np.isnan(shown), np.isnan(record.signal_mv))
    np.testing.assert_allclose(shown, centred, atol=0.00051)


def test_huge_values_are_scaled_not_wrapped(tmp_path: Path) -> None:
    record = record_of(10)
    record.signal_mv[:] *= 5000
    record.signal_mv[7] = np.inf
    shown = signal_of(page_of(analysis_of(record), tmp_path))
    assert np.nanmax(shown) == pytest.approx(5000 - np.median(record.signal_mv), rel=0.001)
    assert np.isnan(shown[7])


def test_five_minutes_stay_below_a_megabyte_at_any_rate(tmp_path: Path) -> None:
    for rate_hz in (360.0, 1000.0):
        text = report.render_report(analysis_of(record_of(300, rate_hz), beats_of(300)))
        assert len(text) < 1_000_000
        assert Page(text).data["signal"]["rate_hz"] >= 250


def test_a_long_record_shows_its_first_hour_and_all_its_beats(tmp_path: Path) -> None:
    duration_s = 2 * 3600
    beats = beats_of(duration_s, 4.0)
    text = report.render_report(analysis_of(record_of(duration_s, 250.0), beats))
    data = Page(text).data
    assert data["signal"]["shown_s"] == 3600
    assert data["signal"]["rate_hz"] == 125
    assert len(data["beats"]) == len(beats)
    assert len(data["beats"][0]) == 8
    assert data["beats"][-1] == [round(1000 * beats[-1].r_s), beats[-1].label]
    assert len(text) < 1_500_000


def test_decimation_keeps_time_and_missing_samples() -> None:
    record = record_of(3600, 1000.0)
    record.signal_mv[8000:16000] = np.nan
    signal = report.report_data(analysis_of(record))["signal"]
    codes = np.frombuffer(base64.b64decode(signal["samples"]), "<i2").astype(float)
    time_s = np.arange(len(codes)) / signal["rate_hz"]
    gap = (time_s >= 8) & (time_s < 16)
    assert (codes[gap] == report.MISSING).all()
    calm = ~gap & (time_s > 17) & (time_s < 3590)
    shown = codes[calm] * signal["step_mv"]
    assert np.abs(shown - np.sin(7 * time_s[calm])).max() < 0.02


def test_intervals_counts_and_quality_are_the_records(tmp_path: Path) -> None:
    beats = beats_of(20)
    quality = (Quality(0.0, 15.0, "good"), Quality(15.0, 20.0, "noisy", "muscle"))
    analysis = analysis_of(
        record_of(20), beats, quality=quality, intervals_ms={"pr": 161.0, "qrs": 101.0}
    )
    data = page_of(analysis, tmp_path).data
    rows = {row["name"]: row for row in data["intervals"]}
    assert rows["RR"]["median"] == pytest.approx(800)
    assert rows["PR"]["median"] == 161.0  # the analysis' own median
    assert rows["PR"]["p5"] == pytest.approx(160)
    assert rows["QT"]["p95"] == pytest.approx(400)
    assert rows["QTcF"]["p95"] == pytest.approx(400 / 0.8 ** (1 / 3))
    assert rows["QRS"]["count"] == sum(beat.label == "N" for beat in beats)
    assert data["counts"] == {"N": 22, "S": 0, "V": 2, "Q": 0}
    assert data["good_share"] == pytest.approx(0.75)


def test_variability_is_on_the_page(tmp_path: Path) -> None:
    told = Variability(345, 44.4, 25.1, 6.9, 17.7, 53.3)
    page = page_of(analysis_of(record_of(20), heart_rate_variability=told), tmp_path)
    assert page.data["variability"] == asdict(told)
    assert all(f"{name}:" in page.scripts[1] for name in asdict(told) if name != "nn_intervals")


def test_no_row_counts_an_rr_across_signal_that_is_not_good() -> None:
    r_s = np.delete(np.arange(0.5, 19.5, 0.8), 10)
    beats = tuple(Beat(r, r - 0.05, r + 0.05, t_on_s=r, t_off_s=r + 0.3) for r in r_s.tolist())
    noise = (Quality(r_s[9] + 0.1, r_s[10] - 0.1, "noisy", "muscle"),)
    for quality, counted, longest_ms in (((), 0, 1600), (noise, 1, 800)):
        analysis = analysis_of(record_of(20), beats, quality=quality)
        rows = {row["name"]: row for row in report.interval_rows(analysis)}
        assert rows["RR"]["count"] == rows["QTcF"]["count"] == len(beats) - 1 - counted
        assert rows["QT"]["count"] == len(beats)
        largest_ms = interval_values_ms(BeatStore(beats), quality, "rr").max()
        assert largest_ms == pytest.approx(longest_ms)


def test_findings_are_on_the_page(tmp_path: Path) -> None:
    found = (
        Finding("AFIB", 0.8123, True),
        Finding("PVC", 0.2, False),
    )
    data = page_of(replace(analysis_of(record_of(20), []), findings=found), tmp_path).data
    assert data["findings"] == [
        ["AFIB", 0.812, True],
        ["PVC", 0.2, False],
    ]


def test_an_alert_and_its_end_are_one_row(tmp_path: Path) -> None:
    opened = Alert("tachycardia", 12.0, 2.0, "fast")
    closed = Alert("tachycardia", 15.0, 2.0, "fast", 15.0)
    still = Alert("pause", 18.0, 15.5, "no beat")
    known = Alert("bradycardia", 9.0, 1.0, "slow")
    analysis = analysis_of(
        record_of(20),
        alerts=(opened, known, closed, still),
        episodes=(Episode("bradycardia", 1.0, 19.0),),
    )
    rows = page_of(analysis, tmp_path).data["alerts"]
    assert [(row["name"], row["start_s"], row["end_s"]) for row in rows] == [
        ("Bradycardia", 1.0, 19.0),
        ("Tachycardia", 2.0, 15.0),
        ("Pause", 15.5, None),
    ]


def test_a_record_without_anything_still_makes_a_page(tmp_path: Path) -> None:
    record = Record(np.full(3600, np.nan, np.float32), 360.0, start_time=datetime(2024, 5, 6))
    data = page_of(analysis_of(record, quality=(Quality(0, 10, "lead_off"),)), tmp_path).data
    assert data["good_share"] == 0
    assert data["beats"] == []
    assert data["start_time"] == "2024-05-06 00:00:00"
    assert {row["median"] for row in data["intervals"]} == {None}


def test_a_folder_is_refused_and_a_failed_write_leaves_the_old_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match="is a folder"):
        report.write_report(analysis_of(record_of(5)), tmp_path)
    path = tmp_path / "report.html"
    path.write_text("old")

    def fail(_: Analysis) -> str:
        raise OSError("disk full")

    monkeypatch.setattr(report, "render_report", fail)
    with pytest.raises(OSError, match="disk full"):
        report.write_report(analysis_of(record_of(5)), path)
    assert [p.read_text() for p in tmp_path.iterdir()] == ["old"]
