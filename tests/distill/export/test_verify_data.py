"""Sets read on each runtime: the integers beside themselves, and what a worse runtime gets."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from leadone.distill.evaluate import evaluate_set
from leadone.distill.export.bundle import GOLDEN_WINDOWS, WINDOW_SAMPLES, export_bundle
from leadone.distill.export.equal_beats import Equal
from leadone.distill.export.verify import verify
from leadone.distill.export.verify_data import SetVerdict, real_windows, verify_on_data
from leadone.edge.bundle import Bundle, load_bundle
from leadone.edge.errors import InputError


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return export_bundle(load_bundle("wrist"), tmp_path_factory.mktemp("data") / "wrist")


def test_runtimes_read_a_few_records_of_ludb_alike(
    exported: Bundle, data_dir: Path, tmp_path: Path
) -> None:
    (tmp_path / "ludb").mkdir()
    names = (data_dir / "ludb" / "RECORDS").read_text().split()[:6]
    for name in names:
        stem = name.split("/")[-1]
        folder = (data_dir / "ludb" / name).parent
        for file in [*folder.glob(f"{stem}.*"), *folder.glob(f"{stem}_*")]:
            shutil.copy(file, tmp_path / "ludb" / file.name)
    stems = [name.split("/")[-1] for name in names]
    (tmp_path / "ludb" / "RECORDS").write_text("\n".join(stems) + "\n")
    windows = real_windows(tmp_path)  # 10 s of each record, the last value held
    assert windows.shape == (6, 2, WINDOW_SAMPLES) and np.abs(windows).max() <= 1
    integers, *others = verify_on_data(exported, tmp_path)
    assert integers.runtime == "C, the integers" and integers.records == 6
    assert integers.equal.beats == integers.equal.beats_of > 30 and integers.loss == 0
    assert [one.runtime for one in others] == ["ONNX Runtime", "LiteRT"]
    assert all(one.equal.beat_share > 0.95 and one.loss < 0.05 for one in others), others
    by_command = evaluate_set("ludb", tmp_path, "wrist").to_dict()["fiducials"]
    told = {name.replace("_", " "): one["f1"]["value"] for name, one in by_command.items()}
    assert others[0].f1 == pytest.approx(told, abs=1e-6)


def test_two_hundred_windows_of_real_ecg_are_the_same_bytes(
    exported: Bundle, data_dir: Path
) -> None:
    """Every byte of C, TFLM and LiteRT's reference kernels, on both sets and the golden windows."""
    windows = real_windows(data_dir)
    assert len(windows) >= 200
    every_other = windows[:: len(windows) // 200]
    verdicts = [one for one in verify(exported, every_other) if one.has_to_be_exact]
    assert [one.target for one in verdicts] == [
        *("C, this machine", "TFLM", "LiteRT, reference kernels")
    ]
    for one in verdicts:
        assert one.windows == len(every_other) + GOLDEN_WINDOWS and one.equal_bytes == 1, one


def test_what_a_verdict_holds_to() -> None:
    good = SetVerdict("ludb", "x", 1, {"T off": 0.99}, 0.001, Equal(995, 1000, 2985, 3000))
    assert good.holds
    for change in (
        {"loss": 0.0011},
        {"equal": Equal(994, 1000, 3000, 3000)},
        {"equal": Equal(1000, 1000, 2984, 3000)},
    ):
        assert not replace(good, **change).holds


def test_a_folder_without_the_sets_is_one_sentence(exported: Bundle, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="neither ludb nor mitdb"):
        list(verify_on_data(exported, tmp_path))
