"""`Stretches`: windows of rhythm, told one after the other, as stretches of one label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .analysis import Stretch
from .event_store import EventStore
from .events import Rhythm


class Stretches:
    """Takes windows as they come; where two overlap, the earlier one has it."""

    def __init__(self) -> None:
        """None yet."""
        self._ended = EventStore(Stretch)
        self._last: Stretch | None = None  # goes on

    def add(self, window: Rhythm) -> None:
        """Take the next window."""
        last, start_s = self._last, window.start_s
        if last is not None and last.label == window.label:
            self._last = replace(last, end_s=window.end_s)
            return
        if last is not None:
            self._ended.append(last)
            start_s = max(start_s, last.end_s)
        self._last = Stretch(start_s, window.end_s, window.label)

    def finish(self) -> Sequence[Stretch]:
        """All of them: no window follows."""
        if self._last is not None:
            self._ended.append(self._last)
            self._last = None
        return self._ended
