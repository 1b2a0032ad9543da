"""RR, PR, QRS, QT and QTc from beats."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from .events import Beat

MAX_RR_S = 3.0  # a longer gap is a pause or lost signal, not a rhythm


def rr_intervals_s(beats: Sequence[Beat]) -> list[float]:
    """RR intervals between neighbouring beats; gaps above `MAX_RR_S` are left out."""
    gaps = [b.r_s - a.r_s for a, b in pairwise(beats)]
    return [gap for gap in gaps if gap <= MAX_RR_S]


def fridericia_ms(qt_ms: float, rr_s: float) -> float:
    """QTc = QT / RR^(1/3), RR in seconds (Fridericia 1920)."""
    return float(qt_ms / rr_s ** (1 / 3))


def beat_intervals_ms(beat: Beat, rr_s: float | None) -> dict[str, float | None]:
    """One beat's pr, qrs, qt and qtc in ms; None where a wave or the RR is absent."""
    pr = None if beat.p_on_s is None else 1000 * (beat.qrs_on_s - beat.p_on_s)
    qt = None if beat.t_off_s is None else 1000 * (beat.t_off_s - beat.qrs_on_s)
    qtc = fridericia_ms(qt, rr_s) if qt is not None and rr_s else None
    return {"pr": pr, "qrs": 1000 * (beat.qrs_off_s - beat.qrs_on_s), "qt": qt, "qtc": qtc}


def median_intervals_ms(beats: Sequence[Beat]) -> dict[str, float | None]:
    """Medians over normal beats (over all if none is normal): pr, qrs, qt, qtc (Fridericia)."""
    rows = []
    for k, beat in enumerate(beats):
        gap = beat.r_s - beats[k - 1].r_s if k else None
        rr_s = gap if gap is not None and gap <= MAX_RR_S else None
        rows.append((beat.label, beat_intervals_ms(beat, rr_s)))
    chosen = [row for label, row in rows if label == "N"] or [row for _, row in rows]
    result: dict[str, float | None] = {}
    for name in ("pr", "qrs", "qt", "qtc"):
        values = [value for row in chosen if (value := row[name]) is not None]
        result[name] = median(values) if values else None
    return result


def heart_rate_bpm(beats: Sequence[Beat]) -> float | None:
    """Mean heart rate from the mean RR interval."""
    rr_s = rr_intervals_s(beats)
    return 60 * len(rr_s) / sum(rr_s) if rr_s else None
