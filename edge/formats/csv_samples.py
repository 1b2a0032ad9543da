"""Plain CSV: a sample a row, header or not, time column or `--rate`, units in it or `--unit`.

Separators ; tab , and blanks; decimal commas beside all but the comma. Columns are told by their
names (`time [ms]`, `ecg_uV`, `Elapsed time`), and a time column without a unit by the only unit
that gives the rate of an ECG. Where the times jump, samples are missing; in a single column an
empty line between two rows is a missing sample, as in a stream (`samples_text`), unless every other
line is empty. Lines with # are comments; above the rows they may say `rate=250 unit=uV lead=I`, as
in a stream. Polar Sensor Logger's files and PhysioNet's `rdsamp` output are of this kind.
"""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from ..errors import InputError
from ..lead_names import is_named_ecg
from .blob import Blob
from .recording import Entry, Floats, Lead, ReadOptions, Recording, entry, with_gaps
from .text import MINUS, MISSING, clean, column, decoded, hints, is_hint, number, rate_said
from .units import mv_per_unit

MAX_BYTES = 1 << 30
BLOCK_BYTES = 1 << 22
MAX_LINE = 1 << 16
MAX_ROWS = 1 << 26
MAX_COLUMNS = 256
HEAD_LINES = 100
SPACED_LINES = 20  # where every other one is empty, the file only ends its lines so
MAX_NAME = 200
SECONDS_PER_UNIT = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1.0),
    **dict.fromkeys(("ms", "msec", "millisecond", "milliseconds"), 1e-3),
    **dict.fromkeys(("us", "microsecond", "microseconds"), 1e-6),
    **dict.fromkeys(("ns", "nanosecond", "nanoseconds"), 1e-9),
}
TIME_KEY = re.compile(r"(?:elapsed|sensor|rel|relative|device|sample)*(?:time(?:stamps?)?|zeit|t)")
INDEX_KEY = re.compile(r"(?:sample|row)?(?:index|#|no|number|counter)|sample|frame|n")
OTHER_KEY = re.compile(
    r"phone.*|flags?|date(?:time)?|events?|annotations?|labels?|hr(?:bpm)?|bpm|leadoff|quality"
    r"|clock|unnamed.*|marker|relms|ms"
)
NAME_WITH_UNIT = re.compile(r"(.*?)\s*[\[(]\s*([^\])]*?)\s*[\])]", re.DOTALL)
NAME_UNIT = re.compile(r"(.*)_(mv|uv|µv|μv|nv|v|ms|us|ns|s)", re.IGNORECASE)
CLOCK = re.compile(r"\[?'?(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2}(?:\.\d{1,9})?)'?\]?", re.ASCII)
MOMENT = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d.*)?", re.ASCII)
UNIT_HINT = re.compile(r"\bunits?\W{1,20}([a-zµμ]{1,20})", re.IGNORECASE)
JUMP = 1.75  # usual steps; a longer one is a gap
STEPS_TOGETHER = 500  # of these most are gaps, or the others are of another length: another rate
SAME_RATE = 0.1
RATES_AGREE = 0.02
MIN_RATE_HZ, MAX_RATE_HZ = 50.0, 2_000.0  # of a time column that says no unit


Gaps = tuple[np.ndarray, np.ndarray]  # before which samples how many are missing


@dataclass(frozen=True)
class Header:
    """What stands above the rows, and how a row is split."""

    separator: str | None  # None: blanks
    first_line: int  # of the rows, from 0
    names: tuple[str, ...]  # empty where a column has none
    units: tuple[str, ...]
    decimal_comma: bool
    rate_hz: float | None
    unit: str
    lead: str  # of the only signal
    first_rows: tuple[tuple[str, ...], ...]
    empty_is_missing: bool  # of a line between two rows


def claims(head: bytes) -> bool:
    """Text with rows of numbers below at most a short head."""
    if b"\0" in head[:512] and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return False
    try:
        header = read_header(decoded(head))
    except InputError:
        return False
    return len(header.first_rows) >= 2


def read(blob: Blob) -> list[Entry]:
    """The one recording of the file."""
    return [entry(blob, lambda options: recording(blob, options))]


def recording(blob: Blob, options: ReadOptions) -> Recording:
    """Every column that may be a signal; what the file does not say comes from the options."""
    header = read_header(decoded(blob.head))
    signals, time, index = _roles(header, options)
    if not signals:
        raise InputError("no column holds a signal; check the header")
    rate_hz = options.rate_hz or header.rate_hz
    gaps: Gaps | None = None
    start_time = None if time is None else _moment(header.first_rows[0][time])
    if time is not None:
        seconds = _seconds(blob, header, time)
        found_hz, gaps = _rate_and_gaps(seconds, _time_unit(header, time))
        if rate_hz is not None and abs(found_hz / rate_hz - 1) > RATES_AGREE:
            raise InputError(
                f"its times say {found_hz:.4g} Hz, the rate given is {rate_hz:.4g}; correct one"
            )
        rate_hz = rate_hz or found_hz
    elif index is not None:
        gaps = _gaps_by_index(_column(blob, header, index))
    if rate_hz is None:
        raise InputError("it has no time column; give the sampling rate in Hz by --rate")
    timing = (rate_hz, gaps)
    if header.lead and len(signals) == 1:
        names = [header.lead if at == signals[0] else name for at, name in enumerate(header.names)]
        header = replace(header, names=tuple(names))
    leads = [_lead(blob, header, at, timing, options) for at in signals]
    return Recording(tuple(leads), start_time)


def read_header(text: str) -> Header:
    """The head of a CSV file; InputError where no rows of numbers follow."""
    lines = text.splitlines()[:HEAD_LINES]
    for at, line in enumerate(lines):
        separator = _separator(line)
        cells = _split(line, separator)
        if _is_row(cells) and len(cells) <= MAX_COLUMNS:
            below = [_split(one, separator) for one in filter(_is_filled, lines[at : at + 20])]
            rows = [row for row in below if len(row) == len(cells) and _is_row(row)]
            if len(rows) >= 0.8 * (len(below) - 1):  # the head may end within a row
                return _header(lines, at, separator, rows)
    raise InputError("it has no rows of numbers; check the file")


def _header(lines: list[str], at: int, separator: str | None, rows: list[list[str]]) -> Header:
    texts = [line for line in lines[:at] if line.strip() and not is_hint(line)]
    above = [_split(line.lstrip("#% "), separator) for line in texts]
    width = len(rows[0])
    labels = [cells for cells in above[-2:] if len(cells) == width]
    units = [""] * width
    if len(labels) == 2 and any(_is_unit(cell) for cell in labels[1]):
        names, units = labels
    else:
        names = labels[-1] if labels and len(above[-1]) == width else [""] * width
    comma = separator != "," and any("," in cell for row in rows for cell in row)
    if separator == "," and width == 2 and not any(names) and _is_decimal_comma(rows):
        # One column with decimal commas looks like two.
        separator, names, units, comma = None, [""], [""], True
        rows = [[".".join(row)] for row in rows]
    pairs = [_name_and_unit(name, unit) for name, unit in zip(names, units, strict=True)]
    head = "\n".join(lines[:at])
    unit = UNIT_HINT.search(head)
    lead = hints("\n".join(line for line in lines[:at] if line.startswith("#"))).get("lead", "")
    return Header(
        separator,
        at,
        tuple(name for name, _ in pairs),
        tuple(unit for _, unit in pairs),
        comma,
        rate_said(head),
        unit[1] if unit and mv_per_unit(unit[1]) is not None else "",
        clean(lead) if is_named_ecg(lead) else "",
        tuple(tuple(row) for row in rows),
        len(rows[0]) == 1 and any(map(_is_filled, lines[at + 1 : at + SPACED_LINES : 2])),
    )


def _name_and_unit(name: str, unit: str) -> tuple[str, str]:
    """`ecg [uV]`, `time_ms` and the like taken apart; a row of units counts first."""
    name = name.strip()[:MAX_NAME]
    match = NAME_WITH_UNIT.fullmatch(name) or NAME_UNIT.fullmatch(name)
    return clean(match[1] if match else name, 60), unit or (match[2] if match else "")


def _separator(line: str) -> str | None:
    return next((mark for mark in (";", "\t", ",") if mark in line), None)


def _split(line: str, separator: str | None) -> list[str]:
    if separator is None:
        return line.split()
    if '"' in line:
        try:
            return [cell.strip() for cell in next(csv.reader([line], delimiter=separator))]
        except (csv.Error, StopIteration):
            return []
    return [cell.strip().strip("'") for cell in line.split(separator)]


def _is_row(cells: Sequence[str]) -> bool:
    """At least one number, and nothing but numbers, times and marks of missing samples."""
    known = [number(cell) is not None for cell in cells]
    return any(known) and all(
        is_number or cell.casefold() in MISSING or CLOCK.fullmatch(cell) or MOMENT.fullmatch(cell)
        for is_number, cell in zip(known, cells, strict=True)
    )


def _is_unit(cell: str) -> bool:
    plain = cell.strip("[]() ").casefold()
    return mv_per_unit(plain) is not None or plain in SECONDS_PER_UNIT


def _is_decimal_comma(rows: list[list[str]]) -> bool:
    """Whether `a,b` is one number: b is all digits and a does not count up as a time does."""
    if any("." in cell for row in rows for cell in row):
        return False
    if not all(row[1].isdecimal() for row in rows):
        return False
    first = [number(row[0]) or 0.0 for row in rows]
    return not all(b > a for a, b in itertools.pairwise(first))


def _roles(header: Header, options: ReadOptions) -> tuple[list[int], int | None, int | None]:
    """Columns that may be signals, the time column, the column that numbers the samples."""
    keys = [re.sub(r"[^a-z0-9#]", "", name.casefold()) for name in header.names]
    width = len(keys)
    filled = [at for at in range(width) if any(row[at] for row in header.first_rows)]
    if len(filled) == 1:
        return filled, None, None
    if not any(keys):
        counts_up = _counts_up(header, 0) or _is_dated(header, 0)
        return filled[counts_up:], 0 if counts_up else None, None
    times = [at for at in range(width) if _is_time(header, keys, at)]
    times = times or [at for at in filled if _is_dated(header, at) and keys[at][:5] != "phone"]
    index = next((at for at in range(width) if INDEX_KEY.fullmatch(keys[at])), None)
    other = {at for at in range(width) if OTHER_KEY.fullmatch(keys[at])}
    signals = [
        at
        for at in filled
        if at not in times and at != index and (at not in other or header.names[at] == options.lead)
    ]
    by_sensor = next((at for at in times if keys[at].startswith("sensor")), None)
    return signals, by_sensor if by_sensor is not None else next(iter(times), None), index


def _is_time(header: Header, keys: Sequence[str], at: int) -> bool:
    is_span = header.units[at].casefold().replace("μ", "u") in SECONDS_PER_UNIT
    named = TIME_KEY.fullmatch(keys[at]) is not None or keys[at] in ("relms", "ms")
    return (named or is_span) and not keys[at].startswith(("phone", "rr"))


def _is_dated(header: Header, at: int) -> bool:
    """Whether rows have dates with times of day there, each another, whatever the column's name."""
    cells = [row[at] for row in header.first_rows]
    return len(set(cells)) == len(cells) and all(
        ":" in cell and MOMENT.fullmatch(cell) for cell in cells
    )


def _counts_up(header: Header, at: int) -> bool:
    values = [number(row[at]) for row in header.first_rows]
    pairs = itertools.pairwise(values)
    return all(a is not None and b is not None and b > a for a, b in pairs)


def _lead(
    blob: Blob,
    header: Header,
    at: int,
    timing: tuple[float, Gaps | None],
    options: ReadOptions,
) -> Lead:
    rate_hz, gaps = timing
    told = header.units[at] or header.unit
    unit = options.unit or told
    name = header.names[at] or ("" if len(header.names) == 1 else f"signal {at + 1}")

    def load() -> Floats:
        if mv_per_unit(unit) is None:
            says = f"says unit {clean(unit, 20)!r}, no voltage" if unit else "says no unit"
            raise InputError(f"column {name or 1!r} {says}; give it by --unit mV, uV, V or nV")
        if options.unit and told and mv_per_unit(told) not in (None, mv_per_unit(options.unit)):
            raise InputError(f"column {name or 1!r} is in {told}, not {options.unit}; correct one")
        samples = _column(blob, header, at)
        return samples if gaps is None else with_gaps(samples, *gaps)

    return Lead(name, rate_hz, unit or "mV", load)


def _time_unit(header: Header, at: int) -> float | None:
    """Seconds in one step of the time column; None where it is not said."""
    return SECONDS_PER_UNIT.get(header.units[at].casefold().replace("μ", "u"))


def _rate_and_gaps(times: Floats, unit_s: float | None) -> tuple[float, Gaps]:
    """The rate in Hz, and before which samples how many are missing.

    The rate is the mean over what is no gap: stamps may be rounded to the millisecond.
    """
    steps = np.diff(times)
    if len(steps) < 2 or not np.isfinite(steps).all():
        raise InputError("its time column has empty cells; fill them, or drop it and give --rate")
    if (steps < 0).any():
        row = int(np.argmax(steps < 0)) + 2
        raise InputError(f"its times go back in row {row}; sort the rows or split the file")
    usual = float(np.median(steps))
    if not usual > 0:
        raise InputError("its times repeat; drop the time column and give --rate")
    is_gap = steps > JUMP * usual
    mean = float(steps[~is_gap].mean())
    _check_one_rate(steps, is_gap, mean)
    rate_hz = 1 / (mean * _step_unit(mean, unit_s))
    # Where stamps are rounded, the whole rate that fits them all is meant.
    rounding = float(np.abs(steps[~is_gap] - mean).max()) / mean
    count = int((~is_gap).sum())
    whole = round(rate_hz)
    if whole and abs(count * (rate_hz / whole - 1)) <= max(rounding, 1e-6 * count):
        rate_hz = float(whole)
    jumps = np.round(steps[is_gap] / mean) - 1
    if (jumps > 1e12).any():
        raise InputError("its times jump beyond any recording; split the file")
    return rate_hz, (np.flatnonzero(is_gap) + 1, jumps.astype(np.int64))


def _check_one_rate(steps: Floats, is_gap: np.ndarray, mean: float) -> None:
    """Refuse times whose steps are longer or shorter in a part of the file: it has two rates."""
    for start in range(0, len(steps) - STEPS_TOGETHER + 1, STEPS_TOGETHER):
        here = slice(start, start + STEPS_TOGETHER)
        some = float(np.median(steps[here]))
        if 2 * int(is_gap[here].sum()) <= STEPS_TOGETHER:
            some = float(steps[here][~is_gap[here]].mean())
        if abs(some / mean - 1) > SAME_RATE:
            raise InputError(
                f"its times step by {some:.4g} from about row {start + 1} on, elsewhere by "
                f"{mean:.4g}; split the file where its rate changes"
            )


def _step_unit(step: float, unit_s: float | None) -> float:
    """Seconds in the unit of the time column: what it says, else the one that an ECG can have."""
    if unit_s is not None:
        return unit_s
    for candidate in (1.0, 1e-3, 1e-6, 1e-9):  # one fits at most: the range spans 40
        if MIN_RATE_HZ <= 1 / (step * candidate) <= MAX_RATE_HZ:
            return candidate
    raise InputError(
        f"its time column steps by {step:.4g}, no ECG's rate in s, ms, us or ns; give --rate"
    )


def _gaps_by_index(index: Floats) -> Gaps | None:
    steps = np.diff(index)
    if not (steps >= 1).all() or (steps > 1e12).any() or (steps % 1 != 0).any():
        return None  # it numbers something else
    return np.flatnonzero(steps > 1) + 1, steps[steps > 1].astype(np.int64) - 1


def _seconds(blob: Blob, header: Header, at: int) -> Floats:
    """The time column in its own unit; clocks and dates in seconds."""
    cell = header.first_rows[0][at]
    if number(cell) is not None:
        return _column(blob, header, at)
    convert = _clock_s if CLOCK.fullmatch(cell) else _moment_s
    pieces = [[convert(cell) for cell in cells] for _, cells in _cells(blob, header, at)]
    times = np.array([second for piece in pieces for second in piece], np.float64)
    if CLOCK.fullmatch(cell):
        times += 86_400.0 * np.cumsum(np.diff(times, prepend=times[:1]) < -43_200)  # midnight
    return times


def _clock_s(cell: str) -> float:
    match = CLOCK.fullmatch(cell)
    if match is None:
        raise InputError(f"time {cell[:40]!r} can't be read; correct it")
    return 3600 * int(match[1] or 0) + 60 * int(match[2]) + float(match[3])


def _moment_s(cell: str) -> float:
    """Seconds of a date, by its offset from UTC where it has one: clocks are put back at night."""
    moment = _moment(cell)
    if moment is None:
        raise InputError(f"time {cell[:40]!r} can't be read; correct it")
    utc = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return (utc - datetime(2000, 1, 1, tzinfo=UTC)).total_seconds()


def _moment(cell: str) -> datetime | None:
    """A date with its time of day; None where it is none."""
    try:
        return datetime.fromisoformat(cell) if MOMENT.fullmatch(cell) else None
    except ValueError:
        return None


def _column(blob: Blob, header: Header, at: int) -> Floats:
    """One column of all rows as numbers."""
    pieces, count = [np.empty(0)], 0
    for first, cells in _cells(blob, header, at):
        pieces.append(column(cells, first, header.decimal_comma))
        count += len(cells)
        if count > MAX_ROWS:
            raise InputError(f"it has more than {MAX_ROWS} rows; split it")
    return np.concatenate(pieces)


def _cells(blob: Blob, header: Header, at: int) -> Iterator[tuple[int, list[str]]]:
    """One column block by block, with the line that each block begins at, from 1."""
    line_number, waiting = 1, 0  # empty lines, which are missing samples where a row follows
    for lines, is_last in _line_blocks(blob):
        first = line_number
        line_number += len(lines)
        if first <= header.first_line:
            lines = lines[header.first_line + 1 - first :]
            first = header.first_line + 1
        if header.empty_is_missing:
            lines, behind = _with_missing(lines)
            if lines:
                yield from ((first, cells) for cells in _missing(waiting))
                waiting = 0
            waiting += behind
        rows = _rows(lines, header.separator)
        if is_last and rows and len(rows[-1]) < len(header.names):
            rows.pop()  # the recording was cut off within a row
        short = next((k for k, row in enumerate(rows) if len(row) <= at), None)
        if short is not None:
            raise InputError(f"row {first + short} has too few columns; correct the file")
        if rows:
            yield first, [row[at] for row in rows]


def _with_missing(lines: list[str]) -> tuple[list[str], int]:
    """Up to the last row, empty lines as missing samples; how many empty ones stand behind it."""
    told = [line for line in lines if not line.startswith("#")]
    behind = next((k for k, line in enumerate(reversed(told)) if _is_filled(line)), len(told))
    rows = told[: len(told) - behind]
    return [line if _is_filled(line) else "nan" for line in rows], behind


def _missing(count: int) -> Iterator[list[str]]:
    """So many cells of missing samples, some at a time."""
    for start in range(0, count, MAX_LINE):
        yield ["nan"] * min(MAX_LINE, count - start)


def _rows(lines: list[str], separator: str | None) -> list[list[str]]:
    """The cells of every line with some; quickly where nothing is quoted or foreign."""
    filled = list(filter(_is_filled, lines))
    text = "\n".join(filled)
    if text.isascii() and "'" not in text and '"' not in text:
        return [line.split(separator) for line in filled]
    return [_split(line.translate(MINUS), separator) for line in filled]


def _is_filled(line: str) -> bool:
    """Whether a line below the head is a row: not empty, no comment."""
    return bool(line) and not line.isspace() and not line.startswith("#")


def _line_blocks(blob: Blob) -> Iterator[tuple[list[str], bool]]:
    """Lines without their ends, some megabytes at a time, and whether the file ends there."""
    if blob.size > MAX_BYTES:
        raise InputError(f"it has {blob.size} bytes, beyond {MAX_BYTES} for CSV; split it")
    if blob.head.startswith((b"\xff\xfe", b"\xfe\xff")):
        yield decoded(blob.whole()).splitlines(), True
        return
    rest, at = b"", 0
    while at < blob.size:
        block = rest + blob.read_at(at, BLOCK_BYTES)
        at += BLOCK_BYTES
        end = len(block) if at >= blob.size else block.rfind(b"\n") + 1
        if len(block) - end > MAX_LINE:
            raise InputError(f"a line is longer than {MAX_LINE} bytes; it is no CSV of samples")
        rest = block[end:]
        yield block[:end].decode("utf-8", "replace").splitlines(), at >= blob.size
