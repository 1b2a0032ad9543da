"""The log in flash: what is written is there after a loss of power at any instruction."""

from __future__ import annotations

import numpy as np
import pytest

from leadone import Record
from leadone.firmware_sim.board import Board
from leadone.firmware_sim.flash import PowerLost
from leadone.firmware_sim.front_end import MISSING, codes_of
from leadone.firmware_sim.host import HostFirmware
from leadone.firmware_sim.layout import LOG_PAGES
from leadone.firmware_sim.link import Kind, Link, LogRecord
from leadone.firmware_sim.machine import LEAD_OFF, Machine

RECORD_BYTES = 32
ASKED = 2


def _records(host: HostFirmware) -> list[LogRecord]:
    """Of a log as it stands, read by a device that has just got power (one more record)."""
    host.start()
    found = Link(host.receive).log()
    assert found[-1].kind == Kind.BOOT
    return found[:-1]


def test_alerts_rhythms_and_quality_are_kept(
    host: HostFirmware, demo: Record, board: Board
) -> None:
    codes = codes_of(demo, board.front_end)[: 100 * 250]
    codes[50 * 250 : 80 * 250] = MISSING
    host.start()
    host.samples(codes)
    kinds = [record.kind for record in _records(host)]
    assert kinds[0] == Kind.BOOT and {Kind.ALERT, Kind.QUALITY, Kind.RHYTHM} <= set(kinds)
    off = [r for r in _records(host) if r.kind == Kind.QUALITY and r.value & 0xFF == 2]
    assert any(abs((r.start_ms or 0) - 50_000) <= 1000 for r in off)


def test_a_full_log_forgets_its_oldest_page(host: HostFirmware) -> None:
    room = LOG_PAGES * host.layout.page_bytes // RECORD_BYTES
    for _ in range(room + 40):
        host.start()
    records = _records(host)
    sequences = [record.sequence for record in records]
    assert sequences == list(range(sequences[0], room + 41))
    assert room - host.layout.page_bytes // RECORD_BYTES < len(records) <= room


@pytest.mark.parametrize("before", [0, 1, 127, 128, 511, 512, 600])
def test_power_lost_in_any_operation_of_a_write(host: HostFirmware, before: int) -> None:
    for _ in range(before):
        host.start()
    flash, kept = host.flash.copy(), _records(host)
    page_records = host.layout.page_bytes // RECORD_BYTES
    host.flash[:] = flash
    host.start()
    operations = host.operations
    assert operations in (8, 9)  # eight words, and where a page is full its erasure
    for cut_at in range(operations):
        for noise in (0, 1, 0x5555):
            host.flash[:] = flash
            with pytest.raises(PowerLost):
                host.start(cut_at=cut_at, noise=noise)
            found = _records(host)
            lost = [record for record in kept if record not in found]
            assert len(lost) <= (page_records if operations == 9 or before == 511 else 0)
            new = [record for record in found if record not in kept]
            assert len(new) <= 1 and all(one.kind == Kind.BOOT for one in new)
            host.start()
            assert Link(host.receive).log()[-1].sequence >= before + 2


def test_power_lost_at_each_instruction_of_a_write(
    machine: Machine, demo: Record, board: Board, host: HostFirmware
) -> None:
    """RAM is gone without power: what counts is what flash holds behind each instruction."""
    codes = codes_of(demo, board.front_end)[: 60 * 250]
    at, size = host.layout.log_at, host.layout.end - host.layout.log_at
    host.start()
    done, k = host.operations, 0
    while host.operations == done:
        host.samples(codes[k : k + 1])
        k += 1
    for code in codes[: k - 1].tolist():
        machine.sample(code)
    before = machine.memory(at, size)
    machine.interrupt(int(codes[k - 1]))
    contents = machine.watched_turn(at, size)
    assert len(contents) >= 8  # a state for each word
    host.write(at, before)
    kept = _records(host)
    for content in contents:
        host.flash[at : at + size] = np.frombuffer(content, np.uint8)
        found = _records(host)
        assert found[: len(kept)] == kept and len(found) - len(kept) <= 1


def test_a_lost_electrode_is_in_the_log(machine: Machine) -> None:
    for _ in range(14 * 250):
        machine.sample(0, LEAD_OFF)
    records = Link(machine.receive).log()
    assert [record.kind for record in records] == [Kind.BOOT, Kind.ALERT]
    assert machine.alerts
    machine.start(ASKED)
    assert Link(machine.receive).log()[:2] == records
