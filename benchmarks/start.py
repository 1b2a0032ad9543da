"""Seconds from `import leadone` to the first event of a stream, in a fresh process.

    python benchmarks/start.py [--runs 5]

Reads the shipped recording in 64 ms chunks until the first beat comes out, and checks that neither
torch nor pandas was imported on the way.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys

CODE = """
import time; started = time.perf_counter()
import sys
import numpy as np
from leadone import Monitor
raw = np.fromfile({path!r}, np.uint8)[: 360 * 20 * 3 // 2].reshape(-1, 3).astype(np.int16)
pairs = np.stack([raw[:, 0] + ((raw[:, 1] & 15) << 8), raw[:, 2] + ((raw[:, 1] >> 4) << 8)], 1)
signal = (pairs.ravel() - 1024).astype(np.float32) / 200
monitor, events, at = Monitor.load("wrist"), [], 0
while not events:
    events = monitor.push(signal[at : at + 23], 360.0)
    at += 23
seconds = time.perf_counter() - started
assert not {{"torch", "pandas"}} & set(sys.modules)
print(seconds, at / 360, type(events[0]).__name__)
"""


def main() -> None:
    """Print each run and the median."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    from leadone.cli import DEMO_RECORD

    code = CODE.format(path=f"{DEMO_RECORD}.dat")
    seconds = []
    for _ in range(runs):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        if done.returncode:
            sys.exit(done.stderr)
        wall, signal, kind = done.stdout.split()
        seconds.append(float(wall))
        print(
            f"{float(wall):.2f} s to the first event: {kind} after {float(signal):.1f} s of signal"
        )
    print(f"median {statistics.median(seconds):.2f} s")


if __name__ == "__main__":
    main()
