"""A record left on disk is the record in memory: any part, every format that allows parts."""

import json
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import wfdb
from format_files import VARIANTS, edf

from leadone import Record, analyze, read_record
from leadone.cli import DEMO_RECORD
from leadone.edge import analysis as analysis_module
from leadone.edge import record as records
from leadone.edge import scratch
from leadone.edge.analyze import gather
from leadone.edge.bundle import load_bundle
from leadone.edge.errors import InputError
from leadone.edge.events import Alert, Event, Quality, Rhythm
from leadone.edge.formats import wfdb_records
from leadone.edge.formats.read import open_recordings
from leadone.edge.formats.recording import ReadOptions
from leadone.edge.labels import RHYTHMS
from leadone.edge.record import DiskRecord

COUNTS = np.random.default_rng(0).integers(-40, 40, (1000, 2))
OPTIONS = ReadOptions(None, None, None, False)


@pytest.fixture(scope="module")
def demo() -> Record:
    return read_record(DEMO_RECORD)


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wfdb_records, "BLOCK_FRAMES", 97)
    monkeypatch.setattr(records, "NEAR_SAMPLES", 61)


def opened(path: Path) -> DiskRecord:
    (entry,) = open_recordings(path)
    record = entry.open(OPTIONS)
    assert isinstance(record, DiskRecord)
    return record


def assert_the_same(path: Path) -> None:
    """Facts, the whole, pieces in order, and parts anywhere."""
    whole, on_disk = read_record(path), opened(path)
    for name in ("rate_hz", "lead", "start_time", "source", "has_gain", "about", "duration_s"):
        assert getattr(on_disk, name) == getattr(whole, name)
    expected = whole.signal_mv
    np.testing.assert_array_equal(on_disk.signal_mv, expected)
    pieces = [on_disk.read(at, at + 130) for at in range(0, on_disk.samples, 130)]
    np.testing.assert_array_equal(np.concatenate(pieces), expected)
    rng = np.random.default_rng(1)
    for first, length in zip(
        rng.integers(-50, len(expected) + 50, 60), rng.integers(0, 200, 60), strict=True
    ):
        part = on_disk.read(int(first), int(first + length))
        np.testing.assert_array_equal(part, expected[max(first, 0) : max(first + length, 0)])


def wfdb_record(folder: Path, name: str, fmt: str = "16", **fields: object) -> Path:
    signs = {"units": ["mV"] * 2, "sig_name": ["II", "I"], "adc_gain": [200.0] * 2}
    wfdb.wrsamp(
        name,
        fs=250,
        d_signal=COUNTS,
        fmt=[fmt] * 2,
        baseline=[10] * 2,
        write_dir=str(folder),
        **{**signs, **fields},
    )
    return folder / name


@pytest.mark.parametrize("fmt", ["16", "24", "32", "80", "212", "508", "516", "524"])
@pytest.mark.parametrize("skew", ["", ":3"])
def test_wfdb_formats(tmp_path: Path, small_parts: None, fmt: str, skew: str) -> None:
    path = wfdb_record(tmp_path, "one", fmt)
    header = tmp_path / "one.hea"
    header.write_text(header.read_text().replace(f"{fmt} ", f"{fmt}{skew} "))
    assert_the_same(path)


def test_segments_gaps_and_a_variable_layout(tmp_path: Path, small_parts: None) -> None:
    wfdb_record(tmp_path, "s1", "516")
    wfdb_record(tmp_path, "s2", adc_gain=[100.0] * 2)
    (tmp_path / "m.hea").write_text("m/3 2 250 2500\ns1 1000\n~ 500\ns2 1000\n")
    assert_the_same(tmp_path / "m")
    (tmp_path / "layout.hea").write_text(
        "layout 2 250 0\n~ 0 200/mV 0 0 0 0 0 I\n~ 0 200/mV 0 0 0 0 0 II\n"
    )
    (tmp_path / "v.hea").write_text("v/4 2 250 2500\nlayout 0\ns1 1000\n~ 500\ns2 1000\n")
    assert_the_same(tmp_path / "v")


def test_differences_are_decoded_in_one(tmp_path: Path) -> None:
    (tmp_path / "one.hea").write_text("one 1 250 500\none.dat 8 100(0)/mV 12 0 5 0 0 I\n")
    (tmp_path / "one.dat").write_bytes(np.ones(500, np.int8).tobytes())
    (entry,) = open_recordings(tmp_path / "one")
    record = entry.open(OPTIONS)
    assert not isinstance(record, DiskRecord)
    np.testing.assert_array_equal(record.signal_mv, read_record(tmp_path / "one").signal_mv)


@pytest.mark.parametrize("variant", [name for name in VARIANTS if name.startswith(("edf", "bdf"))])
def test_edf_and_bdf(tmp_path: Path, demo: Record, small_parts: None, variant: str) -> None:
    made = VARIANTS[variant](demo.signal_mv[:5000].astype(float))
    path = tmp_path / "one.edf"
    path.write_bytes(made.content)
    assert_the_same(path)


def test_other_formats_are_read_whole(tmp_path: Path, demo: Record) -> None:
    made = VARIANTS["apple"](demo.signal_mv[:5000].astype(float))
    path = tmp_path / "one.csv"
    path.write_bytes(made.content)
    (entry,) = open_recordings(path)
    assert not isinstance(entry.open(OPTIONS), DiskRecord)


def test_a_file_cut_while_it_is_read_is_said(tmp_path: Path) -> None:
    path = tmp_path / "one.edf"
    content = edf(np.zeros(5000), 250).content
    path.write_bytes(content)
    record = opened(path)
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="shorter while it was read"):
        record.read(4000, 5000)


def test_an_analysis_from_disk_is_that_from_memory(
    demo: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scratch, "CHUNK", 4)
    monkeypatch.setattr(analysis_module, "PIECE", 3)
    on_disk, in_memory = analyze(opened(DEMO_RECORD)), analyze(demo)
    names = ("beats", "episodes", "alerts", "quality", "rhythms")
    gathered = {name: tuple(getattr(on_disk, name)) for name in names}
    assert min(len(gathered[name]) for name in ("episodes", "alerts")) > 4  # some lie on disk
    assert replace(on_disk, record=in_memory.record, **gathered) == replace(
        in_memory, intervals_ms=on_disk.intervals_ms
    )
    assert on_disk.intervals_ms == pytest.approx(in_memory.intervals_ms, abs=1e-9)
    assert "".join(on_disk.json_pieces()) == json.dumps(on_disk.to_dict())


def test_a_disk_record_without_a_valid_sample_is_refused() -> None:
    facts = Record(records.NOTHING, 250.0, "I", None, "a/one")
    nothing = DiskRecord(facts, 2500, lambda a, b: np.full(b - a, np.nan, np.float32))
    with pytest.raises(InputError, match="lead I of one has no valid sample"):
        analyze(nothing)


def test_memory_does_not_grow_with_the_record(
    demo: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scratch, "CHUNK", 256)
    monkeypatch.setattr(analysis_module, "PIECE", 256)

    def peak_bytes(hours: float) -> int:
        samples = int(hours * 3600 * demo.rate_hz)

        def decode(start: int, stop: int) -> records.FloatArray:
            return demo.signal_mv[np.arange(start, stop) % demo.samples]

        facts = Record(records.NOTHING, demo.rate_hz, "I", None, "a/days")
        tracemalloc.start()
        analysis = analyze(DiskRecord(facts, samples, decode))
        for _ in analysis.json_pieces():
            pass
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    peak_bytes(0.02)  # what is loaded once
    assert peak_bytes(0.4) < peak_bytes(0.2) + 300_000  # that much is 300 beats


def test_memory_does_not_grow_with_what_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "CHUNK", 64)
    monkeypatch.setattr(analysis_module, "PIECE", 64)
    bundle = load_bundle("wrist")
    record = DiskRecord(Record(records.NOTHING, 250.0, "I"), 10**9, lambda a, b: records.NOTHING)

    def told(count: int) -> Iterator[Event]:
        for k in range(count):
            at_s, rr_s = 0.1 + k, (0.5 + k / 1e6,) * 8
            yield Alert("pause", at_s, k, f"number {k}", None, 0.25, rr_s)
            yield Alert("pause", at_s + 0.5, k, f"number {k}", at_s + 0.5, 0.25, rr_s)
            yield Quality(k, k + 1, "noisy", "motion")
            yield Rhythm(k, k + 1, "af" if k % 2 else "normal", dict.fromkeys(RHYTHMS, 0.25))

    def peak_bytes(count: int) -> int:
        tracemalloc.start()
        analysis = gather(record, bundle, told(count))
        length = sum(map(len, analysis.json_pieces()))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert length > 200 * count and len(analysis.rhythms) == count
        assert analysis.alerts[count // 2].text == f"number {count // 2}"
        return peak

    peak_bytes(200)  # what is loaded once
    assert peak_bytes(4_000) < peak_bytes(1_000) + 1_000_000  # in memory they would take 4 MB
