"""Beats from a scratch file are the beats that went in."""

import numpy as np
import pytest

from leadone.edge import scratch
from leadone.edge.beat_store import BeatStore
from leadone.edge.events import Beat, Quality
from leadone.edge.intervals import heart_rate_bpm, median_intervals_ms
from leadone.edge.stored_intervals import (
    interval_values_ms,
    rr_before_s,
    stored_intervals_ms,
    stored_rate_bpm,
)


def beats_of(count: int, labels: str = "NNSVQ") -> list[Beat]:
    rng = np.random.default_rng(count)
    beats, r_s = [], 0.0
    for _ in range(count):
        r_s += float(rng.choice([0.4, 0.8, 0.81, 5.0], p=[0.1, 0.5, 0.35, 0.05]))
        waves: list[float | None] = [r_s - 0.2, r_s - 0.1, r_s + 0.2, r_s + 0.35]
        if rng.random() < 0.2:
            waves[:2] = None, None
        if rng.random() < 0.2:
            waves[2:] = None, None
        spans = [(r_s - 0.4 + 0.01 * k, r_s - 0.3) for k in range(int(rng.integers(0, 3)))]
        label = labels[int(rng.integers(len(labels)))]
        edges = (r_s, r_s - 0.05, r_s + float(rng.uniform(0.03, 0.07)))
        beats.append(Beat(*edges, *waves, label, float(rng.random()), tuple(spans)))
    return beats


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "CHUNK", 16)


@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 100])
def test_beats_come_back_to_the_last_bit(count: int) -> None:
    beats = beats_of(count)
    store = BeatStore(beats)
    assert len(store) == count and list(store) == beats
    assert [store[k] for k in range(count)] == beats
    assert [store[k - count] for k in range(count)] == beats
    assert store[3:90:7] == beats[3:90:7] and store[-5:] == beats[-5:]
    with pytest.raises(IndexError):
        store[count]


def test_beats_are_added_between_readings() -> None:
    beats, store = beats_of(60), BeatStore()
    for k, beat in enumerate(beats):
        store.append(beat)
        assert store[k // 2] == beats[k // 2] and len(list(store)) == k + 1


@pytest.mark.parametrize(("count", "labels"), [(0, "N"), (1, "N"), (100, "NNSVQ"), (50, "V")])
def test_intervals_are_those_of_beats_in_memory(count: int, labels: str) -> None:
    beats = beats_of(count, labels)
    store = BeatStore(beats)
    assert stored_intervals_ms(store, ()) == pytest.approx(median_intervals_ms(beats), abs=1e-9)
    assert stored_rate_bpm(store, ()) == pytest.approx(heart_rate_bpm(beats))


def test_no_interval_is_counted_across_signal_that_is_not_good() -> None:
    r_s = np.delete(0.7 * np.arange(1, 80), [29, 30])  # two beats are lost in noise
    beats = [Beat(r, r - 0.04, r + 0.04, t_on_s=r + 0.2, t_off_s=r + 0.3) for r in r_s.tolist()]
    store = BeatStore(beats)
    noise = (Quality(0.0, 20.5, "good"), Quality(20.5, 22.0, "noisy", "muscle"))
    assert stored_rate_bpm(store, noise) == pytest.approx(60 / 0.7)
    assert heart_rate_bpm(beats, noise) == pytest.approx(60 / 0.7)
    assert median_intervals_ms(beats, noise) == pytest.approx(stored_intervals_ms(store, noise))
    assert stored_rate_bpm(store, ()) == pytest.approx(60 / np.diff(r_s).mean())
    counted = [len(interval_values_ms(store, quality, "qtc")) for quality in (noise, ())]
    assert counted == [len(beats) - 2, len(beats) - 1]
    assert np.flatnonzero(np.isnan(rr_before_s(store, noise))).tolist() == [0, 29]
