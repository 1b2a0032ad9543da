from pathlib import Path

import numpy as np
import pytest
import wfdb

from leadone.edge.analysis import Analysis
from leadone.edge.errors import InputError
from leadone.edge.events import Beat, Rhythm
from leadone.edge.formats.wfdb_annotations import write_annotations
from leadone.edge.record import Record

RATE_HZ = 200.0


def bump(signal: np.ndarray, peak_s: float, height_mv: float, width_s: float) -> None:
    time_s = np.arange(len(signal)) / RATE_HZ
    signal += height_mv * np.exp(-(((time_s - peak_s) / width_s) ** 2))


def analysis_of(
    beats: tuple[Beat, ...], signal_mv: np.ndarray, source: str = "a/b/one"
) -> Analysis:
    record = Record(signal_mv.astype(np.float32), RATE_HZ, source=source)
    rhythm = Rhythm(0.0, record.duration_s, "normal")
    return Analysis(record, {}, beats, rhythm, (), (), (), {}, None)


FULL = Beat(1.0, 0.95, 1.05, 0.75, 0.87, 1.2, 1.4)


def read_back(path: Path) -> list[tuple[int, str]]:
    annotation = wfdb.rdann(str(path.with_suffix("")), path.suffix[1:])
    return list(zip(annotation.sample.tolist(), annotation.symbol, strict=True))


def test_a_full_beat_reads_back_as_in_ludb(tmp_path: Path) -> None:
    signal = np.zeros(400)
    bump(signal, 0.8, 0.1, 0.02)
    bump(signal, 1.35, -0.3, 0.03)
    path = write_annotations(analysis_of((FULL,), signal), "lo", tmp_path)
    assert path == tmp_path / "one.lo"
    assert read_back(path) == [
        (150, "("), (160, "p"), (174, ")"),
        (190, "("), (200, "N"), (210, ")"),
        (240, "("), (270, "t"), (280, ")"),
    ]  # fmt: skip
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("label", ["N", "S", "V", "Q"])
def test_the_beat_symbol_is_at_the_r_peak_and_absent_waves_are_absent(
    label: str, tmp_path: Path
) -> None:
    beat = Beat(1.0, 0.95, 1.05, label=label)
    path = write_annotations(analysis_of((beat,), np.zeros(400)), "lo", tmp_path)
    assert read_back(path) == [(190, "("), (200, label), (210, ")")]


def test_blocked_p_waves_are_written_and_all_is_in_order(tmp_path: Path) -> None:
    beats = (Beat(0.5, 0.45, 0.55), Beat(3.0, 2.95, 3.05, blocked_p_s=((1.5, 1.6), (2.3, 2.4))))
    marks = read_back(write_annotations(analysis_of(beats, np.zeros(800)), "lo", tmp_path))
    assert [symbol for _, symbol in marks] == list("(N)(p)(p)(N)")
    assert [sample for sample, _ in marks] == sorted(sample for sample, _ in marks)
    assert marks[4] == (310, "p")  # flat signal: the centre


def test_marks_on_one_sample_are_all_kept_in_reading_order(tmp_path: Path) -> None:
    beat = Beat(1.0, 0.95, 1.05, p_on_s=0.85, p_off_s=0.95)
    marks = read_back(write_annotations(analysis_of((beat,), np.zeros(400)), "lo", tmp_path))
    assert marks[2:4] == [(190, ")"), (190, "(")]
    assert len(marks) == 6


def test_missing_samples_put_the_peak_at_the_centre(tmp_path: Path) -> None:
    signal = np.zeros(400)
    signal[240:260] = np.nan
    marks = read_back(write_annotations(analysis_of((FULL,), signal), "lo", tmp_path))
    assert (260, "t") in marks


def test_marks_never_leave_the_record(tmp_path: Path) -> None:
    beat = Beat(1.99, 1.95, 2.004)
    marks = read_back(write_annotations(analysis_of((beat,), np.zeros(400)), "lo", tmp_path))
    assert marks[-1] == (399, ")")


def test_no_beats_still_give_a_file_that_wfdb_reads(tmp_path: Path) -> None:
    path = write_annotations(analysis_of((), np.zeros(400)), "lo", tmp_path)
    annotation = wfdb.rdann(str(path.with_suffix("")), "lo")
    assert (annotation.symbol, annotation.aux_note) == (['"'], ["no beat found"])


def test_names_that_wfdb_refuses_are_kept(tmp_path: Path) -> None:
    analysis = analysis_of((FULL,), np.zeros(400), "x/ä b.2024")
    assert write_annotations(analysis, "lo", tmp_path / "new").name == "ä b.2024.lo"


def test_the_rate_travels_with_the_file(tmp_path: Path) -> None:
    path = write_annotations(analysis_of((FULL,), np.zeros(400)), "lo", tmp_path)
    assert wfdb.rdann(str(path.with_suffix("")), "lo").fs == RATE_HZ


@pytest.mark.parametrize("extension", ["", "a1", "a.b", "../x", "hea", "DAT", "a\n"])
def test_bad_extensions_are_refused_before_anything_is_written(
    extension: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="letters only"):
        write_annotations(analysis_of((FULL,), np.zeros(400)), extension, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(wfdb, "wrann", fail)
    with pytest.raises(OSError, match="disk full"):
        write_annotations(analysis_of((FULL,), np.zeros(400)), "lo", tmp_path)
    assert list(tmp_path.iterdir()) == []
