import re
import socket
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import wfdb

from leadone.edge.errors import InputError
from leadone.edge.formats import wfdb_headers, wfdb_records
from leadone.edge.formats.wfdb_plain_header import read_plain
from leadone.edge.formats.wfdb_records import list_leads, read_leads, read_record
from leadone.edge.lead_names import lead_key

RATE_HZ = 250
COUNTS = np.random.default_rng(0).integers(-400, 400, (1000, 3))


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("the reader opened a socket")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def write(folder: Path, names: list[str], name: str = "one", **fields: Any) -> Path:
    count = len(names)
    wfdb.wrsamp(
        name,
        fs=fields.pop("fs", RATE_HZ),
        units=fields.pop("units", ["mV"] * count),
        sig_name=names,
        d_signal=fields.pop("d_signal", COUNTS[:, :count]),
        fmt=fields.pop("fmt", ["16"] * count),
        adc_gain=fields.pop("adc_gain", [200.0] * count),
        baseline=fields.pop("baseline", [10] * count),
        write_dir=str(folder),
        **fields,
    )
    return folder / name


def change(record: Path, old: str | bytes, new: str | bytes) -> Path:
    header = record.with_name(record.name + ".hea")
    old, new = (text.encode() if isinstance(text, str) else text for text in (old, new))
    content = header.read_bytes()
    assert old in content
    header.write_bytes(content.replace(old, new))
    return record


def millivolts(channel: int) -> np.ndarray:
    return ((COUNTS[:, channel] - 10) / 200).astype(np.float32)


def refusal(path: str | Path, lead: str | None = None) -> str:
    with pytest.raises(InputError) as caught:
        read_record(path, lead)
    text = str(caught.value)
    assert "\n" not in text and text[-1] != "." and re.search(r"; \w+ ", text), text
    return text


# --- what is read ---


@pytest.mark.parametrize("suffix", ["", ".hea", ".dat", ".mat"])
def test_a_record_reads_with_or_without_its_suffix(tmp_path: Path, suffix: str) -> None:
    write(tmp_path, ["II", "I"])
    record = read_record(f"{tmp_path}/one{suffix}")
    np.testing.assert_allclose(record.signal_mv, millivolts(1), atol=1e-6)
    assert (record.rate_hz, record.lead, record.name, record.has_gain) == (250, "I", "one", True)
    assert record.start_time is None


FORMATS = ["16", "24", "32", "61", "80", "160", "212", "310", "311", "508", "516", "524"]


@pytest.mark.parametrize("fmt", FORMATS)
def test_every_format_in_blocks_equals_wfdb_in_one(
    tmp_path: Path, fmt: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wfdb_records, "BLOCK_FRAMES", 97)
    counts = COUNTS // 8
    if fmt in ("310", "311", "61", "160"):  # wfdb reads but doesn't write these
        path = write(tmp_path, ["II", "I"], d_signal=counts[:, :2])
        content = (tmp_path / "one.dat").read_bytes()
        raw = np.frombuffer(content, "<i2").reshape(-1, 2)
        (tmp_path / "one.dat").write_bytes(packed(raw, fmt))
        change(path, "one.dat 16", f"one.dat {fmt}")
    else:
        path = write(tmp_path, ["II", "I"], d_signal=counts[:, :2], fmt=[fmt] * 2)
    expected = wfdb.rdsamp(str(path))[0][:, 1]
    np.testing.assert_allclose(expected, (counts[:, 1] - 10) / 200, atol=1e-9)
    np.testing.assert_array_equal(read_record(path).signal_mv, expected.astype(np.float32))


def packed(raw: np.ndarray, fmt: str) -> bytes:
    if fmt == "61":
        return raw.astype(">i2").tobytes()
    if fmt == "160":
        return (raw.astype(np.int32) + 32768).astype("<u2").tobytes()
    flat = raw.ravel().astype(np.int64) & 0x3FF
    flat = np.concatenate([flat, np.zeros(-len(flat) % 3, np.int64)]).reshape(-1, 3)
    if fmt == "311":
        return (flat[:, 0] | flat[:, 1] << 10 | flat[:, 2] << 20).astype("<u4").tobytes()
    third = flat[:, 2]
    low = flat[:, 0] << 1 | (third & 0x1F) << 11
    high = flat[:, 1] << 1 | (third >> 5) << 11
    return np.stack([low, high], 1).astype("<u2").tobytes()


def test_differences_of_format_8_are_summed_from_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wfdb_records, "BLOCK_FRAMES", 97)
    (tmp_path / "one.hea").write_text("one 1 250 500\none.dat 8 100(0)/mV 12 0 5 0 0 I\n")
    (tmp_path / "one.dat").write_bytes(np.ones(500, np.int8).tobytes())
    expected = ((np.arange(500) + 6) / 100).astype(np.float32)
    np.testing.assert_allclose(read_record(tmp_path / "one").signal_mv, expected, rtol=1e-6)


@pytest.mark.parametrize("fmt", ["16", "212", "516"])
def test_skewed_channels_are_aligned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fmt: str
) -> None:
    monkeypatch.setattr(wfdb_records, "BLOCK_FRAMES", 97)
    path = change(write(tmp_path, ["I", "II"], fmt=[fmt] * 2), f"{fmt} ", f"{fmt}:3 ")
    signal_mv = read_record(path).signal_mv
    np.testing.assert_allclose(signal_mv[:-3], millivolts(0)[3:], atol=1e-6)
    assert np.isnan(signal_mv[-3:]).all()


def test_format_16_read_here_equals_wfdb(tmp_path: Path) -> None:
    """Two files behind offsets, a fast channel, gaps, gains and baselines of their own."""
    rng = np.random.default_rng(1)
    for name, width in (("a.dat", 3), ("b.dat", 1)):
        codes = rng.integers(-32768, 32768, (400, width)).astype("<i2")
        codes[::7] = -32768
        (tmp_path / name).write_bytes(bytes(24) + codes.tobytes())
    (tmp_path / "r.hea").write_text(
        "r 3 250 400\n"
        "a.dat 16x2+24 312.5(-7)/uV 16 0 0 0 0 I\n"
        "a.dat 16+24 200(5)/mV 16 0 0 0 0 II\n"
        "b.dat 16+24 0.004/V 16 3 0 0 0 V1\n"
    )
    expected = wfdb.rdrecord(str(tmp_path / "r"), smooth_frames=False)
    leads = read_leads(tmp_path / "r", ["V1", "II", "I"])
    for k, (name, scale) in enumerate((("I", 1e-3), ("II", 1.0), ("V1", 1e3))):
        there = (expected.e_p_signal[k] * scale).astype(np.float32)
        assert np.isnan(there).sum() >= 58
        np.testing.assert_array_equal(leads[name].signal_mv, there)


PLAIN = (
    "r 2 500 1000",
    "a.mat 16x2:3+24 312.5(-7)/uV 16 0 -7 5 0 I",
    "b.dat 16 0/mV 16 4 1 2 0 V1",
)


def test_the_usual_header_is_read_as_wfdb_reads_it(tmp_path: Path, data_dir: Path) -> None:
    (tmp_path / "r.hea").write_text("\n".join(PLAIN))
    headers = [tmp_path / "r.hea"]
    for folder in ("ludb", "mitdb", "cinc2021", "ptbxl_mv"):
        headers += sorted((data_dir / folder).glob("*.hea"))[::20]
    for header in headers:
        lines = [line for line in header.read_text().splitlines() if not line.startswith("#")]
        read, expected = read_plain(lines), wfdb.rdheader(str(header.with_suffix("").absolute()))
        assert read is not None, header
        for field, value in asdict(read).items():
            there = getattr(expected, field)
            none = 1 if field == "samps_per_frame" else 0
            if isinstance(value, list):
                there = [none if one is None else one for one in there]
            assert value == there, (header, field)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("500 1000", "500"),
        ("500 1000", "500 1000 10:00:00"),
        ("r 2", "r/3 2"),
        ("500", "500/360"),
        ("a.mat", "~"),
        ("312.5", "-312.5"),
        ("312.5", "1e3"),
        ("16 0 -7 5 0 I", "16"),
        ("5 0 I", "5 0"),
        ("V1", "V1 # precordial"),
    ],
)
def test_any_other_header_is_left_to_wfdb(old: str, new: str) -> None:
    assert read_plain(PLAIN) is not None
    assert read_plain([line.replace(old, new) for line in PLAIN]) is None


def test_a_matlab_file_reads_behind_its_header(tmp_path: Path) -> None:
    path = change(write(tmp_path, ["I"]), "one.dat 16", "one.mat 16+24")
    (tmp_path / "one.mat").write_bytes(bytes(24) + (tmp_path / "one.dat").read_bytes())
    (tmp_path / "one.dat").unlink()
    np.testing.assert_allclose(read_record(path).signal_mv, millivolts(0), atol=1e-6)


def test_invalid_samples_stay_nan(tmp_path: Path) -> None:
    counts = COUNTS[:, :1].copy()
    counts[100:200] = -(1 << 15)
    signal_mv = read_record(write(tmp_path, ["I"], d_signal=counts)).signal_mv
    assert np.isnan(signal_mv[100:200]).all() and np.isfinite(signal_mv[:100]).all()


def test_a_faster_channel_keeps_its_own_rate(tmp_path: Path) -> None:
    path = tmp_path / "one"
    (tmp_path / "one.hea").write_text(
        "one 2 125 500\none.dat 16 200/mmHg 12 0 0 0 0 ABP\none.dat 16x4 200/mV 12 0 0 0 0 II\n"
    )
    frames = np.arange(2500, dtype="<i2").reshape(500, 5)
    (tmp_path / "one.dat").write_bytes(frames.tobytes())
    record = read_record(path)
    assert (record.lead, record.rate_hz) == ("II", 500)
    np.testing.assert_allclose(record.signal_mv, frames[:, 1:].ravel() / 200, rtol=1e-6)


def test_date_and_time_become_the_start_time(tmp_path: Path) -> None:
    moment = datetime(2024, 2, 29, 23, 59, 58)
    path = write(tmp_path, ["I"], base_time=moment.time(), base_date=moment.date())
    assert read_record(path).start_time == moment
    assert read_record(change(path, " 29/02/2024", "")).start_time is None


def test_another_record_name_and_odd_bytes_in_the_header_are_tolerated(tmp_path: Path) -> None:
    path = change(write(tmp_path, ["I"], comments=["x"]), "one 1 250", "other 1 250")
    change(path, b"# x", b"# caf\xe9 \xff\xfe M\xc3\xbcller")
    np.testing.assert_allclose(read_record(path).signal_mv, millivolts(0), atol=1e-6)


def test_a_header_without_length_takes_it_from_the_file(tmp_path: Path) -> None:
    path = change(write(tmp_path, ["I"]), " 250 1000", " 250")
    np.testing.assert_allclose(read_record(path).signal_mv, millivolts(0), atol=1e-6)


# --- units and gain ---


@pytest.mark.parametrize(
    ("unit", "scale"), [("mV", 1), ("mv", 1), ("uV", 1e-3), ("V", 1e3), ("microvolt", 1e-3)]
)
def test_voltages_become_millivolts(tmp_path: Path, unit: str, scale: float) -> None:
    record = read_record(change(write(tmp_path, ["I"]), "/mV", f"/{unit}"))
    np.testing.assert_allclose(record.signal_mv, millivolts(0) * scale, rtol=1e-6)
    assert record.has_gain


@pytest.mark.parametrize("micro", [b"\xc2\xb5", b"\xce\xbc", b"\xb5"])
def test_a_micro_sign_is_not_read_as_volt(tmp_path: Path, micro: bytes) -> None:
    record = read_record(change(write(tmp_path, ["I"]), b"/mV", b"/" + micro + b"V"))
    np.testing.assert_allclose(record.signal_mv, millivolts(0) * 1e-3, rtol=1e-6)


@pytest.mark.parametrize("gain", ["0", "0(10)/mV", "200(10)/NU", "200(10)/adu"])
def test_no_usable_gain_is_marked_not_guessed_silently(tmp_path: Path, gain: str) -> None:
    record = read_record(change(write(tmp_path, ["I"]), "200.0(10)/mV", gain))
    baseline = 10 if "(10)" in gain else 0
    np.testing.assert_allclose(record.signal_mv, (COUNTS[:, 0] - baseline) / 200, atol=1e-6)
    assert not record.has_gain


@pytest.mark.parametrize("fmt", ["16", "212"])
def test_a_gain_that_no_device_has_leaves_no_infinities(tmp_path: Path, fmt: str) -> None:
    path = write(tmp_path, ["I"], d_signal=COUNTS[:, :1] + 500, fmt=[fmt])
    record = read_record(change(path, "200.0(10)/mV", "1e-300(10)/mV"))
    assert np.isnan(record.signal_mv).all()


def test_one_channel_without_gain_does_not_mark_another(tmp_path: Path) -> None:
    path = write(tmp_path, ["I", "II"], units=["mV", "NU"])
    assert read_record(path, "I").has_gain and not read_record(path, "II").has_gain


# --- which lead ---

SPELLINGS = {
    "i": [
        "I",
        "i",
        "ECG I",
        "EKG I",
        "Lead I",
        "lead_1",
        "ECG Lead I",
        "MDC_ECG_LEAD_I",
        "DI",
        "D1",
    ],
    "avr": ["aVR", "AVR", "ECG aVR", "Lead aVR", "MDC_ECG_LEAD_AVR"],
    "v1": ["V1", "v1", "ECG V1", "MDC_ECG_LEAD_V1"],
    "mlii": ["MLII", "ML II", "ml-ii"],
}


@pytest.mark.parametrize(("key", "name"), [(k, n) for k, names in SPELLINGS.items() for n in names])
def test_a_lead_is_itself_in_any_spelling(tmp_path: Path, key: str, name: str) -> None:
    assert lead_key(name) == key
    path = write(tmp_path, ["V6", name])
    assert all(read_record(path, spelling).lead == name for spelling in SPELLINGS[key])


def test_leads_that_only_look_alike_stay_apart(tmp_path: Path) -> None:
    path = write(tmp_path, ["-aVR", "III", "ECG1"])
    assert read_record(path, "-avr").lead == "-aVR"
    assert read_record(path, "ecg1").lead == "ECG1"
    for lead in ("aVR", "I", "II", "ECG2"):
        assert refusal(path, lead).endswith("choose one of -aVR, III, ECG1")


def test_a_modified_limb_lead_stands_in_only_where_the_plain_one_is_absent(tmp_path: Path) -> None:
    assert read_record(write(tmp_path, ["V5", "MLII"]), "II").lead == "MLII"
    assert read_record(write(tmp_path, ["MLII", "II"], "two"), "II").lead == "II"


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["II", "V1", "ECG I"], "ECG I"),
        (["V5", "V2"], "V5"),
        (["RESP", "PLETH", "ABP"], None),
        (["RESP", "PLETH", "MLII"], "MLII"),
        (["EDA", "marker", "channel A"], "channel A"),
        (["channel A", "Resp", "ECG"], "ECG"),
        (["EEG C3-A2", "SpO2", "ECG1"], "ECG1"),
        (["ECG resp", "ART", "aVF"], "aVF"),
    ],
)
def test_the_default_is_lead_i_else_the_first_ecg(
    tmp_path: Path, names: list[str], expected: str | None
) -> None:
    path = write(tmp_path, names)
    assert list_leads(path) == names
    if expected is None:
        assert refusal(path).endswith("name it with --lead: RESP, PLETH, ABP")
    else:
        assert read_record(path).lead == expected


def test_a_channel_in_mmhg_is_no_ecg_and_one_without_a_name_may_be(tmp_path: Path) -> None:
    path = write(tmp_path, ["P1", "X"], units=["mmHg", "mV"])
    assert read_record(change(path, " X\n", "\n")).lead == "signal 2"


# --- segments ---


def test_segments_and_gaps_become_one_signal(tmp_path: Path) -> None:
    write(tmp_path, ["II", "I"], "s1")
    write(tmp_path, ["II", "I"], "s2", adc_gain=[100.0] * 2)
    (tmp_path / "m.hea").write_text("m/3 2 250 2500\ns1 1000\n~ 500\ns2 1000\n")
    record = read_record(tmp_path / "m")
    np.testing.assert_allclose(record.signal_mv[:1000], millivolts(1), atol=1e-6)
    assert np.isnan(record.signal_mv[1000:1500]).all()
    np.testing.assert_allclose(record.signal_mv[1500:], 2 * millivolts(1), atol=1e-6)


def test_a_variable_layout_finds_the_lead_by_name(tmp_path: Path) -> None:
    write(tmp_path, ["V1", "I"], "s1")
    write(tmp_path, ["I"], "s2")
    write(tmp_path, ["V1"], "s3")
    (tmp_path / "layout.hea").write_text(
        "layout 2 250 0\n~ 0 200/mV 0 0 0 0 0 V1\n~ 0 200/mV 0 0 0 0 0 I\n"
    )
    (tmp_path / "m.hea").write_text("m/4 2 250 3000\nlayout 0\ns1 1000\ns2 1000\ns3 1000\n")
    assert list_leads(tmp_path / "m") == ["V1", "I"]
    signal_mv = read_record(tmp_path / "m").signal_mv
    np.testing.assert_allclose(signal_mv[:1000], millivolts(1), atol=1e-6)
    np.testing.assert_allclose(signal_mv[1000:2000], millivolts(0), atol=1e-6)
    assert np.isnan(signal_mv[2000:]).all() and len(signal_mv) == 3000


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("m/2 1 250 2000\ns1 1000\n", "2 segments but lists 1"),
        ("m/2 1 250 2000\ns1 1000\nmissing 1000\n", "missing.hea is missing"),
        ("m/2 1 250 2000\ns1 1000\nm 1000\n", "segment made of segments"),
        ("m/2 1 250 2000\ns1 1000\n../s1 1000\n", "hostile"),
        ("m/1 1 250 900\ns1 900\n", "another length or rate"),
        ("m/1 1 360 1000\ns1 1000\n", "another length or rate"),
        ("m/1 1 250 900\n~ 900\n", "every segment is a gap"),
        ("m/2 1 250 1000000000000\ns1 1000\n~ 999999999000\n", "1000000000000 samples"),
    ],
)
def test_broken_segments_are_refused(tmp_path: Path, header: str, says: str) -> None:
    write(tmp_path, ["I"], "s1")
    (tmp_path / "m.hea").write_text(header)
    assert says in refusal(tmp_path / "m")


# --- bad input ---


def test_paths_that_lead_to_no_record(tmp_path: Path) -> None:
    assert "does not exist; check the path" in refusal(tmp_path / "none")
    assert "does not exist" in refusal(tmp_path / ("x" * 50) / "none.dat")
    assert "can't be read" in refusal(tmp_path / ("x" * 300))
    assert "null character" in refusal(f"{tmp_path}/a\0b")
    write(tmp_path, ["I"])
    assert refusal(tmp_path).endswith(
        "is a folder; name a record in it, such as " + f"{tmp_path}/one"
    )
    assert "is a folder" in refusal("")
    (tmp_path / "one.hea").unlink()
    assert "no header one.hea beside it" in refusal(tmp_path / "one.dat")


@pytest.mark.parametrize("address", ["s3://b/one", "gs://b/one", "https://h/one", "file:///one"])
def test_network_addresses_are_refused_as_text_and_as_path(address: str) -> None:
    assert "download the record" in refusal(address)
    assert "download the record" in refusal(Path(address))


def test_a_chained_address_of_the_file_layer_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "a::http"
    folder.mkdir()
    assert "network address" in refusal(write(folder, ["I"]))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("one 1 250 1000\n", "one 1 0 1000\n", "0 Hz is outside"),
        ("one 1 250 1000\n", "one 1 1000000 1000\n", "1e+06 Hz is outside"),
        ("one 1 250 1000\n", "one 1 -250 1000\n", "sampling rate '-250' is not a number"),
        ("one 1 250 1000\n", "one 1 nan 1000\n", "sampling rate 'nan' is not a number"),
        ("one 1 250 1000\n", "one 1 2.5e2 1000\n", "is not a number"),
        ("one 1 250 1000\n", "one 1 250 -5\n", "length '-5' is not a number"),
        ("one 1 250 1000\n", "one 1 250 0\n", "empty (0 samples)"),
        (
            "one 1 250 1000\n",
            "one 1 250 1000000000000\n",
            "2000000000000 bytes expected, 2000 found",
        ),
        ("one 1 250 1000\n", "one 3 250 1000\n", "says 3 signals but describes 1"),
        ("one 1 250 1000\n", "one 0 250 1000\n", "describes no signals"),
        ("one 1 250 1000\n", "one 1 250 1000 12:00:00 31/02/2024\n", "is not a WFDB header"),
        ("one 1 250 1000\n", "", "is not a WFDB header"),
        ("one.dat 16", "one.dat 999", "format 999 is unknown"),
        ("one.dat 16", "one.dat xx", "is not a WFDB header"),
        ("one.dat 16", "../../etc/passwd 16", "hostile"),
        ("one.dat 16", "/etc/passwd 16", "hostile"),
        ("one.dat 16", "..\\one.dat 16", "hostile"),
        ("one.dat 16", "http://host/one.dat 16", "hostile"),
        ("one.dat 16", "s3::one.dat 16", "hostile"),
        ("one.dat 16", ".. 16", "hostile"),
        ("one.dat 16", "gone.dat 16", "gone.dat is missing"),
        ("one.dat 16", "~ 16", "~ is missing"),
        ("one.dat 16", "one.dat 516", "not FLAC"),
    ],
)
def test_a_damaged_or_hostile_header_is_refused(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    assert says in refusal(change(write(tmp_path, ["I"]), old, new))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"# only a comment\n",
        bytes(range(256)) * 20,
        b"\0" * 500,
        b"one",
        b"PK\x03\x04 zip\n1 2",
    ],
)
def test_garbage_for_a_header_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "one.hea").write_bytes(content)
    refusal(tmp_path / "one")


def test_a_header_without_signals_and_an_oversized_one_are_refused(tmp_path: Path) -> None:
    (tmp_path / "one.hea").write_text("one 0 250 1000\n")
    assert "describes no signals" in refusal(tmp_path / "one")
    (tmp_path / "one.hea").write_bytes(b"#" * (wfdb_headers.MAX_HEADER_BYTES + 1))
    assert "too large" in refusal(tmp_path / "one")


@pytest.mark.parametrize(("fmt", "unit"), [("16", "bytes"), ("212", "bytes"), ("516", "")])
def test_a_truncated_signal_is_refused(tmp_path: Path, fmt: str, unit: str) -> None:
    path = write(tmp_path, ["I", "II"], fmt=[fmt] * 2)
    content = (tmp_path / "one.dat").read_bytes()
    (tmp_path / "one.dat").write_bytes(content[:-7])
    text = refusal(path)
    if unit:
        assert f"{len(content)} bytes expected, {len(content) - 7} found" in text
    else:
        assert "can't be decoded" in text


def test_a_header_longer_than_its_flac_signal_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, ["I"], fmt=["516"])
    change(path, " 1000\n", " 1000000000000\n")
    assert "1000000000000 samples expected, 1000 found" in refusal(path)


def test_a_flac_header_that_lies_as_well_allocates_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, ["I"], fmt=["516"])
    change(path, " 1000\n", " 60000000000\n")
    content = bytearray((tmp_path / "one.dat").read_bytes())
    content[21:26] = (content[21] & 0xF0 | 0xF).to_bytes(1, "big") + b"\xff" * 4
    (tmp_path / "one.dat").write_bytes(content)
    assert "60000000000 samples" in refusal(path)


def test_a_folder_for_a_signal_file_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, ["I"])
    (tmp_path / "one.dat").unlink()
    (tmp_path / "one.dat").mkdir()
    assert "one.dat is missing" in refusal(path)


# --- real recordings ---


def test_ludb_lead_i_is_what_wfdb_reads(data_dir: Path) -> None:
    for name in (data_dir / "ludb" / "RECORDS").read_text().split()[:5]:
        path = data_dir / "ludb" / Path(name).name
        signal, fields = wfdb.rdsamp(str(path))
        record = read_record(path)
        assert (record.lead, record.rate_hz, record.has_gain) == ("i", 500, True)
        expected = signal[:, fields["sig_name"].index("i")]
        np.testing.assert_array_equal(record.signal_mv, expected.astype(np.float32))


def test_mitdb_102_has_no_limb_lead_so_v5_is_the_default(data_dir: Path) -> None:
    path = data_dir / "mitdb" / "102"
    assert list_leads(path) == ["V5", "V2"]
    record = read_record(path)
    assert (record.lead, record.rate_hz, len(record.signal_mv)) == ("V5", 360, 650_000)
    assert "choose one of V5, V2" in refusal(path, "II")


def test_a_challenge_matlab_record_reads_lead_i(data_dir: Path) -> None:
    path = min((data_dir / "cinc2021").glob("**/*.mat"))
    record = read_record(path)
    expected = wfdb.rdsamp(str(path.with_suffix("")))[0][:, 0]
    assert (record.lead, record.rate_hz, record.has_gain) == ("I", 500, True)
    np.testing.assert_array_equal(record.signal_mv, expected.astype(np.float32))


def test_z_scored_ptbxl_has_no_gain(data_dir: Path) -> None:
    record = read_record(min((data_dir / "ptbxl").glob("**/*.hea")))
    assert (record.lead, record.rate_hz, record.has_gain) == ("I", 250, False)
    assert read_record(min((data_dir / "ptbxl_mv").glob("**/*.hea"))).has_gain


def test_several_leads_at_once_are_what_each_is_alone(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    wfdb.wrsamp(
        "r",
        500,
        ["mV", "uV", "mV"],
        ["aVR", "I", "V1"],
        rng.normal(0, [0.5, 500.0, 0.5], (900, 3)),
        fmt=["16", "16", "16"],
        write_dir=str(tmp_path),
    )
    leads = read_leads(tmp_path / "r", ["V1", "i", "II", "AVR"])
    assert list(leads) == ["V1", "i", "AVR"]  # as asked for; lead II is not there
    for name, record in leads.items():
        alone = read_record(tmp_path / "r", name)
        assert record.lead == alone.lead and record.rate_hz == alone.rate_hz
        np.testing.assert_array_equal(record.signal_mv, alone.signal_mv)
