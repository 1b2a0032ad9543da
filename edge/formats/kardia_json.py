"""Kardia recordings as JSON of AliveCor's API: `data.raw` (unfiltered), else `data.enhanced`."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import numpy as np

from ..errors import InputError
from .blob import Blob
from .json_tree import child, json_tree, real, samples, words
from .recording import Entry, Floats, Lead, Recording, entry
from .text import clean

LEADS = {"leadI": "I", "leadII": "II", "leadIII": "III", "AVR": "aVR", "AVL": "aVL", "AVF": "aVF"}
KEYS = re.compile(rb'"(?:recordedAt|amplitudeResolution|mainsFrequency|leadI)"\s*:')


def claims(head: bytes) -> bool:
    """A JSON object with two of the API's keys."""
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and len(set(KEYS.findall(head))) > 1


def read(blob: Blob) -> list[Entry]:
    """The one recording of the document."""
    return [entry(blob, lambda _: recording(json_tree(blob)))]


def recording(document: Any) -> Recording:
    """All leads of a recording; samples are in steps of `amplitudeResolution` nV."""
    block = child(document, "data", "raw") or child(document, "data", "enhanced")
    block = block or child(document, "data") or document
    rate_hz, steps = real(child(block, "frequency")), child(block, "samples")
    if rate_hz is None or not isinstance(steps, dict):
        raise InputError("the JSON has no data.raw with frequency and samples; export it again")
    nanovolts = real(child(block, "amplitudeResolution")) or 0.0
    leads = []
    for key, values in steps.items():
        signal = samples(values)
        if signal is None:
            raise InputError(f"samples of {clean(key, 40)!r} are not numbers; export it again")
        leads.append(_lead(LEADS.get(key, clean(key, 40)), rate_hz, signal, nanovolts))
    about = {
        "device": words(child(document, "deviceInfo", "hardwareType")),
        "software": words(child(document, "deviceInfo", "firmwareRevision")),
        "device_classification": words(child(document, "algorithmDetermination")),
    }
    return Recording(
        tuple(leads),
        _moment(words(child(document, "recordedAt"))),
        {key: clean(text) for key, text in about.items()},
        {
            "patient_id": clean(words(child(document, "patientID"))),
            "patient_name": clean(words(child(document, "patientName"))),
            "birth_date": clean(words(child(document, "patientDOB"))),
        },
    )


def _lead(name: str, rate_hz: float, steps: Floats, nanovolts: float) -> Lead:
    known = nanovolts > 0
    size = nanovolts if known else 500.0  # the usual step, marked as a guess
    return Lead(name, rate_hz, "nV", lambda: np.asarray(steps * size), known)


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
