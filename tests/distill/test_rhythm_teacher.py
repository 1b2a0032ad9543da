"""Teachers of rhythms learn, resume to the same weights, and tell only what they have not seen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from leadone.distill import rhythm_teacher as loop
from leadone.distill.datasets import fold_of
from leadone.distill.records import LabelledRecord
from leadone.distill.rhythm_teacher import RhythmTeacher, RhythmTeacherConfig, RhythmTeachers
from leadone.edge.errors import InputError
from leadone.edge.labels import RHYTHMS
from leadone.pretrain.encoder import EncoderConfig

SMALL = RhythmTeacherConfig(
    epochs=6,
    batch=8,
    seconds=12.0,
    hidden=8,
    fold=2,
    learning_rate=1e-2,
    ema=0.9,
    encoder=EncoderConfig((4, 4, 8, 8), (1, 1, 1), (1,), causal=False),
)


def _record(k: int) -> LabelledRecord:
    """A regular train of beats, or an irregular one in noise."""
    rng = np.random.default_rng(k)
    kind = k % 2
    gaps = 200 + (rng.uniform(-90, 90, 20) if kind else np.zeros(20))
    signal = rng.normal(0, 0.2 if kind else 0.01, 3000 + 100 * (k % 5)).astype(np.float32)
    for peak in np.cumsum(gaps).astype(int):
        if peak < len(signal) - 20:
            signal[peak - 8 : peak + 9] += np.hanning(17).astype(np.float32)
    return LabelledRecord(f"cinc2017/{k}", signal, np.eye(len(RHYTHMS), dtype=np.float32)[kind])


@pytest.fixture(autouse=True)
def synthetic(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(folder: Path, folds: tuple[int, ...]) -> list[LabelledRecord]:
        records = [_record(k) for k in range(120)]
        return [record for record in records if fold_of(record.group) in folds]

    monkeypatch.setattr(loop, "load_rhythms", load)
    monkeypatch.setattr(loop, "load_noise", lambda folder, share: [])


def test_it_learns_what_it_has_not_seen_and_a_broken_run_ends_as_an_unbroken_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = loop.train_rhythm_teacher(SMALL, tmp_path, tmp_path / "whole")
    teachers = RhythmTeachers.load([tmp_path / "whole"])
    unseen = [record for record in map(_record, range(200, 260)) if fold_of(record.group) == 2]
    told = np.array([teachers.tell(record) for record in unseen])
    truth = np.array([record.target.argmax() for record in unseen])
    assert len(unseen) > 5 and (told.argmax(1) == truth).mean() > 0.7
    softened = teachers.soften(unseen, 0.5)
    assert softened[0].target == pytest.approx(0.5 * unseen[0].target + 0.5 * told[0], abs=1e-6)

    save, saves = loop.save_run, []

    def killed_after_two(*arguments: object) -> None:
        save(*arguments)  # type: ignore[arg-type]
        saves.append(0)
        if len(saves) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(loop, "save_run", killed_after_two)
    with pytest.raises(KeyboardInterrupt):
        loop.train_rhythm_teacher(SMALL, tmp_path, tmp_path / "broken")
    resumed = loop.train_rhythm_teacher(SMALL, tmp_path, tmp_path / "broken")
    weights = [RhythmTeachers.load([run.parent]).models[0].state_dict() for run in (whole, resumed)]
    for name, value in weights[0].items():
        assert torch.equal(value, weights[1][name]), name


def test_a_run_goes_on_with_the_records_that_it_was_begun_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(SMALL, epochs=1)
    loop.train_rhythm_teacher(config, tmp_path, tmp_path / "run")
    load = loop.load_rhythms
    monkeypatch.setattr(loop, "load_rhythms", lambda folder, folds: load(folder, folds)[1:])
    with pytest.raises(InputError, match=r"begun on other data: .* \d+ whole records, here"):
        loop.train_rhythm_teacher(config, tmp_path, tmp_path / "run")


def test_a_record_that_all_have_seen_is_refused(tmp_path: Path) -> None:
    loop.train_rhythm_teacher(replace(SMALL, epochs=1), tmp_path, tmp_path / "run")
    teachers = RhythmTeachers.load([tmp_path / "run"])
    seen = next(record for record in map(_record, range(50)) if fold_of(record.group) == 3)
    with pytest.raises(InputError, match=r"has seen cinc2017/.* --fold 3"):
        teachers.tell(seen)
    with pytest.raises(InputError, match=r"holds no rhythm\.safetensors"):
        RhythmTeachers.load([tmp_path])


def test_what_follows_a_record_in_its_batch_counts_for_nothing() -> None:
    torch.manual_seed(0)
    model = RhythmTeacher(SMALL).eval()
    x = torch.randn(1, 2, 1, 3200)
    alone = model(x, torch.tensor([3200]))
    padded = torch.cat([x, torch.zeros(1, 2, 1, 1600)], 3)
    beside = model(padded, torch.tensor([3200]))
    assert torch.allclose(alone, beside, atol=0.2)  # but for the filters' reach beyond the end
