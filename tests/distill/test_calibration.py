"""Calibration by hand, and its picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from leadone.distill.calibration import calibrate, coverage_curve, plot_calibration
from leadone.edge.errors import InputError


def test_error_and_coverage_by_hand() -> None:
    probabilities = np.array([[0.95, 0.05]] * 10 + [[0.4, 0.6]] * 10)
    classes = np.array([0] * 8 + [1] * 2 + [1] * 6 + [0] * 4)
    found = calibrate(probabilities, classes)
    assert found.bins == (
        (10, pytest.approx(0.6), pytest.approx(0.6)),
        (10, pytest.approx(0.95), pytest.approx(0.8)),
    )
    assert found.ece == pytest.approx(0.075)
    assert found.accuracy_at == pytest.approx(
        {"1": 0.7, "0.95": 14 / 19, "0.9": 14 / 18, "0.8": 14 / 16, "0.5": 0.8}
    )
    brier = (8 * 0.05**2 + 2 * 0.95**2 + 6 * 0.4**2 + 4 * 0.6**2) * 2 / 20
    assert found.brier == pytest.approx(brier)


def test_the_surest_come_first() -> None:
    curve = coverage_curve(np.array([0.2, 0.9, 0.5]), np.array([False, True, False]))
    assert curve.tolist() == pytest.approx([1.0, 0.5, 1 / 3])


def test_the_picture_is_written_whole(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(4), 200)
    plot_calibration(probabilities, rng.integers(0, 4, 200), "random", tmp_path / "c.png")
    assert (tmp_path / "c.png").read_bytes()[:4] == b"\x89PNG"
    assert list(tmp_path.iterdir()) == [tmp_path / "c.png"]
    plot_calibration(probabilities, rng.integers(0, 4, 200), "random", tmp_path / "c.svg")
    assert (tmp_path / "c.svg").read_text().startswith("<?xml")
    with pytest.raises(InputError, match=r"name a \.png or \.svg"):
        plot_calibration(probabilities, rng.integers(0, 4, 200), "random", tmp_path / "c.jpg")
