"""GE MUSE XML (`RestingECG`): base64 integers a lead, the rhythm waveform of ten seconds."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from xml.etree.ElementTree import Element

import numpy as np

from ..errors import InputError
from .blob import Blob
from .json_tree import real
from .recording import Entry, Floats, Lead, Recording, entry
from .text import clean
from .xml_tree import all_of, starts_xml, text_of, xml_tree

ROOT = "RestingECG"


def claims(head: bytes) -> bool:
    """A RestingECG element (Philips calls its own RestingECGData)."""
    return starts_xml(head, ROOT.encode())


def read(blob: Blob) -> list[Entry]:
    """The one recording of the document."""
    return [entry(blob, lambda _: recording(xml_tree(blob, ROOT)))]


def recording(root: Element) -> Recording:
    """Leads of the rhythm waveform; III and the augmented leads are usually not stored."""
    waveforms = list(all_of(root, "Waveform"))
    rhythm = next((w for w in waveforms if text_of(w, "WaveformType") == "Rhythm"), None)
    if rhythm is None and len(waveforms) == 1 and not text_of(waveforms[0], "WaveformType"):
        rhythm = waveforms[0]
    if rhythm is None:
        raise InputError("it holds no rhythm waveform; export it with its waveforms")
    base, exponent = (real(text_of(rhythm, tag)) for tag in ("SampleBase", "SampleExponent"))
    if base is None or abs(exponent or 0.0) > 9:
        raise InputError("its rhythm waveform has no sampling rate; export it again")
    rate_hz = base * 10.0 ** (exponent or 0.0)
    leads = tuple(_lead(data, rate_hz) for data in all_of(rhythm, "LeadData"))
    test, person = root.find("TestDemographics"), root.find("PatientDemographics")
    names = (text_of(person, "PatientFirstName"), text_of(person, "PatientLastName"))
    about = {
        "device": text_of(test, "AcquisitionDevice"),
        "software": text_of(test, "AcquisitionSoftwareVersion"),
    }
    return Recording(
        leads,
        _moment(text_of(test, "AcquisitionDate"), text_of(test, "AcquisitionTime")),
        {key: clean(text) for key, text in about.items()},
        {
            "patient_name": clean(" ".join(names)),
            "birth_date": clean(text_of(person, "DateofBirth")),
            "patient_id": clean(text_of(person, "PatientID")),
        },
    )


def _lead(data: Element, rate_hz: float) -> Lead:
    name = clean(text_of(data, "LeadID"), 40)
    size = text_of(data, "LeadSampleSize") or "2"
    step = real(text_of(data, "LeadAmplitudeUnitsPerBit"))
    unit = text_of(data, "LeadAmplitudeUnits")
    wanted = real(text_of(data, "LeadSampleCountTotal"))
    encoded = text_of(data, "WaveFormData")
    checksum = text_of(data, "LeadDataCRC32")

    def load() -> Floats:
        raw, codes = _codes(name, encoded, size)
        if wanted is not None and len(codes) < wanted:
            raise InputError(
                f"lead {name} is truncated: {wanted:g} samples expected, {len(codes)} found; "
                "export it again"
            )
        if checksum.isdecimal() and int(checksum) not in (0, binascii.crc32(raw)):
            raise InputError(f"the checksum of lead {name} is wrong; export it again")
        return codes * (step or 1.0)

    return Lead(name, rate_hz, unit if step else "", load, bool(step))


def _codes(name: str, encoded: str, size: str) -> tuple[bytes, Floats]:
    """The bytes and the steps they are."""
    if size not in ("2", "4"):
        raise InputError(f"lead {name} has samples of {size[:8]} bytes; export it again")
    try:
        raw = base64.b64decode("".join(encoded.split()), validate=True)
    except (binascii.Error, ValueError):
        raise InputError(f"lead {name} is damaged base64; export it again") from None
    steps = np.frombuffer(raw[: len(raw) - len(raw) % int(size)], f"<i{size}")
    return raw, steps.astype(np.float64)


def _moment(date: str, clock: str) -> datetime | None:
    for form in ("%m-%d-%Y %H:%M:%S", "%m-%d-%Y %H:%M", "%Y-%m-%d %H:%M:%S"):
        try:
            return datetime.strptime(f"{date} {clock}", form)
        except ValueError:
            continue
    return None
