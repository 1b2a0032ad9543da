"""The whole of a record as one value: what `analyze` returns, prints and writes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import Any

from .amplitude import amplitude_doubt
from .events import Alert, Beat, Quality, Rhythm
from .labels import BEATS
from .record import Record

PIECE = 1024  # beats or alerts of JSON at a time


@dataclass(frozen=True)
class Episode:
    """A stretch of one alert kind from its onset to its end."""

    kind: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Stretch:
    """A stretch of one rhythm, told from windows of 30 s."""

    start_s: float
    end_s: float
    label: str


@dataclass(frozen=True)
class Finding:
    """A diagnosis by its SCP code: its probability, and whether it is called found.

    It is where the probability reaches the finding's threshold and the lead carries the finding
    (`labels.carries`).
    """

    code: str
    probability: float
    is_found: bool


@dataclass(frozen=True)
class Variability:
    """Heart-rate variability over `nn_intervals` (`variability`); None where these are too few."""

    nn_intervals: int = 0
    sdnn_ms: float | None = None
    rmssd_ms: float | None = None
    pnn50_percent: float | None = None
    sd1_ms: float | None = None
    sd2_ms: float | None = None

    @property
    def words(self) -> str:
        """SDNN, RMSSD and pNN50 as text; empty where they are not told."""
        if self.sdnn_ms is None:
            return ""
        sdnn, rmssd = f"SDNN {self.sdnn_ms:.0f}", f"RMSSD {self.rmssd_ms:.0f} ms"
        return f"{sdnn}, {rmssd}, pNN50 {self.pnn50_percent:.0f} %"


@dataclass(frozen=True)
class Analysis:
    """Beats, rhythm, episodes, alerts, quality and intervals of one record.

    `intervals_ms` holds the medians pr, qrs, qt, qtc (Fridericia), None where not measurable.
    `alerts` are those raised, `episodes` what has ended, at the latest with the record. `model`
    holds name, version and sha256 of the bundle that read the record. `findings` are the mean of
    the windows', `rhythms` what those say one after the other. Of a record that stays on disk
    sequences lie in scratch files (`BeatStore`, `EventStore`), else they are tuples.
    """

    record: Record
    model: dict[str, str]
    beats: Sequence[Beat]
    rhythm: Rhythm
    episodes: Sequence[Episode]
    alerts: Sequence[Alert]
    quality: Sequence[Quality]
    intervals_ms: dict[str, float | None]
    heart_rate_bpm: float | None
    findings: tuple[Finding, ...] = ()
    rhythms: Sequence[Stretch] = ()
    heart_rate_variability: Variability = Variability()

    def counts(self) -> dict[str, int]:
        """Beats of each class."""
        found = Counter(beat.label for beat in self.beats)
        return {label: found[label] for label in BEATS}

    def line(self) -> str:
        """The record in a line of text."""
        counts = " ".join(f"{label} {n}" for label, n in self.counts().items() if n)
        rate = "-" if self.heart_rate_bpm is None else f"{self.heart_rate_bpm:.0f}"
        kinds = ", ".join(sorted({alert.kind for alert in self.alerts}))
        doubt = amplitude_doubt(self.record)
        return (
            f"{self.record.name}  {self.record.lead}  {self.record.duration_s:.0f} s  "
            f"{len(self.beats)} beats ({counts or 'none'})  {rate} bpm  rhythm {self.rhythm.label}"
            + (f"  alerts: {kinds}" if kinds else "")
            + (f"  {doubt}" if doubt else "")
        )

    def json_pieces(self) -> Iterator[str]:
        """The text of `json.dumps(self.to_dict())`, piece by piece: days of beats are long."""
        long: dict[str, Iterator[str]] = {
            "beats": map(beat_json, self.beats),
            "episodes": (json.dumps(_plain(episode)) for episode in self.episodes),
            "alerts": (json.dumps(_plain(alert)) for alert in self.alerts),
            "quality": (json.dumps(_plain(stretch)) for stretch in self.quality),
        }
        short = replace(self, beats=(), episodes=(), alerts=(), quality=()).to_dict()
        opening = "{"
        for name, value in short.items():
            yield f"{opening}{json.dumps(name)}: "
            opening = ", "
            if name in long:
                yield from _list_pieces(long[name])
            else:
                yield json.dumps(value)
        yield "}"

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
            "episodes": [_plain(episode) for episode in self.episodes],
            "alerts": [_plain(alert) for alert in self.alerts],
            "quality": [_plain(stretch) for stretch in self.quality],
            "intervals_ms": {k: _round1(v) for k, v in self.intervals_ms.items()},
            "heart_rate_bpm": _round1(self.heart_rate_bpm),
            "heart_rate_variability": {
                k: _round1(v) for k, v in asdict(self.heart_rate_variability).items()
            },
        }


def beat_json(beat: Beat) -> str:
    """A beat as `to_dict` has it, as JSON; ten times as fast as by way of a dict."""
    edges = (beat.p_on_s, beat.p_off_s, beat.t_on_s, beat.t_off_s)
    p_on, p_off, t_on, t_off = ("null" if s is None else round(s, 4) for s in edges)
    blocked = ", ".join(f"[{round(on, 4)}, {round(off, 4)}]" for on, off in beat.blocked_p_s)
    return (
        f'{{"r_s": {round(beat.r_s, 4)}, "qrs_on_s": {round(beat.qrs_on_s, 4)}, '
        f'"qrs_off_s": {round(beat.qrs_off_s, 4)}, "p_on_s": {p_on}, "p_off_s": {p_off}, '
        f'"t_on_s": {t_on}, "t_off_s": {t_off}, "label": "{beat.label}", '
        f'"confidence": {round(beat.confidence, 4)}, "blocked_p_s": [{blocked}]}}'
    )


def _list_pieces(texts: Iterator[str]) -> Iterator[str]:
    """A list of JSON from the texts of its items, some at a time."""
    yield "["
    separator = ""
    while some := list(islice(texts, PIECE)):
        yield separator + ", ".join(some)
        separator = ", "
    yield "]"


def _plain(told: Episode | Alert | Quality) -> dict[str, Any]:
    """As `to_dict` has it: an alert as it was raised; when it ended stands in the episodes."""
    values = asdict(told)
    if isinstance(told, Alert):
        del values["end_s"]
    return _rounded(values)


def _rounded(values: dict[str, Any]) -> dict[str, Any]:
    return {key: _round4(value) for key, value in values.items()}


def _round4(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    return [_round4(v) for v in value] if isinstance(value, tuple | list) else value


def _round1(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
