"""Episodes by hand, as `epicmp` counts them, and EC57's table."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from leadone.distill.ec57 import CELLS, write_ec57
from leadone.distill.episodes import count_episodes, score_episodes
from leadone.distill.metrics import CLASSES


def test_an_episode_is_found_by_any_overlap_and_durations_are_compared() -> None:
    annotated = ((400.0, 500.0), (600.0, 700.0), (900.0, 1000.0))
    told = ((450.0, 470.0), (480.0, 620.0), (800.0, 850.0))
    counts = count_episodes(annotated, told, 1300.0)
    assert (counts.found, counts.missed, counts.true, counts.false) == (2, 1, 2, 1)
    assert (counts.annotated_s, counts.told_s, counts.both_s) == (300.0, 210.0, 60.0)
    assert counts.without_s == 1000.0 - 300.0
    score = score_episodes([counts])
    assert score.episode_sensitivity.value == pytest.approx(2 / 3)
    assert score.duration_ppv.value == pytest.approx(60 / 210)
    assert score.false_per_day.value == pytest.approx(86400 / 700)


def test_the_learning_period_is_cut_off_and_what_meets_is_one() -> None:
    counts = count_episodes(((0.0, 250.0), (290.0, 310.0), (310.0, 320.0)), ((0.0, 299.0),), 600.0)
    assert (counts.found, counts.missed, counts.true, counts.false) == (0, 1, 0, 0)
    assert counts.annotated_s == 20.0


def test_without_any_episode_shares_are_undefined_and_false_ones_zero() -> None:
    score = score_episodes([count_episodes((), (), 1800.0)])
    assert np.isnan(score.episode_sensitivity.value) and np.isnan(score.duration_ppv.value)
    assert score.false_per_day.value == 0.0


def test_the_table_has_records_gross_and_average(tmp_path: Path) -> None:
    def matrix(**cells: int) -> np.ndarray:
        values = np.zeros((len(CLASSES), len(CLASSES)), np.int64)
        for cell, count in cells.items():
            values[CLASSES.index(cell[0]), CLASSES.index(cell[1].upper())] = count
        return values

    first = matrix(Nn=90, No=10, Vv=8, Vn=2, Nv=2, Fv=5, Ov=1)
    second = matrix(Nn=100, Sn=1, Ss=3, Vs=1)
    episodes = [count_episodes(((300.0, 400.0),), ((350.0, 450.0),), 900.0)] * 2
    write_ec57(tmp_path / "t.csv", ["a", "b"], [first, second], episodes)
    rows = list(csv.DictReader((tmp_path / "t.csv").open()))
    assert [row["record"] for row in rows] == ["a", "b", "gross", "average"]
    assert len(CELLS) == 35 and rows[0]["Vn"] == "2" and rows[2]["Nn"] == "190"
    assert rows[0]["QRS Se"] == f"{100 * 107 / 117:.2f}"  # 12 N, 10 V, 5 F and 90 N, 10 missed
    assert rows[0]["VEB Se"] == "80.00" and rows[0]["VEB +P"] == f"{100 * 8 / 11:.2f}"  # F exempt
    assert rows[0]["VEB FPR"] == f"{100 * 2 / 107:.2f}" and rows[0]["SVEB Se"] == ""
    assert rows[1]["SVEB Se"] == "75.00" and rows[1]["SVEB +P"] == "75.00"
    assert rows[3]["VEB Se"] == "40.00"  # the mean of 80 and 0
    assert rows[2]["AF DSe"] == "50.00" and rows[2]["AF ESe"] == "100.00"
    write_ec57(tmp_path / "p.csv", ["a", "b"], [first, second], episodes, paced=["b"])
    rows = list(csv.DictReader((tmp_path / "p.csv").open()))
    assert [row["record"] for row in rows] == ["a", "b", "gross", "gross, unpaced", "average"]
    assert {**rows[3], "record": "a"} == rows[0]
