"""EDF, EDF+ (continuous and interrupted) and BDF: Kemp 1992, Kemp & Olivan 2003, BioSemi."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from .blob import Blob
from .recording import (
    MAX_ON_DISK,
    MAX_SAMPLES,
    Entry,
    Floats,
    Lead,
    Parts,
    Recording,
    check_gaps,
    checked_rate,
    entry,
    with_gaps,
)
from .text import clean, number

MAX_SIGNALS = 4096
BLOCK_BYTES = 1 << 24  # read at a time
ANNOTATIONS = ("EDF Annotations", "BDF Annotations")
FIELDS = (16, 80, 8, 8, 8, 8, 8, 80, 8, 32)  # bytes of a signal's header fields
MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
ONSET = re.compile(rb"([+-]\d+(?:\.\d*)?)\x14")  # of a time-keeping annotation
GAP_SAMPLES = 0.5  # a record that begins this much late is after a gap


@dataclass(frozen=True)
class Signal:
    """One signal's header."""

    label: str
    unit: str
    physical: tuple[float, float] | None  # minimum and maximum; None where they are no numbers
    digital: tuple[float, float] | None
    samples: int  # in a data record
    offset: int  # of its samples in a data record, bytes


@dataclass(frozen=True)
class Layout:
    """What an EDF header says, checked against the file."""

    width: int  # bytes a sample: 2, or 3 in BDF
    header_bytes: int
    records: int
    record_bytes: int
    record_s: float
    signals: tuple[Signal, ...]
    is_interrupted: bool
    start_time: datetime | None
    patient: str
    recording: str


def claims(head: bytes) -> bool:
    """Version 0 or BioSemi's mark, and a header's length where it belongs."""
    is_version = head[:8] in (b"0       ", b"\xffBIOSEMI")
    return is_version and re.fullmatch(rb" *\d+ *", head[184:192]) is not None


def read(blob: Blob) -> list[Entry]:
    """The one recording of the file; its signals are the leads."""
    return [entry(blob, lambda _: recording(blob))]


def recording(blob: Blob) -> Recording:
    """All signals but annotations; of an interrupted file with its gaps."""
    layout = read_layout(blob)
    leads = tuple(
        _lead(blob, layout, signal)
        for signal in layout.signals
        if signal.label not in ANNOTATIONS and signal.samples
    )
    return Recording(leads, layout.start_time, {"device": _equipment(layout)}, _identity(layout))


def read_layout(blob: Blob) -> Layout:
    """The header; InputError where it contradicts itself or the file."""
    fixed = blob.read_at(0, 256)
    if len(fixed) < 256:
        raise blob.fault("the header is cut off; download it again")
    count = _integer(blob, fixed[252:256], "number of signals")
    if not 1 <= count <= MAX_SIGNALS:
        raise blob.fault(f"the header says {count} signals; export it again")
    header_bytes = 256 * (count + 1)
    if _integer(blob, fixed[184:192], "header length") != header_bytes:
        raise blob.fault("the header's length contradicts its signals; export it again")
    width = 3 if fixed[:1] == b"\xff" else 2
    raw = blob.read_at(256, 256 * count)
    if len(raw) < 256 * count:
        raise blob.fault("the header is cut off; download it again")
    signals = tuple(_signals(blob, raw, count, width))
    record_bytes = width * sum(signal.samples for signal in signals)
    record_s = number(_text(fixed[244:252]))
    if record_s is None or record_s < 0 or not record_bytes:
        raise blob.fault("the header's record duration or samples are no numbers; export it again")
    records = _integer(blob, fixed[236:244], "number of records")
    found = (blob.size - header_bytes) // record_bytes
    if records == -1:  # unknown, as when recording was cut off
        records = found
    if found < records:
        raise blob.fault(
            f"it is truncated: {records} data records expected, {found} found; download it again"
        )
    reserved = _text(fixed[192:236])
    return Layout(
        width,
        header_bytes,
        records,
        record_bytes,
        record_s,
        signals,
        reserved.startswith(("EDF+D", "BDF+D")),
        _start(fixed),
        _text(fixed[8:88]),
        _text(fixed[88:168]),
    )


def _signals(blob: Blob, raw: bytes, count: int, width: int) -> Iterator[Signal]:
    columns, at = [], 0
    for size in FIELDS:
        columns.append([raw[at + size * k : at + size * (k + 1)] for k in range(count)])
        at += size * count
    offset = 0
    for k in range(count):
        label, _, unit, low, high, digital_low, digital_high, _, samples, _ = (
            c[k] for c in columns
        )
        in_record = _integer(blob, samples, "samples in a record")
        if not 0 <= in_record <= MAX_SAMPLES:
            raise blob.fault(f"the header says {in_record} samples in a record; export it again")
        limits = [number(_text(field)) for field in (low, high, digital_low, digital_high)]
        yield Signal(
            clean(_text(label)),
            _text(unit),
            _pair(limits[0], limits[1]),
            _pair(limits[2], limits[3]),
            in_record,
            offset,
        )
        offset += width * in_record


def _pair(low: float | None, high: float | None) -> tuple[float, float] | None:
    return None if low is None or high is None or low == high else (low, high)


def _lead(blob: Blob, layout: Layout, signal: Signal) -> Lead:
    rate_hz = checked_rate(signal.samples, layout.record_s, "the header's record duration")
    name = re.sub(r"^(?:ECG|EKG) +(?=\S)", "", signal.label)  # EDF+ labels are "ECG I"
    has_gain = signal.physical is not None and signal.digital is not None
    return Lead(
        name or signal.label,
        rate_hz,
        signal.unit,
        lambda: _samples(blob, layout, signal),
        has_gain,
        lambda: _parts(blob, layout, signal),
    )


def _parts(blob: Blob, layout: Layout, signal: Signal) -> Parts:
    """The signal a few data records at a time, each at its place in the recording."""
    count, wide = layout.records * signal.samples, signal.samples
    if count > MAX_ON_DISK:
        raise InputError(f"a signal has more than {MAX_ON_DISK} samples; split it")
    begins = np.arange(layout.records) * wide  # the first sample of each record
    if layout.is_interrupted:
        at, missing = _gaps(_all_onsets(blob, layout), layout, signal)
        count += check_gaps(count, missing, MAX_ON_DISK)
        late = np.zeros_like(begins)
        late[at // wide] = missing
        begins += np.cumsum(late)
    apart = replace(layout, is_interrupted=False)

    def load(start: int, stop: int) -> npt.NDArray[np.floating]:
        first = max(int(np.searchsorted(begins, start, "right")) - 1, 0)
        last = int(np.searchsorted(begins, stop))
        samples = np.full(stop - start, np.nan, np.float32)
        if last > first:
            some = _samples(blob, replace(apart, records=last - first), signal, first)
            at = (begins[first:last, None] + np.arange(wide)).ravel() - start
            inside = (at >= 0) & (at < stop - start)
            samples[at[inside]] = some[inside]
        return samples

    return Parts(count, load)


def _all_onsets(blob: Blob, layout: Layout) -> Floats:
    """When each record of an interrupted file begins, s."""
    onsets = [np.empty(0)]
    for rows in _blocks(blob, layout, 0):
        onsets.append(_onsets(rows, layout))
    return np.concatenate(onsets)


def _blocks(blob: Blob, layout: Layout, after: int) -> Iterator[np.ndarray]:
    """The bytes of the data records from `after` on, a row each, some at a time."""
    at_once = max(1, BLOCK_BYTES // layout.record_bytes)
    for first in range(0, layout.records, at_once):
        count = min(at_once, layout.records - first)
        start = layout.header_bytes + (after + first) * layout.record_bytes
        block = blob.read_at(start, count * layout.record_bytes)
        if len(block) < count * layout.record_bytes:
            raise InputError("it became shorter while it was read; copy it and try again")
        yield np.frombuffer(block, np.uint8).reshape(count, layout.record_bytes)


def _samples(
    blob: Blob, layout: Layout, signal: Signal, after: int = 0
) -> npt.NDArray[np.floating]:
    """One signal in its physical unit from record `after` on, a block of records at a time."""
    if layout.records * signal.samples > MAX_SAMPLES:
        raise InputError(f"a signal has more than {MAX_SAMPLES} samples; split it")
    gain, offset = 1.0, 0.0
    if signal.physical is not None and signal.digital is not None:
        gain = (signal.physical[1] - signal.physical[0]) / (signal.digital[1] - signal.digital[0])
        offset = signal.physical[0] - gain * signal.digital[0]
    pieces, onsets = [np.empty(0, np.float32)], [np.empty(0)]
    for rows in _blocks(blob, layout, after):
        own = rows[:, signal.offset : signal.offset + layout.width * signal.samples]
        pieces.append((_codes(own, layout.width) * gain + offset).astype(np.float32))
        if layout.is_interrupted:
            onsets.append(_onsets(rows, layout))
    whole = np.concatenate(pieces)
    if not layout.is_interrupted:
        return whole
    return with_gaps(whole, *_gaps(np.concatenate(onsets), layout, signal))


def _codes(rows: np.ndarray, width: int) -> Floats:
    raw = np.ascontiguousarray(rows).reshape(-1)
    if width == 2:
        return raw.view("<i2").astype(np.float64)
    low, middle, high = (raw[k::3].astype(np.int32) for k in range(3))
    return (((high << 24) | (middle << 16) | (low << 8)) >> 8).astype(np.float64)


def _onsets(rows: np.ndarray, layout: Layout) -> Floats:
    """When each record begins, s: the first annotation of the first annotation signal."""
    keeper = next((s for s in layout.signals if s.label in ANNOTATIONS), None)
    if keeper is None:
        raise InputError("it is interrupted (EDF+D) but has no annotations; export it again")
    own = rows[:, keeper.offset : keeper.offset + layout.width * keeper.samples]
    onsets = np.empty(len(own))
    for at, row in enumerate(own):
        match = ONSET.match(row.tobytes())
        if match is None:
            raise InputError("a data record of the interrupted file has no time; export it again")
        onsets[at] = float(match[1])
    return onsets


def _gaps(onsets: Floats, layout: Layout, signal: Signal) -> tuple[np.ndarray, np.ndarray]:
    """Before which samples how many are missing: those of records that begin late."""
    rate_hz = signal.samples / layout.record_s
    late = (np.diff(onsets) - layout.record_s) * rate_hz
    if (late < -1).any():
        raise InputError("its data records overlap in time; export it again")
    if (late > 1e12).any():
        raise InputError("its data records are years apart; split it")
    records = np.flatnonzero(late > GAP_SAMPLES)
    return (records + 1) * signal.samples, np.round(late[records]).astype(np.int64)


def _start(fixed: bytes) -> datetime | None:
    """The start from EDF+'s recording field, whose year has four digits, else from EDF's own."""
    day, clock = _text(fixed[168:176]), _text(fixed[176:184])
    found = re.match(r"Startdate (\d\d)-([A-Z]{3})-(\d{4})\b", _text(fixed[88:168]))
    try:
        hour, minute, second = (int(part) for part in clock.split("."))
        if found and found[2] in MONTHS:
            date, month, year = int(found[1]), MONTHS.index(found[2]) + 1, int(found[3])
        else:
            date, month, year = (int(part) for part in day.split("."))
            year += 1900 if year >= 85 else 2000  # EDF's clipping date
        return datetime(year, month, date, hour, minute, second)
    except ValueError:
        return None


def _identity(layout: Layout) -> dict[str, str]:
    """EDF+: code, sex, birth date and name, X where unknown; of plain EDF the field as it is."""
    parts = layout.patient.split(" ")
    if len(parts) >= 4 and parts[1] in ("M", "F", "X"):
        keys = ("patient_id", "birth_date", "patient_name")
        values = (parts[0], parts[2], parts[3].replace("_", " "))
        return {k: clean(v) for k, v in zip(keys, values, strict=True) if v != "X"}
    return {"patient_name": clean(layout.patient)}


def _equipment(layout: Layout) -> str:
    """EDF+: `Startdate 02-MAR-2002 code technician equipment`; the others may be people."""
    parts = layout.recording.split(" ")
    is_plus = len(parts) >= 5 and parts[0] == "Startdate" and parts[4] != "X"
    return clean(parts[4].replace("_", " ")) if is_plus else ""


def _text(field: bytes) -> str:
    return field.decode("latin-1").strip(" \0")


def _integer(blob: Blob, field: bytes, what: str) -> int:
    value = number(_text(field))
    if value is None or not math.isfinite(value) or value != int(value):
        raise blob.fault(f"the header's {what} {_text(field)!r} is no number; export it again")
    return int(value)
