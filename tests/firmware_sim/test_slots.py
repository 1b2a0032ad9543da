"""Two slots for a model: updates, refusals, and that no fault leaves the device without one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from leadone import Record
from leadone.edge.bundle import Bundle
from leadone.edge.errors import InputError
from leadone.edge.signature import make_keys
from leadone.edge.version import Version
from leadone.firmware_sim.board import Board
from leadone.firmware_sim.frame import sealed
from leadone.firmware_sim.front_end import codes_of
from leadone.firmware_sim.host import HostFirmware
from leadone.firmware_sim.layout import SLOT_BYTES
from leadone.firmware_sim.link import Kind, Link, Request, Result, Status, Verdict
from leadone.firmware_sim.machine import Machine
from leadone.firmware_sim.power import Aftermath, Bytes, Codes, cut_anywhere, left_behind, proved
from leadone.firmware_sim.slot import HEADER_BYTES, Slot

PROVED_AFTER_S = 30
TRIES = 3


@pytest.fixture
def codes(demo: Record, board: Board) -> Codes:
    """Four seconds that give events."""
    return codes_of(demo, board.front_end)[:1000]


def _status(device: HostFirmware | Machine) -> Status:
    device.start()
    return Link(device.receive).status()


def _updated(host: HostFirmware, slot: Slot) -> Status:
    host.start()
    link = Link(host.receive)
    link.update(slot.sent)
    link.reset()
    return link.status()


def test_an_update_is_used_after_a_reset(host: HostFirmware, newer: Slot) -> None:
    host.start()
    link = Link(host.receive)
    link.update(newer.sent)
    assert link.status().slot == 0  # until then the old one goes on
    assert link.log()[-1].kind == Kind.UPDATE
    link.reset()
    status = link.status()
    assert (status.slot, status.sequence) == (1, newer.sequence)
    assert bytes(host.flash[host.layout.slot(1) :][: len(newer.sent)]) == newer.placed(
        host.layout.slot(1)
    )


def test_the_device_itself_takes_an_update_and_says_the_same(
    machine: Machine, newer: Slot, host: HostFirmware, demo: Record, board: Board
) -> None:
    """On the simulated core: hash, signature, pointers moved to another slot, the network there."""
    link = Link(machine.receive)
    link.update(newer.sent)
    link.reset()
    assert link.status().slot == 1
    codes = codes_of(demo, board.front_end)[: (PROVED_AFTER_S + 2) * 250]
    for code in codes.tolist():
        machine.sample(code)
    host.start()
    assert bytes(machine.events) == host.samples(codes)
    assert _status(machine).slot == 1


def test_what_is_not_proved_is_tried_three_times(
    host: HostFirmware, newer: Slot, demo: Record, board: Board
) -> None:
    codes = codes_of(demo, board.front_end)
    slots = [_updated(host, newer).slot, *(_status(host).slot for _ in range(TRIES))]
    assert slots == [1] * TRIES + [0]
    assert _status(host).verdicts == (Verdict.GOOD, Verdict.FAILED)
    host.write(host.layout.slot(1), b"\xff" * SLOT_BYTES)
    assert _updated(host, newer).slot == 1
    host.samples(codes[: (PROVED_AFTER_S + 1) * 250])
    assert [_status(host).slot for _ in range(2 * TRIES)] == [1] * 2 * TRIES


@pytest.mark.parametrize("old", [0, 1])
def test_power_lost_around_operations_of_an_update(
    machine: Machine, host: HostFirmware, newer: Slot, private_key: Path, codes: Codes, old: int
) -> None:
    """Before, in and behind those at its ends and at pages' borders, and each 150th in between.

    benchmarks/firmware_power.py does all of them.
    """
    if old == 1:
        machine.put_flash(proved(host.layout, host.slot, newer))
        newer = replace(newer, sequence=newer.sequence + 1).signed(private_key)
        machine.start()
    host.flash[:] = content = machine.flash_content()
    after, started = Aftermath(host, newer, codes, old), machine.flash.operations
    Link(machine.receive).update(newer.sent)
    history = machine.flash.history[started:]
    borders = {k + d for k, (_, word) in enumerate(history) if word is None for d in (0, 1, 2)}
    chosen = {*range(10), *range(0, len(history), 150), *range(len(history) - 60, len(history) + 1)}
    chosen |= borders
    wrong = [
        (operations, is_cut, fault)
        for operations, is_cut in left_behind(content, history, host.layout)
        if operations in chosen and (fault := after.fault(content)) is not None
    ]
    assert wrong == []
    assert not machine.can_store_to_flash
    assert (content == machine.flash_content()).all()  # the operations are all that changed it
    host.flash[:] = content
    newest = replace(newer, sequence=newer.sequence + 1).signed(private_key)
    assert _updated(host, newest).sequence == newest.sequence


def test_power_lost_at_instructions_anywhere_in_an_update(
    machine: Machine, host: HostFirmware, newer: Slot, codes: Codes
) -> None:
    host.flash[:] = machine.flash_content()
    after = Aftermath(host, newer, codes)
    contents, faults = set(), set()

    def found(content: Bytes) -> None:
        contents.add(content.tobytes())
        faults.add(after.fault(content))

    assert cut_anywhere(machine, newer, 60, found) > 1_000_000
    assert faults == {None} and len(contents) > 50


def test_power_lost_at_each_instruction_that_ends_an_update(
    machine: Machine, newer: Slot, host: HostFirmware
) -> None:
    """On the simulated core: flash behind each instruction, as it is found at power-up."""
    link = Link(machine.receive)
    at = host.layout.slot(1)
    body = newer.sent[HEADER_BYTES:]
    before_end = newer.placed(at)[HEADER_BYTES:]
    assert link.ask(Request.BEGIN, newer.sent[:HEADER_BYTES])[0] == Result.OK
    for offset in range(0, len(body), 240):
        piece = offset.to_bytes(4, "little") + body[offset : offset + 240]
        assert link.ask(Request.DATA, piece)[0] == Result.OK
    machine.receive_only(sealed(bytes([Request.END, 0])))
    headers = machine.watched_turn(at, HEADER_BYTES)
    assert len(headers) > HEADER_BYTES // 8
    for header in headers:
        host.write(at, header + before_end)
        status = _status(host)
        assert status.slot == int(header == newer.sent[:HEADER_BYTES])
        host.write(host.layout.log_at, b"\xff" * 4096)


def test_a_flipped_bit_in_the_slot_in_use_falls_back(
    host: HostFirmware, newer: Slot, demo: Record, board: Board
) -> None:
    assert _updated(host, newer).slot == 1
    host.samples(codes_of(demo, board.front_end)[: (PROVED_AFTER_S + 1) * 250])
    flash = host.flash.copy()
    rng = np.random.default_rng(0)
    for bit in rng.integers(0, 8 * len(newer.sent), 200).tolist():
        host.flash[:] = flash
        host.flash[host.layout.slot(1) + bit // 8] ^= 1 << bit % 8
        assert _status(host).slot == 0
    for bit in rng.integers(0, 8 * len(host.slot.sent), 200).tolist():
        host.flash[:] = flash
        host.flash[host.layout.slot(0) + bit // 8] ^= 1 << bit % 8
        assert _status(host).slot == 1


def test_without_any_model_the_device_still_takes_one(
    host: HostFirmware, newer: Slot, demo: Record, board: Board
) -> None:
    host.flash[host.layout.slot(0) + 5000] ^= 1
    assert _status(host).slot == -1
    assert host.samples(codes_of(demo, board.front_end)[:5000]) == b""
    status = _updated(host, newer)
    assert (status.slot, status.sequence) == (0, newer.sequence)


def test_a_bit_that_flips_while_it_runs_is_found(
    host: HostFirmware, demo: Record, board: Board
) -> None:
    """Read round and round; the next boot checks the slot and has none."""
    codes = np.resize(codes_of(demo, board.front_end), 800_000)
    host.start()
    host.samples(codes[:1000])
    host.flash[host.layout.slot(0) + 40_000] ^= 4
    host.samples(codes[1000:])
    assert host.resets == 1
    link = Link(host.receive)
    assert link.status().slot == -1
    faults = [record.value for record in link.log() if record.kind == Kind.FAULT]
    assert faults == [1]


def test_what_an_update_is_refused_for(
    host: HostFirmware, newer: Slot, slot: Slot, private_key: Path, tmp_path: Path
) -> None:
    refused = {
        "not newer": replace(slot, image=newer.image).signed(private_key).sent,
        "another firmware": newer.sent[:4] + b"\0\0\0\0" + newer.sent[8:],
        "made for": b"x" + newer.sent[1:],
    }
    for why, content in refused.items():
        host.start()
        with pytest.raises(InputError, match=f"refuses the update.*({why}|made for)"):
            Link(host.receive).update(content)
    other, _ = make_keys(tmp_path / "other")
    for content in (newer.signed(other).sent, replace(newer, signature=bytes(64)).sent):
        status = _updated(host, replace(newer, signature=content[HEADER_BYTES - 64 : HEADER_BYTES]))
        assert status.slot == 0 and status.verdicts[1] == Verdict.UNTRUSTED
    damaged = bytearray(newer.sent)
    damaged[50_000] ^= 1
    host.start()
    link = Link(host.receive)
    link.update(bytes(damaged))
    link.reset()
    assert link.status().verdicts == (Verdict.GOOD, Verdict.DAMAGED)


def test_hostile_updates_never_brick_it(host: HostFirmware, newer: Slot) -> None:
    """A thousand: headers that lie, bodies in any order and of any length."""
    rng = np.random.default_rng(0)
    host.start()
    link = Link(host.receive)
    for _ in range(1000):
        header = bytearray(newer.sent[:HEADER_BYTES])
        for at in rng.integers(8, HEADER_BYTES, int(rng.integers(0, 4))).tolist():
            header[at] = int(rng.integers(256))
        link.ask(Request.BEGIN, bytes(header))
        offset = 0
        for _ in range(int(rng.integers(0, 6))):
            piece = rng.bytes(4 * int(rng.integers(0, 61)))
            odd = int(rng.integers(2**32)) if rng.random() < 0.2 else offset
            link.ask(Request.DATA, odd.to_bytes(4, "little") + piece)
            offset += len(piece)
        link.ask(Request.END)
        if rng.random() < 0.1:
            link.reset()
        assert link.status().slot == 0
    assert _updated(host, newer).slot == 1


def test_without_a_key_no_update_is_taken(bundle: Bundle, board: Board, newer: Slot) -> None:
    firmware = HostFirmware(bundle, board)
    firmware.start()
    with pytest.raises(InputError, match="trust no key"):
        Link(firmware.receive).update(newer.sent)


def test_versions_are_numbers_in_their_order() -> None:
    numbers = [Version.parse(text).sequence for text in ("0.3.1", "0.4.0", "0.40.0", "1.0.0")]
    assert numbers[0] < numbers[1] < numbers[2] < numbers[3]
    with pytest.raises(InputError, match=r"is not like 1\.2\.3"):
        Version.parse("next")
