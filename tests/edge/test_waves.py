import numpy as np
import pytest

from leadone.edge.labels import NONE, QRS, P, T
from leadone.edge.waves import RunEncoder, RunSmoother, WaveRun, winning_probability


def _logits(kinds: list[int], height: float = 4.0) -> np.ndarray:
    logits = np.zeros((4, len(kinds)), np.float32)
    logits[kinds, np.arange(len(kinds))] = height
    return logits


def _runs(logits: np.ndarray, size: int) -> list[WaveRun]:
    encoder, runs = RunEncoder(), []
    for k in range(0, logits.shape[1], size):
        part = logits[:, k : k + size]
        runs += encoder.push(part, winning_probability(part))
    return runs + encoder.finish()


def test_a_boundary_lies_halfway_between_equally_sure_frames() -> None:
    runs = _runs(_logits([NONE] * 4 + [QRS] * 5 + [NONE] * 4), 13)
    qrs = runs[1]
    # Frame k spans samples 2k - 1/2 to 2k + 3/2: frames 4 to 8 begin at 7.5 and end at 17.5.
    assert (qrs.onset, qrs.offset, qrs.frames) == (7.5, 17.5, 5)


def test_a_less_sure_frame_moves_the_boundary() -> None:
    logits = _logits([NONE] * 4 + [P] * 5)
    logits[P, 4] = 1.0  # margin 1 against 4 before: the crossing is 4/5 of the way
    assert _runs(logits, 9)[1].onset == pytest.approx(6.5 + 2 * 0.8)


@pytest.mark.parametrize("size", [1, 3, 8])
def test_chunks_do_not_matter(size: int) -> None:
    rng = np.random.default_rng(0)
    logits = np.repeat(rng.normal(size=(4, 40)), 5, axis=1).astype(np.float32)
    logits += rng.normal(scale=0.2, size=logits.shape).astype(np.float32)
    assert _runs(logits, size) == _runs(logits, 200)


def test_flicker_vanishes_and_its_neighbours_join() -> None:
    smoother = RunSmoother()
    t1 = WaveRun(T, 0, 20, 0.9, 10)
    flicker = WaveRun(NONE, 20, 24, 0.5, 2)
    t2 = WaveRun(T, 24, 44, 0.7, 10)
    end = WaveRun(NONE, 44, 60, 0.9, 8)
    done = [smoother.push(run) for run in (t1, flicker, t2, end)]
    assert done[:3] == [None, None, None]
    assert done[3] == WaveRun(T, 0, 44, pytest.approx(0.8), 20)


def test_a_wave_is_given_as_soon_as_it_cannot_go_on() -> None:
    smoother = RunSmoother()
    qrs = WaveRun(QRS, 0, 20, 0.9, 10)
    smoother.push(qrs)
    assert smoother.release(WaveRun(NONE, 20, 24, 0.9, 2)) is None
    assert smoother.release(WaveRun(NONE, 20, 28, 0.9, 4)) == qrs
