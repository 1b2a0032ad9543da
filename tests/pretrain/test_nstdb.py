"""Recorded noise: what wfdb reads, and one sentence for what is damaged."""

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import wfdb

from leadone.distill.noise_stress import load_test_noise
from leadone.edge.errors import InputError
from leadone.pretrain.augment import load_noise, noise_by_kind
from leadone.pretrain.nstdb import recorded_noises
from leadone.pretrain.views import load_noises

SECONDS, RATE_HZ = 90, 360


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """bw and ma as records, em in two recovered parts."""
    rng = np.random.default_rng(0)
    for name in ("bw", "ma"):
        write(tmp_path, name, rng.normal(0, 0.3, (SECONDS * RATE_HZ, 2)))
    parts = {f"seg{k}": rng.integers(-99, 99, (70 * RATE_HZ, 2)).astype(np.int16) for k in (0, 1)}
    np.savez(tmp_path / "em_recovered.npz", fs=np.array(RATE_HZ), **parts)
    return tmp_path


def write(
    folder: Path, name: str, noise_mv: np.ndarray, rate_hz: int = RATE_HZ, first: str = "noise1"
) -> None:
    names, units = [first, "noise2"][: noise_mv.shape[1]], ["mV"] * noise_mv.shape[1]
    wfdb.wrsamp(
        name, rate_hz, units, names, noise_mv, fmt=["212"] * len(names), write_dir=str(folder)
    )


def test_the_noises_are_those_that_wfdb_reads(folder: Path) -> None:
    found = recorded_noises(folder)
    assert {name: len(parts) for name, parts in found.items()} == {"bw": 1, "ma": 1, "em": 2}
    expected = wfdb.rdsamp(str(folder / "ma"))[0].astype(np.float32)
    assert np.array_equal(found["ma"][0], expected)
    with np.load(folder / "em_recovered.npz") as motion:
        assert np.array_equal(found["em"][1], (motion["seg1"] / 200).astype(np.float32))
    assert {len(parts) for parts in noise_by_kind(folder, 0.5).values()} == {2, 4}


def cut(folder: Path) -> None:
    path = folder / "ma.dat"
    path.write_bytes(path.read_bytes()[:1000])


def cut_recovered(folder: Path) -> None:
    path = folder / "em_recovered.npz"
    path.write_bytes(path.read_bytes()[:5000])


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "cut": (cut, "ma.dat is truncated.*download it again"),
    "no signal": (lambda f: (f / "bw.dat").unlink(), "bw.dat is missing; copy it"),
    "no header": (lambda f: (f / "ma.hea").write_bytes(b"\0\1\2"), "ma.*hea"),
    "one signal": (lambda f: write(f, "ma", np.ones((9000, 1))), "ma is not NSTDB's noise"),
    "another rate": (lambda f: write(f, "ma", np.eye(9000, 2), 250), "two signals .* at 360 Hz"),
    "an ECG": (lambda f: write(f, "bw", np.eye(9000, 2), first="MLII"), "bw is not NSTDB's noise"),
    "short": (lambda f: write(f, "ma", np.eye(9000, 2)), "holds 25 s of noise, 60 are needed"),
    "still": (lambda f: write(f, "bw", np.eye(90000, 2) * [1, 0]), "bw has gaps or a signal that"),
    "cut parts": (cut_recovered, r"em_recovered.npz is damaged \(.*\); get it again"),
    "no parts": (lambda f: np.savez(f / "em_recovered.npz", fs=1), "no parts of two signals"),
    "nothing": (lambda f: [p.unlink() for p in f.iterdir()], "has no noise records; see `leadone"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_noise_is_one_sentence(folder: Path, damage: str) -> None:
    change, expected = DAMAGES[damage]
    change(folder)
    with pytest.raises(InputError, match=expected) as told:
        recorded_noises(folder)
    assert "\n" not in str(told.value)


def test_evaluate_says_so_in_one_line(folder: Path) -> None:
    cut(folder)
    data = folder.rename(folder.with_name("nstdb")).parent
    command = [sys.executable, "-m", "leadone.cli", "evaluate", "noise", "--data", str(data)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    assert "ma.dat is truncated" in done.stderr


def test_training_and_pretraining_say_so(folder: Path) -> None:
    cut(folder)
    for read in (load_noises, partial(load_noise, train_share=0.66), load_test_noise):
        with pytest.raises(InputError, match="is truncated"):
            read(folder)
