"""What goes wrong on a wrist: marked, survived, and never made into a heart beat."""

from __future__ import annotations

import numpy as np
import pytest

from leadone import Record
from leadone.edge.bundle import Bundle
from leadone.edge.c_stream import EVENT, PART_TYPES
from leadone.firmware_sim.board import Board
from leadone.firmware_sim.flash import PowerLost
from leadone.firmware_sim.front_end import MISSING, codes_of
from leadone.firmware_sim.image import FIRMWARE, PORTS, Image
from leadone.firmware_sim.link import Kind, Link
from leadone.firmware_sim.machine import ASKED, LEAD_OFF, POWER, WATCHDOG, Machine
from leadone.firmware_sim.simulation import RING_SAMPLES
from leadone.firmware_sim.state import state_bytes

RATE_HZ = 250
BEAT, QUALITY = 1, 4
NETWORK_BYTES = 10_396  # of the wrist


def _run(machine: Machine, codes: np.ndarray) -> None:
    for code in codes.tolist():
        is_off = code == MISSING
        machine.sample(0 if is_off else code, LEAD_OFF if is_off else 0)


def _beats_s(machine: Machine) -> np.ndarray:
    events = np.frombuffer(bytes(machine.events), EVENT)
    parts = [
        np.frombuffer(e["of"].tobytes(), PART_TYPES[0])[0] for e in events if e["kind"] == BEAT
    ]
    return np.array([part["times_s"][0] for part in parts])


def _states(machine: Machine) -> list[tuple[float, float, int]]:
    events = np.frombuffer(bytes(machine.events), EVENT)
    of = [
        np.frombuffer(e["of"].tobytes(), PART_TYPES[3])[0] for e in events if e["kind"] == QUALITY
    ]
    return [(*part["span_s"], int(part["state"])) for part in of]


@pytest.fixture(scope="module")
def codes(demo: Record, board: Board) -> np.ndarray:
    return codes_of(demo, board.front_end)[: 24 * RATE_HZ]


@pytest.fixture(scope="module")
def whole_s(image, board: Board, codes: np.ndarray) -> np.ndarray:  # type: ignore[no-untyped-def]
    machine = Machine(image, board)
    machine.start()
    _run(machine, codes)
    return _beats_s(machine)


def test_a_lost_electrode_is_marked_and_gives_no_beat(
    machine: Machine, codes: np.ndarray, whole_s: np.ndarray
) -> None:
    damaged = codes.copy()
    damaged[8 * RATE_HZ : 16 * RATE_HZ] = MISSING
    _run(machine, damaged)
    beats_s = _beats_s(machine)
    assert not ((beats_s > 8.1) & (beats_s < 15.9)).any()
    assert (beats_s > 19).sum() == (whole_s > 19).sum()
    assert any(state == 2 and start <= 8 and end >= 15 for start, end, state in _states(machine))


@pytest.mark.parametrize("rail", [2**23 - 1, -(2**23)])
def test_a_saturated_front_end_gives_no_beat(
    machine: Machine, codes: np.ndarray, rail: int
) -> None:
    damaged = codes.copy()
    damaged[8 * RATE_HZ : 16 * RATE_HZ] = rail
    _run(machine, damaged)
    beats_s = _beats_s(machine)
    assert not ((beats_s > 8.6) & (beats_s < 15.9)).any()
    assert (beats_s > 20).sum() > 4


def test_a_burst_of_noise_is_marked(
    machine: Machine, codes: np.ndarray, whole_s: np.ndarray
) -> None:
    damaged = codes.copy()
    noise = np.random.default_rng(0).normal(0, 1.5 / 4.8e-5, 6 * RATE_HZ)
    damaged[8 * RATE_HZ : 14 * RATE_HZ] += noise.astype(np.int64)
    _run(machine, damaged)
    good = [(start, end) for start, end, state in _states(machine) if state == 0]
    assert all(end <= 9 or start >= 13 for start, end in good), _states(machine)
    assert (_beats_s(machine) > 18).sum() == (whole_s > 18).sum()


@pytest.mark.parametrize("ppm", [-200.0, 200.0])
def test_a_clock_that_drifts_moves_beats_by_as_much(
    machine: Machine, demo: Record, board: Board, whole_s: np.ndarray, ppm: float
) -> None:
    drifting = codes_of(demo, board.front_end, drift_ppm=ppm)[: 24 * RATE_HZ]
    _run(machine, drifting)
    beats_s = _beats_s(machine)
    assert len(beats_s) == len(whole_s)
    assert np.abs(beats_s - whole_s * (1 + ppm * 1e-6)).max() < 0.012


def test_a_lost_interrupt_moves_what_follows_by_a_sample(
    machine: Machine, codes: np.ndarray, whole_s: np.ndarray
) -> None:
    _run(machine, np.delete(codes, 10 * RATE_HZ))
    beats_s = _beats_s(machine)
    later = beats_s[beats_s > 11]
    assert len(later) >= len(whole_s[whole_s > 11]) - 1
    assert np.abs(later + 1 / RATE_HZ - whole_s[whole_s > 11][: len(later)]).max() < 0.012


def test_a_full_ring_is_counted_and_left_behind(
    machine: Machine, codes: np.ndarray, whole_s: np.ndarray
) -> None:
    _run(machine, codes[: 10 * RATE_HZ])
    for code in codes[10 * RATE_HZ :][: RING_SAMPLES + 25].tolist():
        machine.interrupt(code)  # the main loop hangs for a while
    _run(machine, codes[10 * RATE_HZ + RING_SAMPLES + 25 :])
    assert machine.word("samples", 8) == 26 and machine.word("lost") == 26  # and the next one
    beats_s = _beats_s(machine)
    assert np.abs(beats_s[beats_s > 14][:8] - whole_s[whole_s > 14][:8]).max() < 0.012


def test_flipped_bits_of_the_network_are_forgotten(
    machine: Machine, bundle: Bundle, codes: np.ndarray, whole_s: np.ndarray
) -> None:
    """What a causal network remembers goes by; a bit of it can't stay wrong."""
    rng = np.random.default_rng(0)
    _run(machine, codes[: 10 * RATE_HZ])
    used = state_bytes(bundle, RATE_HZ, (PORTS / "one_rate.c", FIRMWARE / "doubles.c"))
    end = machine.symbol("memory") + used  # the network's memory is the last of the state
    for _ in range(200):
        machine.flip(end - int(rng.integers(16, NETWORK_BYTES)), int(rng.integers(8)))
    _run(machine, codes[10 * RATE_HZ :])
    beats_s = _beats_s(machine)
    late, expected = beats_s[beats_s > 16], whole_s[whole_s > 16]
    assert len(late) == len(expected) and np.abs(late - expected).max() < 1e-9


def test_a_main_loop_that_hangs_is_reset_by_the_watchdog(
    machine: Machine, codes: np.ndarray, whole_s: np.ndarray
) -> None:
    """Interrupts go on, nobody reads: two seconds later the device begins anew, and says so."""
    _run(machine, codes[:1000])
    for code in codes[1000:2000].tolist():
        machine.interrupt(code)
    assert WATCHDOG in machine.resets
    status = Link(machine.receive).status()
    assert (status.reset_cause, status.boot) == (WATCHDOG, 2)
    begun = len(_beats_s(machine))
    _run(machine, codes[2000:])
    late_s = _beats_s(machine)[begun:]
    restarted_s = 24 - Link(machine.receive).status().samples / RATE_HZ
    expected = whole_s[whole_s > restarted_s + 6] - restarted_s
    assert np.abs(late_s[-len(expected) :] - expected).max() < 0.05


def test_a_brown_out_loop_ends_in_a_device_that_works(
    machine: Machine, codes: np.ndarray, whole_s: np.ndarray
) -> None:
    """Power goes in the middle of the boot, thirty times at any place; the log stays whole."""
    rng = np.random.default_rng(0)
    boot = machine.start()
    for left in rng.integers(1, boot, 30).tolist():
        machine.instructions_left = left
        with pytest.raises(PowerLost):
            machine.start()
    for cut_at in range(8):
        machine.flash.cut_at = machine.flash.operations + cut_at
        with pytest.raises(PowerLost):
            machine.start()
    machine.instructions_left = None
    machine.start()
    machine.events.clear()
    _run(machine, codes)
    assert (_beats_s(machine) == whole_s).all()
    log = Link(machine.receive).log()
    assert [record.sequence for record in log] == list(range(1, len(log) + 1))


@pytest.mark.parametrize("seed", range(6))
def test_flipped_bits_anywhere_in_ram_end_in_a_device_that_works(
    machine: Machine, image: Image, codes: np.ndarray, whole_s: np.ndarray, seed: int
) -> None:
    """Whatever they do, a beat is never told of another time than now; what hangs is reset."""
    rng = np.random.default_rng(seed)
    _run(machine, codes[: 8 * RATE_HZ])
    told = len(machine.events)
    at, size = image.sections[".bss"]
    for _ in range(20):
        machine.flip(at + int(rng.integers(size)), int(rng.integers(8)))
    damaged = codes[8 * RATE_HZ : 16 * RATE_HZ].tolist()
    for code in damaged:
        machine.sample(code)
    for event in np.frombuffer(bytes(machine.events[told:]), EVENT):
        assert 1 <= event["kind"] <= 4
    machine.start()
    machine.events.clear()
    _run(machine, codes)
    assert (_beats_s(machine) == whole_s).all()


def test_an_event_of_another_time_resets_the_device(machine: Machine, codes: np.ndarray) -> None:
    """The count of samples that have come is kept twice: where they differ, nothing is told."""
    _run(machine, codes[: 8 * RATE_HZ])
    told = len(_beats_s(machine))
    machine.flip(machine.symbol("taken") + 2, 0)  # 65,536 samples more or fewer
    _run(machine, codes[8 * RATE_HZ : 12 * RATE_HZ])
    assert machine.resets == [POWER, ASKED]
    log = Link(machine.receive).log()
    assert [(r.kind, r.value) for r in log if r.kind == Kind.FAULT] == [(Kind.FAULT, 2)]
    later_s = _beats_s(machine)[told:]
    assert (later_s <= Link(machine.receive).status().samples / RATE_HZ).all()


def test_garbage_on_the_uart_changes_no_beat(
    machine: Machine, codes: np.ndarray, whole_s: np.ndarray
) -> None:
    rng = np.random.default_rng(0)
    for second in np.split(codes, 24):
        _run(machine, second)
        machine.receive(rng.bytes(300))
    assert (_beats_s(machine) == whole_s).all()
    assert Link(lambda sent: machine.receive(b"\0" + sent)).status().boot == 1
