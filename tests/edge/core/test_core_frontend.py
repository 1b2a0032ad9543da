"""The front end in C gives the front end's numbers in Python, at every rate and for any damage."""

from __future__ import annotations

import ctypes
import re
from pathlib import Path

import numpy as np
import pytest

from leadone import read_record
from leadone.edge.core_build import CORE
from leadone.edge.filters import STEPS_PER_MV, design_sos
from leadone.edge.frontend import filter_record, network_input
from leadone.edge.resampler import Resampler, kernel

RATES_HZ = [50, 100, 128, 130, 200, 250, 256, 257.3, 300, 360, 500, 512.4, 512.844, 1000, 2000]


def _filtered(core: ctypes.CDLL, signal_mv: np.ndarray, rate_hz: float) -> np.ndarray:
    core.lo_resampler_inputs.argtypes = [ctypes.c_double]
    recent = (ctypes.c_int32 * core.lo_resampler_inputs(rate_hz))()
    front = ctypes.create_string_buffer(4096)
    core.lo_frontend_init.argtypes = [ctypes.c_void_p, ctypes.c_double, ctypes.c_void_p]
    core.lo_frontend_init(front, rate_hz, recent)
    core.lo_frontend_next.restype = ctypes.c_bool
    core.lo_frontend_push.argtypes = [ctypes.c_void_p, ctypes.c_float]
    y, found = ctypes.c_int16(), []

    def take() -> None:
        while core.lo_frontend_next(front, ctypes.byref(y)):
            found.append(y.value)

    for sample in signal_mv.tolist():
        core.lo_frontend_push(front, sample)
        take()
    for _ in range(len(recent) // 2):
        core.lo_resampler_hold(front)  # which is the front end's first member
        take()
    return np.array(found, np.float32) / STEPS_PER_MV


def _ecg(rate_hz: float, demo_path: Path) -> np.ndarray:
    record = read_record(demo_path)
    t = np.arange(int(20 * rate_hz)) / rate_hz
    known = np.arange(len(record.signal_mv)) / record.rate_hz
    return np.interp(t, known, record.signal_mv).astype(np.float32)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_every_sample_is_the_same(core: ctypes.CDLL, rate_hz: float, demo_path: Path) -> None:
    signal = _ecg(rate_hz, demo_path) + np.float32(150.0)  # an electrode's offset
    signal[:9] = signal[300:420] = signal[700] = np.nan
    signal[800], signal[801] = np.inf, 3e38
    signal[900:950] = -1e6
    expected, _ = filter_record(signal, rate_hz)
    assert np.abs(expected[int(9.0 * 250) :]).max() > 0.1
    assert np.array_equal(_filtered(core, signal, rate_hz), expected)


def test_nothing_but_gaps_is_silence(core: ctypes.CDLL) -> None:
    signal = np.full(1000, np.nan, np.float32)
    assert not _filtered(core, signal, 360).any() and not filter_record(signal, 360)[0].any()


def test_the_ratio_is_pythons(core: ctypes.CDLL) -> None:
    """Of any rate: limit_denominator in 64 bits."""
    recent, front = (ctypes.c_int32 * 4096)(), ctypes.create_string_buffer(4096)
    core.lo_resampler_init.argtypes = [ctypes.c_void_p, ctypes.c_double, ctypes.c_void_p]
    rates = np.random.default_rng(0).uniform(50, 20_000, 300).tolist()
    for rate_hz in [*RATES_HZ, *rates, 20_000.0]:
        core.lo_resampler_init(front, rate_hz, recent)
        seconds = np.frombuffer(front.raw[:8], np.float64)[0]
        assert seconds == Resampler(rate_hz).seconds_per_output
    core.lo_resampler_inputs.argtypes = [ctypes.c_double]
    refused = (49.9, 20_001.0, float("nan"), float("inf"), -250.0)
    assert [core.lo_resampler_inputs(rate) for rate in refused] == [0] * 5


def test_the_tables_are_pythons() -> None:
    def integers(file: str, name: str) -> list[int]:
        text = (CORE / file).read_text().split(f"{name}[", 1)[1].split("= {", 1)[1]
        return [int(number) for number in re.findall(r"-?\d+", text.split("};")[0])]

    assert integers("resampler.c", "kernel") == kernel().tolist()
    steps = (design_sos()[:, [0, 1, 4, 5]] * 2**30).astype(int)
    assert integers("filters.c", "sections") == steps.reshape(-1).tolist()
    assert np.array_equal(design_sos()[:, 2], design_sos()[:, 0])
    assert np.array_equal(design_sos()[1:, 1], design_sos()[1:, 4])


def test_the_networks_inputs_are_the_same(core: ctypes.CDLL) -> None:
    inputs = ctypes.c_int8 * 2
    core.lo_network_inputs.argtypes = [ctypes.c_int16, ctypes.c_float, ctypes.c_int8, inputs]
    core.lo_network_inputs.restype = None
    steps, scale = np.arange(-32767, 32768, 7), np.float32(0.0078431)
    x = network_input((steps / STEPS_PER_MV).astype(np.float32))
    found, told = np.empty((2, len(steps))), inputs()
    for k, step in enumerate(steps):
        core.lo_network_inputs(int(step), float(scale), 3, told)
        found[:, k] = told
    assert np.array_equal(found, np.clip(np.rint(x / scale) + 3, -128, 127))
