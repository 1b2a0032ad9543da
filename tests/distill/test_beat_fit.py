"""Beat classes: the fit finds what is there, and its members' mean is what it says."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from leadone.distill import beat_data, beat_fit
from leadone.distill.beat_data import BeatData, collect_beats
from leadone.distill.beat_fit import fit_beats
from leadone.distill.datasets import fold_of
from leadone.distill.hinted_beats import (
    NONE,
    SOME,
    UNKNOWN,
    HintedBeats,
    collect_hinted,
    hints_of,
)
from leadone.distill.records import ptbxl_records
from leadone.edge.beat_context import FEATURES
from leadone.edge.beat_model import CLASSES
from leadone.edge.bundle import load_bundle
from leadone.edge.errors import InputError

EARLY, WIDER, TURNED = (FEATURES.index(name) for name in ("premature", "wider", "turned"))


def _data(seed: int, n: int = 3000) -> BeatData:
    """S beats are early, V beats early and wide; N neither."""
    rng = np.random.default_rng(seed)
    classes = rng.choice(3, n, p=[0.9, 0.05, 0.05])
    features = rng.normal(0, 0.1, (n, len(FEATURES)))
    features[:, EARLY] -= 0.5 * (classes > 0)
    features[:, WIDER] += 0.5 * (classes == 2)
    counts = np.bincount(classes)
    return BeatData(features, classes, counts[classes] ** -0.5, np.full(n, "1"), np.arange(n) * 0.8)


def test_it_finds_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beat_fit, "STEPS", 300)
    model, unseen = fit_beats(_data(0)), _data(1)
    told = model.logits(unseen.features).argmax(1)
    for k, name in enumerate(CLASSES):
        assert (told[unseen.classes == k] == k).mean() > 0.9, name
    assert fit_beats(_data(0)).as_manifest() == model.as_manifest()


def test_what_is_known_of_records_alone_moves_their_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wide beats of these hearts are not V, turned ones may be: marked beats say neither."""
    monkeypatch.setattr(beat_fit, "STEPS", 400)
    rng = np.random.default_rng(0)
    features = rng.normal(0, 0.1, (4000, len(FEATURES)))
    records = np.repeat(np.arange(400), 10)
    features[:, WIDER] += 0.5 * (rng.random(4000) < 0.3)
    has_v = records % 4 == 0
    is_v = has_v & (np.arange(4000) % 10 == 5)
    features[is_v, TURNED] += 1
    hints = np.full((400, 3), UNKNOWN, np.int8)
    hints[:, 2] = np.where(np.arange(400) % 4 == 0, SOME, NONE)
    told_v = [
        fit_beats(_data(0), hinted).logits(features).argmax(1) == 2
        for hinted in (None, HintedBeats(features, records, hints))
    ]
    wide = ~has_v & (features[:, WIDER] > 0.25)
    assert told_v[0][wide].mean() > 0.3 > 0.15 > told_v[1][wide].mean()
    assert told_v[0][is_v].mean() < 0.2 < 0.8 < told_v[1][is_v].mean()
    assert told_v[1][has_v & ~is_v].mean() < 0.1


def test_statements_of_a_record() -> None:
    """PVC says that some beat is V; without it none is, unless a statement leaves that open."""
    of = {"SR": (NONE, NONE), "PVC": (NONE, SOME), "PAC": (SOME, NONE), "BIGU": (UNKNOWN, UNKNOWN)}
    of |= {"AFIB": (UNKNOWN, NONE)}
    for code, (s, v) in of.items():
        assert hints_of(frozenset({code})) == [UNKNOWN, s, v], code
    assert hints_of(frozenset({"PVC", "TRIGU"})) == [UNKNOWN, UNKNOWN, SOME]


def test_hinted_beats_are_those_of_training_folds(data_dir: Path) -> None:
    network = load_bundle("wrist").files["model.onnx"]
    hinted = collect_hinted(data_dir, {None: network})
    rows = [label for _, _, label in ptbxl_records(data_dir) if label.fold < 9]
    paced = sum("PACE" in label.codes for label in rows)
    assert 0.98 * (len(rows) - paced) < len(hinted.hints) <= len(rows) - paced
    assert hinted.features.shape == (len(hinted.records), len(FEATURES))
    assert np.isfinite(hinted.features).all() and (np.diff(hinted.records) >= 0).all()
    assert np.bincount(hinted.records).min() >= 6


def test_a_class_without_beats_is_refused() -> None:
    data = _data(0, 300)
    with pytest.raises(InputError, match="no labelled beat to fit the classes on is V"):
        fit_beats(replace(data, classes=np.minimum(data.classes, 1)))


def test_the_model_is_the_mean_of_its_members(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beat_fit, "STEPS", 20)
    data = _data(0, 400)
    together = fit_beats(data, seed=5).logits(data.features)
    monkeypatch.setattr(beat_fit, "MEMBERS", 1)
    alone = [fit_beats(data, seed=5 + k).logits(data.features) for k in range(3)]
    assert together == pytest.approx(np.mean(alone, 0))


def test_each_record_is_read_by_its_own_network_and_the_fold_left_out_by_none(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["100", "101", "102", "104", "106", "108"]
    here = [n for n in names if (data_dir / "mitdb" / f"{n}.hea").is_file()]
    monkeypatch.setattr(beat_data, "record_names", lambda folder: here)
    opened: list[bytes] = []
    network = load_bundle("wrist").files["model.onnx"]

    def lead(path: Path, channel: int, given: bytes) -> BeatData:
        opened.append(given)
        rows = np.zeros((1, len(FEATURES)))
        return BeatData(rows, np.zeros(1, np.int64), np.ones(1), np.array([path.name]), np.ones(1))

    monkeypatch.setattr(beat_data, "read_lead", lead)
    monkeypatch.setattr(beat_data, "StreamingNetwork", lambda given: given)
    left_out, own = fold_of(f"mitdb/{here[0]}"), fold_of(f"mitdb/{here[1]}")
    data = collect_beats(data_dir / "mitdb", {None: network, own: b"own"}, left_out)
    kept = [n for n in here if fold_of(f"mitdb/{n}") != left_out]
    assert sorted(set(data.records)) == sorted(kept) and left_out != own
    assert opened.count(b"own") == 2 * sum(fold_of(f"mitdb/{n}") == own for n in kept) > 0
