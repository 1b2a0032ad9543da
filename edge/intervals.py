"""RR, PR, QRS, QT and QTc from beats."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import median

from .events import Beat, Quality

MAX_RR_S = 3.0  # a longer gap is a pause or lost signal, not a rhythm


def rr_before_s(beats: Sequence[Beat], quality: Iterable[Quality]) -> list[float | None]:
    """RR before each beat; None before the first, above `MAX_RR_S`, and across bad signal."""
    off = [(q.start_s, q.end_s) for q in quality if q.state != "good"]
    found: list[float | None] = [None] * min(len(beats), 1)
    for a, b in pairwise(beats):
        counts = b.r_s - a.r_s <= MAX_RR_S
        counts &= not any(start_s < b.r_s and a.r_s < end_s for start_s, end_s in off)
        found.append(b.r_s - a.r_s if counts else None)
    return found


def fridericia_ms(qt_ms: float, rr_s: float) -> float:
    """QTc = QT / RR^(1/3), RR in seconds (Fridericia 1920)."""
    return float(qt_ms / rr_s ** (1 / 3))


def beat_intervals_ms(beat: Beat, rr_s: float | None) -> dict[str, float | None]:
    """One beat's pr, qrs, qt and qtc in ms; None where a wave or the RR is absent."""
    pr = None if beat.p_on_s is None else 1000 * (beat.qrs_on_s - beat.p_on_s)
    qt = None if beat.t_off_s is None else 1000 * (beat.t_off_s - beat.qrs_on_s)
    qtc = fridericia_ms(qt, rr_s) if qt is not None and rr_s else None
    return {"pr": pr, "qrs": 1000 * (beat.qrs_off_s - beat.qrs_on_s), "qt": qt, "qtc": qtc}


def median_intervals_ms(
    beats: Sequence[Beat], quality: Iterable[Quality] = ()
) -> dict[str, float | None]:
    """Medians over normal beats (over all if none is normal): pr, qrs, qt, qtc (Fridericia)."""
    before = zip(beats, rr_before_s(beats, quality), strict=True)
    rows = [(beat.label, beat_intervals_ms(beat, rr_s)) for beat, rr_s in before]
    chosen = [row for label, row in rows if label == "N"] or [row for _, row in rows]
    result: dict[str, float | None] = {}
    for name in ("pr", "qrs", "qt", "qtc"):
        values = [value for row in chosen if (value := row[name]) is not None]
        result[name] = median(values) if values else None
    return result


def heart_rate_bpm(beats: Sequence[Beat], quality: Iterable[Quality] = ()) -> float | None:
    """Mean heart rate from the mean RR interval."""
    rr_s = [one for one in rr_before_s(beats, quality) if one is not None]
    return 60 * len(rr_s) / sum(rr_s) if rr_s else None
