"""The detectors on hand-made beats; tests/edge/core/test_core_alerts.py holds C to them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from leadone.edge.alert_limits import KINDS, AlertLimits, limits_from, load_limits
from leadone.edge.alerts import detectors
from leadone.edge.episodes import TEXTS, Episodes
from leadone.edge.errors import InputError
from leadone.edge.events import Alert, Beat, Rhythm
from leadone.edge.fibrillation import NOISY_SHARE, FibrillationAlert
from leadone.edge.polarity import PolarityAlert
from leadone.edge.trust import Trust

DOCS = Path(__file__).parents[2] / "docs" / "alerts.toml"


def _tell(beats: list[Beat], limits: AlertLimits | None = None) -> list[Alert]:
    limits = limits or AlertLimits()
    episodes = Episodes(limits)
    table, told = detectors(limits, episodes), list[Alert]()
    for beat in beats:
        episodes.beat(beat)
        for detector in table:
            detector.beat(beat)
        told += episodes.take()
    return told


def _beats(rr_s: list[float], labels: str = "") -> list[Beat]:
    r_s = np.cumsum(rr_s).tolist()
    names = labels or "N" * len(r_s)
    return [Beat(r, r - 0.04, r + 0.04, label=n) for r, n in zip(r_s, names, strict=True)]


def _alerts(rr_s: list[float]) -> list[Alert]:
    return _tell(_beats(rr_s))


def _named(alerts: list[Alert], kind: str) -> list[Alert]:
    return [alert for alert in alerts if alert.kind == kind]


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
    assert alerts[0].rr_s == pytest.approx([slow[0]] * 8, abs=1e-4)
    assert alerts[0].confidence == 1.0


@pytest.mark.parametrize("gaps", [[5.0], [20.0], [2.9, 0.8, 2.9]])
def test_a_pause_is_no_bradycardia(gaps: list[float]) -> None:
    assert _alerts([0.8] * 20 + gaps + [0.8] * 20) == []


def test_lost_contact_ends_a_rate_with_its_last_beat() -> None:
    limits = AlertLimits()
    episodes = Episodes(limits)
    rate = detectors(limits, episodes)[0]
    for beat in _beats([0.5] * 60):
        rate.beat(beat)
    assert [alert.kind for alert in episodes.take()] == ["tachycardia"]
    rate.lose(33.0)
    (ended,) = episodes.take()
    assert (ended.end_s, ended.at_s) == (30.0, 33.0)
    rate.lose(34.0)
    assert episodes.take() == []


def test_a_short_run_of_fast_beats_is_no_tachycardia() -> None:
    assert _alerts([0.8] * 20 + [0.5] * 8 + [0.8] * 20) == []
    assert [a.kind for a in _alerts([0.8] * 20 + [0.5] * 40)] == ["tachycardia"]


@pytest.mark.parametrize("bpm", [56, 75, 94])
def test_a_normal_rate_is_silent(bpm: float) -> None:
    assert _alerts([60 / bpm] * 60) == []


def _windows(af: list[float], noisy: set[int] | None = None) -> list[tuple[int, bool, float]]:
    episodes = Episodes(AlertLimits())
    fibrillation, told = FibrillationAlert(AlertLimits(), episodes), []
    for k, p in enumerate(af):
        evidence = (0.0,) * NOISY_SHARE + (0.6 if k in (noisy or set()) else 0.0,)
        rhythm = Rhythm(10.0 * k, 10.0 * k + 30, "af", {"af": p}, {}, evidence)
        fibrillation.window(rhythm)
        told += [(k, a.end_s is None, a.start_s) for a in episodes.take()]
    return told


def test_af_is_three_windows_in_a_row_and_goes_on_with_less() -> None:
    assert _windows([0.1, 0.9, 0.9, 0.9, 0.5, 0.9, 0.3]) == [(3, True, 10.0), (6, False, 10.0)]
    assert _windows([0.1, 0.9, 0.9, 0.7, 0.9, 0.9, 0.1]) == []
    assert _windows([0.9, 0.9]) == [(0, True, 0.0)]  # all of a short record
    assert _windows([0.1, 0.9, 0.9, 0.9, 0.9, 0.9], {2}) == [(5, True, 30.0)]


def test_couplets_runs_and_a_single_beat_that_interrupts_nothing() -> None:
    labels = "NNNVVNNNVVVNVVNNNNVNN"
    told = _tell(_beats([0.6] * len(labels), labels))
    (couplet, ended), runs = _named(told, "v_couplet"), _named(told, "v_run")
    assert couplet.start_s == pytest.approx(4 * 0.6) and ended.end_s == pytest.approx(5 * 0.6)
    assert [a.start_s for a in runs] == pytest.approx([9 * 0.6] * 2)
    assert runs[0].at_s == pytest.approx(11 * 0.6) and runs[1].end_s == pytest.approx(14 * 0.6)


def test_bigeminy_is_three_pairs_and_a_gap_ends_it() -> None:
    told = _tell(_beats([0.7] * 13, "NNVNVNVNVNNNN"))
    opened, closed = _named(told, "v_bigeminy")
    assert opened.at_s == pytest.approx(7 * 0.7) and opened.start_s == pytest.approx(3 * 0.7)
    assert closed.end_s == pytest.approx(9 * 0.7)
    assert not _named(_tell(_beats([0.7] * 9, "NVNVNNVNV")), "v_bigeminy")
    assert not _named(_tell(_beats([0.7] * 9, "NNVVNVNVN")), "v_bigeminy")  # two after a couplet
    opened = _named(_tell(_beats([0.7] * 10, "NVVNVNVNVN")), "v_bigeminy")[0]
    assert opened.start_s == pytest.approx(5 * 0.7) and opened.at_s == pytest.approx(9 * 0.7)
    after_a_gap = _tell(_beats([0.7] * 6 + [4.0] + [0.7] * 2, "NVNVNVNVN"))
    assert _named(after_a_gap, "v_bigeminy")[1].end_s == pytest.approx(6 * 0.7)


def test_six_ventricular_beats_in_a_minute_are_frequent() -> None:
    often, seldom = "NNNNNNNNV" * 8, "NNNNNNNNNNNNNNNNV" * 8
    assert len(_named(_tell(_beats([0.8] * len(often), often)), "v_frequent")) == 1
    assert not _named(_tell(_beats([0.8] * len(seldom), seldom)), "v_frequent")


def test_another_of_a_kind_waits_for_the_refractory_time() -> None:
    beats = _beats([0.6] * 20, "NNVVNNVVNNNNNNNNNVVN")
    limits = limits_from({"refractory_s": {"v_couplet": 3.0}})
    starts = [a.start_s for a in _named(_tell(beats, limits), "v_couplet") if a.end_s is None]
    assert starts == pytest.approx([3 * 0.6, 18 * 0.6])
    assert len(_named(_tell(beats), "v_couplet")) == 6


def _with_waves(r_s: float, pr_s: float, qt_s: float = 0.36, **changes: object) -> Beat:
    beat = Beat(
        r_s, r_s - 0.04, r_s + 0.05, r_s - 0.04 - pr_s, r_s - 0.1, r_s + 0.1, r_s - 0.04 + qt_s
    )
    return replace(beat, **changes)  # type: ignore[arg-type]


def test_a_long_pr_and_a_long_qtc_are_what_most_beats_show() -> None:
    normal = [_with_waves(0.9 * k, 0.16) for k in range(1, 40)]
    assert _tell(normal) == []
    long_pr = _tell([_with_waves(0.9 * k, 0.24 if k % 8 else 0.16) for k in range(1, 40)])
    assert [a.kind for a in long_pr] == ["pr_long"] and long_pr[0].confidence >= 0.8
    assert [a.kind for a in _tell([_with_waves(0.9 * k, 0.16, 0.5) for k in range(1, 40)])] == [
        "qtc_long"
    ]
    fast = [_with_waves(0.45 * k, 0.16, 0.4) for k in range(1, 90)]  # 133 a minute
    assert not _named(_tell(fast), "qtc_long")


def test_two_p_waves_in_time_without_a_qrs_are_told_premature_ones_are_not() -> None:
    def record(late_by_s: float) -> list[Beat]:
        beats, r_s = [], 0.0
        for k in range(40):
            is_after = k in (20, 30)
            r_s += 1.6 if is_after else 0.8
            blocked_s = r_s - 0.04 - 0.18 - 0.8 + late_by_s
            blocked = ((blocked_s, blocked_s + 0.1),) if is_after else ()
            beats.append(_with_waves(r_s, 0.18, blocked_p_s=blocked))
        return beats

    (told,) = _named(_tell(record(0.0)), "dropped_beats")
    assert told.start_s == pytest.approx(20 * 0.8)
    assert not _named(_tell(record(-0.25)), "dropped_beats")


def test_hands_are_told_in_ten_seconds_and_turned_back() -> None:
    episodes = Episodes(AlertLimits())
    polarity = PolarityAlert(episodes)
    for k in range(8):
        polarity.beat(float(k), -0.1 if k % 3 else None, -1.0)
    assert episodes.is_open("reversed_hands")
    for k in range(8, 40):
        polarity.beat(float(k), 0.1, 1.0)
    assert not episodes.is_open("reversed_hands")


def test_a_reversal_begins_with_its_first_beat_and_one_ectopic_p_wave_is_none() -> None:
    episodes = Episodes(AlertLimits())
    polarity = PolarityAlert(episodes)
    for k, p in enumerate([0.1] * 30 + [-0.1] * 30):
        polarity.beat(0.8 * k, p, p)
    (told,) = episodes.take()
    assert told.start_s == pytest.approx(0.8 * 30, abs=1e-3) and told.at_s < 0.8 * 46
    upright, episodes = PolarityAlert(episodes), Episodes(AlertLimits())
    for k in range(40):
        upright.beat(0.8 * k, -0.1 if k % 3 == 0 else 0.1, 1.0)
    assert episodes.take() == []


def test_an_odd_beat_is_told_and_noise_is_not() -> None:
    trust = Trust(0.82)
    assert all(trust.hear(0.95) for _ in range(30))
    assert trust.hear(0.7)  # alone
    told = [trust.hear(0.7) for _ in range(20)]
    assert not any(told[6:])
    assert sum(trust.hear(0.95) for _ in range(10)) >= 7


def test_every_kind_has_its_text_and_the_file_its_defaults() -> None:
    assert tuple(TEXTS) == KINDS
    assert load_limits(DOCS) == AlertLimits()
    for line in DOCS.read_text().splitlines():
        assert not line or line[0] in "#[" or "#" in line, line  # a source beside every number


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"pause": 2}, "unknown alert limit 'pause'"),
        ({"pause_s": "3"}, "pause_s can't be '3'"),
        ({"rate_beats": 2.5}, "a whole number"),
        ({"rate_beats": 9}, "from 1 to 8"),
        ({"af_on": float("nan")}, "af_on can't be nan"),
        ({"bradycardia_on_bpm": 60}, "must not be above"),
        ({"bradycardia_on_bpm": 110, "bradycardia_off_bpm": 120}, "must not be above tachycardia"),
        ({"af_on": 2}, "af_on is a share from 0 to 1"),
        ({"share_on": 80}, "share_on is a share"),
        ({"refractory_s": {"pause": -1}}, "refractory_s of pause can't be -1"),
        ({"refractory_s": {"flutter": 1}}, "unknown alert limit 'flutter'"),
        ({"refractory_s": 3}, "a table"),
    ],
)
def test_limits_that_no_rule_can_be_held_to(values: dict[str, object], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        limits_from(values)


def test_limits_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "limits.toml"
    file.write_text("pause_s = 2\n[refractory_s]\npause = 30\n")
    limits = load_limits(file)
    assert limits.pause_s == 2 and limits.refractory_s[KINDS.index("pause")] == 30
    file.write_text("pause_s = ")
    with pytest.raises(InputError, match="not TOML"):
        load_limits(file)
    with pytest.raises(InputError, match="can't be read"):
        load_limits(tmp_path / "none.toml")
