"""The page's readers in Node: they read what Python reads, and ask where a file leaves it open."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import wfdb

from leadone import read_record
from leadone.edge.formats.wfdb_records import list_leads
from leadone.edge.lead_names import is_named_ecg, is_other_signal, lead_key

N = 1001
LOWEST = {
    "80": -127,
    "310": -511,
    "311": -511,
    "212": -2047,
    "16": -32767,
    "61": -32767,
    "160": -32767,
    "24": -(2**23) + 1,
    "32": -(2**31) + 1,
}


def _mv(answer: dict[str, Any]) -> np.ndarray:
    assert "error" not in answer, answer
    return np.frombuffer(base64.b64decode(answer["mv"]), "<f4")


# ---- WFDB ----------------------------------------------------------------------------------------


def _packed(codes: np.ndarray, form: str) -> bytes:
    """Codes as signal(5) of the WFDB manual says, written out here by hand."""
    flat = codes.reshape(-1).astype(np.int64)
    if form in ("16", "32"):
        return flat.astype("<i2" if form == "16" else "<i4").tobytes()
    if form == "61":
        return flat.astype(">i2").tobytes()
    if form == "160":
        return (flat + 32768).astype("<u2").tobytes()
    if form == "80":
        return (flat + 128).astype("u1").tobytes()
    if form == "24":
        return b"".join(int(code).to_bytes(3, "little", signed=True) for code in flat)
    if form == "212":
        bits = [int(code) & 0xFFF for code in flat] + [0] * (len(flat) % 2)
        pairs = zip(bits[::2], bits[1::2], strict=True)
        packed = (bytes((a & 255, (a >> 8) | (b >> 8) << 4, b & 255)) for a, b in pairs)
        return b"".join(packed)
    bits = [int(code) & 0x3FF for code in flat] + [0] * (-len(flat) % 3)
    triples = zip(bits[::3], bits[1::3], bits[2::3], strict=True)
    if form == "311":
        words = [a | b << 10 | c << 20 for a, b, c in triples]
    else:
        words = [((c & 31) << 11 | a << 1) | ((c >> 5) << 11 | b << 1) << 16 for a, b, c in triples]
    return np.array(words, "<u4").tobytes()


@pytest.mark.parametrize("form", list(LOWEST))
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_every_format_gives_python_s_samples(
    read_by_page: Any, tmp_path: Path, form: str, channels: int
) -> None:
    low = LOWEST[form]
    codes = np.random.default_rng(0).integers(low, -low, (N, channels), endpoint=True)
    codes[0], codes[1] = low, -low
    codes[10:20] = low - 1  # WFDB's mark of a missing sample
    (tmp_path / "r.dat").write_bytes(_packed(codes, form))
    lines = [
        f"r.dat {form} {gain} 12 0 0 0 0 {name}"
        for gain, name in zip(("200(-3)/mV", "0.31/uV", "12"), ("V1", "ecg", "MLII"), strict=True)
    ]
    (tmp_path / "r.hea").write_text("\n".join([f"r {channels} 360.5 {N}", *lines[:channels]]))
    files = [str(tmp_path / name) for name in ("r.hea", "r.dat")]
    leads = list_leads(tmp_path / "r")
    answers = read_by_page(cases=[{"files": files, "lead": lead} for lead in leads])["answers"]
    for lead, answer in zip(leads, answers, strict=True):
        record = read_record(tmp_path / "r", lead)
        assert answer["rateHz"] == record.rate_hz and answer["hasGain"] == record.has_gain
        assert _mv(answer).tobytes() == record.signal_mv.tobytes()
        assert np.isnan(_mv(answer)).sum() == 10


@pytest.mark.parametrize(
    "signal",
    [
        "r.dat 16 200 12 0 0 0 0 I",
        "r.dat 16 200(11)/V 12 0 0 0 0 I",
        "r.dat 16 0/mV 12 5 0 0 0 I",
        "r.dat 16 -100(4) 12 5 0 0 0 I",
        "r.dat 16+24 200/mV 12 7 0 0 0 I",
        "r.dat 16:3 200/mV 12 7 0 0 0 I",
        "r.dat 16x2 1e3/uV 12 0 0 0 0 I",
        "r.dat 16 200/mmHg 12 0 0 0 0 lead I",
        "r.dat 16",
    ],
)
@pytest.mark.parametrize("length", ["400", "0"])
def test_every_kind_of_header_line(
    read_by_page: Any, tmp_path: Path, signal: str, length: str
) -> None:
    np.random.default_rng(1).integers(-3000, 3000, 812).astype("<i2").tofile(tmp_path / "r.dat")
    (tmp_path / "r.hea").write_text(f"# a comment\nr 1 250/9(3) {length} 12:00:00\n{signal}\n")
    if length == "0":
        (tmp_path / "r.hea").write_text(f"r 1 250\n{signal}\n")
    files = [str(tmp_path / name) for name in ("r.hea", "r.dat")]
    answer = read_by_page(cases=[{"files": files}])["answers"][0]
    record = read_record(tmp_path / "r", None if "I" in signal else "signal 1")
    assert _mv(answer).tobytes() == record.signal_mv.tobytes()
    assert (answer["rateHz"], answer["hasGain"]) == (record.rate_hz, record.has_gain)


def test_real_records_as_wfdb_s_own_tools_write_them(
    read_by_page: Any, data_dir: Path, tmp_path: Path
) -> None:
    cases, stems = [], []
    for k, name in enumerate(("ludb", "mitdb", "cinc2017", "qtdb", "ptbxl")):
        headers = sorted((data_dir / name).rglob("*.hea"))
        for header in headers[:: max(len(headers) // 2, 1)][:2]:
            source, stem = read_record(header.with_suffix("")), f"r{len(stems)}"
            signal = source.signal_mv[: 20 * round(source.rate_hz)].astype(np.float64)
            signal[100:150] = np.nan
            form = ("212", "16", "24", "32", "80")[k]
            both = np.stack([np.roll(signal, 9), signal], 1)
            names = ["RESP", source.lead]
            wfdb.wrsamp(
                stem, source.rate_hz, ["mV", "mV"], names, both, fmt=[form] * 2, write_dir=tmp_path
            )
            stems.append(tmp_path / stem)
            cases.append({"files": [f"{tmp_path / stem}{end}" for end in (".hea", ".dat")]})
    answers = read_by_page(cases=cases)["answers"]
    assert len(answers) == 10
    for stem, answer in zip(stems, answers, strict=True):
        record = read_record(stem)
        assert answer["lead"] == record.lead and answer["rateHz"] == record.rate_hz
        assert _mv(answer).tobytes() == record.signal_mv.tobytes(), stem
        assert np.isnan(record.signal_mv).sum() == 50


def test_leads_are_named_as_in_python(read_by_page: Any) -> None:
    names = ["I", "i", "Lead 1", "MDC_ECG_LEAD_I", "ECG I", "-aVR", "aVR", "DI", "D2", "MLII", "V5"]
    names += ["ECG", "ecg_1", "Ableitung I", "Lead II", "RESP", "ECG resp", "PLETH II", "ABP", "X"]
    names += ["ACC_X", "EMG", "MCL1", "CM5", "AS", "marker", "II-V1", "", "v 2", "lead.avl", "HR"]
    pairs = [(name, unit) for name in names for unit in ("mv", "mmhg", "bpm", "")]
    told = read_by_page(names=pairs)["names"]
    for (name, unit), answer in zip(pairs, told, strict=True):
        expected = [lead_key(name), is_named_ecg(name), is_other_signal(name, unit)]
        assert answer == expected, (name, unit)


# ---- CSV -----------------------------------------------------------------------------------------

MV = np.random.default_rng(2).normal(0, 1, 500).astype(np.float32)


def _csv(head: str, row: str, **more: Any) -> str:
    """A file of rows by a template of k, t in s, x in mV, u in uV and c, x with a decimal comma."""
    rate = more.get("rate", 250)
    rows = [
        row.format(
            k=k, t=k / rate, ms=1000 * k / rate, x=f"{x:.9g}", u=f"{1000 * x:.9g}", c=_comma(x)
        )
        for k, x in enumerate(MV.tolist())
    ]
    return "\n".join([*([head] if head else []), *rows]) + "\n"


def _comma(value: float) -> str:
    return f"{value:.9g}".replace(".", ",")


CSV: dict[str, tuple[str, float, float, dict[str, Any]]] = {
    # text, rate, allowed difference, answers
    "seconds": (_csv("time_s,ecg_mV", "{t:.3f},{x}"), 250, 0, {}),
    "rounded ms": (_csv("time [ms],ecg [mV]", "{ms:.0f},{x}", rate=360), 360, 0, {}),
    "unsaid ms": (_csv("timestamp,ecg_mV", "{ms:.1f},{x}", rate=250), 250, 0, {}),
    "microvolts": (_csv("time_s,ECG [µV]", "{t:.4f},{u}", rate=512), 512, 1e-6, {}),
    "semicolons": (_csv("Zeit [s];EKG [mV]", "{t:.3f};{c}"), 250, 0, {}),
    "tabs": (_csv("t\tI_mV", "{t:.3f}\t{x}"), 250, 0, {}),
    "blanks": (_csv("# fs = 250\n# unit: mV", "{x}"), 250, 0, {}),
    "a stream's comment": (_csv("# rate=250 unit=mV lead=V2", "{x}"), 250, 0, {}),
    "a heart rate too": (_csv("# Heart rate: 72 bpm\n# unit: mV, fs: 250", "{x}"), 250, 0, {}),
    "a row of units": (_csv("'Elapsed time','ECG'\n'seconds','mV'", "{t:.3f},{x}"), 250, 0, {}),
    "clocks": (_csv("time,ecg_mV", "0:{t:06.3f},{x}"), 250, 0, {}),
    "dates": (_csv("datetime,ecg_mV", "2024-03-31 01:59:{t:06.3f}+01:00,{x}"), 250, 0, {}),
    "dates of seconds": (
        _csv("# fs=250\ndatetime,ecg_mV,note", "2024-03-31 01:59:00,{x},0"),
        250,
        0,
        {},
    ),
    "asked": (_csv("", "{u}"), 130, 1e-6, {"rateHz": 130, "unit": "uV"}),
    "asked decimal commas": (_csv("", "{c}"), 130, 1e-6, {"rateHz": 130, "unit": "mV"}),
    "index": (_csv("# Sample Rate: 300 Hz\nsample,ecg_mV,flags", "{k},{x},0"), 300, 0, {}),
    "quotes": (_csv('"time_s","ecg_mV"', '"{t:.3f}","{x}"'), 250, 0, {}),
    "dos": (_csv("time_s,ecg_mV", "{t:.3f},{x}").replace("\n", "\r\n"), 250, 0, {}),
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_csv_in_many_spellings(read_by_page: Any, tmp_path: Path, encoding: str) -> None:
    cases = []
    for name, (text, _, _, answers) in CSV.items():
        path = tmp_path / f"{name}.csv"
        path.write_bytes(text.encode(encoding))
        cases.append({"files": [str(path)], "answers": answers})
    for (name, spec), answer in zip(CSV.items(), read_by_page(cases=cases)["answers"], strict=True):
        _, rate_hz, allowed, _ = spec
        assert answer.get("rateHz") == rate_hz, (name, answer)
        assert np.allclose(_mv(answer), MV, rtol=1e-6 if allowed else 0, atol=allowed), name


def test_a_comment_says_what_it_says_in_python(read_by_page: Any, tmp_path: Path) -> None:
    heads = (
        "# rate=250 unit=mV lead=V2",
        "# unit=mV lead=V2\ntime_s,ecg",
        "# rate=250 unit=mV lead=x",
    )
    cases = []
    for k, head in enumerate(heads):
        lines = _csv(head, "{t:.3f},{x}" if "time" in head else "{x}").splitlines()
        (tmp_path / f"{k}.csv").write_text("\n".join([*lines[:300], "# moved", *lines[300:]]))
        cases.append({"files": [str(tmp_path / f"{k}.csv")]})
    for k, answer in enumerate(read_by_page(cases=cases)["answers"]):
        record = read_record(tmp_path / f"{k}.csv")
        assert _mv(answer).tobytes() == record.signal_mv.tobytes() and len(_mv(answer)) == len(MV)
        assert answer["rateHz"] == record.rate_hz == 250
        named = {answer["lead"], record.lead}
        assert named == ({"V2"} if k < 2 else {"ECG", "signal 1"})


def test_jumps_and_empty_cells_are_missing_samples(read_by_page: Any, tmp_path: Path) -> None:
    times = np.concatenate([np.arange(250), np.arange(300, 550)]) / 250
    rows = [f"{t:.3f},{x:.9g}" for t, x in zip(times, MV, strict=True)]
    rows[7] = rows[7].split(",")[0] + ",NaN"
    path = tmp_path / "gap.csv"
    path.write_text("\n".join(["time_s,ecg_mV", *rows, "2.2"]))  # cut off within a row
    mv = _mv(read_by_page(cases=[{"files": [str(path)]}])["answers"][0])
    assert len(mv) == 550 and np.isnan(mv).sum() == 51 and np.isnan(mv[250:300]).all()
    assert np.array_equal(mv[300:], MV[250:])


def test_empty_lines_are_what_they_are_in_python(read_by_page: Any, tmp_path: Path) -> None:
    cells = [f"{x:.9g}" for x in MV.tolist()]
    cells[40:43] = ["", " ", ""]
    cells[300:400] = [""] * 100
    head, rows = (
        "# rate=250 unit=mV",
        [f"{k / 250},{cell or 'nan'}" for k, cell in enumerate(cells)],
    )
    texts = {
        "column": "\n".join([head, "", *cells, "", "", ""]),
        "twice": "\n\n".join([head, *filter(str.strip, cells)]),
        "returns": "\r\r\n".join([head, *filter(str.strip, cells)]),
        "times": "\n".join(["time_s,ecg_mV", *rows[:9], "", *rows[9:]]),
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.csv").write_bytes(text.encode())
    cases = [{"files": [str(tmp_path / f"{name}.csv")]} for name in texts]
    for name, answer in zip(texts, read_by_page(cases=cases)["answers"], strict=True):
        mv, record = _mv(answer), read_record(tmp_path / f"{name}.csv")
        assert mv.tobytes() == record.signal_mv.tobytes(), name
        assert len(mv) == (500 if name in ("column", "times") else 397), name
        assert np.isnan(mv).sum() == len(mv) - 397, name


def test_a_csv_of_two_rates_is_refused(read_by_page: Any, tmp_path: Path) -> None:
    for k, steps_ms in enumerate(((4, 8), (8, 4), (4, 5))):
        times_ms = np.cumsum([steps_ms[0]] * 2500 + [steps_ms[1]] * 1500)
        rows = [f"{ms / 1000:.3f},{n % 50}" for n, ms in enumerate(times_ms)]
        (tmp_path / f"{k}.csv").write_text("\n".join(["time_s,ecg_uV", *rows]))
    cases = [{"files": [str(tmp_path / f"{k}.csv")]} for k in range(3)]
    for answer in read_by_page(cases=cases)["answers"]:
        assert "split the file where its rate changes" in answer["error"]


def test_what_a_csv_does_not_say_is_asked(read_by_page: Any, tmp_path: Path) -> None:
    texts = {
        "rate": _csv("ecg_mV", "{x}"),
        "unit": _csv("time_s,ecg", "{t:.3f},{x}"),
        "rate unit": _csv("", "{x}"),
        "rate ": _csv("# heart rate: 72 bpm\necg_mV", "{x}"),
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.csv").write_text(text)
    cases = [{"files": [str(tmp_path / f"{name}.csv")]} for name in texts]
    for name, answer in zip(texts, read_by_page(cases=cases)["answers"], strict=True):
        assert answer["asks"] == name.split()


# ---- Apple Health --------------------------------------------------------------------------------

ENGLISH = """Name,{name}
Date of Birth,"Jan 8, 2002"
Recorded Date,2026-05-30 16:32:18 -0700
Classification,Sinus Rhythm
Symptoms,
Software Version,1.90
Device,"Watch7,12"
Sample Rate,{rate}


Lead,{lead}
Unit,{unit}

"""
GERMAN = """Name,{name}
Geburtstag,"08.01.2002"
Aufzeichnungsdatum,2026-05-30 16:32:18 +0200
Klassifizierung,Sinusrhythmus
Symptome,
Softwareversion,1.90
Gerät,"Watch7,12"
Messrate,{rate}


Ableitung,{lead}
Einheit,{unit}

"""
APPLE = [
    (ENGLISH, "512 hertz", 512.0, "Lead I", "µV", False),
    (ENGLISH, "512.844 hertz", 512.844, "Lead I", "µV", False),
    (ENGLISH, "511,562\u00a0Hertz", 511.562, "Lead I", "µV", True),
    (GERMAN, "511,562\u00a0Hertz", 511.562, "Ableitung I", "µV", True),
    (GERMAN, "512 Hertz", 512.0, "Ableitung I", "μV", False),  # the other micro
    (ENGLISH.replace("Name,{name}", "Name"), "512 hertz", 512.0, "Lead II", "mV", False),
    (
        ENGLISH.replace("Symptoms", "Average Heart Rate,72 BPM\nSymptoms"),
        "512.41 hertz",
        512.41,
        "Lead I",
        "µV",
        False,
    ),
]


def test_every_apple_health_variant(read_by_page: Any, tmp_path: Path) -> None:
    cases, expected = [], []
    for k, (head, rate, _, lead, unit, comma) in enumerate(APPLE):
        values = MV if unit == "mV" else MV * np.float32(1000)
        cells = [_comma(x) if comma else f"{x:.9g}" for x in values.tolist()]
        cells[3] = cells[3].split("," if comma else ".")[0]  # a whole number among them
        text = head.format(name="Ann Example", rate=rate, lead=lead, unit=unit)
        path = tmp_path / f"ecg_{k}.csv"
        path.write_text(text + "\n".join(cells) + "\n", encoding="utf-8")
        scale = 1.0 if unit == "mV" else 1e-3
        plain = [float(cell.replace(",", ".")) * scale for cell in cells]
        expected.append(np.array(plain, np.float32))
        cases.append({"files": [str(path)]})
    answers = read_by_page(cases=cases)["answers"]
    for (_, _, rate_hz, lead, _, _), answer, mv in zip(APPLE, answers, expected, strict=True):
        assert answer["rateHz"] == rate_hz, answer
        assert answer["lead"] == lead.split()[-1]
        assert _mv(answer).tobytes() == mv.tobytes()
        assert "Ann" not in str(answer)


# ---- damage --------------------------------------------------------------------------------------


def test_damaged_files_are_read_or_are_one_sentence(read_by_page: Any, tmp_path: Path) -> None:
    """Anything but an InputError fails in readers.mjs."""
    rng = np.random.default_rng(3)
    apple = GERMAN.format(name="A", rate="511,562 Hertz", lead="Ableitung I", unit="µV")
    sources = {
        "a.csv": CSV["seconds"][0].encode(),
        "b.csv": CSV["a row of units"][0].encode(),
        "c.csv": (apple + "\n".join(map(_comma, MV.tolist()))).encode(),
        "d.hea": b"d 2 250/9(3) 100 12:00:00\nd.dat 212:1 200(5)/mV 12 0 7 0 0 I\nd.dat 212 1 II\n",
    }
    cases = []
    for k in range(240):
        name, content = list(sources.items())[k % 4]
        damaged = bytearray(content[: rng.integers(20, len(content))] if k % 3 == 0 else content)
        for at in rng.integers(0, min(len(damaged), 400), rng.integers(1, 12)):
            damaged[at] = rng.choice(list(b'0,;.-e\n\t"/:+x\0\xff9'))
        folder = tmp_path / str(k)
        folder.mkdir()
        (folder / name).write_bytes(damaged)
        (folder / "d.dat").write_bytes(b"\x11\x22\x33" * 100)
        files = [folder / name] + ([folder / "d.dat"] if name == "d.hea" else [])
        answers = {"rateHz": 250, "unit": "mV"} if k % 2 else {}
        cases.append({"files": [str(file) for file in files], "answers": answers})
    told = read_by_page(cases=cases)["answers"]
    sentences = [answer["error"] for answer in told if "error" in answer]
    assert len(sentences) > 100 and len(told) - len(sentences) > 10
    for sentence in sentences:
        assert sentence.endswith(".") and "\n" not in sentence and len(sentence) < 400, sentence
