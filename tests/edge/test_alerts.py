import numpy as np
import pytest

from leadone.edge.alerts import AlertLimits, Episodes, RateAlerts, af_alert
from leadone.edge.events import Alert, Beat, Rhythm


def _alerts(rr_s: list[float]) -> list[Alert]:
    rule = RateAlerts(AlertLimits(), Episodes(AlertLimits()))
    r_s = np.cumsum(rr_s)
    return [a for r in r_s for a in rule.beat(Beat(float(r), r - 0.04, r + 0.04))]


def test_bradycardia_begins_after_ten_seconds_and_ends_with_hysteresis() -> None:
    slow, between, normal = [60 / 45] * 20, [60 / 52] * 20, [60 / 70] * 20
    alerts = _alerts(slow + between + normal)
    assert [(a.kind, a.end_s is None) for a in alerts] == [
        ("bradycardia", True),
        ("bradycardia", False),
    ]
    assert alerts[0].start_s == pytest.approx(slow[0])
    eighth = 9 * slow[0]  # the beat that ends eight intervals crosses; ten seconds on it is told
    assert 10 <= alerts[0].at_s - eighth < 10 + slow[0]
    assert alerts[1].at_s > sum(slow + between)  # 52 /min does not end it, 70 does


@pytest.mark.parametrize("gaps", [[5.0], [20.0], [2.9, 0.8, 2.9]])
def test_a_pause_is_no_bradycardia(gaps: list[float]) -> None:
    assert _alerts([0.8] * 20 + gaps + [0.8] * 20) == []


def test_lost_contact_ends_a_rate_with_its_last_beat() -> None:
    rule = RateAlerts(AlertLimits(), Episodes(AlertLimits()))
    told = [rule.beat(Beat(0.5 * k, 0.5 * k - 0.04, 0.5 * k + 0.04)) for k in range(60)]
    assert [a.kind for alerts in told for a in alerts] == ["tachycardia"]
    (ended,) = rule.lose(33.0)
    assert (ended.end_s, ended.at_s) == (29.5, 33.0)
    assert rule.lose(34.0) == []


def test_a_short_run_of_fast_beats_is_no_tachycardia() -> None:
    assert _alerts([0.8] * 20 + [0.5] * 8 + [0.8] * 20) == []
    assert [a.kind for a in _alerts([0.8] * 20 + [0.5] * 40)] == ["tachycardia"]


@pytest.mark.parametrize("bpm", [56, 75, 94])
def test_a_normal_rate_is_silent(bpm: float) -> None:
    assert _alerts([60 / bpm] * 60) == []


def test_af_needs_more_to_begin_than_to_go_on() -> None:
    episodes, limits = Episodes(AlertLimits()), AlertLimits()
    told = []
    for k, af in enumerate([0.5, 0.8, 0.5, 0.9, 0.3, 0.5]):
        rhythm = Rhythm(10.0 * k, 10.0 * k + 30, "af", {"af": af})
        told += [(k, a.end_s is None) for a in af_alert(rhythm, limits, episodes)]
    assert told == [(1, True), (4, False)]
