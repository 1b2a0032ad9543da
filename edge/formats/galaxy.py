"""Galaxy Watch CSV (GalaxyVitals' `#meta=` files, schemas 1 to 3), plain or gzipped."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import numpy as np

from ..errors import InputError
from .blob import Blob
from .json_tree import child, real, words
from .recording import Entry, Floats, Lead, Recording, entry, with_gaps
from .text import clean, column, decoded

META = "#meta="
VALUES = ("ecg_raw_mv", "value_mv")  # of schemas 2 and 3, and of 1
INDEX, TIME = "sample_index", "rel_ms"
RATE_HZ = 500.0
MAX_BYTES = 1 << 23  # a capture of 30 s has a tenth of that


def claims(head: bytes) -> bool:
    """The line of metadata, or the header of the rows."""
    start = head.lstrip(b"\xef\xbb\xbf")
    return start.startswith((b"#meta={", b"rel_ms,sample_index,ecg_raw_mv", b"rel_ms,value_mv"))


def read(blob: Blob) -> list[Entry]:
    """The one recording of the file."""
    return [entry(blob, lambda _: recording(blob.whole(MAX_BYTES)))]


def recording(content: bytes) -> Recording:
    """Lead I as if worn on the left wrist; samples that the index leaves out are missing."""
    lines = decoded(content).splitlines()
    meta = _meta(lines[0]) if lines and lines[0].startswith(META) else {}
    rows = [line for line in lines if line and not line.startswith("#")]
    names = [name.strip() for name in rows[0].split(",")] if rows else []
    value = next((name for name in VALUES if name in names), None)
    if value is None:
        raise InputError(f"its rows have no column {VALUES[0]}; export it again")
    if words(child(meta, "unit")) not in ("", "mV"):
        raise InputError("its samples are not in mV; export it again")
    given = real(child(meta, "sr_hz"))
    rate_hz = RATE_HZ if given is None else given
    # Worn on the right wrist lead I is upside down; files keep it as measured and say the sign.
    normalized = child(meta, "polarityNormalized") is True
    sign = -1.0 if real(child(meta, "signFactor")) == -1 and not normalized else 1.0
    about = {"device": _device(meta), "software": words(child(meta, "sensor_sdk"))}
    lead = Lead("I", rate_hz, "mV", lambda: sign * _samples(rows, names, value, rate_hz))
    return Recording((lead,), _moment(meta), {key: clean(text) for key, text in about.items()})


def _samples(rows: list[str], names: list[str], value: str, rate_hz: float) -> Floats:
    cells = [row.split(",") for row in rows[1:]]
    short = next((at for at, row in enumerate(cells) if len(row) < len(names)), None)
    if short is not None:
        raise InputError(f"row {short + 1} of its samples is cut off; export it again")
    if not cells:
        return np.empty(0)
    columns = dict(zip(names, zip(*cells, strict=False), strict=False))
    signal = column(columns[value], 1)
    if INDEX in names:
        position = column(columns[INDEX], 1)
    elif TIME in names:
        position = np.round(column(columns[TIME], 1) * (rate_hz / 1000))
    else:
        return signal
    steps = np.diff(position, prepend=position[0] - 1)
    if not (steps >= 1).all():
        raise InputError("its samples are not in order; export it again")
    if steps.max() > 1e12:
        raise InputError("its sample numbers jump beyond any recording; export it again")
    at = np.flatnonzero(steps > 1)
    return with_gaps(signal, at, steps[at].astype(np.int64) - 1)


def _meta(line: str) -> Any:
    try:
        return json.loads(line[len(META) :])
    except (ValueError, RecursionError):
        raise InputError("its #meta line is damaged JSON; export it again") from None


def _device(meta: Any) -> str:
    """The watch's name: `watch_info` is text, or JSON as text."""
    told = child(meta, "watch_info")
    if isinstance(told, str) and told.lstrip().startswith("{"):
        try:
            told = json.loads(told)
        except (ValueError, RecursionError):
            return words(told)
    return words(child(told, "model") or told) or "Galaxy Watch"


def _moment(meta: Any) -> datetime | None:
    milliseconds = real(child(meta, "ts_start"))
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds else None
    except (ValueError, OverflowError, OSError):
        return None
