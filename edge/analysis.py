"""The whole of a record as one value: what `analyze` returns, prints and writes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from .events import Alert, Beat, Quality, Rhythm
from .record import Record


@dataclass(frozen=True)
class Episode:
    """A stretch of one alert kind from its onset to its end."""

    kind: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Finding:
    """A diagnosis by its SCP code: its probability, and whether it is above its threshold."""

    code: str
    probability: float
    is_found: bool


@dataclass(frozen=True)
class Analysis:
    """Beats, rhythm, episodes, alerts, quality and intervals of one record.

    `intervals_ms` holds the medians pr, qrs, qt, qtc (Fridericia), None where not measurable.
    `alerts` are those raised, `episodes` what has ended, at the latest with the record. `model`
    holds name, version and sha256 of the bundle that read the record. `findings` are the mean of
    the windows'.
    """

    record: Record
    model: dict[str, str]
    beats: tuple[Beat, ...]
    rhythm: Rhythm
    episodes: tuple[Episode, ...]
    alerts: tuple[Alert, ...]
    quality: tuple[Quality, ...]
    intervals_ms: dict[str, float | None]
    heart_rate_bpm: float | None
    findings: tuple[Finding, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of `leadone analyze --json`: seconds to a tenth of a millisecond."""
        return {
            "record": self.record.name,
            "lead": self.record.lead,
            "rate_hz": self.record.rate_hz,
            "duration_s": round(self.record.duration_s, 3),
            "has_gain": self.record.has_gain,
            "start_time": self.record.start_time and self.record.start_time.isoformat(),
            "about": dict(self.record.about),
            "model": self.model,
            "beats": [_rounded(asdict(beat)) for beat in self.beats],
            "rhythm": {
                "label": self.rhythm.label,
                "probabilities": {k: round(v, 4) for k, v in self.rhythm.probabilities.items()},
            },
            "findings": [_rounded(asdict(finding)) for finding in self.findings],
            "episodes": [_rounded(asdict(episode)) for episode in self.episodes],
            "alerts": [_rounded(_opening(alert)) for alert in self.alerts],
            "quality": [_rounded(asdict(stretch)) for stretch in self.quality],
            "intervals_ms": {k: _round1(v) for k, v in self.intervals_ms.items()},
            "heart_rate_bpm": _round1(self.heart_rate_bpm),
        }


def _opening(alert: Alert) -> dict[str, Any]:
    """An alert as it was raised; when it ended stands in the episodes."""
    names = ("kind", "at_s", "start_s", "text", "confidence", "rr_s")
    return {name: getattr(alert, name) for name in names}


def _rounded(values: dict[str, Any]) -> dict[str, Any]:
    return {key: _round4(value) for key, value in values.items()}


def _round4(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    return [_round4(v) for v in value] if isinstance(value, tuple | list) else value


def _round1(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
