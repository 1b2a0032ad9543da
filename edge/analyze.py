"""`analyze`: a whole record through a `Monitor`, gathered into one value."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from .alert_limits import AlertLimits
from .analysis import Analysis, Episode, Finding
from .backends import StreamNetwork
from .beat_store import BeatStore
from .bundle import Bundle, load_bundle
from .errors import InputError
from .event_store import EventStore
from .events import Alert, Beat, Event, Quality, Rhythm
from .labels import RHYTHMS, carries
from .monitor import Monitor
from .record import DiskRecord, Record
from .record_head import RecordHead
from .stored_intervals import stored_intervals_ms, stored_rate_bpm
from .stretches import Stretches
from .variability import variability_of

MIN_DURATION_S = 5.0
BLOCK_S = 60.0

T = TypeVar("T")


def analyze(
    record: Record,
    model: str | Path | Bundle = "wrist",
    backend: str | StreamNetwork = "onnx",
    limits: AlertLimits | None = None,
) -> Analysis:
    """Read a whole record; `backend` and `limits` as in `Monitor`.

    A `DiskRecord` is read a minute at a time.

    Raises InputError when the record is shorter than 5 s or holds no valid sample.
    """
    bundle = model if isinstance(model, Bundle) else load_bundle(model)
    check_duration(record)
    monitor = Monitor(bundle, record.lead, limits, backend)
    gathering, is_valid = Gathering(bundle), False
    block = round(BLOCK_S * record.rate_hz)
    for start in range(0, record.samples, block):
        signal_mv = record.read(start, start + block)
        is_valid = is_valid or bool(np.isfinite(signal_mv).any())
        gathering.add(monitor.push(signal_mv, record.rate_hz))
    if not is_valid:
        raise _no_valid_sample(record)
    gathering.add(monitor.finish())
    return gathering.analysis(record)


def check_readable(record: Record) -> None:
    """Refuse what no beat can be read from, with the reason."""
    check_duration(record)
    if not np.isfinite(record.signal_mv).any():
        raise _no_valid_sample(record)


def check_duration(record: Record) -> None:
    """Refuse a record too short to be read."""
    if record.duration_s < MIN_DURATION_S:
        raise InputError(
            f"{record.name or 'the record'} lasts {record.duration_s:.1f} s; at least "
            f"{MIN_DURATION_S:g} s are needed"
        )


def _no_valid_sample(record: Record) -> InputError:
    name = record.name or "the record"
    return InputError(f"lead {record.lead} of {name} has no valid sample; choose another lead")


def gather(record: Record, bundle: Bundle, events: Iterable[Event]) -> Analysis:
    """The events of a record as an Analysis."""
    gathering = Gathering(bundle)
    gathering.add(events)
    return gathering.analysis(record)


class Gathering:
    """Takes a record's events as they come; what it keeps of days of them is small."""

    def __init__(self, bundle: Bundle) -> None:
        """`bundle` is what reads the record."""
        self._bundle = bundle
        self._head = RecordHead.from_manifest(bundle.manifest["record_head"])
        self._beats = BeatStore()
        self._quality, self._rhythms = EventStore(Quality), Stretches()
        self._alerts, self._episodes = EventStore(Alert), EventStore(Episode)
        self._windows, self._sums = 0, dict.fromkeys(RHYTHMS, 0.0)
        self._read, self._found = 0, dict.fromkeys(self._head.findings, 0.0)

    def add(self, events: Iterable[Event]) -> None:
        """Take the next events."""
        for event in events:
            if isinstance(event, Beat):
                self._beats.append(event)
            elif isinstance(event, Quality):
                self._quality.append(event)
            elif isinstance(event, Alert):
                self._add_alert(event)
            else:
                self._add_window(event)

    def _add_alert(self, alert: Alert) -> None:
        if alert.end_s is None:
            self._alerts.append(alert)
        else:
            self._episodes.append(Episode(alert.kind, alert.start_s, alert.end_s))

    def _add_window(self, window: Rhythm) -> None:
        self._windows += 1
        for name in RHYTHMS:
            self._sums[name] += window.probabilities[name]
        if window.findings:
            self._read += 1
            for code in self._head.findings:
                self._found[code] += window.findings[code]
        self._rhythms.add(window)

    def analysis(self, record: Record) -> Analysis:
        """All that was gathered of `record`, which has ended; of one in memory as tuples."""
        rhythms = self._rhythms.finish()

        def kept(stored: Sequence[T]) -> Sequence[T]:
            return stored if isinstance(record, DiskRecord) else tuple(stored)

        return Analysis(
            record=record,
            model=self._bundle.identity,
            beats=kept(self._beats),
            rhythm=self._rhythm(record.duration_s),
            episodes=kept(self._episodes),
            alerts=kept(self._alerts),
            quality=kept(self._quality),
            intervals_ms=stored_intervals_ms(self._beats, self._quality),
            heart_rate_bpm=stored_rate_bpm(self._beats, self._quality),
            findings=self._findings(record.lead),
            rhythms=kept(rhythms),
            heart_rate_variability=variability_of(self._beats, self._quality, rhythms),
        )

    def _rhythm(self, duration_s: float) -> Rhythm:
        """The record's rhythm: the mean of its windows' probabilities."""
        if not self._windows:
            told = {name: float(name == "noise") for name in RHYTHMS}
            return Rhythm(0.0, duration_s, "noise", told)
        means = {name: self._sums[name] / self._windows for name in RHYTHMS}
        return Rhythm(0.0, duration_s, max(means, key=lambda name: means[name]), means)

    def _findings(self, lead: str) -> tuple[Finding, ...]:
        """Each finding's mean probability over the windows that could be read; if it is found."""
        if not self._read:
            return ()
        means = {code: total / self._read for code, total in self._found.items()}
        limits = dict(zip(self._head.findings, self._head.thresholds, strict=True))
        return tuple(
            Finding(code, p, p >= limits[code] and carries(lead, code)) for code, p in means.items()
        )
