"""Files of every format that leadone reads, made from a signal, and what must be read from them.

Written by hand after each standard, so that the values are known sample for sample. Tests and
`fuzz_formats.py` use them.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Steps = npt.NDArray[np.int64]

LIMB = ("I", "II", "III", "aVR", "aVL", "aVF")
NAME, BORN = "Jane Roe", "1958-03-07"


@dataclass(frozen=True)
class Made:
    """A file's bytes and what a reader must find in it."""

    content: bytes
    signal_mv: Floats
    rate_hz: float
    lead: str = "I"
    names_person: bool = False
    start_time: datetime | None = None
    options: dict[str, Any] = field(default_factory=dict)


def steps_of(signal_mv: Floats, step_mv: float) -> Steps:
    """A signal in whole steps."""
    return np.round(signal_mv / step_mv).astype(np.int64)


# --- Apple Health ---


# Keys from Name to Unit, the lead, the verdict.
APPLE_WORDS = {
    "en": (
        "Name|Date of Birth|Recorded Date|Classification|Symptoms|Software Version|Device|"
        "Sample Rate|Lead|Unit",
        "Lead I",
        "Sinus Rhythm",
    ),
    "de": (
        "Name|Geburtstag|Aufzeichnungsdatum|Klassifizierung|Symptome|Softwareversion|Gerät|"
        "Messrate|Ableitung|Einheit",
        "Ableitung I",
        "Sinusrhythmus",
    ),
    "fr": (
        "Nom|Date de naissance|Date d'enregistrement|Résultat|Symptômes|Version du logiciel|"
        "Appareil|Fréquence d'échantillonnage|Dérivation|Unité",
        "Dérivation I",
        "Rythme sinusal",
    ),
}


def apple(
    signal_mv: Floats,
    *,
    rate: str = "512 hertz",
    rate_hz: float = 512.0,
    language: str = "en",
    comma: bool = False,
    unit: str = "µV",
    bare_name: bool = False,
    heart_rate: bool = False,
    encoding: str = "utf-8",
    end: str = "\n",
) -> Made:
    """An ecg_*.csv; anchors of the format: public parsers' tests."""
    scale = {"µV": 1000.0, "mV": 1.0, "μV": 1000.0}[unit]
    values = np.round(signal_mv * scale, 3)
    keys, lead, verdict = APPLE_WORDS[language]
    key = keys.split("|")
    name = key[0] if bare_name else f"{key[0]},{NAME}"
    head = [name, f'{key[1]},"Jan 8, 2002"', f"{key[2]},2026-05-30 16:32:18 -0700"]
    head += [f"{key[3]},{verdict}", f"{key[4]},", f"{key[5]},1.90", f'{key[6]},"Watch7,12"']
    head += ["Average Heart Rate,62 BPM"] if heart_rate else []
    head += [f"{key[7]},{rate}", "", "", f"{key[8]},{lead}", f"{key[9]},{unit}", ""]
    rows = [f"{value:.3f}" for value in values]
    rows = [row.replace(".", ",") for row in rows] if comma else rows
    text = end.join([*head, *rows]) + end
    moment = datetime.fromisoformat("2026-05-30T16:32:18-07:00")
    return Made(text.encode(encoding), values / scale, rate_hz, "I", not bare_name, moment)


def apple_zip(signal_mv: Floats) -> Made:
    """An export.zip with one ECG among what else Apple exports."""
    made = apple(signal_mv, rate="513.17 hertz", rate_hz=513.17)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("apple_health_export/export.xml", "<HealthData><Record/></HealthData>")
        archive.writestr("apple_health_export/workout.csv", "time,bpm\n0,61\n1,62\n2,61\n")
        archive.writestr("apple_health_export/electrocardiograms/ecg_2026-05-30.csv", made.content)
    return Made(buffer.getvalue(), made.signal_mv, made.rate_hz, "I", True, made.start_time)


# --- AliveCor ---


def atc(signal_mv: Floats, *, leads: int = 1, crc: bool = False, nanovolts: int = 500) -> Made:
    """An ATC file of version 1.7 with annotations and an average beat beside the leads."""
    codes = steps_of(signal_mv, nanovolts * 1e-6)

    def block(key: bytes, data: bytes) -> bytes:
        whole = key + struct.pack("<I", len(data)) + data
        check = zlib.crc32(whole) if crc else sum(whole) & 0xFFFFFFFF
        return whole + struct.pack("<I", check)

    texts = ("2026-05-30T16:32:18.245+02:00", "58E0A7D7", "", "iPhone", "AliveECG 5", "kardia", "")
    sizes = (32, 40, 44, 32, 32, 32, 52)
    info = b"".join(t.encode().ljust(n, b"\0") for t, n in zip(texts, sizes, strict=True))
    content = b"ALIVE\0\0\0" + struct.pack("<I", 5) + block(b"info", info)
    content += block(b"fmt ", struct.pack("<BHHBH", 1, 300, nanovolts, 14, 0))
    for k in range(leads):
        key = b"ecg " if k == 0 else f"ecg{k + 1:x}".encode()
        content += block(key, (codes // (k + 1)).astype("<i2").tobytes())
    content += block(b"avg ", codes[:450].astype("<i2").tobytes())
    content += block(b"ann ", struct.pack("<IIH", 300, 200, 1))
    moment = datetime.fromisoformat("2026-05-30T16:32:18.245+02:00")
    return Made(content, codes * nanovolts * 1e-6, 300.0, "I", False, moment)


def kardia(signal_mv: Floats, *, leads: int = 1, enhanced_only: bool = False) -> Made:
    """A recording of Kardia's API."""
    codes = steps_of(signal_mv, 500e-6)
    names = ("leadI", "leadII", "leadIII", "AVR", "AVL", "AVF")[:leads]
    samples = {name: (codes // (k + 1)).tolist() for k, name in enumerate(names)}
    block = {"frequency": 300, "mainsFrequency": 50, "amplitudeResolution": 500}
    blocks: dict[str, Any] = {"enhanced": {**block, "samples": samples}}
    if not enhanced_only:
        filtered = {name: [0] * len(codes) for name in names}
        blocks = {
            "enhanced": {**block, "samples": filtered},
            "raw": {**block, "samples": samples},
        }
    document = {
        "id": "x1",
        "patientID": NAME,
        "recordedAt": "2026-05-30T16:32:18Z",
        "algorithmDetermination": "normal",
        "deviceInfo": {"hardwareType": "kardia_mobile", "firmwareRevision": "1.2"},
        "data": blocks,
    }
    moment = datetime(2026, 5, 30, 16, 32, 18, tzinfo=UTC)
    content = json.dumps(document).encode()
    return Made(content, codes * 500e-6, 300.0, "I", True, moment)


# --- Galaxy ---


def galaxy(
    signal_mv: Floats, *, schema: int = 3, right: bool = False, gap: int = 0, gzipped: bool = True
) -> Made:
    """A capture of GalaxyVitals; `gap` samples are left out of the middle of schema 2."""
    values = np.round(signal_mv, 5)
    meta = {"schema_version": schema, "sr_hz": 500, "unit": "mV", "ts_start": 1_780_000_000_000}
    meta |= {"signFactor": -1 if right else 1, "polarityNormalized": False, "watch_info": "Watch6"}
    header = {
        1: "rel_ms,value_mv,hr_bpm",
        2: "rel_ms,sample_index,ecg_raw_mv,flags,hr_bpm",
        3: "rel_ms,sample_index,ecg_raw_mv,flags,hr_bpm,sensor_timestamp_ms_raw,batch_sequence",
    }[schema]
    lines = [f"#meta={json.dumps(meta)}", header]
    middle = len(values) // 2
    kept = [k for k in range(len(values)) if not middle <= k < middle + gap]
    for k in kept:
        index = "" if schema == 1 else f"{k},"
        tail = {1: "", 2: "0,", 3: f"0,,{1000 + 2 * k},0"}[schema]
        lines.append(f"{2 * k},{index}{values[k]:.5f},{tail}")
    lines.append('#bpm={"id":0,"status":"COLLECTING"}')
    content = ("\n".join(lines) + "\n").encode()
    expected = values * (-1 if right else 1)
    if gap:
        expected[middle : middle + gap] = np.nan
    moment = datetime.fromtimestamp(1_780_000_000, UTC)
    return Made(gzip.compress(content) if gzipped else content, expected, 500.0, "I", False, moment)


# --- CSV ---


def csv_file(
    signal_mv: Floats,
    rate_hz: float,
    *,
    separator: str = ",",
    header: str = "time_s,ecg_mV",
    time: Callable[[float], str] | None = lambda second: f"{second:.6f}",
    comma: bool = False,
    lead: str = "ecg",
    gap: int = 0,
    options: dict[str, Any] | None = None,
    scale: float = 1.0,
    end: str = "\n",
) -> Made:
    """A table of samples; `gap` samples are left out of the middle."""
    values = np.round(signal_mv * scale, 6)
    middle = len(values) // 2
    lines = [header] if header else []
    for k, value in enumerate(values):
        if middle <= k < middle + gap:
            continue
        cells = [f"{value:.6f}"] if time is None else [time(k / rate_hz), f"{value:.6f}"]
        row = separator.join(cells)
        lines.append(row.replace(".", ",") if comma else row)
    expected = values / scale
    if gap:
        expected[middle : middle + gap] = np.nan
    content = (end.join(lines) + end).encode()
    return Made(content, expected, rate_hz, lead, options=options or {})


def polar_logger(signal_mv: Floats) -> Made:
    """An ECG file of Polar Sensor Logger: two clocks, whole microvolts, 130 Hz."""
    values = np.round(signal_mv * 1000)
    start = datetime(2026, 7, 26, 21, 56, 26)
    lines = ["Phone timestamp;sensor timestamp [ns];timestamp [ms];ecg [uV]"]
    for k, value in enumerate(values):
        phone = start + timedelta(seconds=(k // 73) * 73 / 130)
        sensor = 838_432_586_543_515_816 + round(k * 1e9 / 130)
        lines.append(
            f"{phone.isoformat(timespec='milliseconds')};{sensor};{k * 1000 / 130:.6f};{value:.0f}"
        )
    return Made(("\n".join(lines) + "\n").encode(), values / 1000, 130.0, "ecg")


def rdsamp(signal_mv: Floats, rate_hz: float) -> Made:
    """What PhysioNet's `rdsamp -c -H -v -pd` writes: quotes, a row of units, clocks."""
    lines = ["'Elapsed time','MLII','V5'", "'hh:mm:ss.mmm','mV','mV'"]
    values = np.round(signal_mv, 3)
    for k, value in enumerate(values):
        second = k / rate_hz
        clock = f"{int(second // 60)}:{second % 60:06.3f}"
        lines.append(f"'{clock}',{value:.3f},{value / 2:.3f}")
    return Made(("\n".join(lines) + "\n").encode(), values, rate_hz, "MLII")


# --- EDF, BDF ---


def edf(
    signal_mv: Floats,
    rate_hz: int,
    *,
    plus: str = "",
    bdf: bool = False,
    unit: str = "uV",
    labels: tuple[str, ...] = ("ECG I",),
    gap_s: int = 0,
    unknown_length: bool = False,
) -> Made:
    """One-second records; with `plus` an annotation signal, with EDF+D a gap in the middle."""
    width = 3 if bdf else 2
    top = 8_388_607 if bdf else 32_767
    reach = {"uV": 5000.0, "mV": 5.0}[unit]
    scale = {"uV": 1000.0, "mV": 1.0}[unit]
    records = len(signal_mv) // rate_hz
    gain = 2 * reach / (2 * top + 1)
    codes = np.round((signal_mv[: records * rate_hz] * scale + reach) / gain).astype(int) - top - 1
    expected = ((codes + top + 1) * gain - reach) / scale
    names = [*labels, *(["BDF Annotations" if bdf else "EDF Annotations"] if plus else [])]
    count = len(names)
    in_record = [rate_hz] * len(labels) + ([30] if plus else [])

    def cells(values: list[str], size: int) -> str:
        return "".join(value.ljust(size) for value in values)

    patient = f"P-7 F 07-MAR-1958 {NAME.replace(' ', '_')}" if plus else NAME
    recording = "Startdate 30-MAY-2026 X X Holter_3" if plus else "ward 3"
    version = b"\xffBIOSEMI" if bdf else b"0       "
    head = patient.ljust(80) + recording.ljust(80) + "30.05.26" + "16.32.18"
    head += str(256 * (count + 1)).ljust(8) + plus.ljust(44)
    head += str(-1 if unknown_length else records).ljust(8) + "1".ljust(8) + str(count).ljust(4)
    is_note = [name.endswith("Annotations") for name in names]
    head += cells(names, 16) + cells([""] * count, 80)
    head += cells(["" if note else unit for note in is_note], 8)
    head += cells([f"{-1 if note else -reach:g}" for note in is_note], 8)
    head += cells([f"{1 if note else reach:g}" for note in is_note], 8)
    head += cells([str(-top - 1)] * count, 8) + cells([str(top)] * count, 8)
    head += (
        cells([""] * count, 80) + cells([str(n) for n in in_record], 8) + cells([""] * count, 32)
    )
    content = version + head.encode("latin-1")
    for r in range(records):
        own = codes[r * rate_hz : (r + 1) * rate_hz]
        for k in range(len(labels)):
            raw = (own // (k + 1)).astype("<i4").view(np.uint8).reshape(-1, 4)[:, :width]
            content += raw.tobytes()
        if plus:
            onset = r + (gap_s if r >= records // 2 else 0)
            content += f"+{onset}\x14\x14\0".encode().ljust(width * 30, b"\0")
    if gap_s:
        middle = records // 2 * rate_hz
        expected = np.insert(expected, middle, np.full(gap_s * rate_hz, np.nan))
    lead = labels[0].removeprefix("ECG ")
    return Made(content, expected, float(rate_hz), lead, True, datetime(2026, 5, 30, 16, 32, 18))


# --- SCP-ECG ---


def scp(
    signal_mv: Floats,
    *,
    differences: int = 0,
    huffman: str = "",
    reference: bool = False,
    leads: tuple[int, ...] = (1, 2),
) -> Made:
    """An SCP-ECG of 500 Hz and 2.5 uV steps; `huffman` is default or own."""
    codes = steps_of(signal_mv, 2500e-6)
    expected = codes * 2500e-6
    rows = [codes // (k + 1) for k in range(len(leads))]
    beats: list[Steps] = []
    zones: list[tuple[int, int, int]] = []
    length, fiducial = 200, 101
    if reference:
        beats = [row[400:600].copy() for row in rows]
        zones = [(at + 1, at + fiducial, at + length) for at in (400, 900, 1500)]
        for row, beat in zip(rows, beats, strict=True):
            for first, _, last in zones:
                row[first - 1 : last] -= beat
    sections = {
        1: _scp_tags(),
        3: bytes([len(leads), len(leads) << 3 | 0x04 | bool(reference)])
        + b"".join(struct.pack("<IIB", 1, len(codes), lead) for lead in leads),
        6: _scp_signal(rows, differences, huffman),
    }
    if huffman:
        sections[2] = _scp_tables(huffman)
    if reference:
        sections[4] = struct.pack("<HHH", length * 2, fiducial, len(zones))
        sections[4] += b"".join(struct.pack("<HIII", 0, *zone) for zone in zones)
        sections[5] = _scp_signal(beats, differences, huffman)
    content = _scp_file(sections)
    return Made(content, expected, 500.0, "I", True, datetime(2026, 5, 30, 16, 32, 18))


def _scp_tags() -> bytes:
    first, last = NAME.split()
    machine = struct.pack("<HHHBB", 0, 0, 0, 0, 0) + b"CART1\0" + bytes([20, 0xA0, 1, 0, 1])
    tags = [(0, last.encode() + b"\0"), (1, first.encode() + b"\0"), (2, b"P-7\0")]
    tags += [(5, struct.pack("<HBB", 1958, 3, 7)), (14, machine.ljust(36, b"\0") + b"\0" * 5)]
    tags += [(25, struct.pack("<HBB", 2026, 5, 30)), (26, bytes([16, 32, 18]))]
    return b"".join(struct.pack("<BH", k, len(v)) + v for k, v in tags) + b"\xff\0\0"


def _scp_signal(rows: list[Steps], differences: int, huffman: str) -> bytes:
    chunks = []
    for row in rows:
        values = row
        if differences == 1:
            values = np.diff(row, prepend=0)
        if differences == 2:
            second = np.diff(row, 2)
            values = np.concatenate([row[:2], second])
        chunks.append(_scp_bits(values, huffman) if huffman else values.astype("<i2").tobytes())
    head = struct.pack("<HHBB", 2500, 2000, differences, 0)
    return head + b"".join(struct.pack("<H", len(c)) for c in chunks) + b"".join(chunks)


def _scp_bits(values: Steps, huffman: str) -> bytes:
    bits = []
    for value in values.tolist():
        if huffman == "own":  # two tables: small values in five bits, others in 3 + 16
            bits.append(f"0{value & 15:04b}" if -8 <= value < 8 else f"111{value & 0xFFFF:016b}")
        elif value == 0:
            bits.append("0")
        elif abs(value) <= 8:
            bits.append("1" * abs(value) + ("01" if value < 0 else "00"))
        elif -128 <= value < 128:
            bits.append(f"1111111110{value & 0xFF:08b}")
        else:
            bits.append(f"1111111111{value & 0xFFFF:016b}")
    text = "".join(bits)
    text += "0" * (-len(text) % 8)
    return int(text, 2).to_bytes(len(text) // 8, "big")


def _scp_tables(huffman: str) -> bytes:
    if huffman == "default":
        return struct.pack("<H", 19999)
    codes = struct.pack("<BBBhI", 1, 5, 1, 0, 0) + struct.pack("<BBBhI", 3, 19, 1, 0, 0b111)
    return struct.pack("<HH", 1, 2) + codes


def _scp_file(sections: dict[int, bytes]) -> bytes:
    def section(kind: int, data: bytes) -> bytes:
        data += b"\0" * (len(data) % 2)
        mark = b"\0" * 6 if kind else b"SCPECG"
        body = struct.pack("<HIBB", kind, len(data) + 16, 20, 20) + mark + data
        return struct.pack("<H", binascii.crc_hqx(body, 0xFFFF)) + body

    bodies = {kind: section(kind, data) for kind, data in sorted(sections.items())}
    at = 7 + 16 + 10 * 12
    pointers = struct.pack("<HII", 0, 16 + 10 * 12, 7)
    for kind in range(1, 12):
        size = len(bodies.get(kind, b""))
        pointers += struct.pack("<HII", kind, size, at if size else 0)
        at += size
    body = section(0, pointers) + b"".join(bodies.values())
    rest = struct.pack("<I", len(body) + 6) + body
    return struct.pack("<H", binascii.crc_hqx(rest, 0xFFFF)) + rest


# --- DICOM (written by pydicom) ---


def dicom(signal_mv: Floats, *, explicit: bool = True, median: bool = False) -> Made:
    """A 12-lead ECG waveform of 500 Hz: lead I is what the others are multiples of."""
    from pydicom import Dataset, FileMetaDataset, uid

    codes = steps_of(signal_mv, 1.25e-3)
    names = ("Lead I (Einthoven)", "Lead II", "Lead V1")
    rows = np.stack([codes // (k + 1) for k in range(len(names))], 1).astype("<i2")

    def group(originality: str, samples: npt.NDArray[np.int16]) -> Dataset:
        one = Dataset()
        one.WaveformOriginality = originality
        one.NumberOfWaveformChannels = len(names)
        one.NumberOfWaveformSamples = len(samples)
        one.SamplingFrequency = "500"
        definitions = []
        for name in names:
            definition, source, unit = Dataset(), Dataset(), Dataset()
            source.CodeValue = f"5.6.3-9-{names.index(name) + 1}"
            source.CodingSchemeDesignator, source.CodeMeaning = "SCPECG", name
            unit.CodeValue, unit.CodingSchemeDesignator = "uV", "UCUM"
            unit.CodeMeaning = "microvolt"
            definition.ChannelSourceSequence = [source]
            definition.ChannelSensitivity = "1.25"
            definition.ChannelSensitivityUnitsSequence = [unit]
            definition.ChannelSensitivityCorrectionFactor = "1"
            definition.ChannelBaseline = "0"
            definition.WaveformBitsStored = 16
            definitions.append(definition)
        one.ChannelDefinitionSequence = definitions
        one.WaveformBitsAllocated = 16
        one.WaveformSampleInterpretation = "SS"
        one.WaveformData = samples.tobytes()
        return one

    dataset = Dataset()
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.9.1.1"
    dataset.SOPInstanceUID = "1.2.3.4"
    dataset.Modality = "ECG"
    dataset.PatientName, dataset.PatientBirthDate = NAME.replace(" ", "^"), "19580307"
    dataset.PatientID = "P-7"
    dataset.AcquisitionDateTime = "20260530163218.250"
    dataset.ManufacturerModelName = "CART1"
    groups = [group("ORIGINAL", rows)]
    if median:
        groups.append(group("DERIVED", rows[:300]))
    dataset.WaveformSequence = groups
    dataset.file_meta = FileMetaDataset()
    syntax = uid.ExplicitVRLittleEndian if explicit else uid.ImplicitVRLittleEndian
    dataset.file_meta.TransferSyntaxUID = syntax
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    moment = datetime(2026, 5, 30, 16, 32, 18, 250_000)
    # The first channel's steps are 1.25 uV.
    return Made(buffer.getvalue(), codes * 1.25e-3, 500.0, "I", True, moment)


# --- XML ---


def aecg(
    signal_mv: Floats,
    *,
    absolute: bool = True,
    beat: bool = False,
    encoding: str = "UTF-8",
    prefix: bool = False,
    origin: float = 0.0,
) -> Made:
    """An annotated ECG of 500 Hz; `beat` adds the series of a representative beat."""
    codes = steps_of(signal_mv, 2.5e-3)
    head = '<head value="20260530163218.250"/>' if absolute else '<head value="0" unit="s"/>'
    time = "TIME_ABSOLUTE" if absolute else "TIME_RELATIVE"
    kind = "GLIST_TS" if absolute else "GLIST_PQ"

    def sequence(lead: str, values: Steps) -> str:
        digits = " ".join(map(str, values.tolist()))
        return (
            f'<component><sequence><code code="MDC_ECG_LEAD_{lead}" codeSystem="2.16"/>'
            f'<value xsi:type="SLIST_PQ"><origin value="{origin}" unit="uV"/>'
            f'<scale value="2.5" unit="uV"/><digits>{digits}</digits></value>'
            "</sequence></component>"
        )

    def series(code: str, values: Steps) -> str:
        return (
            f'<series><code code="{code}"/><effectiveTime><low value="20260530163218"/>'
            "</effectiveTime><component><sequenceSet><component><sequence>"
            f'<code code="{time}"/><value xsi:type="{kind}">{head}'
            '<increment value="0.002" unit="s"/></value></sequence></component>'
            f"{sequence('II', values // 2)}{sequence('I', values)}"
            "</sequenceSet></component></series>"
        )

    subject = (
        "<componentOf><timepointEvent><componentOf><subjectAssignment><subject><trialSubject>"
        f'<id extension="P-7"/><subjectDemographicPerson><name>{NAME}</name>'
        f'<birthTime value="{BORN.replace("-", "")}"/></subjectDemographicPerson></trialSubject>'
        "</subject></subjectAssignment></componentOf></timepointEvent></componentOf>"
    )
    parts = [f"<component>{series('RHYTHM', codes)}</component>"]
    if beat:
        inner = series("REPRESENTATIVE_BEAT", codes[:300])
        parts.append(f"<component>{inner}</component>")
    text = (
        f'<?xml version="1.0" encoding="{encoding}"?><AnnotatedECG xmlns="urn:hl7-org:v3" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f'<id root="1.2.3"/>{subject}{"".join(parts)}</AnnotatedECG>'
    )
    if prefix:
        text = text.replace("<AnnotatedECG xmlns=", "<h:AnnotatedECG xmlns:h=")
        text = text.replace("</AnnotatedECG", "</h:AnnotatedECG")
    micro = timedelta(microseconds=250_000 if absolute else 0)
    moment = datetime(2026, 5, 30, 16, 32, 18) + micro
    expected = (codes * 2.5 + origin) / 1000
    return Made(text.encode(encoding), expected, 500.0, "I", True, moment)


def muse(signal_mv: Floats, *, exponent: int = 0, doctype: bool = True) -> Made:
    """A RestingECG with a median and a rhythm waveform, in Latin-1 and with MUSE's DOCTYPE."""
    codes = steps_of(signal_mv, 4.88e-3)

    def lead(name: str, values: Steps) -> str:
        raw = values.astype("<i2").tobytes()
        data = base64.encodebytes(raw).decode()
        return (
            f"<LeadData><LeadID>{name}</LeadID><LeadSampleCountTotal>{len(values)}"
            "</LeadSampleCountTotal><LeadSampleSize>2</LeadSampleSize><LeadAmplitudeUnitsPerBit>"
            "4.88</LeadAmplitudeUnitsPerBit><LeadAmplitudeUnits>MICROVOLTS</LeadAmplitudeUnits>"
            f"<LeadDataCRC32>{zlib.crc32(raw)}</LeadDataCRC32>"
            f"<WaveFormData>\n{data}</WaveFormData></LeadData>"
        )

    def waveform(kind: str, values: Steps) -> str:
        return (
            f"<Waveform><WaveformType>{kind}</WaveformType><SampleBase>{500 // 10**exponent}"
            f"</SampleBase><SampleExponent>{exponent}</SampleExponent>"
            f"{lead('I', values)}{lead('V1', values // 2)}</Waveform>"
        )

    first, last = NAME.split()
    text = (
        '<?xml version="1.0" encoding="ISO-8859-1"?>'
        + ('<!DOCTYPE RestingECG SYSTEM "restecg.dtd">' if doctype else "")
        + "<RestingECG><PatientDemographics><PatientID>P-7</PatientID><DateofBirth>03-07-1958"
        f"</DateofBirth><PatientLastName>{last}</PatientLastName><PatientFirstName>{first}"
        "</PatientFirstName></PatientDemographics><TestDemographics><AcquisitionDevice>MAC55"
        "</AcquisitionDevice><AcquisitionTime>16:32:18</AcquisitionTime><AcquisitionDate>"
        "05-30-2026</AcquisitionDate><SiteName>Klinik Süd</SiteName></TestDemographics>"
        f"{waveform('Median', codes[:300])}{waveform('Rhythm', codes)}</RestingECG>"
    )
    moment = datetime(2026, 5, 30, 16, 32, 18)
    return Made(text.encode("latin-1"), codes * 4.88e-3, 500.0, "I", True, moment)


# --- FHIR ---


def fhir(
    signal_mv: Floats,
    *,
    release: str = "R4",
    bundle: bool = False,
    pieces: int = 1,
    marks: bool = False,
    unit: str = "uV",
) -> Made:
    """An Observation of 500 Hz; R5 has interval for period; `marks` writes E, L and U."""
    scale = {"uV": 1000.0, "mV": 1.0}[unit]
    factor = 2.5e-3 * scale
    codes = steps_of(signal_mv, 2.5e-3)
    expected = codes * 2.5e-3
    tokens = [str(code) for code in codes.tolist()]
    if marks:
        tokens[10], tokens[11], tokens[12] = "E", "L", "U"
        expected[10:13] = (np.nan, -5.0, 5.0)
    spacing: dict[str, Any] = {"period": 2}
    if release == "R5":
        spacing = {"interval": 0.002, "intervalUnit": "s"}
    components = []
    for piece in np.array_split(np.arange(len(tokens)), pieces):
        data = " ".join(tokens[k] for k in piece)
        sampled = {
            "origin": {"value": 0, "unit": unit, "system": "http://unitsofmeasure.org"},
            **spacing,
            "factor": factor,
            "lowerLimit": -5 * scale,
            "upperLimit": 5 * scale,
            "dimensions": 1,
            "data": data,
        }
        code = {"system": "urn:iso:std:iso:11073:10101", "code": "131329"}
        components.append({"code": {"coding": [code]}, "valueSampledData": sampled})
    observation = {
        "resourceType": "Observation",
        "id": "ecg-1",
        "status": "final",
        "code": {"coding": [{"system": "urn:iso:std:iso:11073:10101", "code": "131328"}]},
        "subject": {"reference": "Patient/7", "display": NAME},
        "effectiveDateTime": "2026-05-30T16:32:18+02:00",
        "component": components,
    }
    document: dict[str, Any] = observation
    if bundle:
        patient = {"resourceType": "Patient", "name": [{"text": NAME}], "birthDate": BORN}
        entries = [{"resource": patient}, {"resource": observation}]
        document = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    moment = datetime.fromisoformat("2026-05-30T16:32:18+02:00")
    return Made(json.dumps(document).encode(), expected, 500.0, "I", True, moment)


# --- WFDB: a header and what it names ---


def wfdb_files(signal_mv: Floats, kind: str) -> dict[str, bytes]:
    """A record `r` by its files: format 16, format 212, or two segments with a gap between."""
    codes = np.clip(steps_of(signal_mv, 5e-3), -2000, 2000)
    pair = np.stack([codes, codes // 2], 1)
    count = len(pair)
    if kind == "212":
        low, high = (pair.reshape(-1)[k::2] & 0xFFF for k in (0, 1))
        packed = np.stack([low & 0xFF, (low >> 8) | (high >> 8 << 4), high & 0xFF], 1)
        signals = packed.astype(np.uint8).tobytes()
    else:
        signals = pair.astype("<i2").tobytes()
    code = "212" if kind == "212" else "16"
    lines = [f"r.dat {code} 200(0)/mV 12 0 0 0 0 {lead}" for lead in ("I", "V1")]
    header = "\n".join([f"r 2 360 {count} 16:32:18 30/05/2026", *lines, "# Age: 68", ""])
    if kind != "segments":
        return {"r.hea": header.encode(), "r.dat": signals}
    inner = header.replace("r 2 ", "s 2 ", 1).replace("r.dat", "s.dat")
    outer = f"r/3 2 360 {2 * count + 500}\ns {count}\n~ 500\ns {count}\n"
    return {"r.hea": outer.encode(), "s.hea": inner.encode(), "s.dat": signals}


WFDB_KINDS = ("16", "212", "segments")

Maker = Callable[[Floats], Made]

VARIANTS: dict[str, Maker] = {
    "apple": apple,
    "apple-fractional": lambda x: apple(x, rate="512.844 hertz", rate_hz=512.844),
    "apple-german": lambda x: apple(
        x, rate="511,562\u00a0Hertz", rate_hz=511.562, language="de", comma=True
    ),
    "apple-french": lambda x: apple(x, rate="512 hertz", language="fr", comma=True),
    "apple-bare-name": lambda x: apple(x, bare_name=True, heart_rate=True),
    "apple-mv-crlf-bom": lambda x: apple(x, unit="mV", end="\r\n", encoding="utf-8-sig"),
    "apple-utf16": lambda x: apple(x, encoding="utf-16", unit="μV"),
    "apple-zip": apple_zip,
    "atc": atc,
    "atc-6-crc": lambda x: atc(x, leads=6, crc=True, nanovolts=700),
    "kardia": kardia,
    "kardia-6": lambda x: kardia(x, leads=6),
    "kardia-enhanced": lambda x: kardia(x, enhanced_only=True),
    "galaxy-1": lambda x: galaxy(x, schema=1),
    "galaxy-2-gap": lambda x: galaxy(x, schema=2, gap=40),
    "galaxy-3": galaxy,
    "galaxy-right-plain": lambda x: galaxy(x, right=True, gzipped=False),
    "csv": lambda x: csv_file(x, 250),
    "csv-ms-rounded": lambda x: csv_file(
        x,
        360,
        header="t,ECG I",
        time=lambda s: f"{round(1000 * s)}",
        lead="ECG I",
        options={"unit": "mV"},
    ),
    "csv-gap": lambda x: csv_file(x, 500, gap=300),
    "csv-column": lambda x: csv_file(
        x,
        300,
        header="",
        time=None,
        lead="signal 1",
        options={"rate_hz": 300, "unit": "uV"},
        scale=1000,
    ),
    "csv-column-comma": lambda x: csv_file(
        x,
        300,
        header="",
        time=None,
        lead="I",
        comma=True,
        options={"rate_hz": 300, "unit": "mV", "lead": "I"},
    ),
    "csv-semicolon-comma": lambda x: csv_file(
        x, 250, separator=";", header="Zeit [s];EKG [mV]", comma=True, lead="EKG", end="\r\n"
    ),
    "csv-tab-comment": lambda x: csv_file(
        x,
        500,
        separator="\t",
        header="# sampling rate: 500 Hz\n# unit: uV\nindex\tI",
        lead="I",
        time=lambda s: f"{round(s * 500)}",
        scale=1000,
    ),
    "csv-blanks": lambda x: csv_file(
        x, 250, separator="  ", header="", lead="signal 2", options={"unit": "mV"}
    ),
    "csv-dates": lambda x: csv_file(
        x,
        250,
        header="timestamp,ecg_uV",
        scale=1000,
        time=lambda s: (datetime(2026, 5, 30, 23, 59, 58) + timedelta(seconds=s)).isoformat(
            timespec="microseconds"
        ),
    ),
    "csv-polar": polar_logger,
    "csv-rdsamp": lambda x: rdsamp(x, 360),
    "edf": lambda x: edf(x, 256),
    "edf-12": lambda x: edf(x, 500, labels=("ECG I", "ECG II", "Resp", "ECG V1"), unit="mV"),
    "edf-plus": lambda x: edf(x, 250, plus="EDF+C"),
    "edf-interrupted": lambda x: edf(x, 250, plus="EDF+D", gap_s=7),
    "edf-cut": lambda x: edf(x, 200, unknown_length=True),
    "bdf": lambda x: edf(x, 512, bdf=True, labels=("ECG", "Status")),
    "bdf-plus": lambda x: edf(x, 250, bdf=True, plus="BDF+C"),
    "scp": scp,
    "scp-first": lambda x: scp(x, differences=1),
    "scp-second-huffman": lambda x: scp(x, differences=2, huffman="default"),
    "scp-own-huffman": lambda x: scp(x, differences=1, huffman="own"),
    "scp-reference": lambda x: scp(x, differences=2, huffman="default", reference=True),
    "dicom": dicom,
    "dicom-implicit-median": lambda x: dicom(x, explicit=False, median=True),
    "aecg": lambda x: aecg(x, beat=True),
    "aecg-relative-utf16": lambda x: aecg(x, absolute=False, encoding="UTF-16", origin=-12.5),
    "aecg-prefixed": lambda x: aecg(x, prefix=True),
    "muse": muse,
    "muse-exponent": lambda x: muse(x, exponent=1, doctype=False),
    "fhir-r4": fhir,
    "fhir-r5": lambda x: fhir(x, release="R5", unit="mV"),
    "fhir-bundle": lambda x: fhir(x, bundle=True),
    "fhir-pieces": lambda x: fhir(x, pieces=3),
    "fhir-marks": lambda x: fhir(x, marks=True),
}
