"""Commands over the UART: answers, garbage, events as frames."""

from __future__ import annotations

import numpy as np
import pytest

from leadone import Record
from leadone.edge.errors import InputError
from leadone.firmware_sim.board import Board
from leadone.firmware_sim.frame import MOST_CONTENT_BYTES, opened, sealed
from leadone.firmware_sim.front_end import codes_of
from leadone.firmware_sim.host import HostFirmware
from leadone.firmware_sim.link import EVENT, Kind, Link, Request, Result
from leadone.firmware_sim.machine import Machine

RATE_HZ = 250


@pytest.mark.parametrize("length", [0, 1, 249, 250, 251, 252])
@pytest.mark.parametrize("filled_with", [0, 1, 255, None])
def test_frames_give_their_content_back(length: int, filled_with: int | None) -> None:
    rng = np.random.default_rng(length)
    content = rng.bytes(length) if filled_with is None else bytes([filled_with]) * length
    frame = sealed(content)
    assert frame.count(0) == 1 and frame[-1] == 0
    assert opened(frame) == ([content] if content else [])
    assert opened(b"\x07ab" + frame) == []  # what garbage falls into is lost
    assert opened(b"\x07ab\0" + frame) == opened(frame)  # and no more than that


def test_the_device_tells_how_it_is(machine: Machine) -> None:
    link = Link(machine.receive)
    for k in range(100):
        machine.sample(k)
    status = link.status()
    assert (status.samples, status.boot, status.slot, status.overruns) == (100, 1, 0, 0)
    (boot,) = link.log()
    assert boot.kind == Kind.BOOT and boot.sequence == status.latest_record == 1


def test_events_come_as_frames_where_asked_for(
    host: HostFirmware, demo: Record, board: Board
) -> None:
    codes = codes_of(demo, board.front_end)[: 20 * RATE_HZ]
    host.start()
    Link(host.receive).tell_events(True)
    events = host.samples(codes)
    framed = [one[1:] for one in opened(host.all_sent()) if one[0] == EVENT]
    assert len(events) > 10 * 248 and b"".join(framed) == events


def test_what_is_no_command_is_said_to_be_none(host: HostFirmware) -> None:
    host.start()
    link = Link(host.receive)
    assert link.ask(0x3F)[0] == Result.UNKNOWN
    assert link.ask(Request.STATUS, b"x")[0] == Result.MALFORMED
    assert link.ask(Request.READ_LOG, b"123")[0] == Result.MALFORMED
    assert link.ask(Request.DATA, b"123")[0] == Result.MALFORMED
    assert link.ask(Request.DATA, b"1234" * 2)[0] == Result.MALFORMED_UPDATE
    assert link.ask(Request.END)[0] == Result.MALFORMED_UPDATE
    with pytest.raises(InputError, match="does not answer"):
        Link(lambda _: b"\x05garbage\0").status()


def test_garbage_costs_one_frame_at_most(host: HostFirmware) -> None:
    host.start()
    link, rng = Link(host.receive), np.random.default_rng(0)
    for length in rng.integers(1, 2000, 200).tolist():
        host.receive(rng.bytes(length) + b"\0")
        assert link.status().boot == 1
    assert [record.kind for record in link.log()] == [Kind.BOOT]


def test_garbage_does_not_disturb_what_is_heard(
    host: HostFirmware, demo: Record, board: Board
) -> None:
    codes = codes_of(demo, board.front_end)[: 20 * RATE_HZ]
    host.start()
    expected = host.samples(codes)
    host.flash[host.layout.log_at :] = 0xFF
    host.start()
    rng, events = np.random.default_rng(1), b""
    for piece in np.split(codes, 500):
        events += host.samples(piece)
        host.receive(rng.bytes(100))
    assert events == expected


def test_the_longest_content_fits(host: HostFirmware) -> None:
    host.start()
    link = Link(host.receive)
    assert link.ask(Request.DATA, bytes(MOST_CONTENT_BYTES - 2))[0] == Result.MALFORMED_UPDATE
    with pytest.raises(InputError, match="does not answer"):
        link.ask(Request.DATA, bytes(MOST_CONTENT_BYTES - 1))
    assert link.status().boot == 1
