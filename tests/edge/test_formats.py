"""Every format: made by hand after its standard, and by other libraries, sample for sample."""

import gzip
import io
import json
import time
import zipfile
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from format_files import NAME, VARIANTS, Made, apple, csv_file, edf, fhir, scp
from format_mutants import mutants
from fuzz_formats import outcome

from leadone import read_record, read_records
from leadone.cli import DEMO_RECORD
from leadone.edge.errors import InputError
from leadone.edge.formats import blob as blobs
from leadone.edge.formats import csv_samples, xml_tree
from leadone.edge.formats import recording as recordings
from leadone.edge.formats.read import find_records, open_record, open_recordings
from leadone.edge.formats.recording import ReadOptions
from leadone.edge.sources.chunk import Format
from leadone.edge.sources.samples_text import Given, LineDecoder


@pytest.fixture(scope="module")
def demo_mv() -> np.ndarray:
    return read_record(DEMO_RECORD).signal_mv[:5000].astype(float)


def put(folder: Path, content: bytes, name: str = "file.bin") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def refusal(path: Path, **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        read_record(path, **options)
    text = str(caught.value)
    assert "\n" not in text and text[-1] != "." and str(path) in text, text
    return text


def assert_read(path: Path, made: Made, **options: Any) -> None:
    record = read_record(path, **{**made.options, **options})
    assert (record.rate_hz, record.lead, record.has_gain) == (made.rate_hz, made.lead, True)
    np.testing.assert_allclose(record.signal_mv, made.signal_mv, rtol=1e-6, atol=1e-6)
    assert made.start_time is None or record.start_time == made.start_time


# --- what is read ---


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_is_read_by_its_content(
    tmp_path: Path, demo_mv: np.ndarray, variant: str
) -> None:
    """Under a name that says nothing, and under one that lies."""
    made = VARIANTS[variant](demo_mv)
    for name in ("file.bin", "file.xml"):
        assert_read(put(tmp_path, made.content, name), made)


@pytest.mark.parametrize("variant", VARIANTS)
def test_who_it_is_stays_out_unless_asked_for(
    tmp_path: Path, demo_mv: np.ndarray, variant: str
) -> None:
    made = VARIANTS[variant](demo_mv)
    path = put(tmp_path, made.content)
    told = str(read_record(path, **made.options))
    assert not any(word in told for word in (*NAME.split(), "1958", "Jan 8"))
    kept = str(read_record(path, **made.options, keep_identity=True).about)
    assert all(word in kept for word in NAME.split()) == made.names_person


def test_a_recording_of_a_hand_electrode_device_survives_every_container(
    tmp_path: Path, data_dir: Path
) -> None:
    record = read_record(min((data_dir / "cinc2017").glob("*.hea")))
    signal_mv = record.signal_mv[:3000].astype(float)
    for variant in ("atc", "kardia", "csv-column"):
        made = VARIANTS[variant](signal_mv)
        assert made.rate_hz == record.rate_hz == 300
        read = read_record(put(tmp_path, made.content), **made.options)
        assert np.abs(read.signal_mv - signal_mv).max() <= 2.6e-4  # half a step of 500 nV


def test_a_lead_is_chosen_as_in_wfdb(tmp_path: Path, demo_mv: np.ndarray) -> None:
    made = edf(demo_mv, 250, labels=("ECG II", "Resp", "ECG I"))
    path = put(tmp_path, made.content)
    assert read_record(path).lead == "I" and read_record(path, "ii").lead == "II"
    assert "choose one of II, Resp, I" in refusal(path, lead="V6")
    resp = edf(demo_mv, 250, labels=("Resp", "SpO2"))
    assert "name it with --lead: Resp, SpO2" in refusal(put(tmp_path, resp.content))


def test_what_the_device_said_is_kept(tmp_path: Path, demo_mv: np.ndarray) -> None:
    about = read_record(put(tmp_path, apple(demo_mv, language="de").content)).about
    assert about == {
        "device": "Watch7,12",
        "software": "1.90",
        "device_classification": "Sinusrhythmus",
    }
    french = read_record(put(tmp_path, apple(demo_mv, language="fr").content)).about
    assert french == {**about, "device_classification": "Rythme sinusal"}


def test_a_muse_waveform_without_a_type_is_the_rhythm(tmp_path: Path, demo_mv: np.ndarray) -> None:
    made = VARIANTS["muse"](demo_mv)
    before, _, rest = made.content.partition(b"<Waveform><WaveformType>Median")
    alone = before + rest.partition(b"</Waveform>")[2]
    assert b"Median" not in alone
    untyped = alone.replace(b"<WaveformType>Rhythm</WaveformType>", b"")
    for content in (alone, untyped):
        assert_read(put(tmp_path, content), made)
    assert "no rhythm waveform" in refusal(put(tmp_path, alone.replace(b"Rhythm", b"Median")))


def test_a_name_that_looks_like_a_lead_or_a_unit_is_a_name(
    tmp_path: Path, demo_mv: np.ndarray
) -> None:
    for name in ("Henry II", "V", "Watch1,2"):
        content = apple(demo_mv).content.replace(NAME.encode(), f'"{name}"'.encode())
        record = read_record(put(tmp_path, content))
        assert (record.lead, record.rate_hz) == ("I", 512) and name not in str(record.about)
        np.testing.assert_allclose(record.signal_mv, np.round(demo_mv, 6), atol=1e-6)


# --- units, rates, times ---


def test_an_empty_line_of_one_column_is_a_missing_sample(
    tmp_path: Path, demo_mv: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between rows, also where a block of the file ends among them; not behind the last."""
    monkeypatch.setattr(csv_samples, "BLOCK_BYTES", 1000)
    cells = [f"{mv:.6f}" for mv in demo_mv[:3000]]
    cells[40:43] = ["", " ", ""]
    cells[1000:2500] = [""] * 1500
    asked = {"rate_hz": 250, "unit": "mV"}
    for head in ([], ["ecg"], ["# the left hand", ""]):
        path = put(tmp_path, "\n".join([*head, *cells, "", "", "\n"]).encode())
        expected = np.array([float(cell) if cell.strip() else np.nan for cell in cells])
        np.testing.assert_array_equal(read_record(path, **asked).signal_mv, np.float32(expected))


def test_empty_lines_that_are_no_samples(tmp_path: Path, demo_mv: np.ndarray) -> None:
    """Of a file that ends each line twice, and between rows that have a time."""
    cells = [f"{mv:.6f}" for mv in demo_mv[:3000]]
    for end in ("\n\n", "\r\r\n"):
        path = put(tmp_path, end.join([*cells, ""]).encode())
        assert len(read_record(path, rate_hz=250, unit="mV").signal_mv) == 3000
    rows = [f"{k / 250:.3f},{cell}" + "\n" * (k % 9 == 0) for k, cell in enumerate(cells)]
    path = put(tmp_path, "\n".join(["time_s,ecg_mV", *rows]).encode())
    read = read_record(path).signal_mv
    assert len(read) == 3000 and np.isfinite(read).all()


def test_csv_says_what_it_lacks(tmp_path: Path, demo_mv: np.ndarray) -> None:
    bare = csv_file(demo_mv, 250, header="", time=None).content
    assert "give the sampling rate in Hz by --rate" in refusal(put(tmp_path, bare), unit="mV")
    assert "--unit mV, uV" in refusal(put(tmp_path, bare), rate_hz=250)
    path = put(tmp_path, csv_file(demo_mv, 250).content)
    assert "its times say 250 Hz, the rate given is 500" in refusal(path, rate_hz=500)
    assert "is in mV, not uV" in refusal(path, unit="uV")
    assert read_record(path, rate_hz=250, unit="mV").rate_hz == 250
    with pytest.raises(InputError, match="outside 50 to 20000"):
        read_record(path, rate_hz=5)
    with pytest.raises(InputError, match="no voltage"):
        read_record(path, unit="mmHg")


def test_a_time_column_without_unit_has_the_only_one_that_fits(
    tmp_path: Path, demo_mv: np.ndarray
) -> None:
    for per_second in (1.0, 1e3, 1e6):
        made = csv_file(
            demo_mv, 500, header="time,ecg_mV", time=lambda s, k=per_second: f"{s * k:.6f}"
        )
        assert_read(put(tmp_path, made.content), made)
    slow = csv_file(demo_mv, 10, header="time,ecg_mV")
    assert "no ECG's rate" in refusal(put(tmp_path, slow.content))


def test_times_that_go_back_or_jump_for_ever_are_refused(
    tmp_path: Path, demo_mv: np.ndarray
) -> None:
    lines = csv_file(demo_mv, 250).content.decode().splitlines()
    back = "\n".join([*lines[:500], lines[100], *lines[500:]])
    assert "times go back in row" in refusal(put(tmp_path, back.encode()))
    for second in ("1e9", "1e300"):
        jump = "\n".join([*lines, f"{second},0.1"])
        assert "jump" in refusal(put(tmp_path, jump.encode())) or "gaps" in refusal(
            put(tmp_path, jump.encode())
        )


def test_dates_are_told_by_their_offset_and_say_when_a_recording_began(
    tmp_path: Path, demo_mv: np.ndarray
) -> None:
    """Clocks go an hour ahead or back at night: neither is a gap, nor do the times go back."""
    for hours in ((1, 2), (2, 1)):
        before, after = (timezone(timedelta(hours=k)) for k in hours)
        began = datetime(2024, 3, 31, 0, 59, 55, tzinfo=UTC).astimezone(before)

        def local(second: float, began: datetime = began, after: timezone = after) -> str:
            moment = began + timedelta(seconds=round(second, 3))
            return (moment.astimezone(after) if second >= 5 else moment).isoformat()

        record = read_record(put(tmp_path, csv_file(demo_mv, 250, time=local).content))
        assert record.rate_hz == 250 and len(record.signal_mv) == 5000
        assert np.isfinite(record.signal_mv).all()
        assert record.start_time == began and record.start_time.utcoffset() == began.utcoffset()


@pytest.mark.parametrize("header", ["datetime,ecg_mV", "Date,ecg_mV", ""])
def test_a_column_of_dates_is_the_time_whatever_its_name(
    tmp_path: Path, demo_mv: np.ndarray, header: str
) -> None:
    def moment(second: float) -> str:
        return str(datetime(2024, 3, 31, 10) + timedelta(seconds=round(second, 3)))

    made = csv_file(demo_mv, 250, header=header, time=moment, gap=100)
    record = read_record(put(tmp_path, made.content), unit="mV")
    np.testing.assert_allclose(record.signal_mv, made.signal_mv, atol=1e-6)
    assert record.rate_hz == 250 and record.start_time == datetime(2024, 3, 31, 10)


@pytest.mark.parametrize("steps_ms", [(4, 8), (8, 4), (4, 5), (5, 4)])
def test_times_of_two_rates_are_refused(tmp_path: Path, steps_ms: tuple[int, int]) -> None:
    """Every second sample of the slower part was called missing, and all of it a lead off."""
    times_ms = np.cumsum([steps_ms[0]] * 2500 + [steps_ms[1]] * 1500)
    rows = [f"{ms / 1000:.3f},{k % 50}" for k, ms in enumerate(times_ms)]
    path = put(tmp_path, "\n".join(["time_s,ecg_uV", *rows]).encode())
    assert "split the file where its rate changes" in refusal(path)


def test_numbers_that_are_none_are_refused_and_missing_ones_are_missing(
    tmp_path: Path, demo_mv: np.ndarray
) -> None:
    lines = csv_file(demo_mv, 250).content.decode().splitlines()
    lines[700] = lines[700].split(",")[0] + ",lead off"
    assert "row 701 has 'lead off'" in refusal(put(tmp_path, "\n".join(lines).encode()))
    lines[700] = lines[700].split(",")[0] + ","
    lines[701] = lines[701].split(",")[0] + ",NaN"
    lines[702] = lines[702].split(",")[0] + ",1_0"
    assert "'1_0'" in refusal(put(tmp_path, "\n".join(lines).encode()))
    lines[702] = lines[702].split(",")[0] + ",inf"
    signal_mv = read_record(put(tmp_path, "\n".join(lines).encode())).signal_mv
    assert np.isnan(signal_mv[699:702]).all() and np.isfinite(signal_mv).sum() == 4997


def test_an_interrupted_edf_without_times_is_refused(tmp_path: Path, demo_mv: np.ndarray) -> None:
    content = edf(demo_mv, 250, plus="EDF+D", gap_s=7).content
    assert "has no time" in refusal(put(tmp_path, content.replace(b"+3\x14", b"?3\x14")))
    assert "gaps" in refusal(put(tmp_path, content.replace(b"+26\x14", b"+99999999\x14")))


def test_a_path_that_is_not_there_is_named_as_it_is(tmp_path: Path) -> None:
    assert "gone.edf does not exist; check the path" in refusal(tmp_path / "gone.edf")
    assert "gone.hea does not exist" in refusal(tmp_path / "gone")


def test_a_flat_gain_is_marked(tmp_path: Path, demo_mv: np.ndarray) -> None:
    content = edf(demo_mv, 250).content.replace(b"-5000   5000    ", b"0       0       ")
    record = read_record(put(tmp_path, content))
    assert not record.has_gain and np.isfinite(record.signal_mv).all()


def test_a_unit_that_a_file_does_not_say_may_be_given(tmp_path: Path, demo_mv: np.ndarray) -> None:
    """Of an EDF without a dimension --unit was passed over, and 1,800 uV read as 1,800 mV."""
    content = edf(demo_mv, 250).content
    said, whole = put(tmp_path, content, "said.edf"), read_record(tmp_path / "said.edf")
    assert content.count(b"uV      ") > 0
    path = put(tmp_path, content.replace(b"uV      ", b"        "), "unsaid.edf")
    assert not read_record(path).has_gain
    for record in (read_record(path, unit="uV"), open_record(path, ReadOptions(unit="uV"))):
        assert record.has_gain
        np.testing.assert_array_equal(record.read(0, 5000), whole.signal_mv)
    np.testing.assert_array_equal(read_record(said, unit="V").signal_mv, whole.signal_mv)


# --- many recordings in one file ---


def export_zip(demo_mv: np.ndarray, count: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for k in range(count):
            name = f"apple_health_export/electrocardiograms/ecg_2026-05-{k + 1:02}.csv"
            archive.writestr(name, apple(demo_mv * (k + 1)).content)
    return buffer.getvalue()


def test_an_archive_of_many_names_them(tmp_path: Path, demo_mv: np.ndarray) -> None:
    path = put(tmp_path, export_zip(demo_mv, 12), "export.zip")
    text = refusal(path)
    assert "holds 12 recordings" in text and "ecg_2026-05-01, ecg_2026-05-02" in text
    for chosen in ("ecg_2026-05-03", "3"):
        record = read_record(path, recording=chosen)
        np.testing.assert_allclose(record.signal_mv, np.round(3 * demo_mv, 6), atol=1e-6)
        assert record.name == "ecg_2026-05-03"
    assert "no recording 'x'" in refusal(path, recording="x")
    assert [r.name for r in read_records(path)] == [f"ecg_2026-05-{k:02}" for k in range(1, 13)]


def test_a_bundle_of_observations_gives_each(tmp_path: Path, demo_mv: np.ndarray) -> None:
    entries = []
    for k in (1, 2):
        resource = json.loads(fhir(demo_mv * k).content)
        entries.append({"resource": {**resource, "id": f"ecg-{k}"}})
    document = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    path = put(tmp_path, json.dumps(document).encode())
    assert "ecg-1, ecg-2" in refusal(path)
    np.testing.assert_allclose(
        read_record(path, recording="ecg-2").signal_mv, 2 * demo_mv, atol=2e-3
    )


def test_a_folder_gives_its_records_and_not_their_segments(
    tmp_path: Path, demo_mv: np.ndarray
) -> None:
    for name, variant in (("a.bin", "edf"), ("b.json", "fhir-r4"), ("notes.txt", "")):
        content = VARIANTS[variant](demo_mv).content if variant else b"nothing\n"
        put(tmp_path, content, name)
    put(tmp_path, b"time,steps\n0,1\n1,2\n2,3\n", "steps.csv")  # a table, but of what?
    inner = tmp_path / "inner"
    inner.mkdir()
    for suffix in (".hea", ".dat"):
        put(inner, DEMO_RECORD.with_suffix(suffix).read_bytes(), f"208demo{suffix}")
    put(inner, b"m/2 1 360 216000\n208demo 108000\n208demo 108000\n", "m.hea")
    put(inner, b"x", "208demo.atr")
    put(tmp_path, b"100\n101\n102\n", "RECORDS")
    tables: list[Path] = []
    below = find_records([tmp_path], tables.append)
    found = [path.relative_to(tmp_path).as_posix() for path in below]
    assert found == ["a.bin", "b.json", "inner/m"]
    assert [table.name for table in tables] == ["steps.csv"]  # told, for it may be one
    alone = tmp_path / "alone"
    alone.mkdir()
    put(alone, csv_file(demo_mv, 250).content, "ecg.csv")
    with pytest.raises(InputError, match=r"name what is one, such as .*ecg\.csv"):
        list(find_records([alone]))
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InputError, match="holds no ECG"):
        list(find_records([empty]))


# --- other libraries as witnesses ---


def test_edfio_writes_what_is_read(tmp_path: Path, demo_mv: np.ndarray) -> None:
    edfio = pytest.importorskip("edfio")
    for kind, signal_kind, suffix in (
        (edfio.Edf, edfio.EdfSignal, "edf"),
        (edfio.Bdf, edfio.BdfSignal, "bdf"),
    ):
        signals = [
            signal_kind(demo_mv * 1000, 250, label="ECG I", physical_dimension="uV"),
            signal_kind(demo_mv[::2], 125, label="ECG II", physical_dimension="mV"),
        ]
        path = tmp_path / f"e.{suffix}"
        notes = [edfio.EdfAnnotation(1.5, None, "palpitations")]
        written = kind(signals, annotations=notes)
        written.write(path)
        for lead, factor in (("I", 1e-3), ("II", 1.0)):
            signal = written.get_signal(f"ECG {lead}")
            record = read_record(path, lead)
            assert record.rate_hz == signal.sampling_frequency
            expected = (signal.data * factor).astype(np.float32)
            np.testing.assert_allclose(record.signal_mv, expected, rtol=1e-6, atol=1e-7)


WITNESSED = (
    "scp",
    "scp-first",
    "scp-second-huffman",
    "scp-own-huffman",
    "scp-reference",
    "aecg",
    "aecg-relative-utf16",
    "muse",
    "muse-exponent",
    "kardia-6",
    "dicom",
    "edf-12",
)


@pytest.mark.parametrize("variant", WITNESSED)
def test_ecgdatakit_reads_the_same(tmp_path: Path, demo_mv: np.ndarray, variant: str) -> None:
    """The files made by hand are what another reader of the standard takes them for."""
    ecgdatakit = pytest.importorskip("ecgdatakit")
    made = VARIANTS[variant](demo_mv)
    suffix = {"aecg": ".xml", "muse": ".xml", "kardi": ".json", "dicom": ".dcm", "edf-1": ".edf"}
    path = put(tmp_path, made.content, f"file{suffix.get(variant[:5].rstrip('-'), '.scp')}")
    there = ecgdatakit.FileParser().parse(str(path))
    lead = next(one for one in there.leads if one.label.removeprefix("ECG ") == made.lead)
    assert lead.units == "mV"
    np.testing.assert_allclose(lead.samples, made.signal_mv, rtol=1e-6, atol=1e-6)
    assert lead.sampling_rate == made.rate_hz


def test_dicom_values_are_pydicoms(tmp_path: Path, demo_mv: np.ndarray) -> None:
    pydicom = pytest.importorskip("pydicom")
    content = VARIANTS["dicom"](demo_mv).content
    array = pydicom.dcmread(io.BytesIO(content)).waveform_array(0)  # in uV
    path = put(tmp_path, content)
    for at, lead in enumerate(("I", "II", "V1")):
        expected = (array[:, at] / 1000).astype(np.float32)
        np.testing.assert_allclose(read_record(path, lead).signal_mv, expected, rtol=1e-6)


# --- damaged and hostile files ---


@pytest.mark.parametrize("variant", VARIANTS)
def test_damaged_files_are_read_or_refused_in_one_sentence(
    tmp_path: Path, demo_mv: np.ndarray, variant: str
) -> None:
    """A few of the mutations of `benchmarks/fuzz_formats.py`."""
    made = VARIANTS[variant](demo_mv[:2000])
    options = ReadOptions(**made.options)
    path = tmp_path / "file"
    for content in mutants(made.content, 8, 7):
        path.write_bytes(content)
        assert outcome(path, options) in ("read", "refused")


@pytest.mark.parametrize("variant", ["atc", "scp", "scp-second-huffman", "muse"])
def test_a_flipped_bit_under_a_checksum_is_refused(
    tmp_path: Path, demo_mv: np.ndarray, variant: str
) -> None:
    content = bytearray(VARIANTS[variant](demo_mv).content)
    content[len(content) // 2] ^= 1
    text = refusal(put(tmp_path, bytes(content)))
    assert "checksum" in text or "base64" in text


def test_a_truncated_file_says_so(tmp_path: Path, demo_mv: np.ndarray) -> None:
    for variant in ("edf", "bdf-plus", "scp", "atc", "dicom", "galaxy-3"):
        content = VARIANTS[variant](demo_mv).content
        text = refusal(put(tmp_path, content[: len(content) * 2 // 3]))
        assert any(word in text for word in ("truncated", "cut off", "damaged")), text


BOMB = b"""<?xml version="1.0"?><!DOCTYPE AnnotatedECG [<!ENTITY a "aaaaaaaaaa">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><AnnotatedECG>&b;</AnnotatedECG>"""
OUTSIDE = b"""<?xml version="1.0"?><!DOCTYPE AnnotatedECG [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<AnnotatedECG>&x;</AnnotatedECG>"""


def test_xml_that_expands_reaches_out_or_nests_is_refused(tmp_path: Path) -> None:
    for content in (BOMB, OUTSIDE):
        assert "hostile" in refusal(put(tmp_path, content))
    deep = b"<AnnotatedECG>" + b"<a>" * (xml_tree.MAX_DEPTH + 1)
    assert "hostile" in refusal(put(tmp_path, deep))


def test_json_that_nests_for_ever_is_refused(tmp_path: Path) -> None:
    head = b'{"resourceType": "Bundle", "entry": '
    assert "damaged JSON" in refusal(put(tmp_path, head + b"[" * 200_000))
    assert "damaged JSON" in refusal(put(tmp_path, head + b'[{"a":' * 200_000))


def test_archives_that_inflate_beyond_measure_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, demo_mv: np.ndarray
) -> None:
    monkeypatch.setattr(blobs, "MAX_BYTES", 100_000)
    monkeypatch.setattr("leadone.edge.formats.zip_archive.MAX_BYTES", 100_000)
    content = VARIANTS["galaxy-3"](demo_mv).content
    bomb = gzip.compress(gzip.decompress(content) + b"\n" * 1_000_000)
    assert "inflates beyond" in refusal(put(tmp_path, bomb))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("e/ecg_1.csv", apple(demo_mv).content + b"\n" * 1_000_000)
    assert "inflates beyond" in refusal(put(tmp_path, buffer.getvalue()))


def test_gzip_in_many_members_is_one_file_and_in_too_many_none(
    tmp_path: Path, demo_mv: np.ndarray
) -> None:
    made = VARIANTS["galaxy-3"](demo_mv)
    text = gzip.decompress(made.content)
    parts = [gzip.compress(text[at : at + 1000]) for at in range(0, len(text), 1000)]
    assert_read(put(tmp_path, b"".join(parts) + b"\0" * 50), made)
    many = gzip.compress(b"") * (blobs.MAX_MEMBERS + 1)
    began = time.monotonic()
    assert "gzip members" in refusal(put(tmp_path, many))
    assert time.monotonic() - began < 5


def test_an_archive_reaches_nowhere_outside_itself(tmp_path: Path, demo_mv: np.ndarray) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("../../../../tmp/evil\x1b[2J.csv", apple(demo_mv).content)
    inner = tmp_path / "in"
    inner.mkdir()
    path = put(inner, buffer.getvalue(), "export.zip")
    (entry,) = open_recordings(path)
    assert entry.name.isprintable() and entry.read(ReadOptions()).rate_hz == 512
    assert [p.name for p in tmp_path.rglob("*")] == ["in", "export.zip"]


def test_gaps_of_a_damaged_time_stamp_allocate_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, demo_mv: np.ndarray
) -> None:
    monkeypatch.setattr(recordings, "FREE_GAP_SAMPLES", 1000)
    made = csv_file(demo_mv[:300], 250, gap=100)
    assert_read(put(tmp_path, made.content), made)
    lines = made.content.decode().splitlines()
    lines[-1] = "40.0," + lines[-1].split(",")[1]
    assert "gaps are" in refusal(put(tmp_path, "\n".join(lines).encode()))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"%PDF-1.7", "picture of an ECG"),
        (b"\x89PNG\r\n", "picture"),
        (b"ISHNE1.0", "ISHNE"),
        (b"hello\nworld\n", "none of the formats"),
        (bytes(range(256)) * 40, "none of the formats"),
        (b"PK\x05\x06" + bytes(18), "no file in the archive"),
        (b'{"resourceType": "Bundle", "entry": []}', "no Observation"),
    ],
)
def test_what_is_no_ecg_is_named(tmp_path: Path, content: bytes, says: str) -> None:
    assert says in refusal(put(tmp_path, content))


@pytest.mark.parametrize("header", ["", "ecg\n", "value_uV\n"])
@pytest.mark.parametrize("at_top", [True, False])
def test_a_comment_says_to_a_file_what_it_says_to_a_stream(
    tmp_path: Path, demo_mv: np.ndarray, header: str, at_top: bool
) -> None:
    comment = "# rate=360 unit=uV lead=I\n"
    rows = [f"{1000 * value:.0f}\n" for value in demo_mv[:3000]]
    rows[1500:1500] = ["# electrode moved, lead=II\n"]
    text = comment + header if at_top else header + comment
    record = read_record(put(tmp_path, (text + "".join(rows)).encode(), "strip.csv"))
    stream = LineDecoder(Given())
    samples_mv = [chunk.samples_mv for chunk in stream.push((comment + "".join(rows)).encode())]
    assert stream.format == Format(record.rate_hz, record.lead) == Format(360.0, "I")
    np.testing.assert_allclose(record.signal_mv, np.concatenate(samples_mv), rtol=1e-6)
    assert "choose one of I" in refusal(tmp_path / "strip.csv", lead="II")


def test_a_comment_names_only_a_lead_and_only_the_one_signal(tmp_path: Path) -> None:
    def names(head: str, row: str) -> list[str]:
        path = put(tmp_path, (head + 300 * row).encode(), "strip.csv")
        return list(read_record(path, **{"rate_hz": 250, "unit": "mV"}).lead.split())

    assert names("# lead: wrist\n", "1\n") == ["signal", "1"]
    assert names("# lead: V2 unit: mV\n", "1\n") == ["V2"]
    assert names("# lead=V2\na,b,c\n", "1,2,3\n") == ["a"]  # of which of the three?
    assert names("# rate=250 unit=mV lead=V2\n", "1 2 3\n") == ["signal", "1"]  # no names


def test_what_a_format_has_and_leadone_lacks_is_said(tmp_path: Path, demo_mv: np.ndarray) -> None:
    deflated = VARIANTS["dicom"](demo_mv).content.replace(
        b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99"
    )
    assert "deflated" in refusal(put(tmp_path, deflated))
    aecg = VARIANTS["aecg"](demo_mv).content.replace(b"MDC_ECG_LEAD_II", b"MDC_ECG_LEAD_I")
    assert "several pieces" in refusal(put(tmp_path, aecg))
    mixed = json.loads(fhir(demo_mv).content)
    mixed["component"][0]["valueSampledData"]["dimensions"] = 2
    assert "mixes several leads" in refusal(put(tmp_path, json.dumps(mixed).encode()))


def test_dicom_without_pydicom_names_the_way_out(
    tmp_path: Path, demo_mv: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = VARIANTS["dicom"](demo_mv).content
    monkeypatch.setitem(__import__("sys").modules, "pydicom", None)
    assert "pip install 'leadone[formats]'" in refusal(put(tmp_path, content))


def test_an_scp_reference_beat_needs_its_sections(tmp_path: Path, demo_mv: np.ndarray) -> None:
    whole, cut = scp(demo_mv, reference=True), scp(demo_mv)
    assert_read(put(tmp_path, whole.content), whole)
    assert_read(put(tmp_path, cut.content), cut)
    assert whole.start_time == datetime(2026, 5, 30, 16, 32, 18)
