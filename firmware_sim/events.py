"""Events as the firmware's link gives them, the structs of leadone.h, as lines to read."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..edge.alert_limits import KINDS as ALERTS
from ..edge.c_stream import EVENT, KINDS, PART_TYPES, REASONS, STATES
from ..edge.events import Alert, Beat, Rhythm
from ..edge.labels import BEATS, RHYTHMS

EVENT_BYTES = EVENT.itemsize


def event_lines(content: bytes) -> Iterator[str]:
    """A line for each event; whole events."""
    for event in np.frombuffer(content, EVENT):
        kind = int(event["kind"]) - 1
        part = np.frombuffer(event["of"].tobytes(), PART_TYPES[kind])[0]
        yield _LINES.get(KINDS[kind], _quality)(part)


def _beat(part: np.void) -> str:
    return f"{part['times_s'][0]:9.3f} s  beat {BEATS[part['label']]}"


def _rhythm(part: np.void) -> str:
    start_s, end_s = part["span_s"]
    return f"{end_s:9.3f} s  rhythm {RHYTHMS[part['label']]} since {start_s:.0f} s"


def _alert(part: np.void) -> str:
    at_s, start_s, end_s = part["times_s"]
    over = f"over at {end_s:.1f} s" if end_s >= 0 else "goes on"
    return f"{at_s:9.3f} s  alert {ALERTS[part['kind']]} since {start_s:.1f} s, {over}"


def _quality(part: np.void) -> str:
    start_s, end_s = part["span_s"]
    why = REASONS[part["reason"]]
    return (
        f"{end_s:9.3f} s  {STATES[part['state']]}{f' ({why})' if why else ''} since {start_s:.0f} s"
    )


_LINES = {Beat: _beat, Rhythm: _rhythm, Alert: _alert}
