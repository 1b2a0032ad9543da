"""How a wearer's heart changes from recording to recording: rate, intervals, shape of the beat.

The template is the median of the normal beats around the R peak, as the front end filters them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from ..edge.analysis import Analysis
from ..edge.filters import RATE_HZ
from ..edge.frontend import filter_record

Doubles = npt.NDArray[np.float64]

TEMPLATE_S = (-0.3, 0.5)  # around the R peak
LEAST_BEATS = 5


@dataclass(frozen=True)
class Day:
    """One recording; None where a figure can't be measured.

    `likeness` is the correlation of its template with the first recording's, `height` the ratio of
    their peak-to-peak heights.
    """

    record: str
    start_time: datetime | None
    duration_s: float
    beats: int
    heart_rate_bpm: float | None
    intervals_ms: dict[str, float | None]
    likeness: float | None
    height: float | None


def drift(analyses: Sequence[Analysis]) -> list[Day]:
    """The recordings in order of time, each against the first with a template."""
    ordered = sorted(analyses, key=_when)
    templates = [template(analysis) for analysis in ordered]
    first = next((one for one in templates if one is not None), None)
    return [_day(a, one, first) for a, one in zip(ordered, templates, strict=True)]


def template(analysis: Analysis) -> Doubles | None:
    """The median normal beat in mV at 250 Hz, None with fewer than `LEAST_BEATS`."""
    record = analysis.record
    filtered, rate_hz = filter_record(record.signal_mv, record.rate_hz)
    span = np.arange(round(TEMPLATE_S[0] * RATE_HZ), round(TEMPLATE_S[1] * RATE_HZ))
    peaks = np.array([round(b.r_s * rate_hz) for b in analysis.beats if b.label == "N"], np.int64)
    inside = peaks[(peaks + span[0] >= 0) & (peaks + span[-1] < len(filtered))]
    if len(inside) < LEAST_BEATS:
        return None
    middle: Doubles = np.median(filtered[inside[:, None] + span], 0).astype(np.float64)
    return middle - np.median(middle)


def _when(analysis: Analysis) -> tuple[bool, float, str]:
    """Recordings without a time come last, by name."""
    start = analysis.record.start_time
    return start is None, start.timestamp() if start else 0.0, analysis.record.name


def _day(analysis: Analysis, own: Doubles | None, first: Doubles | None) -> Day:
    likeness = height = None
    if own is not None and first is not None:
        likeness = float(np.corrcoef(own, first)[0, 1])
        height = float(np.ptp(own) / np.ptp(first))
    return Day(
        analysis.record.name,
        analysis.record.start_time,
        analysis.record.duration_s,
        len(analysis.beats),
        analysis.heart_rate_bpm,
        analysis.intervals_ms,
        likeness,
        height,
    )
