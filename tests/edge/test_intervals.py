import pytest

from leadone.edge.events import Beat
from leadone.edge.intervals import fridericia_ms, heart_rate_bpm, median_intervals_ms


def _beat(r_s: float, **waves: float) -> Beat:
    return Beat(r_s, r_s - 0.04, r_s + 0.05, **waves)


def test_fridericia() -> None:
    assert fridericia_ms(400, 1.0) == 400
    assert fridericia_ms(400, 0.8) == pytest.approx(430.9, abs=0.1)


def test_medians_skip_absent_waves_and_ectopic_beats() -> None:
    beats = [
        _beat(1.0, p_on_s=0.80, p_off_s=0.9, t_on_s=1.2, t_off_s=1.36),
        _beat(2.0),
        Beat(2.5, 2.4, 2.6, label="V", t_off_s=2.9),
        _beat(3.5, p_on_s=3.26, p_off_s=3.4, t_on_s=3.7, t_off_s=3.86),
    ]
    medians = median_intervals_ms(beats)
    assert medians["pr"] == pytest.approx((160 + 200) / 2)
    assert medians["qrs"] == pytest.approx(90)
    assert medians["qt"] == pytest.approx(400)
    assert medians["qtc"] == pytest.approx(400)  # only the last beat has both QT and RR, 1 s


def test_no_beats_no_numbers() -> None:
    assert median_intervals_ms([]) == {"pr": None, "qrs": None, "qt": None, "qtc": None}
    assert heart_rate_bpm([]) is None and heart_rate_bpm([_beat(1)]) is None


def test_a_gap_is_no_rr_interval() -> None:
    assert heart_rate_bpm([_beat(t) for t in (1, 2, 3, 60, 61)]) == pytest.approx(60)
