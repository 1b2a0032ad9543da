"""SCP-ECG (EN 1064, ISO 11073-91064): sections 1 and 3 to 6, Huffman coding and differences.

Both checksums of a section must hold: a flipped bit would otherwise become another ECG. Bimodal
compression (decimated between beats) and long-term data (section 12) are not read.
"""

from __future__ import annotations

import binascii
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import numpy as np

from ..errors import InputError
from .blob import Blob
from .recording import MAX_SAMPLES, Entry, Floats, Lead, Recording, checked_rate, entry
from .text import clean

HEADER = 16  # bytes before a section's data
DEFAULT_TABLE = 19999
FIRST_LEADS = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6", "V7", "V2R", "V3R", "V4R", "V5R")
LATER_LEADS = ("III", "aVR", "aVL", "aVF", "-aVR", "V8", "V9", "V8R", "V9R")
LEAD_NAMES = {**dict(enumerate(FIRST_LEADS, 1)), **dict(enumerate(LATER_LEADS, 61))}
REFERENCE_SUBTRACTED = 1  # bit of section 3's flags
TAGS = {0: "last", 1: "first", 2: "id", 5: "born", 14: "machine", 25: "date", 26: "time"}

Integers = np.ndarray


@dataclass(frozen=True)
class Code:
    """One Huffman code: the bits that follow its prefix are added to `value`."""

    extra_bits: int
    value: int
    next_table: int | None  # instead of a value: the table to go on with


Table = dict[tuple[int, int], Code]  # by prefix length and prefix, first bit highest


@dataclass(frozen=True)
class LeadSpan:
    """Section 3: which lead, from which sample to which, counted from 1."""

    name: str
    first: int
    last: int

    @property
    def count(self) -> int:
        """Samples."""
        return self.last - self.first + 1


def claims(head: bytes) -> bool:
    """A pointer section, at byte 7, whose first pointer is to itself."""
    if len(head) < 32:
        return False
    kind, length = struct.unpack_from("<HI", head, 8)
    points_to, _, at = struct.unpack_from("<HII", head, 22)
    return kind == 0 and length >= 26 and (length - HEADER) % 10 == 0 and (points_to, at) == (0, 7)


def read(blob: Blob) -> list[Entry]:
    """The one recording of the file."""
    return [entry(blob, lambda _: recording(blob.whole()))]


def recording(content: bytes) -> Recording:
    """All leads of the rhythm data, its lossless compression undone."""
    try:
        return _recording(content)
    except (struct.error, IndexError):
        raise InputError("an SCP-ECG section is cut off; export it again") from None


def _recording(content: bytes) -> Recording:
    sections = _sections(content)
    for needed, what in ((3, "leads"), (6, "rhythm data")):
        if needed not in sections:
            raise InputError(f"the SCP-ECG has no section {needed} ({what}); export it again")
    spans, flags = _spans(sections[3])
    tables = _tables(sections[2]) if 2 in sections else None
    step, interval_us, differences, bimodal = _signal_header(sections[6])
    if bimodal and _protocol(sections) < 30:  # reserved from version 3.0 on
        raise InputError("its bimodal compression is not read; export it without compression")
    if sum(span.count for span in spans) > MAX_SAMPLES:
        raise InputError(f"its leads have more than {MAX_SAMPLES} samples; export it again")
    rate_hz = checked_rate(1, interval_us / 1e6, "its sample interval")
    reference = _reference(sections, interval_us) if flags & REFERENCE_SUBTRACTED else None

    def load(at: int) -> Floats:
        counts = [span.count for span in spans]
        try:
            steps = _decoded(sections[6], counts, at, tables, differences)
            signal = steps.astype(np.float64) * (step or 1)
            if reference is not None:
                _add_reference(signal, spans[at], at, reference, tables)
        except (struct.error, IndexError):
            raise InputError("an SCP-ECG section is cut off; export it again") from None
        return signal

    leads = tuple(
        Lead(span.name, rate_hz, "nV" if step else "", partial(load, at), bool(step))
        for at, span in enumerate(spans)
    )
    tags = _tags(sections.get(1, b""))
    return Recording(leads, _moment(tags), {"device": _model(tags)}, _identity(tags))


def _sections(content: bytes) -> dict[int, bytes]:
    """The data of each section that section 0 points to."""
    size = struct.unpack_from("<I", content, 2)[0]
    if size > len(content):
        raise InputError(
            f"it is truncated: {size} bytes expected, {len(content)} found; export it again"
        )
    content = content[:size]
    _check(content, "the record")
    pointers, sections = struct.unpack_from("<I", content, 10)[0], dict[int, bytes]()
    for at in range(6 + HEADER, min(6 + pointers, size) - 9, 10):
        kind, length, index = struct.unpack_from("<HII", content, at)
        if kind == 0 or length == 0 or kind > 12:
            continue
        section = content[index - 1 : index - 1 + length] if index else b""
        if len(section) < max(length, HEADER) or section[2:4] != content[at : at + 2]:
            raise InputError(f"section {kind} is not where it should be; export it again")
        _check(section, f"section {kind}")
        sections[kind] = section[HEADER:]
    if 12 in sections and 6 not in sections:
        raise InputError("its long-term data (section 12) is not read; export it as another format")
    return sections


def _check(data: bytes, what: str) -> None:
    """CRC-CCITT over all but the checksum itself."""
    if binascii.crc_hqx(data[2:], 0xFFFF) != int.from_bytes(data[:2], "little"):
        raise InputError(f"the checksum of {what} is wrong: it is damaged; export it again")


def _protocol(sections: dict[int, bytes]) -> int:
    machine = _tags(sections.get(1, b"")).get("machine", b"")
    return machine[14] if len(machine) > 14 else 0


def _spans(data: bytes) -> tuple[list[LeadSpan], int]:
    count, flags = data[0], data[1]
    spans = []
    for at in range(2, 2 + 9 * count, 9):
        first, last, code = struct.unpack_from("<IIB", data, at)
        if first < 1 or last < first:
            raise InputError(f"lead {code} has samples {first} to {last}; export it again")
        spans.append(LeadSpan(LEAD_NAMES.get(code, f"lead {code}"), first, last))
    return spans, flags


def _signal_header(data: bytes) -> tuple[int, int, int, int]:
    """Of sections 5 and 6: nV a step, us a sample, order of differences, bimodal."""
    step, interval_us, differences, bimodal = struct.unpack_from("<HHBB", data)
    if differences > 2:
        raise InputError(f"its differences of order {differences} are unknown; export it again")
    return step, interval_us, differences, bimodal


def _decoded(
    data: bytes, counts: Sequence[int], at: int, tables: list[Table] | None, differences: int
) -> Integers:
    """One lead of sections 5 or 6 in steps."""
    sizes = struct.unpack_from(f"<{len(counts)}H", data, 6)
    start = 6 + 2 * len(counts) + sum(sizes[:at])
    chunk, count = data[start : start + sizes[at]], counts[at]
    # A Huffman code has a bit at least.
    if len(chunk) < sizes[at] or count > (8 if tables else 0.5) * len(chunk):
        raise InputError("a lead has fewer bytes than samples need; export it again")
    if tables is None:
        return _summed(np.frombuffer(chunk, "<i2", count).astype(np.int64), differences)
    return _summed(_huffman(chunk, count, tables), differences)


def _summed(values: Integers, differences: int) -> Integers:
    """Undo first or second differences; 16 bits wrap as in the encoder."""
    if differences == 1:
        values = np.cumsum(values)
    elif differences == 2 and len(values) > 2:
        slopes = np.cumsum(np.concatenate([[values[1] - values[0]], values[2:]]))
        values = np.concatenate([[values[0]], values[0] + np.cumsum(slopes)])
    return values.astype(np.int16)


def _huffman(data: bytes, count: int, tables: list[Table]) -> Integers:
    bits = np.unpackbits(np.frombuffer(data, np.uint8)).tolist()
    values, at, table = np.empty(count, np.int64), 0, tables[0]
    for k in range(count):
        while True:
            prefix = length = 0
            code = None
            while code is None:
                if at >= len(bits) or length > 32:
                    raise InputError("its Huffman code is damaged; export it again")
                prefix, length, at = prefix << 1 | bits[at], length + 1, at + 1
                code = table.get((length, prefix))
            if code.next_table is None:
                break
            if not 1 <= code.next_table <= len(tables):
                raise InputError("its Huffman tables are damaged; export it again")
            table = tables[code.next_table - 1]
        value = 0
        if at + code.extra_bits > len(bits):
            raise InputError("its Huffman code is cut off; export it again")
        for bit in bits[at : at + code.extra_bits]:
            value = value << 1 | bit
        at += code.extra_bits
        if code.extra_bits and value >> (code.extra_bits - 1):
            value -= 1 << code.extra_bits
        values[k] = code.value + value
    return values


def default_table() -> Table:
    """The standard's own table: 0, then ones for the magnitude, 0, and a bit for the sign."""
    table: Table = {(1, 0): Code(0, 0, None)}
    for magnitude in range(1, 9):
        for sign in (0, 1):
            prefix = ((1 << magnitude) - 1) << 2 | sign
            table[magnitude + 2, prefix] = Code(0, -magnitude if sign else magnitude, None)
    table[10, 0b1111111110] = Code(8, 0, None)
    table[10, 0b1111111111] = Code(16, 0, None)
    return table


def _tables(data: bytes) -> list[Table]:
    count = struct.unpack_from("<H", data)[0]
    if count == DEFAULT_TABLE:
        return [default_table()]
    tables, at = [], 2
    for _ in range(count):
        codes = struct.unpack_from("<H", data, at)[0]
        at += 2
        table: Table = {}
        for _ in range(codes):
            prefix_bits, bits, is_value, value, stored = struct.unpack_from("<BBBhI", data, at)
            at += 9
            if not 1 <= prefix_bits <= 32 or not 0 <= bits - prefix_bits <= 32:
                raise InputError("its Huffman tables are damaged; export it again")
            # Stored with the first bit lowest.
            prefix = int(f"{stored & ((1 << prefix_bits) - 1):0{prefix_bits}b}"[::-1], 2)
            extra = bits - prefix_bits
            table[prefix_bits, prefix] = Code(extra, value, None if is_value else value)
        tables.append(table)
    if not tables or not all(tables):
        raise InputError("its Huffman tables are empty; export it again")
    return tables


@dataclass(frozen=True)
class Reference:
    """Sections 4 and 5: the beat of each lead, and where it was taken from."""

    data: bytes
    samples: int
    fiducial: int
    leads: int
    zones: tuple[tuple[int, int, int], ...]  # first sample, fiducial, last sample


def _reference(sections: dict[int, bytes], interval_us: int) -> Reference:
    if 4 not in sections or 5 not in sections:
        raise InputError("its reference beat is missing (sections 4, 5); export it again")
    length_ms, fiducial, count = struct.unpack_from("<HHH", sections[4])
    _, beat_interval_us, _, _ = _signal_header(sections[5])
    if beat_interval_us != interval_us:
        raise InputError("its reference beat has another rate; export it without compression")
    blocks = [struct.unpack_from("<HIII", sections[4], 6 + 14 * k) for k in range(count)]
    zones = tuple(block[1:] for block in blocks if block[0] == 0)
    samples = round(1000 * length_ms / interval_us)
    return Reference(sections[5], samples, fiducial, sections[3][0], zones)


def _add_reference(
    signal: Floats, span: LeadSpan, at: int, reference: Reference, tables: list[Table] | None
) -> None:
    """Put the reference beat back under each QRS that it was taken from."""
    step, _, differences, _ = _signal_header(reference.data)
    counts = [reference.samples] * reference.leads
    beat = _decoded(reference.data, counts, at, tables, differences).astype(np.float64) * step
    for start, peak, end in reference.zones:
        first = max(start, span.first, peak - reference.fiducial + 1)
        last = min(end, span.last, peak - reference.fiducial + len(beat))
        if first <= last:
            from_beat = first - 1 + reference.fiducial - peak
            piece = beat[from_beat : from_beat + last - first + 1]
            signal[first - span.first : last - span.first + 1] += piece


def _tags(data: bytes) -> dict[str, bytes]:
    tags, at = dict[str, bytes](), 0
    while at + 3 <= len(data) and data[at] != 255:
        length = int.from_bytes(data[at + 1 : at + 3], "little")
        if data[at] in TAGS:
            tags[TAGS[data[at]]] = data[at + 3 : at + 3 + length]
        at += 3 + length
    return tags


def _words(raw: bytes) -> str:
    return clean(raw.split(b"\0")[0].decode("latin-1"))


def _identity(tags: dict[str, bytes]) -> dict[str, str]:
    names = (_words(tags.get("first", b"")), _words(tags.get("last", b"")))
    born = tags.get("born", b"")
    date = f"{int.from_bytes(born[:2], 'little'):04}-{born[2]:02}-{born[3]:02}" if born[3:] else ""
    return {
        "patient_name": " ".join(names).strip(),
        "birth_date": "" if date.startswith("0000") else date,
        "patient_id": _words(tags.get("id", b"")),
    }


def _model(tags: dict[str, bytes]) -> str:
    return _words(tags.get("machine", b"")[8:14])


def _moment(tags: dict[str, bytes]) -> datetime | None:
    date, clock = tags.get("date", b""), tags.get("time", b"")
    if len(date) < 4 or len(clock) < 3:
        return None
    try:
        return datetime(int.from_bytes(date[:2], "little"), date[2], date[3], *clock[:3])
    except ValueError:
        return None
