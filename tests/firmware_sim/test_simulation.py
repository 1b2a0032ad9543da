"""The firmware on the simulated Cortex-M4 says what the host says, and keeps every budget."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from leadone import Record
from leadone.edge.bundle import Bundle, load_bundle
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
    assert [b.what for b in simulation.budgets() if not b.is_kept] == []
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


@pytest.mark.parametrize("name", ["ads1292r", "ad8232", "max30003"])
def test_a_front_end_gives_the_signal_back(demo: Record, name: str) -> None:
    front = load_front_end(name)
    quiet = replace(front, noise_mv=0.0, rate_hz=demo.rate_hz)
    found = signal_of(codes_of(_part(demo, 10), quiet), quiet)
    limit = front.step_mv * (2 ** (front.bits - 1) - 1)
    expected = np.clip(demo.signal_mv[: len(found)], -limit, limit)
    assert np.abs(found - expected).max() <= front.step_mv
    gap = replace(demo, signal_mv=np.full(100, np.nan, np.float32))
    assert (codes_of(gap, quiet) == MISSING).all()
