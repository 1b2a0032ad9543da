import numpy as np

from leadone.edge.quality import QualityLimits, QualityTracker

RATE_HZ = 250


def _frames(n: int, certainty: float = 0.95, beats: bool = True) -> np.ndarray:
    is_qrs = (np.arange(n) % 125 < 10) & beats
    return np.stack([np.full(n, certainty), is_qrs]).astype(np.float32)


def _states(
    raw: np.ndarray,
    certainty: float = 0.95,
    muscle_mv: float = 0.0,
    beats: bool = True,
    drift_mv: np.ndarray | float = 0.0,
    mains_mv: float = 0.0,
) -> list[str]:
    tracker = QualityTracker(RATE_HZ, QualityLimits())
    noise = np.random.default_rng(0).normal(0, muscle_mv, len(raw)).astype(np.float32)
    frames = _frames(len(raw) // 2, certainty, beats)
    filtered = (noise + drift_mv).astype(np.float32)
    mains = np.full(len(raw), mains_mv, np.float32)
    decided = tracker.push(raw.astype(np.float32), filtered, mains, frames) + tracker.finish()
    assert [k for k, _, _ in decided] == list(range(len(raw) // RATE_HZ))
    return [reason or state for _, state, reason in decided]


def _ecg(seconds: int = 4) -> np.ndarray:
    t = np.arange(seconds * RATE_HZ) / RATE_HZ
    return np.sin(2 * np.pi * t) + np.where(t % 1 < 0.04, 1.5, 0)


def test_each_defect_has_its_name() -> None:
    assert _states(_ecg()) == ["good"] * 4
    missing = _ecg()
    missing[250:320] = np.nan
    assert _states(missing) == ["good", "missing", "good", "good"]
    flat = _ecg()
    flat[500:750] = 0.2
    assert _states(flat) == ["good", "good", "flat", "good"]
    assert _states(np.clip(_ecg(), -0.6, 0.6)) == ["clipped"] * 4
    assert _states(_ecg(), certainty=0.6) == ["unreadable"] * 4
    assert _states(_ecg(), muscle_mv=0.5) == ["muscle"] * 4


def test_motion_wanders_and_mains_are_a_good_signal() -> None:
    wander = np.repeat(np.random.default_rng(0).normal(0, 1, 20), 50)
    assert _states(_ecg(), certainty=0.6, drift_mv=wander) == ["motion"] * 4
    assert _states(_ecg(), drift_mv=wander) == ["good"] * 4
    assert _states(_ecg(), mains_mv=0.1) == ["powerline"] * 4
    assert _states(_ecg(), mains_mv=0.1, certainty=0.6) == ["unreadable"] * 4


def test_a_gain_of_zero_is_lead_off() -> None:
    assert _states(np.zeros(1000)) == ["flat"] * 4


def test_is_on_asks_the_samples_around() -> None:
    tracker = QualityTracker(RATE_HZ, QualityLimits())
    raw = _ecg(8).astype(np.float32)
    raw[1000:1500] = 0.0
    for k in range(0, len(raw), 50):
        nothing = np.empty(0, np.float32)
        tracker.push(raw[k : k + 50], nothing, nothing, _frames(0))
    assert tracker.is_on(2.0) and not tracker.is_on(5.0) and tracker.is_on(7.0)


def test_without_a_beat_a_swing_is_an_electrode_and_hiss_is_noise() -> None:
    t = np.arange(6 * RATE_HZ) / RATE_HZ
    raw = 0.1 * np.sin(t)
    swing = 3 * np.exp(-2 * t)
    assert _states(raw, drift_mv=swing) == ["good"] * 6  # beats are seen: the baseline wanders
    assert _states(raw, drift_mv=swing, beats=False) == ["drifting"] * 2 + ["good"] * 4
    assert _states(raw, beats=False) == ["good"] * 6  # asystole is a good signal
    assert _states(raw, beats=False, muscle_mv=0.1) == ["unreadable"] * 6
    assert _states(raw, muscle_mv=0.1) == ["good"] * 6
