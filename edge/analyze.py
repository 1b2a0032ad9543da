"""`analyze`: a whole record through a `Monitor`, gathered into one value."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .alert_limits import AlertLimits
from .analysis import Analysis, Episode, Finding
from .backends import StreamNetwork
from .bundle import Bundle, load_bundle
from .errors import InputError
from .events import Alert, Beat, Event, Quality, Rhythm
from .intervals import heart_rate_bpm, median_intervals_ms
from .labels import RHYTHMS
from .monitor import Monitor
from .record import Record
from .record_head import RecordHead

MIN_DURATION_S = 5.0
BLOCK_S = 60.0


def analyze(
    record: Record,
    model: str | Path | Bundle = "wrist",
    backend: str | StreamNetwork = "onnx",
    limits: AlertLimits | None = None,
) -> Analysis:
    """Read a whole record; `backend` and `limits` as in `Monitor`.

    Raises InputError when the record is shorter than 5 s or holds no valid sample.
    """
    check_readable(record)
    bundle = model if isinstance(model, Bundle) else load_bundle(model)
    monitor = Monitor(bundle, record.lead, limits, backend)
    events: list[Event] = []
    block = round(BLOCK_S * record.rate_hz)
    for start in range(0, len(record.signal_mv), block):
        events += monitor.push(record.signal_mv[start : start + block], record.rate_hz)
    return gather(record, bundle, events + monitor.finish())


def check_readable(record: Record) -> None:
    """Refuse what no beat can be read from, with the reason."""
    name = record.name or "the record"
    if record.duration_s < MIN_DURATION_S:
        raise InputError(
            f"{name} lasts {record.duration_s:.1f} s; at least {MIN_DURATION_S:g} s are needed"
        )
    if not np.isfinite(record.signal_mv).any():
        raise InputError(f"lead {record.lead} of {name} has no valid sample; choose another lead")


def gather(record: Record, bundle: Bundle, events: list[Event]) -> Analysis:
    """The events of a record as an Analysis."""
    beats = tuple(e for e in events if isinstance(e, Beat))
    alerts = [e for e in events if isinstance(e, Alert)]
    windows = [e for e in events if isinstance(e, Rhythm)]
    return Analysis(
        record=record,
        model=bundle.identity,
        beats=beats,
        rhythm=_overall(windows, record.duration_s),
        episodes=tuple(Episode(a.kind, a.start_s, a.end_s) for a in alerts if a.end_s is not None),
        alerts=tuple(a for a in alerts if a.end_s is None),
        quality=tuple(e for e in events if isinstance(e, Quality)),
        intervals_ms=median_intervals_ms(beats),
        heart_rate_bpm=heart_rate_bpm(beats),
        findings=_findings(windows, RecordHead.from_manifest(bundle.manifest["record_head"])),
    )


def _overall(windows: list[Rhythm], duration_s: float) -> Rhythm:
    """The record's rhythm: the mean of its windows' probabilities."""
    if not windows:
        return Rhythm(0.0, duration_s, "noise", {name: float(name == "noise") for name in RHYTHMS})
    means = {name: sum(w.probabilities[name] for w in windows) / len(windows) for name in RHYTHMS}
    return Rhythm(0.0, duration_s, max(means, key=lambda name: means[name]), means)


def _findings(windows: list[Rhythm], head: RecordHead) -> tuple[Finding, ...]:
    """Each finding's mean probability over the windows that could be read, and if it is enough."""
    read = [w.findings for w in windows if w.findings]
    if not read:
        return ()
    means = {code: sum(w[code] for w in read) / len(read) for code in head.findings}
    limits = dict(zip(head.findings, head.thresholds, strict=True))
    return tuple(Finding(code, p, p >= limits[code]) for code, p in means.items())
