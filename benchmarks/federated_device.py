"""One device's round: 100 strips through the encoder, three epochs of the head; memory and time.

    python benchmarks/federated_device.py --data data

A device has samples, not WFDB files: another process reads those and leaves raw int16 behind. This
one's memory is Python's, numpy's, scipy's and onnxruntime's, and what the round adds.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from leadone.edge.bundle import load_bundle
from leadone.edge.labels import RHYTHMS
from leadone.edge.record import Record
from leadone.federated import head
from leadone.federated.arrays import size_bytes
from leadone.federated.client import Client, LocalLabel, encoder_of, from_recordings
from leadone.federated.config import Instruction

STRIPS = 100
STEP_MV = 0.001


def main() -> None:
    """Print one line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--write", type=Path, help="only write the strips here")
    options = parser.parse_args()
    if options.write is not None:
        write_strips(options.data, options.write)
        return
    with tempfile.TemporaryDirectory() as folder:
        words = [sys.executable, __file__, "--data", options.data, "--write", folder]
        subprocess.run(list(map(str, words)), check=True)
        measure(Path(folder))


def write_strips(data: Path, folder: Path) -> None:
    """Raw samples of the first strips, as a device's memory has them."""
    from leadone.edge.formats.wfdb_records import read_record

    for path in sorted((data / "cinc2017").glob("*.hea"))[:STRIPS]:
        record = read_record(path.with_suffix(""))
        samples = np.rint(np.nan_to_num(record.signal_mv) / STEP_MV).astype("<i2")
        (folder / f"{path.stem}-{record.rate_hz:g}").write_bytes(samples.tobytes())


def strips(folder: Path) -> Iterator[tuple[Record, LocalLabel]]:
    """One strip at a time."""
    for k, path in enumerate(sorted(folder.iterdir())):
        signal = np.frombuffer(path.read_bytes(), "<i2").astype(np.float32) * np.float32(STEP_MV)
        record = Record(signal, float(path.name.split("-")[1]), "I", source=path.name)
        yield record, LocalLabel(RHYTHMS[k % len(RHYTHMS)], None)


def measure(folder: Path) -> None:
    """Encode, train a round, say what it took."""
    bundle, imported = load_bundle("wrist"), peak_mb()
    before = time.perf_counter()
    held = from_recordings(strips(folder), (), bundle)
    encoded = time.perf_counter()
    client = Client("device", held, encoder_of(bundle))
    told = Instruction(1, encoder_of(bundle))
    sent = client.train(head.start_head(held.features, 10), told)
    done = time.perf_counter()
    print(
        f"device: {len(held)} strips read and encoded in "
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
