"""Power that goes in an update of the firmware: before, in and behind each operation of the flash,
and at instructions anywhere.

    python benchmarks/firmware_power.py [--every 1] [--cuts 500] [--seed 0] [--board nrf52840]

The demo's wrist model is renewed on a simulated Cortex-M4: from the factory (the second slot is
empty) and once more (the model in the first slot gives way). Every state in which flash can be
found is booted, by the host library; `--every N` takes each Nth. Then power goes at `--cuts`
instructions of the main loop, chosen at random, and the simulated core itself boots each. A boot
is right where the old model is whole and in use unless the new one is, no record of the log is
lost, and the events of the next four seconds are those of a device that nobody touched; of every
200th state, the update is sent again and taken. Needs pip install 'leadone[firmware,sign]'.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from leadone import read_record
from leadone.distill.export.c_backend import with_model_c
from leadone.edge.bundle import load_bundle
from leadone.edge.signature import make_keys, read_public_key
from leadone.firmware_sim.board import load_board
from leadone.firmware_sim.front_end import codes_of
from leadone.firmware_sim.host import HostFirmware
from leadone.firmware_sim.image import build_image, read_image
from leadone.firmware_sim.link import Link
from leadone.firmware_sim.machine import Machine
from leadone.firmware_sim.power import Aftermath, cut_anywhere, left_behind, proved
from leadone.firmware_sim.slot import Slot, build_slot

DEMO = Path(__file__).parents[1] / "edge" / "demo" / "208demo"
HEARD_S = 4
AGAIN_EVERY = 200

Bytes = npt.NDArray[np.uint8]


def main() -> None:
    """Both updates, and what was found."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--cuts", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--board", default="nrf52840")
    options = parser.parse_args()
    bundle, board = with_model_c(load_bundle("wrist")), load_board(options.board)
    codes = codes_of(read_record(DEMO), board.front_end)
    codes = codes[: round(HEARD_S * board.front_end.rate_hz)]
    with TemporaryDirectory() as scratch:
        private, public = make_keys(Path(scratch))
        key = read_public_key(public)
        image = read_image(build_image(bundle, board, Path(scratch), key))
        host = HostFirmware(bundle, board, key)
        first, second, third = _models(build_slot(bundle, board.core), private)
    machine = Machine(image, board)
    for old, newer, newest in ((0, first, second), (1, second, third)):
        if old == 1:
            machine.put_flash(proved(host.layout, host.slot, first))
        machine.start()
        before = machine.flash_content()
        host.flash[:] = before
        after = Aftermath(host, newer, codes, old)

        def is_taken_again(newest: Slot = newest) -> bool:
            link = Link(host.receive)
            link.update(newest.sent)
            link.reset()
            return link.status().sequence == newest.sequence

        print(f"an update of slot {1 - old}:")
        begin = machine.snapshot()
        _operations(machine, newer, before, after, is_taken_again, options.every)
        machine.restore(begin)
        _anywhere(machine, newer, after, options.cuts, options.seed)


def _operations(
    machine: Machine,
    newer: Slot,
    before: Bytes,
    after: Aftermath,
    is_taken_again: Callable[[], bool],
    every: int,
) -> None:
    begun, started = time.perf_counter(), machine.flash.operations
    Link(machine.receive).update(newer.sent)
    history = machine.flash.history[started:]
    content, faults, booted, again = before.copy(), Counter[str](), 0, 0
    for state, (operations, is_cut) in enumerate(left_behind(content, history, after.layout)):
        if state % every:
            continue
        booted += 1
        wrong = after.fault(content)
        if wrong is None and state % AGAIN_EVERY == 0:
            again += 1
            wrong = None if is_taken_again() else "the update is not taken again"
        if wrong is not None:
            faults[wrong] += 1
            print(f"  {operations} operations, the last {'cut' if is_cut else 'done'}: {wrong}")
    same = (content == machine.flash_content()).all() and not machine.can_store_to_flash
    print(f"  {len(history):,} operations of the flash, which alone change it: {same}")
    print(
        f"  {booted:,} of {2 * len(history) + 1:,} states booted, the update sent again to "
        f"{again}; {faults.total()} wrong; {time.perf_counter() - begun:.0f} s"
    )


def _anywhere(machine: Machine, newer: Slot, after: Aftermath, cuts: int, seed: int) -> None:
    begun, faults = time.perf_counter(), Counter[str]()
    contents: set[bytes] = set()

    def found(content: Bytes) -> None:
        contents.add(content.tobytes())
        wrong = after.fault(content)
        machine.start()
        if wrong is None and Link(machine.receive).status().slot != after.slot_in_use(content):
            wrong = "the core boots another slot than the host"
        if wrong is not None:
            faults[wrong] += 1

    instructions = cut_anywhere(machine, newer, cuts, found, seed)
    print(
        f"  {cuts} cuts in {instructions:,} instructions leave {len(contents)} states; "
        f"{faults.total()} wrong; {time.perf_counter() - begun:.0f} s"
    )
    for wrong, count in faults.items():
        print(f"  {count} times: {wrong}")


def _models(slot: Slot, private_key: Path) -> list[Slot]:
    """Three that do the same, each newer than the one before; their ends tell them apart."""
    return [
        replace(
            slot, sequence=slot.sequence + k, image=slot.image + b"renewed" + bytes([k])
        ).signed(private_key)
        for k in (1, 2, 3)
    ]


if __name__ == "__main__":
    main()
