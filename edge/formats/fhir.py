"""FHIR R4, R4B and R5: Observations whose components carry ECG as SampledData, alone or in Bundles.

R4 gives `period` in ms, R5 `interval` in `intervalUnit`. Components of one lead that follow each
other in one Observation are pieces of one signal, as apps that split Apple's 30 s write them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import numpy as np

from ..errors import InputError
from .blob import Blob
from .json_tree import child, json_tree, objects, real, words
from .recording import MAX_SAMPLES, Entry, Floats, Lead, Recording, checked_rate, entry
from .text import clean, number

MDC_BASE = 131_328  # MDC_ECG_ELEC_POTL; a lead's code is this plus its number in 11073-91064
MDC_LEADS = {
    **dict(enumerate(["I", "II", "V1", "V2", "V3", "V4", "V5", "V6", "V7"], 1)),
    **dict(enumerate(["III", "aVR", "aVL", "aVF"], 61)),
}
LEAD_TEXT = re.compile(
    r"(?:MDC_ECG_(?:ELEC_POTL|LEAD)_|.*\b[Ll]ead )(I{1,3}|[aA][vV][RLF]|V[1-9])\b"
)
SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "min": 60.0}
LIMITS = {"L": "lowerLimit", "U": "upperLimit"}
MAX_DEPTH = 6  # bundles in bundles, contained resources
KEY = re.compile(rb'"resourceType"\s*:\s*"(?:Bundle|Observation|DiagnosticReport)"')


def claims(head: bytes) -> bool:
    """A JSON object that says its resource type."""
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and KEY.search(head) is not None


def read(blob: Blob) -> list[Entry]:
    """A recording for each Observation with sampled data."""
    found = list(_observations(json_tree(blob), 0))
    if not found:
        raise blob.fault("no Observation in it holds sampled data; export it with its waveform")
    if len(found) == 1:
        return [entry(blob, lambda _: recording(found[0]))]
    return [
        entry(blob, lambda _, one=one: recording(one), _name(one, k))  # type: ignore[misc]
        for k, one in enumerate(found, 1)
    ]


def _observations(node: Any, depth: int) -> Iterator[dict[str, Any]]:
    if depth > MAX_DEPTH or not isinstance(node, dict):
        return
    if node.get("resourceType") == "Observation" and any(True for _ in _sampled(node)):
        yield node
    for inner in objects(node.get("entry")):
        yield from _observations(inner.get("resource"), depth + 1)
    for inner in objects(node.get("contained")):
        yield from _observations(inner, depth + 1)


def _sampled(observation: dict[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Who says what the samples are (the observation or a component), and the SampledData."""
    for owner in (observation, *objects(observation.get("component"))):
        sampled = owner.get("valueSampledData")
        if isinstance(sampled, dict):
            yield owner, sampled


def recording(observation: dict[str, Any]) -> Recording:
    """The leads of one Observation."""
    pieces: dict[str, list[dict[str, Any]]] = {}
    for at, (owner, sampled) in enumerate(_sampled(observation), 1):
        pieces.setdefault(_lead_name(owner) or f"signal {at}", []).append(sampled)
    start = observation.get("effectiveDateTime") or child(observation, "effectivePeriod", "start")
    subject = observation.get("subject")
    return Recording(
        tuple(_lead(name, group) for name, group in pieces.items()),
        _moment(words(start)),
        {},
        {
            "patient_name": clean(words(child(subject, "display"))),
            "device": clean(words(child(observation, "device", "display"))),  # "Jane's Watch"
            "patient_id": clean(words(child(subject, "reference"))),
        },
    )


def _lead(name: str, pieces: list[dict[str, Any]]) -> Lead:
    scales = [_rate_and_unit(piece) for piece in pieces]
    if len({scale for scale in scales}) > 1:
        raise InputError(f"the pieces of lead {name} differ in rate or unit; export it again")
    rate_hz, unit = scales[0]
    return Lead(name, rate_hz, unit, lambda: np.concatenate([_samples(p, name) for p in pieces]))


def _rate_and_unit(sampled: dict[str, Any]) -> tuple[float, str]:
    if real(sampled.get("dimensions", 1)) != 1:
        raise InputError("its sampled data mixes several leads; export one component a lead")
    period_ms, interval = real(sampled.get("period")), real(sampled.get("interval"))
    if period_ms is not None:
        rate_hz = checked_rate(1, period_ms / 1000, "its period")
    elif interval is not None:
        unit = words(sampled.get("intervalUnit"))
        if unit == "Hz" or unit == "/s":
            rate_hz = interval
        elif unit in SECONDS:
            rate_hz = checked_rate(1, interval * SECONDS[unit], "its interval")
        else:
            raise InputError(f"its interval is in {unit[:20]!r}, not s or ms; export it again")
    else:
        raise InputError("its sampled data has no period or interval; export it again")
    origin = sampled.get("origin")
    return rate_hz, words(child(origin, "code")) or words(child(origin, "unit"))


def _samples(sampled: dict[str, Any], name: str) -> Floats:
    """`data` x factor + origin; E is missing, L and U are beyond the limits and taken as those."""
    data = sampled.get("data")
    if not isinstance(data, str):
        raise InputError(f"lead {name} has no data; export it with its waveform")
    origin = real(child(sampled, "origin", "value"))
    factor = real(sampled.get("factor", 1))
    if factor is None or factor == 0:
        raise InputError(f"the factor of lead {name} is no number; export it again")
    tokens = data.split()
    if len(tokens) > MAX_SAMPLES:
        raise InputError(f"lead {name} has more than {MAX_SAMPLES} samples; split it")
    values, beyond = np.empty(len(tokens)), {}
    for at, token in enumerate(tokens):
        if token in ("E", "L", "U"):
            beyond[at] = real(sampled.get(LIMITS[token])) if token in LIMITS else None
            continue
        value = number(token) if "," not in token else None
        if value is None:
            raise InputError(f"sample {at + 1} of lead {name} is {token[:20]!r}; export it again")
        values[at] = value
    values = values * factor + (origin or 0.0)
    for at, limit in beyond.items():  # limits are what is measured, not steps
        values[at] = np.nan if limit is None else limit
    return values


def _lead_name(owner: dict[str, Any]) -> str:
    """By 11073 code, as number or reference id, else by a text that names a lead."""
    code = owner.get("code")
    codings = objects(child(code, "coding"))
    for coding in codings:
        at = real(coding.get("code"))
        if at is not None and int(at) - MDC_BASE in MDC_LEADS:
            return MDC_LEADS[int(at) - MDC_BASE]
    texts = [words(c.get(key)) for c in codings for key in ("code", "display")]
    for text in [*texts, words(child(code, "text"))]:
        match = LEAD_TEXT.match(text)
        if match:
            return match[1]
    return clean(words(child(code, "text")) or (texts[1] if texts else ""), 40)


def _name(observation: dict[str, Any], at: int) -> str:
    return clean(words(observation.get("id")), 64) or f"observation-{at}"


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
