"""How fast the page of `leadone export --target web` is in a real Chromium on this machine.

`python benchmarks/web.py PAGE` prints, as median and slowest of five fresh loads, when the first
trace stands on the screen and how long ten minutes of signal take at the highest speed, opened as a
WFDB record and as CSV. Needs Chromium and Node; `npm ci` in tests/edge/web brings playwright-core.
"""

from __future__ import annotations

import argparse
import base64
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
from browser import node_and_chromium

from leadone import read_record

HERE = Path(__file__).parent
DEMO = HERE.parent / "edge" / "demo" / "208demo"
MINUTES = 10
GAIN = 200


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("page", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    node, chromium = node_and_chromium()
    command = [node, str(HERE / "web.mjs"), chromium, options.page.resolve().as_uri()]
    with TemporaryDirectory() as scratch:
        wfdb, csv = _ten_minutes(Path(scratch))
        told = {
            kind: _run([*command, str(options.runs), *map(str, files)])
            for kind, files in (("WFDB", wfdb), ("CSV", csv))
        }
    text = options.page.read_text(encoding="utf-8")
    core = re.search(r'id="core">([^<]*)<', text)
    assert core is not None, "the page has no core in it"
    print(f"page {options.page.stat().st_size:,} bytes, core {len(base64.b64decode(core[1])):,}")
    _line("first trace on the screen, from the beginning of the load", told["WFDB"]["load"])
    _line("the same from the click on Demo", told["WFDB"]["demo"])
    for kind, times in told.items():
        _line(
            f"{MINUTES} min of signal at the highest speed, {kind}, from the click", times["read"]
        )


def _ten_minutes(folder: Path) -> tuple[list[Path], list[Path]]:
    """The demo twice, as a WFDB record and as CSV."""
    record = read_record(DEMO)
    mv = np.tile(record.signal_mv, 2)[: round(60 * MINUTES * record.rate_hz)]
    np.round(mv * GAIN).astype("<i2").tofile(folder / "ten.dat")
    head = f"ten 1 {record.rate_hz:g} {len(mv)}\nten.dat 16 {GAIN}/mV 12 0 0 0 0 MLII\n"
    (folder / "ten.hea").write_text(head)
    rows = (f"{k / record.rate_hz:.6f},{x:.5f}" for k, x in enumerate(mv.tolist()))
    (folder / "ten.csv").write_text("\n".join(["time_s,MLII_mV", *rows]) + "\n")
    return [folder / "ten.hea", folder / "ten.dat"], [folder / "ten.csv"]


def _run(command: Sequence[str]) -> dict[str, list[float]]:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    told: dict[str, list[float]] = json.loads(done.stdout)
    return told


def _line(what: str, times_ms: Sequence[float]) -> None:
    print(f"{what}: {median(times_ms) / 1000:.2f} s, slowest {max(times_ms) / 1000:.2f}")


if __name__ == "__main__":
    main()
