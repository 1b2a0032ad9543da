"""A device in Python: samples come in as they are measured, events go out as soon as they are sure.

python examples/stream.py [RECORD] [BUNDLE] [PUBLIC_KEY]
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from leadone import Monitor, Record, read_record
from leadone.edge.events import Alert, Beat

DEMO = Path(__file__).parents[1] / "edge" / "demo" / "208demo"


def measured(record: Record, seconds: float) -> Iterator[list[float]]:
    """What a driver would bring: a few samples in mV at a time, NaN where one was lost."""
    step = round(seconds * record.rate_hz)
    for start in range(0, len(record.signal_mv), step):
        yield record.signal_mv[start : start + step].tolist()


def main(record: str | Path = DEMO, bundle: str = "wrist", trusted: str | None = None) -> None:
    """Read a record as if it came from an electrode."""
    source = read_record(record)
    # A device takes only what its maker signed: `leadone bundle keygen`, `sign`.
    monitor = Monitor.load(bundle, lead=source.lead, trusted=trusted)
    for chunk in measured(source, 0.1):
        for event in monitor.push(chunk, source.rate_hz):
            if isinstance(event, Beat):
                t_end = "no T wave" if event.t_off_s is None else f"T ends at {event.t_off_s:.3f} s"
                print(f"{event.r_s:8.3f} s  {event.label}  {event.confidence:.0%}  {t_end}")
            elif isinstance(event, Alert):
                print(f"{event.at_s:8.3f} s  {event.kind}: {event.text}")
    print(f"{len(monitor.finish())} more events at the end")


if __name__ == "__main__":
    main(*sys.argv[1:])
