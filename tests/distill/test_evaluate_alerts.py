"""Evaluations of what a wearer is told: their references and counts by hand, and a real record."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import wfdb

from leadone.distill.alert_reference import alert_reference, without
from leadone.distill.evaluate_alerts import evaluate_alerts
from leadone.distill.evaluate_noise import count_beats, evaluate_noise
from leadone.distill.evaluate_polarity import evaluate_polarity
from leadone.distill.noise_stress import (
    is_noisy,
    load_test_noise,
    noise_power,
    signal_power,
    with_noise,
)
from leadone.edge.alert_limits import AlertLimits
from leadone.edge.errors import InputError

RATE_HZ = 360


def _record(folder: Path, rr_s: list[float], symbols: str) -> Path:
    at = np.rint(np.cumsum(rr_s) * RATE_HZ).astype(int)
    signal = np.zeros((at[-1] + RATE_HZ, 1))
    wfdb.wrsamp("a", RATE_HZ, ["mV"], ["I"], signal, fmt=["16"], write_dir=str(folder))
    wfdb.wrann("a", "atr", at, list(symbols), write_dir=str(folder))
    return folder / "a"


def test_the_reference_is_the_rules_on_annotated_beats(tmp_path: Path) -> None:
    ventricular = "VV" + "N" * 5 + "VVVV" + "N" * 5 + "VNVNV" + "N" * 3 + "VVNVNV"
    symbols = "N" * 20 + ventricular + "N" * 33
    rr_s = [0.8] * (len(symbols) - 30) + [0.5] * 30
    rr_s[10] = 3.5
    found, exempt = alert_reference(_record(tmp_path, rr_s, symbols), AlertLimits())
    assert {kind: len(spans) for kind, spans in found.items()} == {
        "bradycardia": 0,
        "tachycardia": 1,
        "pause": 1,
        "v_run": 1,
        "v_couplet": 2,
        "v_bigeminy": 1,
        "af_suspected": 0,
    }
    times = np.cumsum(rr_s)
    assert found["v_run"][0] == pytest.approx((times[27], times[30]), abs=0.01)
    assert found["tachycardia"][0][1] == pytest.approx(times[-1], abs=0.01)
    assert exempt["pause"] == () and exempt["v_run"] == found["v_run"]
    assert without(((0.0, 2.0), (5.0, 6.0)), ((1.0, 1.5),)) == ((5.0, 6.0),)


def test_a_slow_rate_has_to_last(tmp_path: Path) -> None:
    short, long = [0.8] * 20 + [1.3] * 10 + [0.8] * 20, [0.8] * 20 + [1.3] * 24 + [0.8] * 20
    for rr_s, count in ((short, 0), (long, 1)):
        path = _record(tmp_path, rr_s, "N" * len(rr_s))
        assert len(alert_reference(path, AlertLimits())[0]["bradycardia"]) == count


def test_noise_is_added_at_its_ratio_by_turns() -> None:
    rng, seconds = np.random.default_rng(0), 600
    signal = np.zeros(seconds * RATE_HZ)
    r_s = np.arange(0.5, seconds, 0.8)
    places = np.rint(r_s * RATE_HZ).astype(int)
    signal[places] = 2.0
    assert signal_power(signal, r_s.tolist(), RATE_HZ) == pytest.approx(0.5)
    noise = rng.normal(0, 3, 100 * RATE_HZ)
    assert noise_power(noise, RATE_HZ) == pytest.approx(9, rel=0.01)
    for snr_db in (24.0, 0.0):
        added = with_noise(signal, noise, r_s.tolist(), RATE_HZ, snr_db) - signal
        noisy = is_noisy(np.arange(len(signal)) / RATE_HZ)
        assert not added[~noisy].any() and noisy.sum() == (120 + 60) * RATE_HZ
        told_db = 10 * np.log10(0.5 / np.mean(added[noisy].astype(float) ** 2))
        assert told_db == pytest.approx(snr_db, abs=0.1)
    with pytest.raises(InputError, match="360 Hz"):
        with_noise(signal, noise, r_s.tolist(), 250.0, 0.0)


def test_beats_count_in_the_noisy_minutes_once() -> None:
    reference = np.array([10.0, 310.0, 311.0, 312.0, 430.0])
    assert count_beats([10.0, 310.1, 310.12, 312.3], reference) == (1, 2, 2)
    assert count_beats([310.1, 310.12, 312.3], reference, ((309.0, 310.5),)) == (0, 1, 2)


def test_the_noise_that_training_sees_is_left_out(data_dir: Path) -> None:
    found = load_test_noise(data_dir / "nstdb")
    whole = wfdb.rdheader(str(data_dir / "nstdb" / "ma")).sig_len
    assert set(found) == {"bw", "ma", "em"} and 0.3 * whole < len(found["ma"]) < 0.35 * whole


def test_real_records_are_scored(data_dir: Path) -> None:
    noise = evaluate_noise(data_dir, "wrist", records=["118"], snrs_db=(24.0,))
    assert len(noise.scores) == 3 and all(score.ppv.value > 0.95 for score in noise.scores)
    assert noise.run.records == ("118",) and noise.to_dict()["scores"][0]["snr_db"] == 24
    alerts = evaluate_alerts(data_dir, "wrist", records=["124"])
    assert alerts.scores["v_run"].episode_sensitivity.value > 0
    assert alerts.to_dict()["per_record"][0]["record"] == "124"
    polarity = evaluate_polarity(data_dir, "wrist", fold=9, limit=10)
    assert polarity.found.value > polarity.falsely.value
