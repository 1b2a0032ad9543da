"""Who is trained on: patients on one side only, partners of the same patient."""

import numpy as np

from leadone.pretrain.shards import Row
from leadone.pretrain.windows import split, windows_of


def rows(patients: list[str | None]) -> list[Row]:
    return [Row(f"x/{k}", patient, 0.0) for k, patient in enumerate(patients)]


def test_a_patient_is_on_one_side_only() -> None:
    windows = windows_of(rows([f"patient{k // 3}" for k in range(300)]))
    training, held_out = split(windows, 0.3)
    assert not set(training.patient) & set(held_out.patient)
    assert 0.15 < len(held_out) / 300 < 0.45 and len(training) + len(held_out) == 300
    again, _ = split(windows_of(rows([f"patient{k // 3}" for k in range(600)])), 0.3)
    assert set(training.patient) <= set(again.patient), "more data moved a patient"
    assert len(split(windows, 0.0)[1]) == 0


def test_where_nobody_says_each_record_is_a_patient() -> None:
    windows = windows_of([Row("x/0", None, 0.0), Row("x/0", None, 10.0), Row("x/1", None, 0.0)])
    assert windows.patient[0] == windows.patient[1] != windows.patient[2]


def test_leads_that_are_there() -> None:
    windows = windows_of([Row("x/0", None, 0.0, ("i", "v1")), Row("x/1", None, 0.0)])
    assert windows.has_lead.tolist() == [[True] + [False] * 5 + [True] + [False] * 5, [True] * 12]


def test_another_window_of_the_patient() -> None:
    windows = windows_of(rows(["a", "b", "a", "c", "a", "b"]))
    rng = np.random.default_rng(0)
    drawn = np.array([windows.another_of_patient(np.arange(6), rng) for _ in range(200)])
    assert set(drawn[:, 0]) == {2, 4} and set(drawn[:, 2]) == {0, 4}
    assert set(drawn[:, 1]) == {5} and set(drawn[:, 3]) == {3}
    one = [windows.one_of_each_patient(rng) for _ in range(50)]
    assert all(
        sorted(windows.patient[k] for k in drawn) == sorted(set(windows.patient)) for drawn in one
    )
    assert {tuple(drawn) for drawn in one} != {tuple(one[0])}
