"""Twelve-lead records that obey the equations of the limb leads."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import wfdb

from leadone.pretrain.archive import entries
from leadone.pretrain.shards import Shards, build_shards
from leadone.pretrain.views import ViewConfig, Views

RECORDS = 24


@pytest.fixture
def heart() -> Callable[..., dict[str, np.ndarray]]:
    """`heart(seconds, rate_hz)`: leads by name in mV."""
    return _heart


@pytest.fixture
def write() -> Callable[..., Path]:
    """`write(path, leads, rate_hz)`: a WFDB record."""
    return _write


@pytest.fixture
def built(tmp_path: Path) -> Shards:
    """Shards in `tmp_path / "shards"` of 24 records whose chest leads differ, in `archive`."""
    rng = np.random.default_rng(0)
    (tmp_path / "archive").mkdir()
    for k in range(RECORDS):
        leads = _heart()
        for chest in range(1, 7):
            leads[f"V{chest}"] = leads[f"V{chest}"] * rng.normal()
        _write(tmp_path / "archive" / f"{k:02}", leads)
    build_shards(entries([tmp_path / "archive"]), tmp_path / "shards")
    return Shards(tmp_path / "shards")


@pytest.fixture
def views(built: Shards) -> Views:
    """Views of those shards, short ones."""
    return Views(built, ViewConfig(samples=640))


def _heart(seconds: float = 10.0, rate_hz: float = 500.0) -> dict[str, np.ndarray]:
    """Twelve leads of beats that obey the limb leads' equations, in mV."""
    t = np.arange(int(seconds * rate_hz)) / rate_hz
    beat = np.exp(-(((t % 0.8 - 0.4) / 0.02) ** 2))
    wave = 0.2 * np.exp(-(((t % 0.8 - 0.65) / 0.05) ** 2))
    i, ii = 0.6 * beat + wave, 1.1 * beat + 0.7 * wave
    leads = {"I": i, "II": ii, "III": ii - i, "aVR": -(i + ii) / 2, "aVL": i - ii / 2}
    leads["aVF"] = ii - i / 2
    return leads | {f"V{k}": (k - 3) / 3 * beat + wave for k in range(1, 7)}


def _write(path: Path, leads: dict[str, np.ndarray], rate_hz: float = 500.0) -> Path:
    signal = np.stack(list(leads.values()), 1)
    n = len(leads)
    wfdb.wrsamp(
        path.name,
        rate_hz,
        ["mV"] * n,
        list(leads),
        signal,
        fmt=["16"] * n,
        adc_gain=[1000.0] * n,
        baseline=[0] * n,
        write_dir=str(path.parent),
    )
    return path
