"""A wearer's beats move the last layer, other hearts hold it; drift from recording to recording."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from leadone.cli import cli
from leadone.distill.beat_data import BeatData, joined
from leadone.distill.datasets import fold_of
from leadone.distill.drift import drift
from leadone.distill.personal import (
    GENERAL_TEST_FOLDS,
    adapt,
    figures,
    fit_last_layer,
    split_hearts,
    step_back,
    write_personal,
)
from leadone.edge.analysis import Analysis
from leadone.edge.beat_context import FEATURES
from leadone.edge.beat_model import BeatModel
from leadone.edge.bundle import load_bundle
from leadone.edge.errors import InputError
from leadone.edge.events import Beat, Rhythm
from leadone.edge.record import Record

WIDER, PREMATURE = FEATURES.index("wider"), FEATURES.index("premature")


def _general() -> BeatModel:
    """V where a beat is wider by more than 1, whatever else."""
    k = len(FEATURES)
    hidden = np.zeros((2, k))
    hidden[0, WIDER], hidden[1, PREMATURE] = 1.0, 1.0
    last = np.array([[0.0, 0.0], [0.0, 0.0], [4.0, 0.0]])
    layers = ((hidden, np.zeros(2)), (last, np.array([0.0, -20.0, -4.0])))
    return BeatModel(np.zeros(k), np.ones(k), layers)


def _beats(n: int, limit: float, seed: int, name: str) -> BeatData:
    """Beats that are V where `wider` is above `limit`."""
    rng = np.random.default_rng(seed)
    features = rng.uniform(0, 3, (n, len(FEATURES)))
    classes = np.where(features[:, WIDER] > limit, 2, 0)
    counts = np.bincount(classes, minlength=3)
    times = np.arange(n) * 0.8
    return BeatData(features, classes, counts[classes] ** -0.5, np.full(n, name), times)


def test_the_wearer_is_told_better_and_others_no_worse() -> None:
    own, others = _beats(400, 1.6, 0, "me"), _beats(3000, 1.2, 1, "other")
    best = fit_last_layer(_general(), own, others)
    model, share = step_back(_general(), best, (own, others))
    assert share > 0
    later = _beats(400, 1.6, 2, "me")
    assert figures(model, later)["V"].f1 > figures(_general(), later)["V"].f1 + 0.02
    assert figures(model, others)["V"].f1 >= figures(_general(), others)["V"].f1
    for (before, _), (after, _) in zip(_general().layers[:-1], model.layers[:-1], strict=True):
        assert np.array_equal(before, after)  # the head only


def test_labels_that_contradict_every_other_heart_change_nothing() -> None:
    own, others = _beats(400, 1.0, 0, "me"), _beats(3000, 1.0, 1, "other")
    wrong = replace(own, classes=np.where(own.classes == 2, 0, 2))
    best = fit_last_layer(_general(), wrong, others)
    model, share = step_back(_general(), best, (wrong, others))
    assert share == 0.0 and model is not best


def test_the_general_test_is_of_hearts_that_taught_nothing() -> None:
    names = ("100", "101", "103", "105", "106", "108", "109", "203")
    hearts = joined([_beats(20, 1.0, k, name) for k, name in enumerate(names)])
    taught, tested = split_hearts(hearts, Path("data"))
    assert {fold_of(f"mitdb/{name}") for name in tested.records} == set(GENERAL_TEST_FOLDS)
    assert not set(taught.records) & set(tested.records)
    assert set(taught.records) | set(tested.records) == set(names)
    with pytest.raises(InputError, match="too few other hearts"):
        split_hearts(taught, Path("data"))


def test_a_step_that_any_set_loses_by_is_not_taken() -> None:
    own, others = _beats(400, 1.6, 0, "me"), _beats(3000, 1.2, 1, "other")
    best = fit_last_layer(_general(), own, others)
    against = _beats(3000, 1.0, 3, "test")  # the general model is right here
    _, free = step_back(_general(), best, (own, others))
    model, held = step_back(_general(), best, (own, others, against))
    assert held < free
    assert figures(model, against)["V"].f1 >= figures(_general(), against)["V"].f1


def test_drift_is_told_in_order_of_time() -> None:
    def analysis(name: str, day: int | None, factor: float) -> Analysis:
        t = np.arange(0, 20, 1 / 250)
        signal = factor * np.exp(-(((t % 0.8) - 0.4) ** 2) / 2e-4)
        start = None if day is None else datetime(2026, 11, day, 8, 0)
        record = Record(signal.astype(np.float32), 250.0, "I", start, name)
        beats = tuple(Beat(0.4 + 0.8 * k, 0.35 + 0.8 * k, 0.45 + 0.8 * k) for k in range(24))
        intervals = {"pr": None, "qrs": 100.0, "qt": None, "qtc": None}
        return Analysis(record, {}, beats, Rhythm(0, 20, "normal"), (), (), (), intervals, 75.0)

    days = drift([analysis("c", None, 1), analysis("b", 20, -0.5), analysis("a", 3, 1.0)])
    assert [day.record for day in days] == ["a", "b", "c"]
    assert days[0].likeness == pytest.approx(1) and days[1].likeness == pytest.approx(-1, abs=0.01)
    assert days[1].height == pytest.approx(0.5, abs=0.02) and days[2].start_time is None


def test_a_real_wearer(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few other hearts stand for all: this is about the way, the figures are in README."""
    from leadone.distill import beat_data

    few = lambda folder: ["101", "106", "119", "203"]  # noqa: E731
    monkeypatch.setattr(beat_data, "record_names", few)
    bundle = load_bundle("wrist")
    found = adapt(bundle, [data_dir / "mitdb" / "203"], data_dir)
    assert found.learned_from > 400 and found.own_before["V"].beats > 300
    for label in "SV":
        before, after = found.general_before[label].f1, found.general_after[label].f1
        assert np.isnan(before) or after >= before
    write_personal(bundle, found, tmp_path / "me", "me")
    mine = load_bundle(tmp_path / "me")
    assert mine.manifest["name"] == "wrist-me" and mine.files == bundle.files
    assert mine.manifest["personal"]["of"]["sha256"] == bundle.sha256
    with pytest.raises(InputError, match="labelled beats in the first 10 s"):
        adapt(bundle, [data_dir / "mitdb" / "203"], data_dir, learn_s=10.0)


def test_records_without_labels_show_their_drift_alone(data_dir: Path, tmp_path: Path) -> None:
    records = sorted((data_dir / "ludb").rglob("*.hea"))[:2]
    asked = [option for record in records for option in ("--person", str(record))]
    out = tmp_path / "me"
    result = CliRunner().invoke(
        cli, ["finetune", *asked, "--data", str(data_dir), "--out", str(out)]
    )
    assert result.exit_code == 0, result.output
    assert "nothing was adapted" in result.output and not out.exists()
