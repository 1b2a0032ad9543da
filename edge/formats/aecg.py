"""HL7 annotated ECG (ANSI/HL7 V3 ECG R1-2004): each rhythm series is a recording."""

from __future__ import annotations

import re
from datetime import datetime
from xml.etree.ElementTree import Element

import numpy as np

from ..errors import InputError
from .blob import Blob
from .json_tree import real
from .recording import Entry, Floats, Lead, Recording, checked_rate, entry
from .text import clean, column
from .xml_tree import all_of, attribute, starts_xml, text_of, xml_tree

ROOT = "AnnotatedECG"
TIME_CODES = ("TIME_ABSOLUTE", "TIME_RELATIVE")
SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6}
LEAD_CODE = re.compile(r"MDC_ECG_LEAD_(.+)")
MOMENT = re.compile(r"(\d{14})(?:\.(\d{1,9}))?([+-]\d{4})?")


def claims(head: bytes) -> bool:
    """An AnnotatedECG element."""
    return starts_xml(head, ROOT.encode())


def read(blob: Blob) -> list[Entry]:
    """A recording for each rhythm series; beats averaged from them are not recordings."""
    root = xml_tree(blob, ROOT)
    series = list(all_of(root, "component", "series"))
    rhythms = [s for s in series if attribute(s, "code", "code") != "REPRESENTATIVE_BEAT"]
    if not rhythms:
        raise blob.fault("it holds no rhythm series; export it with its waveforms")
    if len(rhythms) == 1:
        return [entry(blob, lambda _: recording(root, rhythms[0]))]
    return [
        entry(blob, lambda _, one=one: recording(root, one), f"series-{k}")  # type: ignore[misc]
        for k, one in enumerate(rhythms, 1)
    ]


def recording(root: Element, series: Element) -> Recording:
    """Leads of all sequence sets that have a time base."""
    leads: list[Lead] = []
    start = None
    for group in all_of(series, "component", "sequenceSet"):
        sequences = list(all_of(group, "component", "sequence"))
        time = next((s for s in sequences if attribute(s, "code", "code") in TIME_CODES), None)
        if time is None:
            raise InputError("a sequence set has no time base; export it again")
        rate_hz = _rate_hz(time)
        start = start or _moment(attribute(time, "value/head", "value"))
        leads += [_lead(s, rate_hz) for s in sequences if s is not time]
    if len({lead.name for lead in leads}) < len(leads):
        raise InputError("a lead comes in several pieces; export it with one sequence a lead")
    start = start or _moment(attribute(series, "effectiveTime/low", "value"))
    device = series.find("author/seriesAuthor/manufacturedSeriesDevice")
    about = {
        "device": text_of(device, "manufacturerModelName"),
        "software": text_of(device, "softwareName"),
    }
    return Recording(
        tuple(leads), start, {key: clean(text) for key, text in about.items()}, _identity(root)
    )


def _rate_hz(time: Element) -> float:
    value = real(attribute(time, "value/increment", "value"))
    unit = attribute(time, "value/increment", "unit")
    if value is None or unit not in SECONDS:
        raise InputError("its time increment is not in seconds; export it again")
    return checked_rate(1, value * SECONDS[unit], "its time increment")


def _lead(sequence: Element, rate_hz: float) -> Lead:
    code = attribute(sequence, "code", "code")
    match = LEAD_CODE.fullmatch(code)
    name = match[1] if match else code or "signal"
    value = sequence.find("value")
    scale = real(attribute(value, "scale", "value"))
    origin = real(attribute(value, "origin", "value"))
    unit = attribute(value, "scale", "unit")
    origin_unit = attribute(value, "origin", "unit")
    digits = text_of(value, "digits")

    def load() -> Floats:
        if scale is None or origin is None or (origin and origin_unit != unit):
            raise InputError(f"lead {name} has no scale and origin in one unit; export it again")
        return np.asarray(origin + scale * column(digits.split(), 1))

    return Lead(clean(name, 40), rate_hz, unit, load)


def _identity(root: Element) -> dict[str, str]:
    path = (
        "componentOf/timepointEvent/componentOf/subjectAssignment/subject/trialSubject/"
        "subjectDemographicPerson"
    )
    person = root.find(path)
    name = person.find("name") if person is not None else None
    return {
        "patient_name": clean(" ".join(name.itertext()) if name is not None else ""),
        "birth_date": clean(attribute(person, "birthTime", "value")),
        "patient_id": clean(attribute(root, path.rsplit("/", 1)[0] + "/id", "extension")),
    }


def _moment(text: str) -> datetime | None:
    """HL7 time stamps to the second or finer; a date alone is no moment."""
    match = MOMENT.fullmatch(text)
    if match is None:
        return None
    digits, fraction, zone = match.groups()
    try:
        moment = datetime.strptime(digits + (zone or ""), "%Y%m%d%H%M%S" + ("%z" if zone else ""))
    except ValueError:
        return None
    return moment.replace(microsecond=int((fraction or "0")[:6].ljust(6, "0")))
