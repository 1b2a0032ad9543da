"""Rhythm and findings: figures by hand, and the command on real records."""

import json
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from rich.console import Console

from leadone.cli import cli
from leadone.distill.evaluate import Run
from leadone.distill.evaluate_records import (
    FindingResult,
    _finding_errors,
    _score_finding,
    evaluate_records,
    score_rhythms,
)
from leadone.distill.ptbxl import PATHOLOGIES
from leadone.distill.tables import print_report
from leadone.edge.errors import InputError

RUN = Run("cinc2017", "I", "", (), {}, 0.0)


def test_rhythms_by_hand() -> None:
    classes = np.array([0, 0, 0, 1, 1, 2, 3, 2])
    told = np.array([0, 0, 1, 1, 2, 2, 3, 0])
    result = score_rhythms(RUN, classes, np.eye(4)[told])
    f1 = {name: interval.value for name, interval in result.f1.items()}
    assert f1 == pytest.approx({"normal": 4 / 6, "af": 2 / 4, "other": 2 / 4, "noise": 1.0})
    assert result.mean_n_a_o.value == pytest.approx((4 / 6 + 1 / 2 + 1 / 2) / 3)
    assert result.confusion.tolist() == [[2, 1, 0, 0], [0, 1, 1, 0], [1, 0, 1, 0], [0, 0, 0, 1]]


def test_a_rhythm_that_no_record_has_has_no_figure() -> None:
    result = score_rhythms(RUN, np.zeros(4, int), np.eye(4)[[0, 0, 1, 0]])
    assert result.f1["normal"].value == pytest.approx(6 / 7)
    of_all = (result.f1["af"], result.mean_n_a_o, result.af_auc, result.af_sensitivity)
    assert all(np.isnan(one.value) for one in of_all)
    assert result.to_dict()["mean_n_a_o"]["value"] is None


def test_every_pathology_of_the_specification_has_a_row_with_its_reason() -> None:
    one = _score_finding(np.arange(5) < 2, np.zeros(5), np.zeros(5, bool), np.ones((3, 5)))
    console = Console(file=StringIO(), width=140)
    print_report(FindingResult(RUN, {"AFIB": one, "LAFB": one}), console)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    for code in (*PATHOLOGIES, "LAD", "RAD"):
        assert f"\n{code}" in text
    assert "* LAD: left axis: not told" in text


def test_af_at_a_specificity_by_hand() -> None:
    classes = np.concatenate([np.zeros(40, int), np.ones(4, int)])
    probabilities = np.zeros((44, 4))
    probabilities[:40, 1] = np.linspace(0, 0.39, 40)
    probabilities[40:, 1] = 0.9, 0.385, 0.375, 0.1  # above all, one, two, thirty of the others
    result = score_rhythms(RUN, classes, probabilities)
    assert result.af_sensitivity.value == 0.75  # .95 of 40 leaves two false ones
    pairs = (40 + 39 + 38 + 10) / 160
    assert result.af_auc.value == pytest.approx(pairs, abs=0.02)


def test_a_finding_by_hand() -> None:
    positive = np.array([True, True, False, False, False])
    found = np.array([True, False, True, False, False])
    score = _score_finding(positive, found * 0.5, found, np.ones((3, 5)))
    assert (score.cases, score.sensitivity.value) == (2, 0.5)
    assert score.specificity.value == pytest.approx(2 / 3)
    assert score.g_mean.value == pytest.approx((0.5 * 2 / 3) ** 0.5)


def test_what_was_told_wrongly_is_named_with_what_was_told() -> None:
    positive, found = np.array([True, False, True]), np.array([False, True, True])
    errors = _finding_errors("PVC", ("a", "b", "c"), positive, np.array([0.1, 0.7, 0.9]), found)
    told = [(e["record"], e["reference"], e["told"], e["probability"]) for e in errors]
    assert told == [
        ("a", "with PVC", "without PVC", pytest.approx(0.9)),
        ("b", "without PVC", "with PVC", 0.7),
    ]


@pytest.fixture
def few(data_dir: Path, tmp_path: Path) -> Path:
    """Eight records of CinC 2017 in a folder of their own."""
    folder = tmp_path / "cinc2017"
    folder.mkdir()
    source = (data_dir / "cinc2017").resolve()
    rows = (source / "REFERENCE-v3.csv").read_text().split()
    headers = {path.stem: path for path in sorted(source.rglob("*.hea"))}
    chosen = [row for row in rows if row.split(",")[0] in headers][:8]
    for row in chosen:
        header = headers[row.split(",")[0]]
        for file in header.parent.glob(f"{header.stem}.*"):
            (folder / file.name).symlink_to(file)
    (folder / "REFERENCE-v3.csv").write_text("\n".join(chosen) + "\n")
    return tmp_path


def test_the_command_on_real_records(few: Path) -> None:
    out = few / "out.json"
    command = ["evaluate", "cinc2017", "--data", str(few), "--json", str(out)]
    result = CliRunner().invoke(cli, command)
    assert result.exit_code == 0, result.output
    figures = json.loads(out.read_text())
    assert len(figures["records"]) == 8 and np.sum(figures["confusion"]) == 8
    assert "mean of normal, af, other" in result.output and "trained on" in result.output


def test_findings_of_lead_one_are_scored_and_an_empty_fold_is_said(data_dir: Path) -> None:
    result = evaluate_records("ptbxl", data_dir, "wrist", 9)
    assert result.run.trained_on == 0 and result.run.fold == 9
    assert result.findings["AFIB"].auc.value > 0.9 and result.findings["STACH"].auc.value > 0.9
    with pytest.raises(InputError, match="fold 0; leave --fold out"):
        evaluate_records("ptbxl", data_dir, "wrist", 0)
