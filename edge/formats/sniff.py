"""Which format a file is, by its first bytes and never by its name alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from . import (
    aecg,
    alivecor_atc,
    apple_health,
    csv_samples,
    dicom_ecg,
    edf,
    fhir,
    galaxy,
    kardia_json,
    muse_xml,
    scp_ecg,
    zip_archive,
)
from .blob import Blob, gunzipped
from .recording import Entry

GZIP = b"\x1f\x8b"
FOREIGN = {  # what people try, and the way out
    b"%PDF": "it is a PDF, a picture of an ECG; export the recording itself",
    b"\x89PNG": "it is a picture; export the recording itself",
    b"\xff\xd8\xff": "it is a picture; export the recording itself",
    b"ISHNE1.0": "ISHNE Holter files are not read; convert it to EDF or WFDB",
    b"\x89HDF": "HDF5 is not read; export the samples as CSV or EDF",
    b"MATLAB 5.0": "a MATLAB file without a WFDB header is not read; export the samples as CSV",
}


@dataclass(frozen=True)
class Format:
    """A format: whether a file's first bytes are of it, and the reader of its recordings."""

    name: str
    claims: Callable[[bytes], bool]
    read: Callable[[Blob], list[Entry]]


SURE = (
    Format("AliveCor ATC", alivecor_atc.claims, alivecor_atc.read),
    Format("EDF", edf.claims, edf.read),
    Format("DICOM", dicom_ecg.claims, dicom_ecg.read),
    Format("SCP-ECG", scp_ecg.claims, scp_ecg.read),
    Format("HL7 aECG", aecg.claims, aecg.read),
    Format("MUSE XML", muse_xml.claims, muse_xml.read),
    Format("FHIR", fhir.claims, fhir.read),
    Format("Kardia JSON", kardia_json.claims, kardia_json.read),
    Format("Galaxy", galaxy.claims, galaxy.read),
    Format("Apple Health", apple_health.claims, apple_health.read),
)
CSV = Format("CSV", csv_samples.claims, csv_samples.read)  # any rows of numbers: asked last


def sure_format(blob: Blob) -> Format | None:
    """The format by its signature; None where there is none."""
    return next((one for one in SURE if one.claims(blob.head)), None)


def sniff(blob: Blob, *, is_named: bool = True) -> tuple[Format, Blob] | None:
    """The format and the bytes to read it from; None for what is no ECG.

    A gzip is looked into once. CSV counts only where somebody names the file (`is_named`): in a
    folder or an archive a table of numbers may be anything.
    """
    if zip_archive.claims(blob.head):
        return Format("zip", zip_archive.claims, _read_zip), blob
    if blob.head.startswith(GZIP):
        blob = gunzipped(blob)
    found = sure_format(blob)
    if found is None and is_named and CSV.claims(blob.head):
        found = CSV
    return None if found is None else (found, blob)


def why_not(blob: Blob) -> str:
    """A sentence for a file that no reader takes."""
    told = next((text for mark, text in FOREIGN.items() if blob.head.startswith(mark)), None)
    if told is not None:
        return told
    if not blob.size:
        return "the file is empty; download or export it again"
    known = ", ".join(["WFDB", *(one.name for one in (*SURE, CSV))])
    return f"it is none of the formats that leadone reads ({known}); convert it to one"


def _read_zip(blob: Blob) -> list[Entry]:
    def reader(member: Blob) -> Callable[[Blob], list[Entry]] | None:
        found = sure_format(member)
        return None if found is None else found.read

    return zip_archive.read(blob, reader)
