"""`StreamSummary`: what a stream found, as lines of text at its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from .beat_store import BeatStore
from .event_store import EventStore
from .events import Alert, Beat, Event, Quality, Rhythm
from .labels import BEATS
from .names import ALERT_NAMES
from .stored_intervals import stored_intervals_ms, stored_rate_bpm
from .stretches import Stretches
from .trace import RHYTHM_NAMES, clock, whole_number
from .variability import variability_of

MOST_EPISODES = 12  # that are listed one by one; of more there is a line a kind


class StreamSummary:
    """Takes a stream's events as they come; what it keeps of days of them is small."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._beats, self._labels = BeatStore(), Counter[str]()
        self._windows, self._stretches = Counter[str](), Stretches()
        self._quality = EventStore(Quality)
        self._judged_s = self._good_s = 0.0
        self._episodes: dict[tuple[str, float], Alert] = {}  # the first ones
        self._kinds: Counter[str] = Counter()
        self._first_s: dict[str, float] = {}

    def add(self, events: Iterable[Event]) -> None:
        """Take the next events."""
        for event in events:
            if isinstance(event, Beat):
                self._beats.append(event)
                self._labels[event.label] += 1
            elif isinstance(event, Rhythm):
                self._windows[event.label] += 1
                self._stretches.add(event)
            elif isinstance(event, Alert):
                self._add_alert(event)
            else:
                self._quality.append(event)
                self._judged_s += event.end_s - event.start_s
                self._good_s += (event.end_s - event.start_s) * (event.state == "good")

    def _add_alert(self, alert: Alert) -> None:
        if alert.end_s is None:
            self._kinds[alert.kind] += 1
            self._first_s.setdefault(alert.kind, alert.start_s)
        key = (alert.kind, alert.start_s)
        if key in self._episodes or len(self._episodes) < MOST_EPISODES:
            self._episodes[key] = alert

    def rows(self) -> list[tuple[str, str]]:
        """Name and text, a line each."""
        counts = ", ".join(f"{self._labels[label]} {label}" for label in BEATS)
        medians = stored_intervals_ms(self._beats, self._quality)
        names = {"PR": "pr", "QRS": "qrs", "QT": "qt", "QTcF": "qtc"}
        intervals = ", ".join(f"{name} {whole_number(medians[key])}" for name, key in names.items())
        return [
            ("beats", f"{len(self._beats)} ({counts})" if len(self._beats) else "none found"),
            ("heart rate", f"{whole_number(stored_rate_bpm(self._beats, self._quality))} /min"),
            ("intervals", f"{intervals} ms (medians)"),
            ("variability", self._variability()),
            ("rhythm", self._rhythm()),
            ("signal", f"{100 * self._good_s / self._judged_s:.0f} % good")
            if self._judged_s > 0
            else ("signal", "not judged"),
            *self._alerts(),
        ]

    def _variability(self) -> str:
        found = variability_of(self._beats, self._quality, self._stretches.finish())
        return f"{found.words or '-'} ({found.nn_intervals} NN intervals)"

    def _rhythm(self) -> str:
        if len(self._windows) == 1:
            (label,) = self._windows
            return RHYTHM_NAMES.get(label, label)
        total = self._windows.total()
        shares = [
            f"{RHYTHM_NAMES.get(label, label)} {100 * n / total:.0f} %"
            for label, n in self._windows.most_common()
        ]
        return ", ".join(shares) or "not judged"

    def _alerts(self) -> list[tuple[str, str]]:
        """A line an episode while there are few, else a line a kind."""
        if self._kinds.total() <= MOST_EPISODES:
            found = [("alert", _words(alert)) for alert in self._episodes.values()]
            return found or [("alerts", "none")]
        return [
            ("alert", f"{ALERT_NAMES[kind]} {_times(count)}, first {clock(first_s)}")
            for (kind, first_s), count in zip(
                self._first_s.items(), self._kinds.values(), strict=True
            )
        ]


def _words(alert: Alert) -> str:
    lasted = "" if alert.end_s is None else f" for {lasted_s(alert):.1f} s"
    return f"{clock(alert.start_s)} {ALERT_NAMES[alert.kind]}{lasted}: {alert.text}"


def lasted_s(alert: Alert) -> float:
    """How long an episode lasted, or has so far."""
    return (alert.end_s if alert.end_s is not None else alert.at_s) - alert.start_s


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
