"""A model that needs more memory than the firmware keeps: builds refuse it, devices tell."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from leadone import Record
from leadone.edge.bundle import Bundle, write_bundle
from leadone.edge.errors import InputError
from leadone.firmware_sim import image as image_module
from leadone.firmware_sim.board import Board
from leadone.firmware_sim.image import FIRMWARE, PORTS, build_image, check_state, read_image
from leadone.firmware_sim.link import Fault, Kind, Link, Verdict, told_faults
from leadone.firmware_sim.machine import POWER, Machine
from leadone.firmware_sim.simulation import simulate
from leadone.firmware_sim.slot import Slot, build_slot
from leadone.firmware_sim.state import STATE_BYTES, state_bytes

WATCHDOG_SAMPLES = 2 * 250
DOUBLE_BYTES = 8


def _with_rate(board: Board, rate_hz: float) -> Board:
    return replace(board, front_end=replace(board.front_end, rate_hz=rate_hz))


def _needed(bundle: Bundle) -> int:
    return state_bytes(bundle, 250.0, (PORTS / "one_rate.c", FIRMWARE / "doubles.c"))


def test_the_build_and_the_device_need_the_same(
    bundle: Bundle, board: Board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the byte: with as many it runs, with a double less it does not."""
    just_enough = -(-_needed(bundle) // DOUBLE_BYTES) * DOUBLE_BYTES
    assert just_enough <= STATE_BYTES
    for kept, verdict in (
        (just_enough, Verdict.GOOD),
        (just_enough - DOUBLE_BYTES, Verdict.TOO_LARGE),
    ):
        monkeypatch.setattr(image_module, "STATE_BYTES", kept)
        monkeypatch.setattr(image_module, "check_state", lambda *_: None)
        machine = Machine(read_image(build_image(bundle, board, tmp_path)), board)
        machine.start()
        assert Link(machine.receive).status().verdicts[0] == verdict


@pytest.mark.parametrize("rate_hz", [100.0, 200.0, 500.0, 1000.0, 2000.0])
def test_rates_of_front_ends_have_room(bundle: Bundle, board: Board, rate_hz: float) -> None:
    check_state(bundle, _with_rate(board, rate_hz))


@pytest.mark.parametrize(
    ("rate_hz", "why"),
    [(10_000.0, "at 10000 Hz, the firmware keeps .* lower rate"), (30.0, "outside 50 to 20000 Hz")],
)
def test_the_build_refuses_a_rate_without_room(
    bundle: Bundle, board: Board, tmp_path: Path, rate_hz: float, why: str
) -> None:
    with pytest.raises(InputError, match=why):
        build_image(bundle, _with_rate(board, rate_hz), tmp_path)


@pytest.mark.parametrize("words", [["build"], ["pack", "--key", "PRIVATE"], ["run"]])
def test_commands_refuse_a_model_without_room(
    forgetful: Bundle, private_key: Path, tmp_path: Path, words: list[str]
) -> None:
    manifest = {k: v for k, v in forgetful.manifest.items() if k not in ("format", "files")}
    write_bundle(tmp_path / "forgetful", manifest, forgetful.files)
    named = [str(private_key) if word == "PRIVATE" else word for word in words]
    out = [] if words == ["run"] else ["--out", str(tmp_path / "out")]
    model = ["--model", str(tmp_path / "forgetful")]
    command = [sys.executable, "-m", "leadone.cli", "firmware", *named, *model, *out]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and done.stdout == ""
    needed = f"the model needs {_needed(forgetful):,} bytes of memory at 250 Hz, "
    kept = f"the firmware keeps {STATE_BYTES:,}; take a smaller model or a front end at a lower"
    assert needed + kept in done.stderr and done.stderr.count("\n") == 1
    assert not (tmp_path / "out" / "firmware.elf").exists()


def test_a_device_says_why_it_runs_no_model_and_stays_awake(
    forgetful: Bundle,
    board: Board,
    demo: Record,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Flashed with what builds refuse: no loop of resets, a fault in the log and on the UART."""
    monkeypatch.setattr(image_module, "check_state", lambda *_: None)
    path = build_image(forgetful, board, tmp_path)
    machine = Machine(read_image(path), board)
    machine.start()
    needed = _needed(forgetful)
    (said,) = told_faults(bytes(machine.sent))
    assert said.startswith(f"the model needs {needed:,} bytes of memory, more than the firmware")
    for _ in range(3 * WATCHDOG_SAMPLES):
        machine.sample(0)
    link = Link(machine.receive)
    status = link.status()
    assert machine.resets == [POWER] and machine.events == b""
    assert (status.slot, status.verdicts) == (-1, (Verdict.TOO_LARGE, Verdict.EMPTY))
    boot, fault = link.log()
    assert (boot.kind, fault.kind) == (Kind.BOOT, Kind.FAULT)
    assert fault.value == Fault.MODEL | needed << 8
    with pytest.raises(InputError, match=f"needs {needed:,} bytes"):
        simulate(path, board, demo)


def test_an_update_without_room_is_passed_over_at_once(
    machine: Machine, forgetful: Bundle, board: Board, private_key: Path, slot: Slot
) -> None:
    """The old model goes on from the first boot, not after three that the watchdog ends."""
    larger = replace(build_slot(forgetful, board.core), sequence=slot.sequence + 1)
    link = Link(machine.receive)
    link.update(larger.signed(private_key).sent)
    link.reset()
    status = link.status()
    assert (status.slot, status.sequence) == (0, slot.sequence)
    assert status.verdicts == (Verdict.GOOD, Verdict.TOO_LARGE)
    (said,) = told_faults(bytes(machine.sent))
    assert f"{_needed(forgetful):,}" in said
