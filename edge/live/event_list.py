"""`EventList`: what a monitor told, as JSON, numbered, in memory that does not grow.

The latest hours are kept whole; of what is older the latest alerts, and how many beats there were.
"""

from __future__ import annotations

import json
from collections import Counter, deque
from dataclasses import asdict, dataclass

from ..events import Beat, Event

OLD_ALERTS = 2_000


@dataclass(frozen=True)
class _Told:
    at: int
    kind: str
    begins_s: float
    label: str  # of a beat
    text: str


class EventList:
    """Events in the order in which they were told."""

    def __init__(self, keep_s: float) -> None:
        """Nothing told; `keep_s` is how much of the past is kept whole."""
        self._keep_s = keep_s
        self._recent: list[_Told] = []
        self._old_alerts: deque[_Told] = deque(maxlen=OLD_ALERTS)
        self.gone: Counter[str] = Counter()  # beats by label that are not kept any more
        self.count = 0

    def add(self, events: list[Event], now_s: float) -> None:
        """Append events that were told at `now_s`; let go of what is too old."""
        for event in events:
            begins_s = event.r_s if isinstance(event, Beat) else event.start_s
            label = event.label if isinstance(event, Beat) else ""
            text = as_json(event)
            self._recent.append(_Told(self.count, _kind(event), begins_s, label, text))
            self.count += 1
        kept = 0
        while kept < len(self._recent) and self._recent[kept].begins_s < now_s - self._keep_s:
            self._let_go(self._recent[kept])
            kept += 1
        del self._recent[:kept]

    def read(self, at: int, most: int) -> tuple[list[str], int]:
        """Texts from number `at` on, some `most` of them, and the number to read on from."""
        first = self.count - len(self._recent)
        old = [told.text for told in self._old_alerts if told.at >= at] if at < first else []
        start = max(at, first)
        recent = [told.text for told in self._recent[start - first : start - first + most]]
        return old + recent, start + len(recent)

    def _let_go(self, told: _Told) -> None:
        if told.kind == "alert":
            self._old_alerts.append(told)
        elif told.kind == "beat":
            self.gone[told.label] += 1


def as_json(event: Event) -> str:
    """An event with its kind, as edge/web/events.mjs gives it to the page."""
    return json.dumps({"event": _kind(event), **asdict(event)}, separators=(",", ":"))


def _kind(event: Event) -> str:
    return type(event).__name__.lower()
