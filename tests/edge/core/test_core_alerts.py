"""The alerts' detectors against their Python twins, on beats that no record happens to show."""

from __future__ import annotations

import ctypes
from dataclasses import replace

import numpy as np
import pytest

from leadone.edge.alert_limits import KINDS, AlertLimits
from leadone.edge.alerts import detectors
from leadone.edge.c_stream import MOST_BLOCKED, MOST_RR, _Limits
from leadone.edge.episodes import Episodes
from leadone.edge.events import Alert, Beat
from leadone.edge.labels import BEATS
from leadone.edge.polarity import PolarityAlert
from leadone.edge.trust import Trust

POINTER, DOUBLE, FLOAT, INT = ctypes.c_void_p, ctypes.c_double, ctypes.c_float, ctypes.c_int32


class _Beat(ctypes.Structure):
    _fields_ = (
        ("times_s", DOUBLE * 7),
        ("blocked_p_s", DOUBLE * 2 * MOST_BLOCKED),
        ("confidence", FLOAT),
        ("label", INT),
        ("blocked_count", INT),
        ("reserved", INT),
    )


class _Alert(ctypes.Structure):
    _fields_ = (
        ("at_s", DOUBLE),
        ("start_s", DOUBLE),
        ("end_s", DOUBLE),
        ("kind", INT),
        ("rr_count", INT),
        ("confidence", FLOAT),
        ("rr_s", FLOAT * MOST_RR),
        ("reserved", INT),
    )


def _in_c(beat: Beat) -> _Beat:
    waves = (beat.p_on_s, beat.p_off_s, beat.t_on_s, beat.t_off_s)
    times = (beat.r_s, beat.qrs_on_s, beat.qrs_off_s, *(-1.0 if w is None else w for w in waves))
    c = _Beat((DOUBLE * 7)(*times), confidence=beat.confidence, label=BEATS.index(beat.label))
    for k, (on_s, off_s) in enumerate(beat.blocked_p_s):
        c.blocked_p_s[k][0], c.blocked_p_s[k][1] = on_s, off_s
    c.blocked_count = len(beat.blocked_p_s)
    return c


def _beats(count: int, seed: int) -> list[Beat]:
    """A heart whose rate, conduction, ectopy and polarity change every while."""
    rng, beats, r_s = np.random.default_rng(seed), list[Beat](), 1.0
    for _ in range(count // 50):
        bpm, pr_s = rng.choice([44, 53, 70, 97, 120]), rng.choice([0.15, 0.19, 0.24])
        v_share, dropped = rng.choice([0.02, 0.3, 0.7]), rng.choice([0.0, 0.0, 0.15])
        qt_share = rng.choice([0.35, 0.6])
        for _ in range(50):
            rr_s = 60 / bpm * rng.uniform(0.95, 1.05)
            is_v, is_dropped = rng.random() < v_share, rng.random() < dropped
            r_s += rr_s * (2 if is_dropped else 0.7 if is_v else 1) + 5 * (rng.random() < 0.004)
            p_s = None if is_v or rng.random() < 0.1 else r_s - 0.04 - pr_s
            blocked = ((r_s - 0.04 - pr_s - rr_s, r_s - pr_s - rr_s),) if is_dropped else ()
            beat = Beat(r_s, r_s - 0.04, r_s + 0.05, p_s, p_s and p_s + 0.08, r_s + 0.1)
            t_off_s = r_s - 0.04 + qt_share * rr_s ** (1 / 3)
            label = "V" if is_v else rng.choice(["N", "N", "N", "S"])
            confidence = float(np.float32(rng.uniform(0.6, 1)))
            beats.append(
                replace(
                    beat,
                    t_off_s=t_off_s,
                    label=str(label),
                    confidence=confidence,
                    blocked_p_s=blocked,
                )
            )
    return beats


@pytest.mark.parametrize("seed", range(4))
def test_every_detector_tells_the_same(core: ctypes.CDLL, seed: int) -> None:
    limits = replace(AlertLimits(), v_frequent_beats=4 + seed, v_run_beats=3 + seed % 2)
    given = _Limits(*[value for name, value in vars(limits).items() if name != "refractory_s"])
    for k, value in enumerate(limits.refractory_s):
        given.refractory_s[k] = value
    alerts, beats_ring = (DOUBLE * 512)(), (DOUBLE * 512)()
    core.lo_alerts_init(alerts, ctypes.byref(given))
    core.lo_rhythm_beats_init(beats_ring)
    core.lo_rhythm_beats_push.argtypes = [POINTER, POINTER, ctypes.c_char_p, ctypes.c_bool]
    core.lo_alerts_forget.argtypes = core.lo_alerts_lose.argtypes = [POINTER, DOUBLE]
    core.lo_episodes_take.restype = ctypes.c_bool
    episodes, expected, found = Episodes(limits), list[Alert](), list[Alert]()
    table = detectors(limits, episodes)
    rng = np.random.default_rng(seed)
    for beat in _beats(3000, seed):
        chance, at_s = rng.random(), beat.r_s
        is_told = chance > 0.01
        core.lo_rhythm_beats_push(beats_ring, ctypes.byref(_in_c(beat)), b"123", is_told)
        if is_told:
            episodes.beat(beat)
            core.lo_alerts_beat(alerts, ctypes.byref(_in_c(beat)))
        else:
            episodes.doubt()
            (core.lo_alerts_lose if chance < 0.003 else core.lo_alerts_forget)(alerts, at_s)
        for detector in table:
            if is_told:
                detector.beat(beat)
            else:
                (detector.lose if chance < 0.003 else detector.forget)(at_s)
        expected += episodes.take()
        found += _taken(core, alerts, beats_ring)
    assert _plain(expected) == _plain(found)
    sure, c_sure = ([alert.confidence for alert in told] for told in (expected, found))
    assert sure == pytest.approx(c_sure, abs=1e-4)  # a step of a beat's 12 bits
    kinds = {alert.kind for alert in expected}
    others = {"af_suspected", "lead_off", "pause", "reversed_hands"}
    assert kinds == set(KINDS) - others and len(expected) > 200


def _taken(core: ctypes.CDLL, alerts: object, beats: object) -> list[Alert]:
    taken, alert = list[Alert](), _Alert()
    while core.lo_episodes_take(alerts, ctypes.byref(alert)):
        core.lo_rhythm_evidence(beats, ctypes.byref(alert))
        end_s = None if alert.end_s < 0 else alert.end_s
        rr_s = tuple(alert.rr_s[: alert.rr_count])
        kind = KINDS[alert.kind]
        taken.append(Alert(kind, alert.at_s, alert.start_s, "", end_s, alert.confidence, rr_s))
    return taken


def _plain(alerts: list[Alert]) -> list[tuple[object, ...]]:
    return [(a.kind, a.at_s, a.start_s, a.end_s, a.rr_s) for a in alerts]


def test_hands_are_swapped_and_back(core: ctypes.CDLL) -> None:
    rng = np.random.default_rng(0)
    down = rng.random(600) < np.repeat([0.05, 0.95, 0.6, 0.1, 0.9, 0.02], 100)
    limits = AlertLimits()
    episodes, votes, c_episodes = Episodes(limits), (DOUBLE * 32)(), (DOUBLE * 256)()
    polarity, turns = PolarityAlert(episodes), set()
    default = ctypes.addressof(ctypes.c_char.in_dll(core, "lo_default_limits"))
    core.lo_episodes_init.argtypes = [POINTER, POINTER]
    core.lo_episodes_init(c_episodes, default)
    core.lo_polarity_beat.argtypes = [POINTER, POINTER, DOUBLE, ctypes.c_bool, FLOAT, FLOAT]
    core.lo_episodes_take.restype = ctypes.c_bool
    expected, found, alert = list[Alert](), [], _Alert()
    for k, is_down in enumerate(down.tolist()):
        p_mv = (-0.1 if is_down else 0.1) if rng.random() < 0.8 else None
        qrs_mv = -1.0 if is_down else 1.0
        polarity.beat(0.8 * k, p_mv, qrs_mv)
        core.lo_polarity_beat(votes, c_episodes, 0.8 * k, p_mv is not None, p_mv or 0.0, qrs_mv)
        expected += episodes.take()
        while core.lo_episodes_take(c_episodes, ctypes.byref(alert)):
            found.append((alert.at_s, alert.start_s, round(alert.confidence, 5)))
        turns.add((k // 100, episodes.is_open("reversed_hands")))
    assert [(a.at_s, a.start_s, round(a.confidence, 5)) for a in expected] == found
    assert {(0, False), (1, True), (3, False), (4, True), (5, False)} <= turns


def test_the_same_beats_are_told(core: ctypes.CDLL) -> None:
    rng = np.random.default_rng(0)
    confidence = rng.normal(np.repeat([0.95, 0.7, 0.85, 0.95], 200), 0.06).clip(0, 1)
    trust, c_trust = Trust(0.82), (INT * 2)()
    core.lo_trust_init.argtypes = [POINTER, DOUBLE]
    core.lo_trust_hear.argtypes, core.lo_trust_hear.restype = [POINTER, FLOAT], ctypes.c_bool
    core.lo_trust_init(c_trust, 0.82)
    told = []
    for value in confidence.astype(np.float32).tolist():
        told.append(trust.hear(value))
        assert core.lo_trust_hear(c_trust, value) == told[-1]
    shares = np.mean(np.reshape(told, (4, 200)), 1)
    assert shares[0] > 0.97 and shares[1] < 0.1 and shares[3] > 0.95


def test_c_has_the_same_defaults(core: ctypes.CDLL) -> None:
    c = _Limits.in_dll(core, "lo_default_limits")
    for name, value in vars(AlertLimits()).items():
        assert (
            tuple(c.refractory_s) == value if name == "refractory_s" else getattr(c, name) == value
        )
