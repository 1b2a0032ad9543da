"""Days of signal from disk: CPU time and peak memory of `leadone analyze`, as a user runs it.

    python benchmarks/long.py [--hours 1 24] [--rate 500] [--backend auto onnx] [--folder DIR]

The shipped recording (MIT-BIH 208) at `--rate` Hz, repeated with a little noise so that no two
copies are equal, lies on disk as WFDB format 16 (24 h at 500 Hz: 86 MB; 14 days: 1.2 GB, deleted at
the end). Each row is a process of its own on one thread that writes JSON; what it takes includes
Python's start and the loading of the model. Compare rows of one run: processors differ.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from leadone import read_record
from leadone.cli import DEMO_RECORD
from leadone.edge.record import FloatArray

GAIN = 200  # steps a mV
NOISE_MV = 0.005
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR")}


def main() -> None:
    """Write the records, analyse each, print a row each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, nargs="+", default=[1.0, 24.0])
    parser.add_argument("--rate", type=int, default=500, help="Hz")
    parser.add_argument("--backend", nargs="+", default=["auto", "onnx"])
    parser.add_argument("--folder", type=Path, help="Where to write. [default: a temporary one]")
    parser.add_argument("--html", action="store_true", help="Write the report as well.")
    options = parser.parse_args()
    demo_mv = demo_at(options.rate)
    print(f"{'hours':>6}{'backend':>9}{'cpu s':>9}{'wall s':>9}{'peak MB':>9}{'JSON MB':>9}")
    with tempfile.TemporaryDirectory(dir=options.folder) as scratch:
        for hours in options.hours:
            record = write_days(Path(scratch), demo_mv, options.rate, hours)
            for backend in options.backend:
                print(row(record, hours, backend, options.html), flush=True)
            record.with_suffix(".dat").unlink()


def demo_at(rate_hz: int) -> FloatArray:
    """The shipped recording, resampled."""
    from scipy.signal import resample_poly

    demo = read_record(DEMO_RECORD)
    up = np.gcd(rate_hz, round(demo.rate_hz))
    made = resample_poly(demo.signal_mv, rate_hz // up, round(demo.rate_hz) // up)
    return np.asarray(made, np.float32)


def write_days(folder: Path, demo_mv: FloatArray, rate_hz: int, hours: float) -> Path:
    """A WFDB record of so many hours, written piece by piece."""
    record = folder / f"hours-{hours:g}"
    left = samples = int(hours * 3600 * rate_hz)
    rng = np.random.default_rng(0)
    with record.with_suffix(".dat").open("wb") as file:
        while left:
            part = demo_mv[:left] + rng.normal(0, NOISE_MV, min(len(demo_mv), left))
            file.write(np.rint(part * GAIN).astype("<i2").tobytes())
            left -= len(part)
    line = f"{record.name}.dat 16 {GAIN}(0)/mV 16 0 0 0 0 MLII"
    record.with_suffix(".hea").write_text(f"{record.name} 1 {rate_hz} {samples}\n{line}\n")
    return record


def row(record: Path, hours: float, backend: str, html: bool) -> str:
    """Analyse the record in a process of its own; what it took."""
    out = record.with_suffix(".jsonl")
    command = [sys.executable, "-m", "leadone.cli", "analyze", str(record), "--json", str(out)]
    command += ["--backend", backend]
    command += ["--report", "html", "--out", str(record.parent)] if html else []
    started = time.monotonic()
    child = subprocess.Popen(command, env={**os.environ, **ONE_THREAD})
    _, status, used = os.wait4(child.pid, 0)
    if status:
        sys.exit(f"leadone analyze failed on {record.name}")
    wall_s, cpu_s = time.monotonic() - started, used.ru_utime + used.ru_stime
    json_mb = out.stat().st_size / 1e6
    return (
        f"{hours:>6g}{backend:>9}{cpu_s:>9.1f}{wall_s:>9.1f}{used.ru_maxrss / 1024:>9.0f}"
        f"{json_mb:>9.0f}"
    )


if __name__ == "__main__":
    main()
