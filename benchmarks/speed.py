"""Time and memory of a day of ECG: leadone's whole analysis beside peers' beat detectors.

    python benchmarks/speed.py [--hours 24] [--peer-hours 1] [--exported DIR]

The signal is the shipped recording (MIT-BIH 208, 360 Hz) repeated, with a little noise so that no
two copies are equal. Each reader runs alone in a process of its own on one thread; peers read
`--peer-hours` and are scaled to a day. leadone gives beats, waves, rhythm, quality and alerts; the
peers give R peaks only. The row leadone-stream pushes seconds into a Monitor and drops the events:
its memory after 24 h beside that after 1 h shows that a stream keeps nothing. Peers that are not
installed are left out: pip install sleepecg neurokit2. With a bundle of `leadone export`, the rows
leadone-c are those of its C core.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from leadone.distill.peer_detectors import PEERS, installed_peers

if TYPE_CHECKING:
    from leadone import Monitor
    from leadone.edge.record import FloatArray

C_READERS = ("leadone-c", "leadone-c-stream")
READERS = ("leadone", "leadone-stream", *C_READERS, *PEERS)
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR")}


def main() -> None:
    """Run every reader and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--peer-hours", type=float, default=1.0)
    parser.add_argument("--exported", help="A folder that `leadone export` wrote.")
    parser.add_argument("--reader", choices=READERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.reader:
        measure(options.reader, options.hours, options.exported)
        return
    print(f"{'reader':<16}{'hours':>6}{'cpu s':>9}{'s per 24 h':>12}{'peak MB':>9}  beats")
    chosen = [reader for reader in READERS if options.exported or reader not in C_READERS]
    rows = [(reader, _hours(reader, options)) for reader in chosen]
    rows.insert(1, ("leadone-stream", options.peer_hours))
    exported = ["--exported", options.exported] if options.exported else []
    for reader, hours in rows:
        if reader in PEERS and reader not in installed_peers():
            print(f"{reader:<16} not installed")
            continue
        command = [sys.executable, __file__, "--reader", reader, "--hours", str(hours)]
        command += exported
        subprocess.run(command, check=True, env={**os.environ, **ONE_THREAD})


def _hours(reader: str, options: argparse.Namespace) -> float:
    ours = reader.startswith("leadone")
    return float(options.hours if ours else min(options.peer_hours, options.hours))


def measure(reader: str, hours: float, exported: str | None) -> None:
    """Read `hours` of signal with one reader; print its row."""
    import numpy as np

    from leadone import Monitor, Record, analyze, read_record
    from leadone.cli import DEMO_RECORD

    demo = read_record(DEMO_RECORD)
    model, backend = (exported, "c") if exported and reader in C_READERS else ("wrist", "onnx")
    if reader.endswith("-stream"):
        monitor = Monitor.load(model, backend=backend)
        started = time.process_time()
        beats = _stream(monitor, demo.signal_mv, demo.rate_hz, hours)
        return _print(reader, hours, started, beats)
    repeats = int(np.ceil(hours * 3600 / demo.duration_s))
    signal = np.tile(demo.signal_mv, repeats)[: int(hours * 3600 * demo.rate_hz)]
    noise = np.random.default_rng(0).normal(0, 0.005, 1_000_003).astype(np.float32)
    for start in range(0, len(signal), len(noise)):
        part = signal[start : start + len(noise)]
        part += noise[: len(part)]
    record = Record(signal, demo.rate_hz, "MLII", source="day")
    started = time.process_time()
    if reader in PEERS:
        beats = len(PEERS[reader](record))
    else:
        beats = len(analyze(record, model, backend).beats)
    return _print(reader, hours, started, beats)


def _print(reader: str, hours: float, started: float, beats: int) -> None:
    cpu_s = time.process_time() - started
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    row = f"{reader:<16}{hours:>6g}{cpu_s:>9.2f}{cpu_s * 24 / hours:>12.1f}{peak_mb:>9.0f}  {beats}"
    print(row, flush=True)


def _stream(monitor: Monitor, signal_mv: FloatArray, rate_hz: float, hours: float) -> int:
    """Beats of a monitor that hears the recording over and over, a second at a time."""
    second, beats = round(rate_hz), 0
    for k in range(int(hours * 3600)):
        start = k * second % (len(signal_mv) - second)
        events = monitor.push(signal_mv[start : start + second], rate_hz)
        beats += sum(type(event).__name__ == "Beat" for event in events)
    return beats


if __name__ == "__main__":
    main()
