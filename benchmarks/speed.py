"""Time and memory of a day of ECG: leadone's whole analysis beside peers' beat detectors.

    python benchmarks/speed.py [--hours 24] [--peer-hours 1]

The signal is the shipped recording (MIT-BIH 208, 360 Hz) repeated, with a little noise so that no
two copies are equal. Each reader runs alone in a process of its own on one thread; peers read
`--peer-hours` and are scaled to a day. leadone gives beats, waves, rhythm, quality and alerts; the
peers give R peaks only. Peers that are not installed are left out: pip install sleepecg neurokit2.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import resource
import subprocess
import sys
import time

READERS = ("leadone", "sleepecg", "neurokit2", "wfdb-xqrs")
MODULE_OF = {"leadone": "leadone", "sleepecg": "sleepecg", "neurokit2": "neurokit2"}
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR")}


def main() -> None:
    """Run every reader and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--peer-hours", type=float, default=1.0)
    parser.add_argument("--reader", choices=READERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.reader:
        measure(options.reader, options.hours)
        return
    print(f"{'reader':<12}{'hours':>6}{'cpu s':>9}{'s per 24 h':>12}{'peak MB':>9}  beats")
    for reader in READERS:
        if importlib.util.find_spec(MODULE_OF.get(reader, "wfdb")) is None:
            print(f"{reader:<12} not installed")
            continue
        hours = options.hours if reader == "leadone" else min(options.peer_hours, options.hours)
        command = [sys.executable, __file__, "--reader", reader, "--hours", str(hours)]
        subprocess.run(command, check=True, env={**os.environ, **ONE_THREAD})


def measure(reader: str, hours: float) -> None:
    """Read `hours` of signal with one reader; print its row."""
    import numpy as np

    from leadone import Record, read_record
    from leadone.cli import DEMO_RECORD

    demo = read_record(DEMO_RECORD)
    repeats = int(np.ceil(hours * 3600 / demo.duration_s))
    signal = np.tile(demo.signal_mv, repeats)[: int(hours * 3600 * demo.rate_hz)]
    noise = np.random.default_rng(0).normal(0, 0.005, 1_000_003).astype(np.float32)
    for start in range(0, len(signal), len(noise)):
        part = signal[start : start + len(noise)]
        part += noise[: len(part)]
    started = time.process_time()
    beats = _read(reader, Record(signal, demo.rate_hz, "MLII", source="day"))
    cpu_s = time.process_time() - started
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    row = f"{reader:<12}{hours:>6g}{cpu_s:>9.2f}{cpu_s * 24 / hours:>12.1f}{peak_mb:>9.0f}  {beats}"
    print(row, flush=True)


def _read(reader: str, record: object) -> int:
    from leadone import Record, analyze

    assert isinstance(record, Record)
    if reader == "leadone":
        return len(analyze(record).beats)
    if reader == "sleepecg":
        import sleepecg

        return len(sleepecg.detect_heartbeats(record.signal_mv, record.rate_hz))
    if reader == "neurokit2":
        import neurokit2

        clean = neurokit2.ecg_clean(record.signal_mv, sampling_rate=int(record.rate_hz))
        _, found = neurokit2.ecg_peaks(clean, sampling_rate=int(record.rate_hz))
        return len(found["ECG_R_Peaks"])
    import wfdb.processing

    return len(wfdb.processing.xqrs_detect(record.signal_mv, record.rate_hz, verbose=False))


if __name__ == "__main__":
    main()
