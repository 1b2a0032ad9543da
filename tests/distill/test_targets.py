import numpy as np
import pytest
import torch

from leadone.distill.datasets import LabelledLead, Wave, fold_of
from leadone.distill.targets import (
    NO_BEAT,
    beat_targets,
    dense_targets,
    frame_targets,
    mixed_targets,
    wave_loss,
)
from leadone.edge.labels import NONE, QRS, P, T

N = 500


def _lead(dataset: str = "ludb", **labels: object) -> LabelledLead:
    given: dict[str, object] = {
        "waves": (),
        "spans": (),
        "beats": (),
        "beats_complete": False,
        **labels,
    }
    signal = np.zeros(N, np.float32)
    return LabelledLead("g", dataset, "i", signal, **given)  # type: ignore[arg-type]


WAVES = (Wave(P, 50.5, 60, 70), Wave(QRS, 80, 90, 100), Wave(T, float("nan"), 150, 170))


def _possible(frame: np.ndarray) -> set[int]:
    return set(np.flatnonzero(frame[:4]).tolist())


def test_inside_a_span_every_frame_is_known_outside_none_is() -> None:
    dense = dense_targets(_lead(waves=WAVES, spans=((40, 180),)))
    assert _possible(dense[:, 20]) == {NONE, P, QRS, T} and dense[4, 20] == 0
    assert _possible(dense[:, 60]) == {P} and dense[4, 60] > 0
    assert _possible(dense[:, 75]) == {NONE}
    assert _possible(dense[:, 90]) == {QRS}


def test_an_edge_between_samples_is_kept() -> None:
    dense = dense_targets(_lead(waves=WAVES, spans=((40, 180),)))
    coverage, complete = frame_targets(dense, 40.5 - 1, 1.0, 40)
    total = coverage[P].sum()
    assert total == pytest.approx(70 - 50.5, abs=0.02)
    assert complete[5:].min() > 0.99


def test_an_unknown_onset_leaves_the_stretch_open() -> None:
    dense = dense_targets(_lead(waves=WAVES, spans=((40, 180),)))
    assert _possible(dense[:, 120]) == {NONE, T} and dense[4, 120] == 0
    assert _possible(dense[:, 160]) == {T}


def test_other_annotators_do_not_teach_edges() -> None:
    dense = dense_targets(_lead("qtdb", waves=WAVES, spans=((40, 180),)))
    assert _possible(dense[:, 51]) == {NONE, P} and dense[4, 51] == 0
    assert _possible(dense[:, 60]) == {P}


def test_beats_alone_teach_where_a_qrs_is_and_is_not() -> None:
    lead = _lead(beats=((200.0, "V"),), beats_complete=True, unreadable=((300, 400),))
    dense = dense_targets(lead)
    assert _possible(dense[:, 200]) == {QRS}
    assert _possible(dense[:, 225]) == {NONE, P, QRS, T}  # a wide QRS may reach here
    assert _possible(dense[:, 260]) == {NONE, P, T}
    assert _possible(dense[:, 350]) == {NONE, P, QRS, T}


def test_fibrillation_has_no_p() -> None:
    dense = dense_targets(_lead(without_p=((0, 250),)))
    assert _possible(dense[:, 100]) == {NONE, QRS, T}
    assert _possible(dense[:, 300]) == {NONE, P, QRS, T}


def test_warped_frames_cover_the_same_wave() -> None:
    dense = dense_targets(_lead(waves=WAVES, spans=((40, 180),)))
    for step in (0.8, 1.25, 2.0):
        coverage, _ = frame_targets(dense, 39.5, step, int(60 / step))
        assert coverage[QRS].sum() * step == pytest.approx(20, abs=0.6)


def test_a_mix_is_certain_only_where_both_agree() -> None:
    a = dense_targets(_lead(waves=WAVES, spans=((40, 180),)))
    b = dense_targets(_lead(waves=(Wave(P, 54, 60, 70), *WAVES[1:]), spans=((40, 180),)))
    mixed = mixed_targets(a, b)
    assert _possible(mixed[:, 52]) == {NONE, P} and mixed[4, 52] == 0
    assert _possible(mixed[:, 60]) == {P} and mixed[4, 60] > 0


def test_beat_frames() -> None:
    lead = _lead(beats=((84.0, "V"), (200.0, "F")))
    target = beat_targets(lead, -0.5, 8, 40)
    assert target[9:12].tolist() == [2, 2, 2]
    assert (target != NO_BEAT).sum() == 3  # a fusion beat teaches neither N nor V


def test_loss_is_the_cross_entropy_where_known_and_the_joint_probability_where_not() -> None:
    logits = torch.tensor([[[2.0, 0.0], [0.0, 0.0], [0.0, 1.0], [0.0, 0.0]]])
    coverage = torch.tensor([[[1.0, 1.0], [0.0, 0.0], [0.0, 1.0], [0.0, 0.0]]])
    p = torch.softmax(logits, 1)
    full = wave_loss(logits, coverage, torch.tensor([[1.0, 0.0]]))
    expected = -(p[0, 0, 0].log() + (p[0, 0, 1] + p[0, 2, 1]).log()) / 2
    assert float(full) == pytest.approx(float(expected), abs=1e-6)


def test_frames_about_which_nothing_is_known_do_not_count() -> None:
    logits = torch.randn(1, 4, 3)
    coverage = torch.ones(1, 4, 3)
    coverage[0, :, 0] = torch.tensor([0.0, 1.0, 0.0, 0.0])
    complete = torch.tensor([[1.0, 0.0, 0.0]])
    alone = wave_loss(logits[:, :, :1], coverage[:, :, :1], complete[:, :1])
    assert float(wave_loss(logits, coverage, complete)) == pytest.approx(float(alone))


def test_folds_are_even_and_keep_an_excerpt_with_its_source() -> None:
    folds = np.bincount([fold_of(f"ludb/{k}") for k in range(1, 201)], minlength=5)
    assert folds.min() >= 30
    assert fold_of("mitdb/102") == fold_of("mitdb/102")
