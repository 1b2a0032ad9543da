"""One device's round: 100 strips through the encoder, three epochs of the head; memory and time.

    python benchmarks/federated_device.py --data data

Run by `benchmarks/federated.py cost` in a process of its own, whose memory is then its own too.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from leadone.edge.bundle import load_bundle
from leadone.edge.formats.wfdb_records import read_record
from leadone.edge.labels import RHYTHMS
from leadone.federated import head
from leadone.federated.arrays import size_bytes
from leadone.federated.client import Client, LocalLabel, encoder_of, from_recordings
from leadone.federated.config import Instruction

STRIPS = 100


def main() -> None:
    """Print one line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    bundle, imported = load_bundle("wrist"), peak_mb()
    paths = sorted((options.data / "cinc2017").glob("*.hea"))[:STRIPS]
    lengths: list[float] = []

    def strips() -> object:
        for k, path in enumerate(paths):
            record = read_record(path.with_suffix(""))
            lengths.append(record.duration_s)
            yield record, LocalLabel(RHYTHMS[k % len(RHYTHMS)], None)

    before = time.perf_counter()
    held = from_recordings(strips(), (), bundle)  # type: ignore[arg-type]
    encoded = time.perf_counter()
    client = Client("device", held, encoder_of(bundle))
    told = Instruction(1, encoder_of(bundle))
    sent = client.train(head.start_head(held.features, 10), told)
    done = time.perf_counter()
    print(
        f"device: {len(held)} strips of {sum(lengths) / len(lengths):.0f} s read and encoded in "
        f"{encoded - before:.2f} s, a round {1e3 * (done - encoded):.0f} ms, "
        f"{size_bytes(sent):,} bytes; memory {peak_mb():.0f} MB, {imported:.0f} of it before the "
        f"first strip; torch loaded: {'torch' in sys.modules}"
    )


def peak_mb() -> float:
    """The largest resident set that this process has had (Linux)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return float(line.split()[1]) / 1024
    return float("nan")


if __name__ == "__main__":
    main()
