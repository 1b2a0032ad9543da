"""What `analyze` writes, read again by other libraries: CSV, EDF+ and FHIR."""

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leadone import Record, analyze, read_record
from leadone.cli import DEMO_RECORD
from leadone.edge.analysis import Analysis, Variability
from leadone.edge.batch import Job, analyze_many
from leadone.edge.bundle import load_bundle
from leadone.edge.formats import beat_csv, fhir_report
from leadone.edge.formats.edf_annotations import notes_of, write_edf
from leadone.edge.formats.recording import ReadOptions
from leadone.edge.outputs import Outputs
from leadone.edge.reader import Reader

RATE_HZ = 512.844  # no whole samples in a second


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    """Forty seconds of the demo with a gap, at a rate with a fraction, of somebody."""
    demo = read_record(DEMO_RECORD)
    t = np.arange(int(40 * RATE_HZ)) / RATE_HZ
    signal_mv = np.interp(t, np.arange(41 * 360) / 360, demo.signal_mv[: 41 * 360])
    signal_mv[9000:11000] = np.nan
    about = {"patient_name": "Jane Roe", "birth_date": "1958-03-07", "device": "Watch"}
    start = datetime(2026, 5, 30, 16, 32, 18, tzinfo=UTC)
    return analyze(Record(signal_mv.astype(np.float32), RATE_HZ, "I", start, "x/r", True, about))


def test_csv_has_a_row_a_beat_and_nothing_where_nothing_is(analysis: Analysis) -> None:
    file = io.StringIO()
    beat_csv.write_header(file)
    beat_csv.write_beats(analysis, file)
    rows = list(csv.DictReader(io.StringIO(file.getvalue())))
    assert len(rows) == len(analysis.beats) > 40
    gaps = np.diff([beat.r_s for beat in analysis.beats])
    for row, beat, gap in zip(rows[1:], analysis.beats[1:], gaps, strict=True):
        assert float(row["r_s"]) == round(beat.r_s, 4) and row["label"] == beat.label
        assert (row["p_on_s"] == "") == (beat.p_on_s is None)
        assert row["rr_ms"] == (f"{1000 * gap:.1f}" if gap <= 3 else "")
    assert any(row["p_on_s"] == "" for row in rows) and any(row["rr_ms"] == "" for row in rows)


def test_edf_is_what_edfio_reads(analysis: Analysis, tmp_path: Path) -> None:
    edfio = pytest.importorskip("edfio")
    path = tmp_path / "r.edf"
    write_edf(analysis, path)
    assert b"Roe" not in path.read_bytes() and b"1958" not in path.read_bytes()
    edf = edfio.read_edf(path)
    (signal,) = edf.signals
    record = analysis.record
    assert signal.label == "ECG I" and signal.physical_dimension == "uV"
    assert signal.sampling_frequency == pytest.approx(RATE_HZ, rel=1e-6)
    assert edf.startdatetime == record.start_time.replace(tzinfo=None)
    step_uv = signal.physical_range.max / 32767
    expected = np.nan_to_num(record.signal_mv) * 1000
    there = signal.data[: len(expected)]
    assert np.abs(there - expected).max() <= step_uv / 2 + 1e-3
    assert not signal.data[len(expected) :].any()
    notes = notes_of(analysis)
    found = [(a.onset, a.duration, a.text) for a in edf.annotations]
    assert len(found) == len(notes) > 100
    for (onset, duration, text), note in zip(found, notes, strict=True):
        assert text == note.text and abs(onset - note.onset_s) < 1e-5
        assert abs((duration or 0.0) - note.duration_s) < 1e-5
    (gap,) = [note for note in notes if note.text == "signal missing"]
    assert gap.onset_s == 9000 / RATE_HZ and gap.duration_s == pytest.approx(2000 / RATE_HZ)
    assert {"QRS N", "P", "T"} <= {note.text for note in notes}


def test_edf_comes_back_through_our_own_door(analysis: Analysis, tmp_path: Path) -> None:
    path = tmp_path / "r.edf"
    write_edf(analysis, path)
    record = read_record(path)
    expected = np.nan_to_num(analysis.record.signal_mv)
    np.testing.assert_allclose(record.signal_mv[: len(expected)], expected, atol=2e-4)
    assert (record.lead, record.rate_hz) == ("I", pytest.approx(RATE_HZ, rel=1e-6))


def by_code(resources: list[dict[str, Any]], code: str) -> dict[str, Any]:
    (found,) = [
        r
        for r in resources
        if r["resourceType"] == "Observation"
        and any(c["code"] == code for c in r["code"].get("coding", []))
    ]
    return found


def test_fhir_is_valid_r4_and_says_what_was_found(analysis: Analysis) -> None:
    resources = fhir_report.report(analysis)
    bundle = fhir_report.bundle([resources])
    r4b = pytest.importorskip("fhir.resources.R4B.bundle")
    parsed = r4b.Bundle.model_validate(json.loads(json.dumps(bundle)))
    kinds = [type(entry.resource).__name__ for entry in parsed.entry]
    assert kinds[0] == "DiagnosticReport" and kinds.count("Observation") == 8
    assert by_code(resources, "8867-4")["valueQuantity"]["value"] == round(
        analysis.heart_rate_bpm or 0, 1
    )
    for code, name in (("8625-6", "pr"), ("8633-0", "qrs"), ("8634-8", "qt"), ("8636-3", "qtc")):
        value = by_code(resources, code)["valueQuantity"]
        assert value["value"] == round(analysis.intervals_ms[name] or 0, 1)
        assert value["code"] == "ms"
    assert by_code(resources, "8884-9")["valueCodeableConcept"]["text"] == analysis.rhythm.label
    urls = {entry["fullUrl"] for entry in bundle["entry"]}
    referred = {r["reference"] for r in resources[0]["result"]}
    assert len(urls) == len(resources) and referred < urls
    assert "not a medical device" in resources[0]["conclusion"]
    assert fhir_report.report(analysis) == resources  # the same input, the same ids


def test_fhir_has_sdnn_by_its_code_and_the_rest_beside_it(analysis: Analysis) -> None:
    told = Variability(345, 44.4, 25.1, 6.9, 17.7, 53.3)
    resources = fhir_report.report(replace(analysis, heart_rate_variability=told))
    r4b = pytest.importorskip("fhir.resources.R4B.bundle")
    r4b.Bundle.model_validate(json.loads(json.dumps(fhir_report.bundle([resources]))))
    observation = by_code(resources, "80404-7")
    value = observation["valueQuantity"]
    assert (value["value"], value["code"]) == (44.4, "ms")
    beside = {part["code"]["text"]: part for part in observation["component"]}
    assert [part["valueQuantity"]["value"] for part in list(beside.values())[:-1]] == [
        *(25.1, 6.9, 17.7, 53.3)
    ]
    assert beside["pNN50"]["valueQuantity"]["code"] == "%"
    assert beside["NN intervals"]["valueInteger"] == 345


def test_fhir_names_a_person_only_if_asked_to_and_signals_come_back(
    analysis: Analysis, tmp_path: Path
) -> None:
    resources = fhir_report.report(analysis)
    (patient,) = [r for r in resources if r["resourceType"] == "Patient"]
    assert patient["name"] == [{"text": "Jane Roe"}] and patient["birthDate"] == "1958-03-07"
    nameless = replace(analysis, record=replace(analysis.record, about={"device": "Watch"}))
    text = json.dumps(fhir_report.bundle([fhir_report.report(nameless)]))
    assert "Roe" not in text and "1958" not in text and "subject" not in text
    path = tmp_path / "b.json"
    path.write_text(text)
    record = read_record(path)
    np.testing.assert_allclose(record.signal_mv, analysis.record.signal_mv, atol=6e-5)
    assert record.rate_hz == pytest.approx(RATE_HZ) and record.lead == "I"
    assert record.start_time == analysis.record.start_time


def test_all_files_of_a_run_together(tmp_path: Path) -> None:
    """A folder with a good and a bad file: the one is written, the other named."""
    folder = tmp_path / "in"
    folder.mkdir()
    demo = read_record(DEMO_RECORD)
    rows = "\n".join(f"{value:.4f}" for value in demo.signal_mv[: 20 * 360])
    (folder / "a.csv").write_text(rows)
    (folder / "b.edf").write_bytes(b"0       ".ljust(184) + b"512     ")
    outputs = Outputs(
        json_file=tmp_path / "j",
        csv_file=tmp_path / "c",
        fhir_file=tmp_path / "f",
        out=tmp_path / "out",
        edf=True,
    )
    options = ReadOptions(rate_hz=360, unit="mV")
    paths = [folder / "a.csv", folder]
    job = Job(Reader(load_bundle("wrist")), options, outputs)
    results = {outcome.name: outcome for outcome in analyze_many(paths, job)}
    assert results[str(folder / "a.csv")].line.startswith("a  ")
    assert "cut off" in results[str(folder / "b.edf")].failure
    analysis = json.loads((tmp_path / "j").read_text())
    assert len((tmp_path / "c").read_text().splitlines()) == 1 + len(analysis["beats"]) > 20
    assert json.loads((tmp_path / "f").read_text())["resourceType"] == "Bundle"
    assert analysis["about"] == {}
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["a.edf"]
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_a_run_without_a_record_leaves_no_file(tmp_path: Path) -> None:
    outputs = Outputs(
        csv_file=tmp_path / "c", fhir_file=tmp_path / "f", out=tmp_path / "out", edf=True
    )
    paths = [tmp_path / "absent"]
    list(analyze_many(paths, Job(Reader(load_bundle("wrist")), ReadOptions(), outputs)))
    assert list(tmp_path.iterdir()) == []
