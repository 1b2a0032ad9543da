"""A resampler for one rate gives the core's integers, and fits where the core's table does not."""

from __future__ import annotations

import ctypes
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from leadone import Record
from leadone.edge.bundle import Bundle
from leadone.edge.core_build import CORE, HOST, compile_core
from leadone.firmware_sim.board import Board
from leadone.firmware_sim.front_end import MISSING, codes_of
from leadone.firmware_sim.host import HostFirmware
from leadone.firmware_sim.image import build_image, resampler_of
from leadone.firmware_sim.phases import phases_source
from leadone.firmware_sim.simulation import simulate

RATES_HZ = [50.0, 125.0, 130.0, 200.0, 300.0, 360.0, 500.0, 1000.0]
MANY_PHASES_HZ = [128.0, 256.0, 512.0, 512.844]
STRUCT_BYTES, MOST_INPUTS = 256, 200
SAMPLES, SECONDS = 4000, 30
FOR_SLOWER_RATES = {"work", "worst sample / average"}  # README says by how much they break
ALL = """#include "resampler.h"
int32_t resampled(lo_resampler *, int32_t *, double, const int32_t *, int32_t, int64_t *);
int32_t resampled(lo_resampler *r, int32_t *recent, double rate_hz, const int32_t *x, int32_t n,
                  int64_t *y) {
  int32_t count = 0;
  lo_resampler_init(r, rate_hz, recent);
  for (int32_t k = 0; k < n + r->half; ++k) {
    if (k < n) lo_resampler_push(r, x[k]); else lo_resampler_hold(r);
    while (lo_resampler_next(r, &y[count])) ++count;
  }
  return count;
}
"""


def _with_rate(board: Board, rate_hz: float) -> Board:
    return replace(board, front_end=replace(board.front_end, rate_hz=rate_hz))


def _resampled(source: Path, folder: Path, rate_hz: float, x: np.ndarray) -> np.ndarray:
    """All outputs of a record, its end held."""
    (folder / "all.c").write_text(ALL)
    library = folder / f"{source.parent.name}-{source.stem}.so"
    compile_core([source, folder / "all.c", CORE / "numbers.c"], library, HOST)
    y = np.zeros(8 * len(x), np.int64)
    memory, recent = np.zeros(STRUCT_BYTES // 8), np.zeros(MOST_INPUTS, np.int32)
    places = [ctypes.c_void_p(each.ctypes.data) for each in (memory, recent, x, y)]
    c = ctypes.CDLL(str(library))
    assert 0 < c.lo_resampler_inputs(ctypes.c_double(rate_hz)) <= MOST_INPUTS
    rate, length = ctypes.c_double(rate_hz), ctypes.c_int32(len(x))
    count = c.resampled(places[0], places[1], rate, places[2], length, places[3])
    return y[:count]


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_every_output_is_the_cores(board: Board, tmp_path: Path, rate_hz: float) -> None:
    x = np.random.default_rng(0).integers(-(2**27), 2**27, SAMPLES).astype(np.int32)
    own = resampler_of(_with_rate(board, rate_hz), tmp_path)
    assert own.parent == tmp_path
    found = _resampled(own, tmp_path, rate_hz, x)
    expected = _resampled(CORE / "resampler.c", tmp_path, rate_hz, x)
    assert len(found) == len(expected) > (SAMPLES - 1) * 250 // rate_hz
    assert (found == expected).all()


@pytest.mark.parametrize("rate_hz", MANY_PHASES_HZ)
def test_many_phases_are_left_to_the_core(board: Board, tmp_path: Path, rate_hz: float) -> None:
    assert phases_source(rate_hz) is None
    assert resampler_of(_with_rate(board, rate_hz), tmp_path) == CORE / "resampler.c"


@pytest.mark.parametrize(("rate_hz", "known"), [(200.0, set()), (500.0, FOR_SLOWER_RATES)])
def test_the_device_keeps_its_budgets_at_another_rate(
    bundle: Bundle, board: Board, demo: Record, tmp_path: Path, rate_hz: float, known: set[str]
) -> None:
    """And says what the host's library says, which has the core's resampler."""
    other = _with_rate(board, rate_hz)
    record = replace(demo, signal_mv=demo.signal_mv[: round(SECONDS * demo.rate_hz)].copy())
    record.signal_mv[3000:3600] = np.nan
    run = simulate(build_image(bundle, other, tmp_path), other, record)
    codes = codes_of(record, other.front_end)
    assert (codes == MISSING).any()
    host = HostFirmware(bundle, other)
    host.start()
    assert run.events == host.samples(codes) and len(run.events) > 30 * 248
    assert {budget.what for budget in run.budgets() if not budget.is_kept} <= known
