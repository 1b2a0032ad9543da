"""The firmware on simulated Cortex-M cores: its budgets, and its events beside other machines'.

    python benchmarks/firmware.py --data DIR [--records 35] [--seconds 30] [--board nrf52840]
                                  [--qemu 0 --cores cortex-m4 cortex-m7 cortex-m55]

Reads `--records` records, evenly spread, of each of LUDB, CinC 2017 and MIT-BIH below DIR, the
first `--seconds` of each, and the shipped demo. A row a record: events; whether every byte of them
on a Cortex-M4 is the host library's; how many of QEMU's cores say the same (of the
first `--qemu` records); how many events Python tells otherwise, on the same integers in its
network; the instructions a second of signal, the worst sample over the average, the stack. Then the
figures of the whole. Needs pip install 'leadone[firmware]'; QEMU is the system's.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from leadone import Monitor, read_record
from leadone.distill.export.c_backend import with_model_c
from leadone.distill.export.exact_network import ExactNetwork
from leadone.distill.export.onnx_reader import read_quantized
from leadone.edge.alert_limits import KINDS as ALERTS
from leadone.edge.bundle import load_bundle
from leadone.edge.c_network import CNetwork
from leadone.edge.c_stream import EVENT, KINDS, PART_TYPES, STATES
from leadone.edge.core_library import core_library
from leadone.edge.events import Alert, Beat, Event, Rhythm
from leadone.edge.labels import BEATS, RHYTHMS
from leadone.edge.record import Record
from leadone.firmware_sim.board import load_board
from leadone.firmware_sim.events import EVENT_BYTES
from leadone.firmware_sim.front_end import codes_of, signal_of
from leadone.firmware_sim.host import HostFirmware
from leadone.firmware_sim.image import build_image
from leadone.firmware_sim.qemu import MACHINES, QemuFirmware
from leadone.firmware_sim.simulation import Simulation, simulate

Floats = npt.NDArray[np.float32]

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
    parser.add_argument("--records", type=int, default=35)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--board", default="nrf52840")
    parser.add_argument("--qemu", type=int, default=0)
    parser.add_argument("--cores", nargs="+", choices=MACHINES, default=list(MACHINES))
    options = parser.parse_args()
    bundle, board = with_model_c(load_bundle("wrist")), load_board(options.board)
    host = HostFirmware(bundle, board)
    rows: list[Row] = []
    of_cores: list[list[float]] = []
    quantized = read_quantized(bundle.files[bundle.manifest["network"]])
    network = ExactNetwork(CNetwork(core_library(bundle)), quantized)
    print(f"{'record':<24}{'events':>7}  host  qemu  python", end="")
    print("  M instr/s  worst/avg  stack  lost  wall s")
    with TemporaryDirectory() as scratch:
        image = build_image(bundle, board, Path(scratch))
        emulated = [
            QemuFirmware(bundle, board, core, _folder(Path(scratch) / core))
            for core in (options.cores if options.qemu else ())
        ]
        for stem in [DEMO, *_stems(options.data, options.records)]:
            record = _first(read_record(stem), options.seconds)
            codes = codes_of(record, board.front_end)
            began = time.perf_counter()
            run = simulate(image, board, record)
            wall_s = time.perf_counter() - began
            host.start()
            said = [host.samples(codes) == run.events]
            emulators = emulated if len(rows) < options.qemu else []
            ran = [firmware.run(codes) for firmware in emulators]
            said += [one.events == run.events for one in ran]
            of_cores.append([one.work_per_second for one in ran])
            other = _otherwise(run, codes, Monitor(bundle, backend=network))
            rows.append(Row(run, said[0], sum(said[1:]), len(emulators), other))
            print(rows[-1].told(record.name or stem.name, wall_s), flush=True)
    _summary(rows, float(bundle.manifest["macs_per_second"]))
    for core, *work in zip(options.cores, *filter(None, of_cores), strict=False):
        if not work:
            break  # no QEMU was asked for
        print(f"QEMU's {core}: {np.mean(work) / 1e6:.3f} M instructions a second of signal")


@dataclass(frozen=True)
class Row:
    """A record's run, and who else says the same."""

    run: Simulation
    is_host: bool
    qemu_same: int
    qemu_asked: int
    otherwise: int  # events that Python tells otherwise

    @property
    def events(self) -> int:
        """How many were told."""
        return len(self.run.events) // EVENT_BYTES

    def told(self, name: str, wall_s: float) -> str:
        """A line of the table."""
        run = self.run
        return (
            f"{name:<24}{self.events:>7}  {'yes' if self.is_host else 'NO':>4}"
            f"{f'{self.qemu_same}/{self.qemu_asked}':>6}{self.otherwise:>8}"
            f"{run.work_per_second / 1e6:>11.3f}{run.unevenness:>11.2f}{run.stack_bytes:>7}"
            f"{run.overruns + run.lost(run.board.cpi.high):>6}{wall_s:>8.1f}"
        )


def _otherwise(run: Simulation, codes: npt.NDArray[np.int64], monitor: Monitor) -> int:
    """Events that Python does not tell with the same label and times to a microsecond."""
    front = run.board.front_end
    events = monitor.push(signal_of(codes, front), front.rate_hz)
    theirs = Counter(_key(event) for event in events)
    ours = list(_device_keys(run.events))
    missed = Counter(ours)
    missed.subtract(theirs)
    return sum(count for count in missed.values() if count > 0)


def _key(event: Event) -> tuple[object, ...]:
    if isinstance(event, Beat):
        times = (event.r_s, event.p_on_s, event.t_off_s)
        return (event.label, *(None if at is None else round(at, 6) for at in times))
    if isinstance(event, Rhythm):
        return (event.label, round(event.start_s, 6))
    if isinstance(event, Alert):
        return (event.kind, round(event.at_s, 6))
    return (event.state, round(event.start_s, 6))


def _device_keys(content: bytes) -> Iterator[tuple[object, ...]]:
    for event in np.frombuffer(content, EVENT):
        kind = KINDS[int(event["kind"]) - 1]
        part = np.frombuffer(event["of"].tobytes(), PART_TYPES[int(event["kind"]) - 1])[0]
        if kind is Beat:
            times = (part["times_s"][k] for k in (0, 3, 6))
            yield (BEATS[part["label"]], *(None if at < 0 else round(float(at), 6) for at in times))
        elif kind is Rhythm:
            yield (RHYTHMS[part["label"]], round(float(part["span_s"][0]), 6))
        elif kind is Alert:
            yield (ALERTS[part["kind"]], round(float(part["times_s"][0]), 6))
        else:
            yield (STATES[part["state"]], round(float(part["span_s"][0]), 6))


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def _summary(rows: list[Row], macs_per_second: float) -> None:
    found = [row.run for row in rows]
    seconds = sum(len(run.work) / run.rate_hz for run in found)
    functions: Counter[str] = Counter()
    for run in found:
        functions.update(run.functions)
    network = sum(functions[name] for name in NETWORK) / seconds
    print(
        f"\nevery byte of the events the host library's: {sum(row.is_host for row in rows)} of "
        f"{len(rows)} records; QEMU's: {sum(row.qemu_same for row in rows)} of "
        f"{sum(row.qemu_asked for row in rows)} runs"
    )
    events = sum(row.events for row in rows)
    print(f"Python tells {sum(row.otherwise for row in rows)} of {events} events otherwise")
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
