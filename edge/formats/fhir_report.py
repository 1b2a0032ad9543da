"""FHIR R4: a Bundle of a DiagnosticReport and its Observations for each record.

The ECG is an Observation with SampledData (ISO/IEEE 11073 codes, as `fhir` reads them), rate and
intervals are Observations with LOINC codes. All are preliminary: no clinician has seen them.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import numpy as np

from ..amplitude import amplitude_doubt
from ..analysis import Analysis, Finding, Variability
from ..labels import carries
from ..lead_names import lead_key
from ..record import Record
from .fhir import MDC_BASE, MDC_LEADS

LOINC, UCUM = "http://loinc.org", "http://unitsofmeasure.org"
MDC = "urn:iso:std:iso:11073:10101"
CATEGORIES = "http://terminology.hl7.org/CodeSystem/observation-category"
SERVICES = "http://terminology.hl7.org/CodeSystem/v2-0074"
STUDY = ("11524-6", "EKG study")
STEP_UV = 0.1
NAMESPACE = uuid.UUID("6f0c1c1e-6a5e-5b0b-9f36-2f5d3d1c7a11")  # ours: the same input, the same ids
NOTICE = "Automatic analysis by leadone for research; not a medical device, not reviewed."
INTERVALS = {
    "pr": ("8625-6", "P-R Interval"),
    "qrs": ("8633-0", "QRS duration"),
    "qt": ("8634-8", "Q-T interval"),
    "qtc": ("8636-3", "Q-T interval corrected"),
}
SDNN = ("80404-7", "R-R interval.standard deviation (Heart rate variability)")
VARIABILITY = {
    "sdnn_ms": ("SDNN", "ms"),
    "rmssd_ms": ("RMSSD", "ms"),
    "pnn50_percent": ("pNN50", "%"),
    "sd1_ms": ("SD1 (Poincaré)", "ms"),
    "sd2_ms": ("SD2 (Poincaré)", "ms"),
}

Resource = dict[str, Any]


def bundle(analyses: Iterable[list[Resource]]) -> Resource:
    """A collection of what `report` gave for each record."""
    entries = [
        {"fullUrl": f"urn:uuid:{resource['id']}", "resource": resource}
        for resources in analyses
        for resource in resources
    ]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def report(analysis: Analysis) -> list[Resource]:
    """DiagnosticReport, device, ECG, rate, intervals, variability, rhythm, findings.

    A Patient if kept.
    """
    record = analysis.record
    source = record.source.encode("utf-8", "backslashreplace").decode()  # names may be any bytes
    key = f"{source}\0{record.lead}\0{analysis.model.get('sha256', '')}"
    patient = _patient(record, key)
    shared: Resource = {"status": "preliminary"}
    if patient is not None:
        shared["subject"] = _reference(patient)
    if record.start_time is not None:
        shared["effectiveDateTime"] = _moment(record.start_time)
    device = {
        "resourceType": "Device",
        "id": _id(key, "device"),
        "deviceName": [{"name": f"leadone {analysis.model['name']}", "type": "model-name"}],
        "version": [{"value": str(analysis.model["version"])}],
    }
    observations = [
        {**observation, **shared, "id": _id(key, name), "device": _reference(device)}
        for name, observation in _observations(analysis)
    ]
    diagnostic = {
        "resourceType": "DiagnosticReport",
        "id": _id(key, "report"),
        **shared,
        "category": [{"coding": [{"system": SERVICES, "code": "EC"}]}],
        "code": _code(LOINC, *STUDY),
        "result": [_reference(observation) for observation in observations],
        "conclusion": _conclusion(analysis),
    }
    first = [diagnostic, *([patient] if patient is not None else [])]
    return [*first, device, *observations]


def _observations(analysis: Analysis) -> list[tuple[str, Resource]]:
    found = [("ecg", _ecg(analysis.record))]
    if analysis.heart_rate_bpm is not None:
        rate = _quantity(analysis.heart_rate_bpm, "beats/minute", "/min")
        found.append(("rate", _observation(("8867-4", "Heart rate"), {"valueQuantity": rate})))
    for name, code in INTERVALS.items():
        value = analysis.intervals_ms[name]
        if value is None:
            continue
        observation = _observation(code, {"valueQuantity": _quantity(value, "ms", "ms")})
        if name == "qtc":
            observation["method"] = {"text": "Fridericia: QT / RR^(1/3)"}
        found.append((name, observation))
    if analysis.heart_rate_variability.sdnn_ms is not None:
        found.append(("variability", _variability(analysis.heart_rate_variability)))
    rhythm = analysis.rhythm
    parts = [
        {"code": {"text": f"probability of {label}"}, "valueQuantity": _probability(value)}
        for label, value in rhythm.probabilities.items()
    ]
    told: Resource = {"valueCodeableConcept": {"text": rhythm.label}, "component": parts}
    found.append(("rhythm", _observation(("8884-9", "Heart rate rhythm"), told)))
    findings = [
        {
            "code": {"text": f"{finding.code} (SCP-ECG)"},
            "valueQuantity": _probability(finding.probability),
            "interpretation": [{"text": _verdict(finding, analysis.record.lead)}],
        }
        for finding in analysis.findings
    ]
    if findings:
        observation = _observation(None, {"component": findings})
        found.append(("findings", {**observation, "code": {"text": "ECG findings, probabilities"}}))
    return found


def _variability(found: Variability) -> Resource:
    """SDNN, for which there is a code; the rest beside it."""
    figures = {
        words: _quantity(value, unit, unit)
        for name, (words, unit) in VARIABILITY.items()
        if (value := getattr(found, name)) is not None
    }
    parts: list[Resource] = [
        {"code": {"text": words}, "valueQuantity": figure} for words, figure in figures.items()
    ]
    parts.append({"code": {"text": "NN intervals"}, "valueInteger": found.nn_intervals})
    return _observation(SDNN, {"valueQuantity": figures["SDNN"], "component": parts[1:]})


def _ecg(record: Record) -> Resource:
    """The lead in steps of 0.1 uV; E where a sample is missing."""
    with np.errstate(invalid="ignore"):
        steps = np.round(record.signal_mv.astype(np.float64) * (1000 / STEP_UV))
    data = " ".join("E" if np.isnan(step) else str(int(step)) for step in steps)
    sampled = {
        "origin": {"value": 0, "unit": "uV", "system": UCUM, "code": "uV"},
        "period": 1000 / record.rate_hz,
        "factor": STEP_UV,
        "dimensions": 1,
        "data": data,
    }
    codes = {lead_key(name): number for number, name in MDC_LEADS.items()}
    number = codes.get(lead_key(record.lead).removeprefix("ml"))
    code: Resource = {"text": f"Lead {record.lead}"}
    if number is not None:
        name = MDC_LEADS[number].upper()
        coding = {"system": MDC, "code": str(MDC_BASE + number)}
        code["coding"] = [{**coding, "display": f"MDC_ECG_ELEC_POTL_{name}"}]
    observation = _observation(None, {"component": [{"code": code, "valueSampledData": sampled}]})
    codings = [
        {"system": MDC, "code": str(MDC_BASE), "display": "MDC_ECG_ELEC_POTL"},
        {"system": LOINC, "code": STUDY[0], "display": STUDY[1]},
    ]
    return {**observation, "code": {"coding": codings}}


def _observation(code: tuple[str, str] | None, value: Resource) -> Resource:
    category = {"coding": [{"system": CATEGORIES, "code": "procedure"}]}
    base: Resource = {"resourceType": "Observation", "category": [category], **value}
    return base if code is None else {**base, "code": _code(LOINC, *code)}


def _verdict(finding: Finding, lead: str) -> str:
    if not carries(lead, finding.code):
        return f"not told on lead {lead}"
    return "found" if finding.is_found else "not found"


def _conclusion(analysis: Analysis) -> str:
    rate = analysis.heart_rate_bpm
    kinds = [alert.kind for alert in analysis.alerts]
    parts = [
        f"Lead {analysis.record.lead}, {analysis.record.duration_s:.1f} s",
        f"{len(analysis.beats)} beats",
        "rate not measurable" if rate is None else f"{rate:.0f}/min",
        f"rhythm {analysis.rhythm.label}",
        *(finding.code for finding in analysis.findings if finding.is_found),
        *(f"alert {kind.replace('_', ' ')}" for kind in dict.fromkeys(kinds)),
        *([doubt] if (doubt := amplitude_doubt(analysis.record)) else []),
    ]
    return f"{', '.join(parts)}. {NOTICE}"


def _patient(record: Record, key: str) -> Resource | None:
    """Only where names were asked to be kept."""
    name, born = record.about.get("patient_name"), record.about.get("birth_date", "")
    identifier = record.about.get("patient_id")
    if not (name or born or identifier):
        return None
    patient: Resource = {"resourceType": "Patient", "id": _id(key, "patient")}
    if name:
        patient["name"] = [{"text": name}]
    if identifier:
        patient["identifier"] = [{"value": identifier}]
    date = re.fullmatch(r"(\d{4})-?(\d\d)-?(\d\d)", born)
    if date:
        patient["birthDate"] = "-".join(date.groups())
    return patient


def _moment(start: datetime) -> str:
    """With its time only where the zone is known: FHIR has no local times."""
    return start.date().isoformat() if start.tzinfo is None else start.isoformat()


def _quantity(value: float, unit: str, code: str) -> Resource:
    return {"value": round(value, 1), "unit": unit, "system": UCUM, "code": code}


def _probability(value: float) -> Resource:
    return {"value": round(value, 4), "system": UCUM, "code": "1"}


def _code(system: str, code: str, display: str) -> Resource:
    return {"coding": [{"system": system, "code": code, "display": display}], "text": display}


def _reference(resource: Resource) -> Resource:
    return {"reference": f"urn:uuid:{resource['id']}"}


def _id(key: str, name: str) -> str:
    return str(uuid.uuid5(NAMESPACE, f"{key}\0{name}"))
