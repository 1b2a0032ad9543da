"""An analysis as one self-contained HTML page that asks nothing of any network."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .alert_limits import SLOW_TRENDS
from .amplitude import amplitude_doubt
from .analysis import Analysis
from .beat_store import stored
from .events import Alert, Beat
from .files import make_folder, whole_file
from .names import ALERT_NAMES
from .record import Record
from .stored_intervals import interval_values_ms

SHOWN_S = 3600.0  # of signal on the page; more would not open on a phone
MAX_RATE_HZ = 500.0
MIN_RATE_HZ = 100.0
MAX_SAMPLES = 450_000  # 1.2 MB of page; the rate gives way before the first hour does
MISSING = -32768  # int16 code of a missing sample
LARGEST = 32_000  # int16 code of the largest deflection

INTERVALS = {"rr": "RR", "pr": "PR", "qrs": "QRS", "qt": "QT", "qtc": "QTcF"}


def write_report(analysis: Analysis, path: Path) -> None:
    """Write the page to `path`, whole or not at all."""
    page = render_report(analysis)
    make_folder(path.parent)
    with whole_file(path) as unfinished:
        unfinished.write_text(page, encoding="utf-8")


def render_report(analysis: Analysis) -> str:
    """The page; texts from files are data on it, never markup or script."""
    template = resources.files(__package__).joinpath("report.html").read_text(encoding="utf-8")
    script = template.split("<script>")[1].split("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    values = {
        "title": html.escape(f"{analysis.record.name or 'ECG'}, lead {analysis.record.lead}"),
        "script_hash": f"sha256-{digest}",
        "data": _json_in_html(report_data(analysis)),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda match: values[match[1]], template)


def report_data(analysis: Analysis) -> dict[str, Any]:
    """What the page's script draws, as plain JSON values."""
    record = analysis.record
    shown_s = min(record.duration_s, SHOWN_S)
    return {
        "record": record.name,
        "lead": record.lead,
        "rate_hz": round(record.rate_hz, 4),
        "duration_s": round(record.duration_s, 3),
        "start_time": record.start_time.isoformat(" ", "seconds") if record.start_time else "",
        "doubt": amplitude_doubt(record),
        "model": analysis.model,
        "signal": _signal(record, shown_s),
        "beats": [_compact_beat(beat, shown_s) for beat in analysis.beats],
        "blocked_p": [_edges_ms(*wave) for beat in analysis.beats for wave in beat.blocked_p_s],
        "counts": analysis.counts(),
        "rhythm": {
            "label": analysis.rhythm.label,
            "probabilities": {k: round(v, 3) for k, v in analysis.rhythm.probabilities.items()},
        },
        "findings": [[f.code, round(f.probability, 3), f.is_found] for f in analysis.findings],
        "alerts": _alerts(analysis),
        "quality": [
            [round(q.start_s, 2), round(q.end_s, 2), q.state, q.reason] for q in analysis.quality
        ],
        "good_share": good_share(analysis),
        "intervals": interval_rows(analysis),
        "heart_rate_bpm": analysis.heart_rate_bpm,
        "variability": asdict(analysis.heart_rate_variability),
    }


def good_share(analysis: Analysis) -> float | None:
    """Share of the judged signal that is good, None where nothing was judged."""
    judged = sum(q.end_s - q.start_s for q in analysis.quality)
    good = sum(q.end_s - q.start_s for q in analysis.quality if q.state == "good")
    return good / judged if judged > 0 else None


def interval_rows(analysis: Analysis) -> list[dict[str, Any]]:
    """Median, 5th and 95th percentile in ms, over normal beats where there are any.

    The medians are the analysis' own, so that the page and the JSON never disagree.
    """
    store, rows = stored(analysis.beats), []
    for key, name in INTERVALS.items():
        found = interval_values_ms(store, analysis.quality, key)
        p5, p95 = np.percentile(found, [5, 95]).tolist() if len(found) else (None, None)
        median = float(np.median(found)) if key == "rr" and len(found) else None
        median = analysis.intervals_ms.get(key, median)
        rows.append({"name": name, "median": median, "p5": p5, "p95": p95, "count": len(found)})
    return rows


def _signal(record: Record, shown_s: float) -> dict[str, Any]:
    allowed_hz = np.clip(MAX_SAMPLES / max(shown_s, 1.0), MIN_RATE_HZ, MAX_RATE_HZ)
    factor = max(1, int(np.ceil(record.rate_hz / allowed_hz - 1e-9)))
    samples = _decimate(record.read(0, round(shown_s * record.rate_hz)), factor)
    valid = np.isfinite(samples)
    centre = float(np.median(samples[valid])) if valid.any() else 0.0
    largest = float(np.abs(samples[valid] - centre).max(initial=0.0))
    step_mv = max(0.001, largest / LARGEST)
    codes = np.where(
        valid, np.round((np.where(valid, samples, centre) - centre) / step_mv), MISSING
    )
    return {
        "rate_hz": record.rate_hz / factor,
        "step_mv": step_mv,
        "shown_s": round(shown_s, 3),
        "samples": base64.b64encode(codes.astype("<i2").tobytes()).decode(),
    }


def _decimate(signal_mv: npt.NDArray[np.float32], factor: int) -> npt.NDArray[np.float64]:
    """Every `factor`-th sample after a zero-phase low-pass; missing stays missing."""
    samples = signal_mv.astype(np.float64)
    samples[~np.isfinite(samples)] = np.nan
    valid = np.isfinite(samples)
    if factor == 1 or not valid.any():
        return samples[::factor]
    from scipy.signal import decimate  # slow to import: a stream that writes no page skips it

    at = np.arange(len(samples))
    filled = np.interp(at, at[valid], samples[valid])
    reduced = decimate(filled, factor, ftype="fir", zero_phase=True)
    return np.where(valid[::factor], reduced, np.nan)


def _compact_beat(beat: Beat, shown_s: float) -> list[Any]:
    """R, label and the six edges in ms; R and label alone where the trace is not shown."""
    compact: list[Any] = [round(1000 * beat.r_s), beat.label]
    if beat.r_s > shown_s:
        return compact
    return compact + _edges_ms(
        beat.p_on_s, beat.p_off_s, beat.qrs_on_s, beat.qrs_off_s, beat.t_on_s, beat.t_off_s
    )


def _edges_ms(*edges_s: float | None) -> list[int | None]:
    return [None if edge is None else round(1000 * edge) for edge in edges_s]


def _alerts(analysis: Analysis) -> list[dict[str, Any]]:
    """One row an episode: an alert and the event that closes it are the same thing to a reader."""
    ends = {(episode.kind, episode.start_s): episode.end_s for episode in analysis.episodes}
    ends |= {(a.kind, a.start_s): a.end_s for a in analysis.alerts if a.end_s is not None}
    first: dict[tuple[str, float], Alert] = {}
    for alert in analysis.alerts:
        first.setdefault((alert.kind, alert.start_s), alert)
    return [
        {
            "name": ALERT_NAMES[kind],
            "start_s": start_s,
            "end_s": ends.get((kind, start_s)),
            "text": alert.text,
            "is_shaded": kind not in SLOW_TRENDS,
        }
        for (kind, start_s), alert in sorted(first.items(), key=lambda item: item[0][1])
    ]


def _json_in_html(data: dict[str, Any]) -> str:
    """JSON that can't end its script element: no <, > or & is left in it."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return re.sub("[<>&]", lambda match: f"\\u{ord(match[0]):04x}", text)
