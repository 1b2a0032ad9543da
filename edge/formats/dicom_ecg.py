"""DICOM ECG waveforms (PS3.3 A.34, C.10.9), read by pydicom; each multiplex group a recording."""

from __future__ import annotations

import re
import warnings
from datetime import datetime
from io import BytesIO
from typing import Any

import numpy as np

from ..errors import InputError
from .blob import Blob
from .recording import Entry, Floats, Lead, Recording, entry
from .scp_ecg import LEAD_NAMES
from .text import clean

DEFLATED = b"1.2.840.10008.1.2.1.99"
TYPES = {"SS": "i2", "US": "u2", "SB": "i1", "UB": "u1", "SL": "i4", "UL": "u4"}
SCPECG_LEADS = {f"5.6.3-9-{code}": name for code, name in LEAD_NAMES.items()}  # PS3.16 CID 3001
MAX_CHANNELS = 512


def claims(head: bytes) -> bool:
    """The DICM mark behind the preamble."""
    return head[128:132] == b"DICM"


def read(blob: Blob) -> list[Entry]:
    """A recording for each multiplex group that is measured; median beats are derived."""
    dataset, groups = _groups(blob)
    original = [g for g in groups if str(g.get("WaveformOriginality", "ORIGINAL")) != "DERIVED"]
    groups = original or groups
    if not groups:
        raise blob.fault("it is DICOM without a waveform; choose the ECG object of the study")
    if len(groups) == 1:
        return [entry(blob, lambda _: recording(blob, dataset, groups[0]))]
    return [
        entry(
            blob,
            lambda _, group=group: recording(blob, dataset, group),  # type: ignore[misc]
            _group_name(group, k),
        )
        for k, group in enumerate(groups, 1)
    ]


def recording(blob: Blob, dataset: Any, group: Any) -> Recording:
    """The channels of one multiplex group."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _recording(dataset, group)
    except InputError:
        raise
    except Exception as error:  # pydicom converts values when they are asked for
        raise _damaged(blob, error) from None


def _groups(blob: Blob) -> tuple[Any, list[Any]]:
    try:
        import pydicom
    except ImportError:
        raise blob.fault("DICOM needs pydicom: pip install 'leadone[formats]'") from None
    if DEFLATED in blob.head[:2048]:
        raise blob.fault("its DICOM is deflated; convert it to explicit little endian")
    from pydicom import config

    before = config.settings.reading_validation_mode
    config.settings.reading_validation_mode = config.IGNORE
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd values that are not ours to judge
            dataset = pydicom.dcmread(BytesIO(blob.whole()), force=False)
            return dataset, list(dataset.get("WaveformSequence", None) or [])
    except Exception as error:  # pydicom raises what its parser stumbles over
        raise _damaged(blob, error) from None
    finally:
        config.settings.reading_validation_mode = before


def _recording(dataset: Any, group: Any) -> Recording:
    channels, samples = int(group.NumberOfWaveformChannels), int(group.NumberOfWaveformSamples)
    definitions = list(group.ChannelDefinitionSequence)
    if not 1 <= channels <= MAX_CHANNELS or len(definitions) != channels:
        raise InputError(
            f"it says {channels} channels, defines {len(definitions)}; export it again"
        )
    kind = TYPES.get(str(group.WaveformSampleInterpretation))
    if kind is None or int(group.WaveformBitsAllocated) != 8 * int(kind[1]):
        raise InputError("its samples are companded or of unknown size; export it as 16 bit")
    data = bytes(group.WaveformData)
    expected = channels * samples * int(kind[1])
    if samples < 1 or len(data) < expected:
        raise InputError(
            f"it is truncated: {expected} bytes of waveform expected, {len(data)} found; "
            "export it again"
        )
    order = "<" if dataset.original_encoding[1] is not False else ">"
    codes = np.frombuffer(data[:expected], order + kind).reshape(samples, channels)
    padding = group.get("WaveformPaddingValue", None)
    if isinstance(padding, bytes):
        padding = np.frombuffer(padding[: int(kind[1])], order + kind)[0]
    rate_hz = float(group.SamplingFrequency)
    leads = tuple(
        _lead(definition, codes[:, at], rate_hz, padding)
        for at, definition in enumerate(definitions)
    )
    return Recording(
        leads,
        _moment(dataset),
        {
            "device": clean(str(dataset.get("ManufacturerModelName", "") or "")),
            "software": clean(str(dataset.get("SoftwareVersions", "") or "")),
        },
        {
            "patient_name": clean(str(dataset.get("PatientName", "") or "").replace("^", " ")),
            "birth_date": clean(str(dataset.get("PatientBirthDate", "") or "")),
            "patient_id": clean(str(dataset.get("PatientID", "") or "")),
        },
    )


def _lead(definition: Any, codes: np.ndarray, rate_hz: float, padding: Any) -> Lead:
    """C.10.9.1.4.6: a value is (code + baseline) x sensitivity x correction.

    Real objects state the baseline in units of the sensitivity's unit or leave it 0; as the
    standard has it, it is the offset of sample value 0 in that unit.
    """
    name = _lead_name(definition)
    sensitivity = float(definition.get("ChannelSensitivity", 0) or 0)
    factor = float(definition.get("ChannelSensitivityCorrectionFactor", 1) or 1)
    baseline = float(definition.get("ChannelBaseline", 0) or 0)
    units = list(definition.get("ChannelSensitivityUnitsSequence", None) or [])
    unit = str(units[0].CodeValue) if units else ""

    def load() -> Floats:
        signal = np.asarray(codes.astype(np.float64) * (sensitivity or 1.0) * factor + baseline)
        if padding is not None:
            signal[codes == padding] = np.nan
        return signal

    return Lead(name, rate_hz, unit if sensitivity else "", load, bool(sensitivity))


def _lead_name(definition: Any) -> str:
    """By code (SCPECG or MDC), else by meaning: `Lead I (Einthoven)`, `Lead V1`."""
    sources = list(definition.get("ChannelSourceSequence", None) or [])
    label = clean(str(definition.get("ChannelLabel", "") or ""), 40)
    if not sources:
        return label or "channel"
    code, meaning = str(sources[0].get("CodeValue", "")), str(sources[0].get("CodeMeaning", ""))
    match = re.search(r"\b(I{1,3}|aV[RLF]|V[1-9]R?)\b", meaning)
    return SCPECG_LEADS.get(code) or (match[1] if match else clean(meaning, 40)) or label


def _moment(dataset: Any) -> datetime | None:
    text = str(dataset.get("AcquisitionDateTime", "") or "")
    match = re.match(r"(\d{14})(?:\.(\d{1,6}))?([+-]\d{4})?", text)
    if match is None:
        return None
    digits, fraction, zone = match.groups()
    try:
        moment = datetime.strptime(digits + (zone or ""), "%Y%m%d%H%M%S" + ("%z" if zone else ""))
    except ValueError:
        return None
    return moment.replace(microsecond=int((fraction or "0").ljust(6, "0")))


def _group_name(group: Any, at: int) -> str:
    label = clean(str(group.get("MultiplexGroupLabel", "") or ""), 40)
    return f"{at}-{label}" if label else f"group-{at}"


def _damaged(blob: Blob, error: Exception) -> InputError:
    reason = clean(str(error) or type(error).__name__, 100).rstrip(".").replace(";", ",")
    return blob.fault(f"it is damaged DICOM ({reason}); export it again")
