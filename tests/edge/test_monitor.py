"""The whole spine on the shipped model and the shipped recording."""

from dataclasses import replace

import numpy as np
import pytest

from leadone import Monitor, Record, analyze, read_record
from leadone.cli import DEMO_RECORD
from leadone.edge.bundle import load_bundle
from leadone.edge.errors import InputError
from leadone.edge.events import Alert, Beat, Event, Quality
from leadone.edge.resampler import Resampler


@pytest.fixture(scope="module")
def demo() -> Record:
    return read_record(DEMO_RECORD)


def _events(signal_mv: np.ndarray, rate_hz: float, size: int, lead: str = "MLII") -> list[Event]:
    monitor = Monitor.load("wrist", lead=lead)
    chunks = (signal_mv[k : k + size] for k in range(0, len(signal_mv), size))
    events = [event for chunk in chunks for event in monitor.push(chunk, rate_hz)]
    return events + monitor.finish()


@pytest.mark.parametrize("damage", ["none", "missing", "flat", "noise"])
def test_chunks_do_not_matter(demo: Record, damage: str) -> None:
    signal = demo.signal_mv[: 60 * 360].copy()
    if damage == "missing":
        signal[5000:6500] = signal[9000] = np.nan
    if damage == "flat":
        signal[9000:13000] = signal[9000]
    if damage == "noise":
        signal[7000:14000] = np.random.default_rng(0).normal(0, 0.1, 7000)
    whole = _events(signal, 360, len(signal))
    assert sum(isinstance(e, Beat) for e in whole) > 50
    for size in (1, 7, 250):
        assert _events(signal, 360, size) == whole


@pytest.mark.parametrize("rate_hz", [250.0, 500.0, 512.844])
def test_r_peaks_agree_across_rates(demo: Record, rate_hz: float) -> None:
    t = np.arange(int(60 * rate_hz)) / rate_hz
    known = np.arange(70 * 360) / 360
    signal = _upsampled(demo.signal_mv[: 70 * 360], known, t)
    a = np.array(
        [e.r_s for e in _events(demo.signal_mv[: 60 * 360], 360, 360) if isinstance(e, Beat)]
    )
    b = np.array([e.r_s for e in _events(signal, rate_hz, 500) if isinstance(e, Beat)])
    assert len(a) == len(b)
    assert np.sort(np.abs(a - b))[-2] <= 0.008  # one QRS has two peaks of one height


def _upsampled(signal_mv: np.ndarray, known: np.ndarray, t: np.ndarray) -> np.ndarray:
    """The record at another rate, by scipy's band-limited spline, not by our own resampler."""
    from scipy.interpolate import CubicSpline

    return CubicSpline(known, signal_mv)(t).astype(np.float32)


def test_beats_come_in_time(demo: Record) -> None:
    """A beat is told within 1 s of its T wave's end, and the first within 3 s of its R peak."""
    monitor, hop = Monitor.load("wrist", lead="MLII"), 23
    delays = []
    for start in range(0, 60 * 360, hop):
        for event in monitor.push(demo.signal_mv[start : start + hop], 360.0):
            if isinstance(event, Beat) and event.t_off_s is not None:
                delays.append((start + hop) / 360 - event.t_off_s)
    assert len(delays) > 20 and max(delays) <= 1.0


def test_no_beat_is_invented_where_there_is_no_signal(demo: Record) -> None:
    signal = demo.signal_mv[: 40 * 360].copy()
    signal[10 * 360 : 20 * 360] = np.nan
    signal[25 * 360 : 35 * 360] = -1.0
    events = _events(signal, 360, 1000)
    r_s = np.array([e.r_s for e in events if isinstance(e, Beat)])
    assert not ((r_s > 10.3) & (r_s < 19.7)).any() and not ((r_s > 25.3) & (r_s < 34.7)).any()
    states = {(e.state, e.reason) for e in events if isinstance(e, Quality)}
    assert {("lead_off", "missing"), ("lead_off", "flat")} <= states
    kinds = [e.kind for e in events if isinstance(e, Alert)]
    assert "lead_off" in kinds and "pause" not in kinds


def test_swapped_hands_are_told_and_not_turned(demo: Record) -> None:
    def kinds(signal: np.ndarray, lead: str) -> set[str]:
        return {e.kind for e in _events(signal, 360, 3600, lead) if isinstance(e, Alert)}

    signal = demo.signal_mv[: 120 * 360]
    assert "reversed_hands" not in kinds(signal, "I")
    assert "reversed_hands" not in kinds(-signal, "MLII")  # other leads may point down


def test_a_pause_is_told_when_it_has_lasted_three_seconds(demo: Record) -> None:
    rng = np.random.default_rng(0)
    silence = rng.normal(demo.signal_mv[20], 0.02, 5 * 360).astype(np.float32)
    signal = np.concatenate(
        [demo.signal_mv[: 20 * 360], silence, demo.signal_mv[20 * 360 : 40 * 360]]
    )
    pauses = [e for e in _events(signal, 360, 360) if isinstance(e, Alert) and e.kind == "pause"]
    assert len(pauses) == 2  # it begins, it ends
    assert 19 < pauses[0].start_s < 20.5 and pauses[0].at_s == pauses[0].start_s + 3.0
    assert pauses[1].end_s is not None and 24.5 < pauses[1].end_s < 26.5


def test_noise_in_place_of_the_heart_is_noisy_and_raises_no_alarm(demo: Record) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 20 * 360).astype(np.float32)
    beats = demo.signal_mv[: 20 * 360]
    events = _events(np.concatenate([beats, noise, beats]), 360, 360)
    kinds = {e.kind for e in events if isinstance(e, Alert)}
    assert not kinds & {"pause", "bradycardia"}
    unread = [q for q in events if isinstance(q, Quality) and q.reason == "unreadable"]
    assert sum(q.end_s - q.start_s for q in unread) > 15


def test_flat_and_missing_by_turns_are_one_loss_of_contact(demo: Record) -> None:
    signal = demo.signal_mv[: 60 * 360].copy()
    for start in range(20 * 360, 40 * 360, 4 * 360):
        signal[start : start + 720] = np.nan
        signal[start + 720 : start + 1440] = 0.0
    alerts = [e for e in _events(signal, 360, 360) if isinstance(e, Alert)]
    off = [a for a in alerts if a.kind == "lead_off"]
    assert len(off) == 2 and off[0].start_s == 20.0 and off[0].at_s == 23.0
    ends = [a.end_s for a in alerts if a.kind == "tachycardia" and a.end_s is not None]
    assert all(end < 20.5 or end > 40 for end in ends)


def test_ten_seconds_are_too_few_for_an_af_alert(demo: Record) -> None:
    always = load_bundle("wrist")
    rhythm = always.manifest["rhythm"]
    sure = {**rhythm, "weights": [[0.0] * len(rhythm["weights"][0])] * 4, "bias": [0, 9, 0, 0]}
    bundle = replace(always, manifest={**always.manifest, "rhythm": sure})

    def kinds(seconds: int) -> set[str]:
        monitor = Monitor(bundle)
        events = monitor.push(demo.signal_mv[: seconds * 360], 360) + monitor.finish()
        return {e.kind for e in events if isinstance(e, Alert)}

    assert "af_suspected" not in kinds(29) and "af_suspected" in kinds(31)


def test_every_edge_lies_within_the_record(demo: Record) -> None:
    for n in (3000, 3100, 3184, 3200):  # cut in a QRS, a T wave, between, at a whole hop
        for start in (0, 40, 80):
            signal = demo.signal_mv[start : start + n]
            for beat in _events(signal, 360, 360):
                if isinstance(beat, Beat):
                    edges = [beat.p_on_s, beat.p_off_s, beat.qrs_on_s, beat.qrs_off_s]
                    edges += [beat.t_on_s, beat.t_off_s, beat.r_s]
                    assert all(0 <= e <= n / 360 for e in edges if e is not None)


def test_a_device_may_reuse_its_buffer(demo: Record) -> None:
    monitor, buffer = Monitor.load("wrist", lead="MLII"), np.empty(5, np.float32)
    signal = demo.signal_mv[: 20 * 360]
    events = []
    for start in range(0, len(signal), 5):
        buffer[:] = signal[start : start + 5]
        events += monitor.push(buffer, 360)
    assert events + monitor.finish() == _events(signal, 360, 5)


def test_an_electrode_that_comes_off_is_no_pause(demo: Record) -> None:
    """At 3:28 the trace swings by 3 mV and decays for 5 s without a beat."""
    stretch = demo.signal_mv[190 * 360 : 230 * 360]
    events = _events(stretch, 360, 360)
    gaps = np.diff([e.r_s for e in events if isinstance(e, Beat)])
    assert gaps.max() > 4
    assert not [e for e in events if isinstance(e, Alert) and e.kind == "pause"]


def test_a_monitor_can_be_used_again(demo: Record) -> None:
    monitor = Monitor.load("wrist", lead="MLII")
    signal = demo.signal_mv[: 20 * 360]
    first = monitor.push(signal, 360) + monitor.finish()
    assert monitor.push(signal, 360) + monitor.finish() == first and first


def test_bad_pushes_are_refused() -> None:
    monitor = Monitor.load("wrist")
    with pytest.raises(InputError, match="rate"):
        monitor.push(np.zeros(10), 0)
    with pytest.raises(InputError, match="one lead"):
        monitor.push(np.zeros((2, 10)), 250)
    monitor.push(np.zeros(10), 250)
    with pytest.raises(InputError, match="changed"):
        monitor.push(np.zeros(10), 500)


def test_analyze_says_what_the_stream_said(demo: Record) -> None:
    short = Record(demo.signal_mv[: 90 * 360], 360.0, "MLII", source="x/208demo")
    analysis = analyze(short)
    assert list(analysis.beats) == [
        e for e in _events(short.signal_mv, 360, 77) if isinstance(e, Beat)
    ]
    report = analysis.to_dict()
    assert report["record"] == "208demo" and set(report["rhythm"]["probabilities"]) == {
        "normal",
        "af",
        "other",
        "noise",
    }
    assert sum(report["rhythm"]["probabilities"].values()) == pytest.approx(1, abs=1e-3)
    seconds = sum(q["end_s"] - q["start_s"] for q in report["quality"])
    assert seconds == pytest.approx(90)


@pytest.mark.parametrize(
    ("signal", "reason"),
    [
        (np.zeros(3 * 360, np.float32), "lasts 3.0 s"),
        (np.full(3600, np.nan, np.float32), "no valid sample"),
    ],
)
def test_unreadable_records_are_refused(signal: np.ndarray, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        analyze(Record(signal, 360.0))


def test_resampling_is_not_needed_at_250_hz() -> None:
    x = np.arange(5.0)
    assert Resampler(250).push(x).tolist() == x.tolist()
