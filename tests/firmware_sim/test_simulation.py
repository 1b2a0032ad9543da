"""The firmware on the simulated Cortex-M4 says what the host says, and keeps every budget."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from leadone import Record
from leadone.edge.bundle import Bundle, load_bundle
from leadone.edge.c_stream import EVENT
from leadone.edge.errors import InputError
from leadone.firmware_sim.board import Board, board_names, load_board, load_front_end
from leadone.firmware_sim.events import EVENT_BYTES, event_lines
from leadone.firmware_sim.front_end import MISSING, codes_of, signal_of
from leadone.firmware_sim.host import HostFirmware
from leadone.firmware_sim.image import build_image
from leadone.firmware_sim.report import render
from leadone.firmware_sim.simulation import Simulation, simulate

SECONDS = 45


def _part(record: Record, seconds: float) -> Record:
    return replace(record, signal_mv=record.signal_mv[: round(seconds * record.rate_hz)])


@pytest.fixture(scope="module")
def simulation(image_path: Path, board: Board, demo: Record) -> Simulation:
    return simulate(image_path, board, _part(demo, SECONDS))


def test_the_device_says_what_the_host_says(
    simulation: Simulation, board: Board, demo: Record, host: HostFirmware
) -> None:
    codes = codes_of(_part(demo, SECONDS), board.front_end)
    host.start()
    expected = host.samples(codes)
    assert len(expected) > 60 * EVENT_BYTES
    assert simulation.events == expected


def test_every_budget_is_kept(simulation: Simulation) -> None:
    """The demo's many ectopic beats are the most work of all records that README tells of."""
    assert [budget.what for budget in simulation.budgets() if not budget.is_kept] == []
    assert simulation.stack_bytes > 500 and simulation.overruns == 0


def test_a_slow_clock_loses_nothing_and_a_slower_one_does(simulation: Simulation) -> None:
    slow = replace(simulation, board=load_board("slow16"))
    assert slow.lost(slow.board.cpi.high) == 0 and slow.backlog(slow.board.cpi.high).max() <= 4
    slower = replace(simulation, board=replace(slow.board, clock_hz=4_000_000))
    assert slower.lost(slower.board.cpi.high) > 100


def test_functions_sum_to_the_work(simulation: Simulation) -> None:
    assert sum(simulation.functions.values()) == simulation.work.sum()
    assert {"dot_two", "sample_interrupt", "main"} <= simulation.functions.keys()


def test_the_current_is_between_its_ends(simulation: Simulation) -> None:
    usual, low, high = simulation.current_ma()
    board = simulation.board
    assert board.front_end.ma < low < usual < high < board.active.ma
    days, fewest, most = simulation.battery_days()
    assert fewest < days < most
    assert days == pytest.approx(board.battery.mah / usual / 24)


def test_lines_tell_every_event(simulation: Simulation) -> None:
    lines = list(event_lines(simulation.events))
    assert len(lines) == len(simulation.events) // EVENT_BYTES
    assert any("beat V" in line for line in lines) and any("rhythm" in line for line in lines)


def test_a_page_has_every_part_and_no_markup_from_texts(simulation: Simulation) -> None:
    page = render(simulation, "<b>evil</b>")
    assert "<b>evil" not in page and page.count("<svg") == 3
    assert all(word in page for word in ("Budgets", ".bss", "dot_two", "CR2032", "TI SBAS502"))
    assert "http" not in page


@pytest.mark.parametrize("name", board_names())
def test_every_board_builds(bundle: Bundle, tmp_path: Path, name: str) -> None:
    assert build_image(bundle, load_board(name), tmp_path).stat().st_size > 100_000


def test_what_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no board 'zx81'; there are"):
        load_board("zx81")
    with pytest.raises(InputError, match="no front end 'ear'; there are ad8232"):
        load_front_end("ear")
    (tmp_path / "odd.toml").write_text('name = "odd"\n')
    with pytest.raises(InputError, match="needs exactly"):
        load_board(str(tmp_path / "odd.toml"))
    with pytest.raises(InputError, match="no model in C"):
        build_image(load_bundle("wrist"), load_board("nrf52840"), tmp_path)


FRONT_ENDS = ("ads1292r", "ad8232", "max30003", "max86150")


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_a_front_end_gives_the_signal_back(demo: Record, name: str) -> None:
    front = load_front_end(name)
    ideal = replace(front, noise_mv=0.0, gain_error=0.0, offset_mv=0.0, rate_hz=demo.rate_hz)
    found = signal_of(codes_of(_part(demo, 10), ideal), ideal)
    expected = np.clip(demo.signal_mv[: len(found)], -front.range_mv, front.range_mv)
    assert np.abs(found - expected).max() <= front.step_mv
    gap = replace(demo, signal_mv=np.full(100, np.nan, np.float32))
    assert (codes_of(gap, front) == MISSING).all()


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_a_front_end_has_faults_of_its_own(demo: Record, name: str) -> None:
    front = load_front_end(name)
    flat = replace(demo, signal_mv=np.ones(10_000, np.float32), rate_hz=front.rate_hz)
    seen = signal_of(codes_of(flat, front), front)
    assert seen.mean() == pytest.approx(1 + front.gain_error + front.offset_mv, abs=0.01)
    assert seen.std() == pytest.approx(np.hypot(front.noise_mv, front.step_mv / 12**0.5), rel=0.1)
    beyond = replace(flat, signal_mv=np.full(10_000, 1e4, np.float32))
    limit = min(front.range_mv, front.step_mv * (2 ** (front.bits - 1) - 1))
    assert np.abs(signal_of(codes_of(beyond, front), front) - limit).max() <= front.step_mv
    drifting = codes_of(flat, front, drift_ppm=200)
    assert len(drifting) - len(seen) in (1, 2)


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_every_front_end_gives_the_beats(demo: Record, bundle: Bundle, name: str) -> None:
    board = load_board("nrf52840", name)
    firmware = HostFirmware(bundle, board)
    firmware.start()
    events = np.frombuffer(firmware.samples(codes_of(demo, board.front_end)), EVENT)
    beats = int((events["kind"] == 1).sum())
    assert 0.95 * 520 < beats < 1.05 * 520
