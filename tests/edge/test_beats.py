import numpy as np

from leadone.edge.beats import BeatAssembler, DraftBeat
from leadone.edge.labels import QRS, P, T
from leadone.edge.waves import WaveRun


def _assembler(r_peaks: list[int]) -> BeatAssembler:
    assembler = BeatAssembler()
    signal = np.zeros(4000, np.float32)
    signal[r_peaks] = 1.0
    beat_logits = np.zeros((4, 500), np.float32)
    beat_logits[2, [r // 8 for r in r_peaks[1::2]]] = 9.0  # every second one is V
    assembler.hear(signal, beat_logits)
    return assembler


def _run(kind: int, onset: float, offset: float) -> WaveRun:
    return WaveRun(kind, onset, offset, 0.9, int((offset - onset) / 2))


def _beats(assembler: BeatAssembler, runs: list[WaveRun]) -> list[DraftBeat]:
    beats = [beat for run in runs for beat in assembler.step(run)]
    return beats + assembler.finish()


def test_p_qrs_and_t_belong_together() -> None:
    p, qrs, t = _run(P, 60, 85), _run(QRS, 92, 112), _run(T, 150, 200)
    (beat,) = _beats(_assembler([100]), [p, qrs, t])
    assert (beat.p, beat.qrs, beat.t, beat.r, beat.label) == (p, qrs, t, 100.0, "N")


def test_an_absent_wave_stays_absent() -> None:
    (beat,) = _beats(_assembler([100]), [_run(QRS, 92, 112)])
    assert beat.p is None and beat.t is None and beat.p_mv is None


def test_a_p_wave_without_an_answer_is_blocked() -> None:
    runs = [_run(P, 60, 85), _run(P, 260, 285), _run(QRS, 292, 312)]
    (beat,) = _beats(_assembler([300]), runs)
    assert beat.p == runs[1] and beat.blocked_p == (runs[0],)


def test_a_p_wave_far_before_the_qrs_did_not_conduct() -> None:
    runs = [_run(P, 60, 85), _run(QRS, 292, 312)]
    (beat,) = _beats(_assembler([300]), runs)
    assert beat.p is None and beat.blocked_p == (runs[0],)


def test_a_late_t_is_no_t() -> None:
    runs = [_run(QRS, 92, 112), _run(T, 112 + 126, 300)]
    (beat,) = _beats(_assembler([100]), runs)
    assert beat.t is None


def test_nothing_beats_twice_within_200_ms() -> None:
    runs = [_run(QRS, 92, 112), _run(QRS, 130, 150), _run(QRS, 292, 312)]
    beats = _beats(_assembler([100, 140, 300]), runs)
    assert [beat.r for beat in beats] == [100.0, 300.0]


def test_the_label_is_read_at_the_r_peak() -> None:
    runs = [_run(QRS, 92, 112), _run(QRS, 292, 312)]
    assert [b.label for b in _beats(_assembler([100, 300]), runs)] == ["N", "V"]


def test_waiting_for_t_ends_after_half_a_second() -> None:
    assembler = _assembler([100])
    assembler.step(_run(QRS, 92, 112))
    assert assembler.give_up_waiting(112 + 125) == []
    assert len(assembler.give_up_waiting(112 + 126)) == 1
    assert assembler.pending_r == np.inf


def test_a_deep_negative_qrs_has_its_peak_below() -> None:
    assembler = BeatAssembler()
    signal = np.zeros(400, np.float32)
    signal[100], signal[106] = 0.3, -1.0
    assembler.hear(signal, np.zeros((4, 50), np.float32))
    (beat,) = _beats(assembler, [_run(QRS, 92, 112)])
    assert beat.r == 106.0 and beat.qrs_mv < 0
