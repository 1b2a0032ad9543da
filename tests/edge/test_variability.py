"""Heart-rate variability against numpy on RR intervals made by hand."""

from collections.abc import Sequence

import numpy as np
import pytest

from leadone import analyze, read_record
from leadone.cli import DEMO_RECORD
from leadone.edge import scratch
from leadone.edge.analysis import Stretch, Variability
from leadone.edge.beat_store import BeatStore
from leadone.edge.events import Beat, Quality, Rhythm
from leadone.edge.stretches import Stretches
from leadone.edge.variability import MIN_DIFFERENCES, variability_of

FIGURES = ("sdnn_ms", "rmssd_ms", "pnn50_percent", "sd1_ms", "sd2_ms")
SINUS_MS = (800 + 60 * np.sin(np.arange(400) / 3) + 30 * np.cos(np.arange(400) * 2)).tolist()


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "CHUNK", 16)


def store_of(rr_ms: Sequence[float], labels: dict[int, str] | None = None) -> BeatStore:
    """Beats at 1 s and after each RR; `labels` are those of beats that are not N."""
    times = (1 + np.cumsum([0.0, *rr_ms]) / 1000).tolist()
    names = labels or {}
    return BeatStore(
        Beat(r, r - 0.05, r + 0.05, label=names.get(k, "N")) for k, r in enumerate(times)
    )


def expected(rr_ms: Sequence[float], is_nn: Sequence[bool]) -> dict[str, float]:
    """The definitions, as they are written, over NN intervals and pairs of neighbouring ones."""
    nn = np.array([rr for rr, known in zip(rr_ms, is_nn, strict=True) if known])
    at = [k for k in range(1, len(rr_ms)) if is_nn[k] and is_nn[k - 1]]
    change = np.array([rr_ms[k] - rr_ms[k - 1] for k in at])
    total = np.array([rr_ms[k] + rr_ms[k - 1] for k in at])
    return {
        "sdnn_ms": float(np.std(nn, ddof=1)),
        "rmssd_ms": float(np.sqrt(np.mean(np.square(change)))),
        "pnn50_percent": 100 * float(np.mean(np.abs(change) > 50)),
        "sd1_ms": float(np.std(change / np.sqrt(2), ddof=1)),
        "sd2_ms": float(np.std(total / np.sqrt(2), ddof=1)),
    }


def assert_is(found: Variability, rr_ms: Sequence[float], left_out: set[int]) -> None:
    is_nn = [k not in left_out for k in range(len(rr_ms))]
    assert found.nn_intervals == sum(is_nn)
    told = {name: getattr(found, name) for name in FIGURES}
    assert told == pytest.approx(expected(rr_ms, is_nn), abs=1e-6)


def test_a_sinus_rhythm() -> None:
    found = variability_of(store_of(SINUS_MS), (), ())
    assert_is(found, SINUS_MS, set())
    assert (found.pnn50_percent or 0) > 20


def test_intervals_beside_other_beats_are_none() -> None:
    labels = {15: "V", 16: "V", 100: "S", 200: "Q"}
    found = variability_of(store_of(SINUS_MS, labels), (), ())
    assert_is(found, SINUS_MS, {14, 15, 16, 99, 100, 199, 200})


def test_gaps_and_beats_that_were_missed_or_are_none_leave_intervals_out() -> None:
    rr_ms = list(SINUS_MS)
    rr_ms[31], rr_ms[32], rr_ms[150], rr_ms[250] = 3001.0, 2999.0, 1600.0, 400.0
    found = variability_of(store_of(rr_ms), (), ())
    assert_is(found, rr_ms, {31, 32, 150, 250})


def test_a_rate_that_stays_changed_is_believed() -> None:
    rr_ms = [1000.0 + k % 7 for k in range(100)] + [500.0 + k % 7 for k in range(100)]
    found = variability_of(store_of(rr_ms), (), ())
    assert_is(found, rr_ms, {100, 101, 102, 103})


@pytest.mark.parametrize("state", ["noisy", "lead_off"])
def test_what_touches_a_second_that_is_not_good_is_left_out(state: str) -> None:
    """A beat that was not told stands in the quality as such a second."""
    rr_ms = [800.0 + k % 5 for k in range(200)]
    r_s = 1 + np.cumsum([0.0, *rr_ms]) / 1000
    bad = [(20.0, 21.0), (30.0, 45.0), (100.0, 101.0)]
    quality = [Quality(start_s, end_s, state) for start_s, end_s in bad]
    quality[1:1] = [Quality(21.0, 30.0, "good", "powerline")]
    left_out = {
        k for k in range(200) if any(r_s[k] < end and r_s[k + 1] > start for start, end in bad)
    }
    assert 3 < len(left_out) < 40
    assert_is(variability_of(store_of(rr_ms), quality, ()), rr_ms, left_out)


def test_af_is_left_out_from_where_its_first_window_begins() -> None:
    rr_ms = [800.0 + k % 5 for k in range(400)]
    r_s = 1 + np.cumsum([0.0, *rr_ms]) / 1000
    rhythms = [Stretch(0, 100, "normal"), Stretch(100, 150, "af"), Stretch(150, 320, "other")]
    left_out = {k for k in range(400) if r_s[k] < 150 and r_s[k + 1] > 70}
    assert_is(variability_of(store_of(rr_ms), (), rhythms), rr_ms, left_out)


def test_little_says_nothing() -> None:
    rr_ms = SINUS_MS[: MIN_DIFFERENCES + 1]
    assert variability_of(store_of(rr_ms), (), ()).sdnn_ms is not None
    assert variability_of(store_of(rr_ms[1:]), (), ()) == Variability(MIN_DIFFERENCES)
    assert variability_of(BeatStore(), (), ()) == Variability(0)
    trigeminy = {k: "V" for k in range(0, 400, 3)}  # every third interval is NN, none beside one
    assert variability_of(store_of(SINUS_MS, trigeminy), (), ()) == Variability(133)


def test_what_is_left_of_much_af_says_nothing() -> None:
    rhythms = [Stretch(0, 200, "af"), Stretch(200, 330, "normal")]
    found = variability_of(store_of(SINUS_MS), (), rhythms)
    assert found == Variability(found.nn_intervals) and found.nn_intervals > MIN_DIFFERENCES


def test_a_change_of_50_ms_is_not_above_50_ms() -> None:
    """As between whole samples at 200, 360, 500 or 1000 Hz."""
    rr_ms = [[800.0, 850.0][k % 2] for k in range(200)]
    assert variability_of(store_of(rr_ms), (), ()).pnn50_percent == 0
    rr_ms = [[800.0, 850.1][k % 2] for k in range(200)]
    assert variability_of(store_of(rr_ms), (), ()).pnn50_percent == 100


def test_the_demo_is_told_without_its_missed_beats() -> None:
    """Two gaps in noise, of 1.7 and 2.6 s, would make an RMSSD of 225 ms."""
    found = analyze(read_record(DEMO_RECORD)).heart_rate_variability
    assert found.nn_intervals > 250
    assert found.rmssd_ms is not None and found.rmssd_ms < 40


def test_stretches_follow_one_another() -> None:
    stretches = Stretches()
    for end_s, label in ((30.0, "af"), (40.0, "af"), (50.0, "normal"), (60.0, "normal")):
        stretches.add(Rhythm(end_s - 30, end_s, label))
    told = [Stretch(0, 40, "af"), Stretch(40, 60, "normal")]
    assert list(stretches.finish()) == told and list(stretches.finish()) == told
