"""Apple Health `ecg_*.csv`: a head of key,value lines in the phone's language, a sample a line.

The head is read by what its values look like, so that any language will do; rates are fractional
and numbers may have decimal commas. An `export.zip` is read by `zip_archive`.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from datetime import datetime

from ..errors import InputError
from .blob import Blob
from .recording import Entry, Floats, Lead, Recording, entry
from .text import clean, column, decoded, number
from .units import mv_per_unit

MAX_HEAD_LINES = 60
MAX_BYTES = 1 << 23  # 30 s have 150 kB
RATE = re.compile(r"([\d.,]+)\s*(?:hertz|hz|герц|гц|ヘルツ|赫兹|赫茲|헤르츠)\b", re.IGNORECASE)
MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}")
DEVICE = re.compile(r"Watch\d+,\d+|Apple Watch.*")
VERSION = re.compile(r"\d+(?:\.\d+)+")
LEAD = re.compile(r".*(?<!\w)(I|II|III|aV[RLF]|V[1-9])")
# Beyond these lines' keys the head tells by value; both languages that were seen.
CLASSIFICATION = ("classification", "klassifizierung")
SOFTWARE = ("software version", "softwareversion")


def claims(head: bytes) -> bool:
    """A head with a rate in hertz and a unit of voltage, before lines of one number each."""
    lines = decoded(head[:8192]).splitlines()[:MAX_HEAD_LINES]
    fields = [value for _, value in _fields(lines)]
    named = any(RATE.fullmatch(clean(value)) for value in fields)
    return named and any(mv_per_unit(value) is not None for value in fields)


def read(blob: Blob) -> list[Entry]:
    """The one recording of the file."""
    return [entry(blob, lambda _: recording(blob.whole(MAX_BYTES)))]


def recording(content: bytes) -> Recording:
    """Lead, rate, unit, time, device and its classification; name and birth date as identity."""
    lines = decoded(content).splitlines()
    first = next((at for at, line in enumerate(lines) if number(line) is not None), len(lines))
    if first > MAX_HEAD_LINES:
        raise InputError("its head is no Apple Health ECG; export it again")
    fields = list(_fields(lines[:first]))
    values = [clean(value) for _, value in fields]
    at_rate = next((at for at, value in enumerate(values) if RATE.fullmatch(value)), len(values))
    measured = values[at_rate:]  # rate, lead and unit: behind what people may be called
    rate = RATE.fullmatch(measured[0]) if measured else None
    unit = next((value for value in measured if mv_per_unit(value) is not None), None)
    rate_hz = number(rate[1]) if rate else None
    if rate_hz is None or unit is None:
        raise InputError("its head gives no sampling rate or no unit; export it again")
    body = lines[first:]
    lead = next((match[1] for value in measured if (match := LEAD.fullmatch(value))), "I")
    at_moment = next((at for at, value in enumerate(values) if MOMENT.fullmatch(value)), None)
    moment = None if at_moment is None else values[at_moment]
    by_key = {key.strip().casefold(): clean(value) for key, value in fields}
    verdict = "" if at_moment is None else "".join(values[at_moment + 1 : at_moment + 2])
    about = {
        "device": next((value for value in values[3:] if DEVICE.fullmatch(value)), ""),
        "software": _first(by_key, SOFTWARE)
        or next((value for value in values[3:] if VERSION.fullmatch(value)), ""),
        "device_classification": _first(by_key, CLASSIFICATION) or verdict,
    }
    identity = {}
    if at_moment is not None and at_moment >= 2:  # name and birth date lead the head
        identity = {"patient_name": values[0], "birth_date": values[1]}
    return Recording(
        (Lead(lead, rate_hz, unit, lambda: _samples(body, first)),),
        _moment(moment),
        about,
        identity,
    )


def _fields(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Key and value of the head's lines; a value may hold commas with or without quotes."""
    for line in lines:
        if number(line) is not None:
            return
        if not line.strip(" \ufeff"):
            continue
        try:
            cells = next(csv.reader([line]), [])
        except csv.Error:
            continue
        yield (cells[0].strip("\ufeff "), ",".join(cells[1:])) if cells else ("", "")


def _samples(lines: list[str], first: int) -> Floats:
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    has_comma = any("," in line for line in lines)
    if has_comma and any("." in line for line in lines):
        raise InputError("its samples have decimal commas and points; export it again")
    return column(lines, first + 1, has_comma)


def _first(by_key: dict[str, str], keys: tuple[str, ...]) -> str:
    return next((by_key[key] for key in keys if by_key.get(key)), "")


def _moment(text: str | None) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S %z") if text else None
    except ValueError:
        return None
