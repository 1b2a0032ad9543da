"""Parts of the core against their Python twins, beyond what a record happens to show."""

from __future__ import annotations

import ctypes
from dataclasses import astuple, fields
from itertools import pairwise

import numpy as np
import pytest

from leadone import Record
from leadone.edge.beat_context import (
    FEATURES,
    QRS_WINDOW,
    BeatContext,
    first_sample,
    last_sample,
)
from leadone.edge.beat_model import BeatModel
from leadone.edge.bundle import Bundle
from leadone.edge.c_stream import REASONS
from leadone.edge.filters import STEPS_PER_MV
from leadone.edge.frontend import filter_record
from leadone.edge.labels import BEATS, QRS
from leadone.edge.levels import PLACES, levels_of
from leadone.edge.pooling import Pool
from leadone.edge.quality import QualityLimits, QualityTracker
from leadone.edge.waves import (
    CERTAINTY_STEPS,
    RunEncoder,
    RunSmoother,
    WaveRun,
    winning_probability,
)

POINTER, DOUBLE, FLOAT, INT = ctypes.c_void_p, ctypes.c_double, ctypes.c_float, ctypes.c_int32


class _Run(ctypes.Structure):
    _fields_ = (
        ("onset", DOUBLE),
        ("offset", DOUBLE),
        ("certainty", ctypes.c_uint32),
        ("frames", INT),
        ("kind", ctypes.c_int8),
    )

    def told(self) -> tuple[int, float, float, int, float]:
        confidence = self.certainty / CERTAINTY_STEPS / self.frames
        return self.kind, self.onset, self.offset, self.frames, confidence


def _state(size: int = 8192) -> ctypes.Array[ctypes.c_double]:
    return (DOUBLE * (size // 8))()


def _flicker(frames: int, steady: int) -> np.ndarray:
    """Logits on an int8 grid that change their class every few frames, here and there for long."""
    rng = np.random.default_rng(steady)
    lengths = rng.choice([1, 2, 3, 4, 7, 20, steady], frames)
    logits = np.repeat(rng.integers(-90, 60, (4, frames)), lengths, 1)[:, :frames]
    return (logits.astype(np.float32) - 3) * np.float32(0.11)


@pytest.mark.parametrize("steady", [30, 130, 320])
def test_runs_and_what_is_left_of_flicker(core: ctypes.CDLL, steady: int) -> None:
    logits = _flicker(6000, steady)
    certainty = winning_probability(logits)
    encoder, smoother = RunEncoder(), RunSmoother()
    runs = encoder.push(logits, certainty)
    smooth = [done for run in runs if (done := smoother.push(run)) is not None]
    assert len(smooth) > 50 and max(run.frames for run in runs) >= min(steady, 100)

    c_encoder, c_smoother, run, done = _state(), _state(), _Run(), _Run()
    core.lo_run_encoder_init(c_encoder)
    core.lo_run_smoother_init(c_smoother)
    core.lo_run_encoder_push.restype = core.lo_run_smoother_push.restype = ctypes.c_bool
    found, c_smooth = [], []
    for column, sure in zip(np.ascontiguousarray(logits.T), certainty, strict=True):
        steps = int(sure * CERTAINTY_STEPS)
        at = ctypes.c_void_p(column.ctypes.data)
        if core.lo_run_encoder_push(c_encoder, at, steps, ctypes.byref(run)):
            found.append(run.told())
            if core.lo_run_smoother_push(c_smoother, ctypes.byref(run), ctypes.byref(done)):
                c_smooth.append(done.told())
    for expected, told in ((runs, found), (smooth, c_smooth)):
        assert [_told(r)[:4] for r in expected] == [t[:4] for t in told]
        waves = [k for k, r in enumerate(expected) if r.kind]
        assert [expected[k].confidence for k in waves] == pytest.approx([told[k][4] for k in waves])


def _told(run: WaveRun) -> tuple[int, float, float, int, float]:
    return run.kind, run.onset, run.offset, run.frames, run.confidence


def test_certainty_is_pythons_to_a_step(core: ctypes.CDLL) -> None:
    logits = (np.random.default_rng(0).integers(-128, 128, (4, 5000)) * np.float32(0.13)).astype(
        np.float32
    )
    core.lo_winning_probability.restype = ctypes.c_uint16
    columns = np.ascontiguousarray(logits.T)
    found = [core.lo_winning_probability(POINTER(c.ctypes.data)) for c in columns]
    steps = winning_probability(logits) * CERTAINTY_STEPS
    assert np.abs(steps - found).max() <= 1 and np.mean(steps == found) > 0.99


def test_levels_are_the_same_bytes(core: ctypes.CDLL) -> None:
    """Of beats, of noise as large as a sample can be, and of halves that have to be rounded."""
    rng, r = np.random.default_rng(0), -QRS_WINDOW[0]
    n = r + PLACES[-1][1]
    for scale in (1, 40, 1000, 32767):
        for _ in range(500):
            steps = rng.integers(-scale, scale + 1, n).astype(np.int16)
            steps[rng.random(n) < rng.choice([0.0, 0.5, 0.98])] = 0
            found = np.zeros(len(PLACES), np.int8)
            core.lo_levels_of(POINTER(steps[r:].ctypes.data), POINTER(found.ctypes.data))
            assert tuple(found.tolist()) == levels_of(steps.astype(np.int64), r)


def test_features_of_beats_and_their_class(core: ctypes.CDLL, demo: Record, wrist: Bundle) -> None:
    filtered, _ = filter_record(demo.signal_mv, demo.rate_hz)
    model = BeatModel.from_manifest(wrist.manifest["beat_model"])
    rng, context, c_context = np.random.default_rng(0), BeatContext(), _state()
    core.lo_beat_context_init(c_context)
    core.lo_beat_context_features.argtypes = [
        POINTER,
        DOUBLE,
        DOUBLE,
        ctypes.c_float,
        ctypes.c_bool,
        POINTER,
        POINTER,
    ]
    r_peaks = 100 + np.cumsum(rng.uniform(120, 300, 300))
    for r in r_peaks.tolist():
        width, has_p = float(rng.uniform(15, 40)), bool(rng.random() < 0.7)
        around = filtered[first_sample(r) : last_sample(r)]
        qrs = WaveRun(QRS, r - width / 2, r + width / 2, 0.9, 10)
        net_mv, logits = float(np.float32(rng.normal(0.5, 0.2))), rng.normal(0, 6, len(BEATS))
        features = context.features(r, qrs, net_mv, has_p, around.astype(np.float64))
        expected = np.concatenate([features, context.opinion(logits)])
        found = np.zeros(len(FEATURES), np.float32)
        width, at = qrs.offset - qrs.onset, (around.ctypes.data, found.ctypes.data)
        core.lo_beat_context_features(c_context, r, width, net_mv, has_p, *at)
        core.lo_beat_context_opinion(c_context, POINTER(logits.ctypes.data), POINTER(at[1]))
        assert found == pytest.approx(expected, abs=1e-3)  # a template rounds to 1 uV
    labels = []
    for row in model.mean + model.scale * rng.normal(0, 2, (300, len(FEATURES))):
        features = row.astype(np.float32)
        labels.append(core.lo_beat_class(_beat_model(core), POINTER(features.ctypes.data)))
        assert labels[-1] == int(model.logits(features.astype(np.float64)).argmax())
    assert set(labels) == {0, 1, 2}


def _beat_model(core: ctypes.CDLL) -> ctypes.c_void_p:
    """The third member of the model: behind its version and its network."""
    return POINTER((POINTER * 3).in_dll(core, "lo_the_model")[2])


@pytest.mark.parametrize("rate_hz", [250.0, 360.0, 512.844])
def test_quality_and_what_it_is_asked(core: ctypes.CDLL, demo: Record, rate_hz: float) -> None:
    rng = np.random.default_rng(1)
    t = np.arange(int(60 * rate_hz)) / rate_hz
    raw = np.interp(t, np.arange(len(demo.signal_mv)) / 360, demo.signal_mv).astype(np.float32)
    for start_s, what in ((5, np.nan), (11, 0.2), (20, -3.0), (31, 2.0)):
        raw[int(start_s * rate_hz) : int((start_s + 4.3) * rate_hz)] = what
    noisy = raw[int(40 * rate_hz) : int(44 * rate_hz)]
    noisy[:] = np.clip(rng.normal(0, 2, len(noisy)), -1, 1)
    steps = np.round(rng.normal(0, 60, 15_000) * np.repeat(rng.choice([0.1, 1, 8], 60), 250))
    filtered = (steps / STEPS_PER_MV).astype(np.float32)
    removed = np.round(rng.normal(0, 40, 15_000) * np.repeat(rng.choice([0.2, 1, 4], 60), 250))
    mains = (removed / STEPS_PER_MV).astype(np.float32)
    sure = np.round(rng.uniform(0.5, 1, 7500) * CERTAINTY_STEPS)
    is_qrs = (np.arange(7500) % 100 < 9) & np.repeat(rng.random(60) < 0.6, 125)
    frames = np.stack([sure / CERTAINTY_STEPS, is_qrs]).astype(np.float32)

    tracker, c_tracker = QualityTracker(rate_hz, QualityLimits()), _state()
    core.lo_quality_init.argtypes = [POINTER, POINTER, DOUBLE]
    core.lo_quality_push_raw.argtypes = [POINTER, FLOAT]
    core.lo_quality_is_on.restype = core.lo_quality_is_readable.restype = ctypes.c_bool
    core.lo_quality_is_on.argtypes = [POINTER, DOUBLE]
    core.lo_quality_is_readable.argtypes = [POINTER, DOUBLE, DOUBLE]
    limits = (DOUBLE * len(fields(QualityLimits)))(*astuple(QualityLimits()))
    core.lo_quality_init(c_tracker, limits, rate_hz)
    decided: list[tuple[int, str, str]] = []
    asked = 0
    for second in range(60):
        a, b = round(second * rate_hz), round((second + 1) * rate_hz)
        part = slice(250 * second, 250 * (second + 1))
        heard = raw[a:b], filtered[part], mains[part], frames[:, 125 * second :][:, :125]
        decided += tracker.push(*heard)
        for x in raw[a:b].tolist():
            core.lo_quality_push_raw(c_tracker, x)
        for y, taken in zip(steps[part], removed[part], strict=True):
            core.lo_quality_push_filtered(c_tracker, int(y), int(taken))
        for certainty, qrs in zip(sure[125 * second :][:125], is_qrs[125 * second :], strict=False):
            core.lo_quality_push_frame(c_tracker, int(certainty), bool(qrs))
        core.lo_quality_decide(c_tracker)
        for at_s in np.arange(max(second - 3, 0), second + 1, 0.13).tolist():
            assert core.lo_quality_is_on(c_tracker, at_s) == tracker.is_on(at_s)
            if second > 4 and at_s + 3 < second + 1:
                start_s = at_s - 1
                expected = tracker.is_readable(start_s, start_s + 3.0)
                assert core.lo_quality_is_readable(c_tracker, start_s, start_s + 3.0) == expected
                asked += expected
    decided += tracker.finish()
    core.lo_quality_finish(c_tracker)
    kept = bytes(c_tracker)[core.test_quality_reasons() :][:16]
    assert [reason for _, _, reason in decided[-16:]] == [
        REASONS[kept[k % 16]] for k, _, _ in decided[-16:]
    ]
    assert len(decided) == 60 and len({reason for _, _, reason in decided}) >= 5


def test_pooled_statistics(core: ctypes.CDLL) -> None:
    rng, channels, scale, zero = np.random.default_rng(0), 12, np.float32(0.043), -7
    deep = rng.integers(-128, 128, (channels, 4000)).astype(np.int8)
    pool, c_pool, memory = Pool(), _state(), _state()
    core.lo_pool_init.argtypes = [POINTER, INT, FLOAT, ctypes.c_int8, POINTER]
    core.lo_pool_init(c_pool, channels, scale, zero, memory)
    core.lo_pool_between.argtypes = [POINTER, DOUBLE, DOUBLE]
    core.lo_pool_between.restype = _Window
    core.lo_pool_statistics.argtypes = [POINTER, _Window, INT, POINTER]
    assert core.lo_pool_between(c_pool, 0.0, 30.0).frames == 0
    for start, end in pairwise(range(0, 4001, 100)):
        part = deep[:, start:end]
        pool.push((part.astype(np.float32) - zero) * scale)
        for frame in np.ascontiguousarray(part.T):
            core.lo_pool_push(c_pool, POINTER(frame.ctypes.data))
        now_s = end * 16 / 250
        for start_s in (max(now_s - 36, 0.0), max(10 * (now_s // 10) - 30, 0.0), now_s + 10):
            expected = pool.statistics(start_s, start_s + 30)
            window = core.lo_pool_between(c_pool, start_s, start_s + 30)
            assert (expected is None) == (window.frames == 0)
            if expected is None:
                continue
            found = np.zeros((channels, 3), np.float32)
            for c in range(channels):
                core.lo_pool_statistics(c_pool, window, c, POINTER(found[c].ctypes.data))
            assert found.T.reshape(-1) == pytest.approx(expected, rel=1e-5, abs=1e-5)


class _Window(ctypes.Structure):
    _fields_ = (("first", INT), ("last", INT), ("frames", INT))
