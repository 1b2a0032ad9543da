"""A teacher fills what annotators left open, and nothing else; a student is trained on it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from leadone.distill import finetune as loop
from leadone.distill.datasets import LabelledLead, Wave
from leadone.distill.delineator import Delay, Delineator, decoder_lags
from leadone.distill.distillation import distill
from leadone.distill.finetune import FinetuneConfig, load_run
from leadone.distill.records import LabelledRecord
from leadone.distill.targets import FULL, dense_targets
from leadone.distill.teacher import (
    Opinion,
    Teacher,
    certain_beats,
    fill_open,
    unlabelled_lead,
    weights_hash,
)
from leadone.edge.errors import InputError
from leadone.edge.labels import NONE, QRS, P, T
from leadone.pretrain.encoder import EncoderConfig

SMALL = FinetuneConfig(
    epochs=2,
    batch=8,
    encoder=EncoderConfig(channels=(4, 4, 8, 8), blocks=(1, 1, 1), dilations=(1,)),
)


def _signal(n: int = 2600) -> np.ndarray:
    signal = np.random.default_rng(0).normal(0, 0.01, n).astype(np.float32)
    for peak in range(150, n - 100, 200):
        signal[peak - 8 : peak + 9] += np.hanning(17).astype(np.float32)
    return signal


def _lead() -> LabelledLead:
    waves = tuple(Wave(QRS, p - 8.0, float(p), p + 8.0) for p in range(150, 2500, 200))
    span = (waves[0].onset, waves[-1].offset)
    return LabelledLead("ludb/1", "ludb", "i", _signal(), waves, (span,), (), False)


def test_what_is_annotated_stays_and_what_is_open_is_told_among_what_is_possible() -> None:
    lead = replace(_lead(), without_p=((2500.0, 2600.0),))
    dense = dense_targets(lead)
    before = dense.copy()
    waves = np.tile(np.array([[0.2], [0.4], [0.1], [0.3]], np.float32), (1, 1300))
    fill_open(dense, waves, unreadable=[(0.0, 100.0)])
    known = before[4] == FULL
    assert np.array_equal(dense[:, known], before[:, known])
    assert np.array_equal(dense[:, :100], before[:, :100])  # unreadable stays open
    assert dense[:, 120].tolist() == [40, 80, 20, 60, FULL]
    told = {NONE: 0.2 / 0.6, P: 0.0, QRS: 0.1 / 0.6, T: 0.3 / 0.6}  # no P, others in proportion
    assert [dense[k, 2550] for k in told] == [round(FULL * share) for share in told.values()]


def test_a_teacher_that_contradicts_what_is_known_says_nothing() -> None:
    dense = dense_targets(replace(_lead(), spans=(), without_p=((0.0, 2600.0),)))
    only_p = np.zeros((4, 1300), np.float32)
    only_p[P] = 1.0
    before = dense.copy()
    fill_open(dense, only_p)
    assert np.array_equal(dense, before)


def test_beats_are_taken_where_one_class_is_certain() -> None:
    waves, beats = np.zeros((4, 100), np.float32), np.full((4, 25), 0.25, np.float32)
    waves[NONE] = 0.9
    for first in (20, 60):
        waves[QRS, first : first + 8] = 1.0
    beats[:, 5:8] = np.array([0.02, 0.01, 0.96, 0.01])[:, None]  # V, and the second undecided
    assert certain_beats(Opinion(waves, beats)) == [(48.0, "V")]
    told = certain_beats(Opinion(waves, beats), "N")  # as its record's label says
    assert told == [(48.0, "N"), (128.0, "N")]


def test_a_teacher_sees_as_much_after_a_moment_as_before_it() -> None:
    """Its answer is late as a student's, but depends on what comes after it was due."""
    torch.manual_seed(0)
    reach = {}
    for causal in (True, False):
        model = Delineator(EncoderConfig(causal=causal)).eval()
        x = torch.randn(1, 2, 1, 4096, requires_grad=True)
        waves, _, _ = model(x)
        assert waves.shape[-1] == 2048
        waves[0, :, 0, 1024].sum().backward()  # speaks of samples 1904 and 1905
        touched = np.flatnonzero(x.grad[0].abs().sum((0, 1)).numpy())
        reach[causal] = touched[0], touched[-1]
    assert reach[True][1] == 2063  # the end of its hop
    before, after = 1904 - reach[False][0], reach[False][1] - 1904
    assert abs(before - after) <= 16 and reach[False][1] > 2063


def test_each_level_of_the_decoder_is_late_enough() -> None:
    assert decoder_lags() == (11, 30, 68)
    x = torch.arange(5.0).reshape(1, 1, 1, 5)
    assert Delay(2, 1)(x).flatten().tolist() == [0, 0, 0, 1, 2]


@pytest.fixture
def synthetic(monkeypatch: pytest.MonkeyPatch) -> None:
    rhythms = [
        LabelledRecord(
            f"cinc2017/{k}",
            _signal(3000),
            np.eye(4, dtype=np.float32)[k % 4],
            without_p=k % 4 == 1,
            is_readable=k % 4 != 3,
        )
        for k in range(16)
    ]
    monkeypatch.setattr(loop, "training_leads", lambda data, fold: [_lead()] * 8)
    monkeypatch.setattr(loop, "training_rhythms", lambda data, config: rhythms)
    monkeypatch.setattr(loop, "load_noise", lambda folder, share: [])


def test_a_student_learns_from_a_teacher(synthetic: None, tmp_path: Path) -> None:
    wide = replace(SMALL, fold=2, encoder=replace(SMALL.encoder, causal=False))
    loop.finetune(wide, tmp_path, tmp_path / "teacher")
    plan = replace(SMALL.plan, unlabelled_crops=16)
    student = replace(SMALL, fold=2, plan=plan)
    weights = distill(student, tmp_path, tmp_path / "student", [tmp_path / "teacher"])
    _, config = load_run(weights)
    before = _hash(tmp_path / "teacher")
    assert config.teacher == before and config.encoder.causal
    loop.finetune(wide, tmp_path, tmp_path / "teacher")  # done: the same weights, another file
    assert before == _hash(tmp_path / "teacher") != _hash(tmp_path / "student")
    with pytest.raises(InputError, match="trained on fold 1"):
        distill(replace(student, fold=1), tmp_path, tmp_path / "x", [tmp_path / "teacher"])
    with pytest.raises(InputError, match="another configuration"):
        loop.finetune(student, tmp_path, tmp_path / "student")


def _hash(run: Path) -> str:
    return weights_hash([load_run(run)[0]])


def test_targets_hold_every_readable_record(synthetic: None, tmp_path: Path) -> None:
    run = loop.finetune(replace(SMALL, epochs=1), tmp_path, tmp_path / "teacher")
    teacher = Teacher.load([run, run], None, 2.0)
    records = loop.training_rhythms(tmp_path, SMALL)
    leads, dense = teacher.targets([_lead()], records)
    assert len(leads) == len(dense) == 1 + 12  # every fourth is noise
    assert all(targets[4].all() for targets in dense)
    af = next(k for k, lead in enumerate(leads) if lead.group == "cinc2017/1")
    assert dense[af][P].max() == 0 and unlabelled_lead(records[1]).without_p
