"""The firmware on a simulated Cortex-M4: its budgets, and every byte against the core run here.

    python benchmarks/firmware.py --data DIR [--records 4] [--seconds 30] [--board nrf52840]

Reads `--records` records, evenly spread, of each of LUDB, CinC 2017 and MIT-BIH below DIR, the
first `--seconds` of each, and the shipped demo. Prints a row a record: events, whether every byte
of them is this machine's, instructions a second of signal, the worst sample over the average, the
stack; then the figures of the whole. Needs pip install 'leadone[firmware]'.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from leadone import read_record
from leadone.distill.export.c_model import model_source
from leadone.distill.export.onnx_reader import read_quantized
from leadone.edge.bundle import Bundle, load_bundle
from leadone.edge.core_build import MODEL_C
from leadone.edge.record import Record
from leadone.firmware_sim.board import load_board
from leadone.firmware_sim.events import EVENT_BYTES
from leadone.firmware_sim.front_end import codes_of
from leadone.firmware_sim.host import HostFirmware
from leadone.firmware_sim.image import build_image
from leadone.firmware_sim.simulation import Simulation, simulate

SETS = ("ludb", "cinc2017", "mitdb")
DEMO = Path(__file__).parents[1] / "edge" / "demo" / "208demo"
NETWORK = (  # functions of kernels.c and network.c, as compiled
    *("dot_two", "dot_one", "dot_taps", "finish_two", "finish_one", "lo_convolution"),
    *("lo_depthwise", "lo_addition", "lo_network_run", "lo_network_begin"),
)


def main() -> None:
    """Run every record and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--records", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--board", default="nrf52840")
    options = parser.parse_args()
    bundle, board = _with_c(load_bundle("wrist")), load_board(options.board)
    host = HostFirmware(bundle, board)
    found: list[Simulation] = []
    same = 0
    print(f"{'record':<24}{'events':>7}  same  M instr/s  worst/avg  stack  lost  wall s")
    with TemporaryDirectory() as scratch:
        image = build_image(bundle, board, Path(scratch))
        for stem in [DEMO, *_stems(options.data, options.records)]:
            record = _first(read_record(stem), options.seconds)
            began = time.perf_counter()
            run = simulate(image, board, record)
            wall_s = time.perf_counter() - began
            host.start()
            is_same = run.events == host.samples(codes_of(record, board.front_end))
            same += is_same
            found.append(run)
            print(
                f"{record.name or stem.name:<24}{len(run.events) // EVENT_BYTES:>7}  "
                f"{'yes' if is_same else 'NO':>4}{run.work_per_second / 1e6:>11.3f}"
                f"{run.unevenness:>11.2f}{run.stack_bytes:>7}"
                f"{run.overruns + run.lost(board.cpi.high):>6}{wall_s:>8.1f}",
                flush=True,
            )
    _summary(found, same, float(bundle.manifest["macs_per_second"]))


def _summary(found: list[Simulation], same: int, macs_per_second: float) -> None:
    seconds = sum(len(run.work) / run.rate_hz for run in found)
    functions: Counter[str] = Counter()
    for run in found:
        functions.update(run.functions)
    network = sum(functions[name] for name in NETWORK) / seconds
    print(f"\n{same} of {len(found)} records: every byte of the events is this machine's")
    print(f"network: {network / 1e6:.3f} M instructions a second of signal, ", end="")
    print(f"{macs_per_second / network:.3f} MAC an instruction")
    print("of each budget, the record that comes nearest to it:")
    for each in zip(*(run.budgets() for run in found), strict=True):
        budget = max(each, key=lambda one: one.value)
        kept = "kept" if budget.is_kept else "BROKEN"
        limit = budget.limit_told()
        print(f"  {budget.what}: {budget.told()} {budget.unit}, at most {limit}: {kept}")
    worst = max(found, key=lambda run: run.work_per_second)
    usual, low, high = (1e3 * ma for ma in worst.current_ma())
    days, fewest, most = worst.battery_days()
    print(
        f"  {usual:.0f} uA ({low:.0f} to {high:.0f}) with the front end, {days:.0f} days ", end=""
    )
    print(f"of a {worst.board.battery.name} ({fewest:.0f} to {most:.0f})")


def _with_c(bundle: Bundle) -> Bundle:
    source = model_source(bundle, read_quantized(bundle.files[bundle.manifest["network"]]))
    return replace(bundle, files={**bundle.files, MODEL_C: source.encode()})


def _stems(data: Path | None, count: int) -> list[Path]:
    if data is None:
        return []
    stems: list[Path] = []
    for name in SETS:
        headers = sorted((data / name).rglob("*.hea"))
        step = max(len(headers) // count, 1)
        stems += [header.with_suffix("") for header in headers[::step][:count]]
    return stems


def _first(record: Record, seconds: float) -> Record:
    return replace(record, signal_mv=record.signal_mv[: round(seconds * record.rate_hz)])


if __name__ == "__main__":
    main()
