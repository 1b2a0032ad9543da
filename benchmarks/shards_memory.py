"""Memory and time of a large archive: from WFDB records on disk to random batches for training.

    python benchmarks/shards_memory.py [--records 200000] [--folder DIR] [--keep]

Writes that many 12-lead records of 10 s at 500 Hz (a header each; twenty signals of synthetic beats
and noise, shared by the headers of a folder), lists them with `entries`, writes shards with
`build_shards`, then reads every window once in random batches of 64 after `windows_of` and `split`,
as training does. Each stage runs in a process of its own, so that peaks are its own, and says at a
tenth, half and the whole of its records what it holds: `own` is what the process has allocated,
`files` are pages of mapped shards, which the kernel takes back when memory is short, `peak` is the
most of both so far. Needs 65 kB of disk a record (200,000: 13 GB), deleted at the end. Linux only.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.int16]

RATE_HZ = 500
SAMPLES = 5000
SIGNALS = 20
RECORDS_A_FOLDER = 1000
BATCH = 64
BYTES_A_RECORD = 65_000
SHARES = (0.1, 0.5, 1.0)
NAMES = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
OF_I_AND_II = np.array([[1, 0], [0, 1], [-1, 1], [-0.5, -0.5], [1, -0.5], [-0.5, 1]])
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR")}


def main() -> None:
    """Run the stages one after another and print what each holds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--folder", type=Path, help="Where to write. [default: a temporary one]")
    parser.add_argument("--keep", action="store_true", help="Leave records and shards there.")
    parser.add_argument("--stage", choices=("build", "train"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stage:
        {"build": build, "train": train}[options.stage](options.folder)
        return
    folder = Path(tempfile.mkdtemp(prefix="shards_memory_", dir=options.folder))
    needed = BYTES_A_RECORD * options.records
    if shutil.disk_usage(folder).free < needed:
        folder.rmdir()
        sys.exit(f"{folder} has no room for {needed / 1e9:.1f} GB; choose another --folder")
    try:
        started = time.monotonic()
        write_archive(folder / "archive", options.records)
        print(f"{options.records} records written in {time.monotonic() - started:.0f} s")
        print(
            f"{'stage':<8}{'records':>9}{'own MB':>9}{'files MB':>10}{'peak MB':>9}{'seconds':>9}"
        )
        for stage in ("build", "train"):
            command = [sys.executable, __file__, "--stage", stage, "--folder", str(folder)]
            subprocess.run(command, check=True, env={**os.environ, **ONE_THREAD})
    finally:
        if not options.keep:
            shutil.rmtree(folder)


def write_archive(folder: Path, records: int) -> None:
    """Records `00000/000000` and on; the headers of a folder share its signal files."""
    rng = np.random.default_rng(0)
    signals = [_signal(rng) for _ in range(SIGNALS)]
    for first in range(0, records, RECORDS_A_FOLDER):
        place = folder / f"{first // RECORDS_A_FOLDER:05}"
        place.mkdir(parents=True)
        for number, codes in enumerate(signals):
            path, original = place / f"signal{number:02}.dat", folder / "00000"
            if place == original:
                path.write_bytes(codes.tobytes())
            else:
                path.hardlink_to(original / path.name)
        for record in range(first, min(first + RECORDS_A_FOLDER, records)):
            line = f"signal{record % SIGNALS:02}.dat 16 1000(0)/mV 16 0 0 0 0 "
            lines = [f"{record:06} 12 {RATE_HZ} {SAMPLES}", *(line + name for name in NAMES)]
            (place / f"{record:06}.hea").write_text("\n".join(lines) + "\n")


def _signal(rng: np.random.Generator) -> Codes:
    """Beats and noise (samples, 12) in microvolt; the limb leads obey their equations."""
    t = np.arange(SAMPLES) / RATE_HZ % rng.uniform(0.6, 1.1)
    waves = np.stack(
        [np.exp(-(((t - at) / width) ** 2)) for at, width in ((0.2, 0.02), (0.4, 0.06))]
    )
    limb, chest = rng.normal(size=(2, 2)) @ waves, rng.normal(size=(6, 2)) @ waves
    limb = OF_I_AND_II @ (limb + rng.normal(0, 0.02, limb.shape))
    chest += rng.normal(0, 0.02, chest.shape)
    codes: Codes = np.rint(1000 * np.concatenate([limb, chest])).T.astype("<i2")
    return codes


def build(folder: Path) -> None:
    """List the records and write their shards."""
    from leadone.pretrain.archive import entries
    from leadone.pretrain.shards import build_shards
    from leadone.pretrain.twelve_leads import read_twelve_leads

    archive = folder / "archive"
    read_twelve_leads(archive / "00000" / "000000")  # imports are no part of what a list takes
    before = _memory_mb()["RssAnon"]
    ledger = Ledger("list", 1)
    listed = entries([archive])
    ledger.show(len(listed))
    each = 1e6 * (_memory_mb()["RssAnon"] - before) / len(listed)
    print(f"a record in the list takes {each:.0f} bytes")
    ledger = Ledger("build", len(listed))
    build_shards(listed, folder / "shards", progress=lambda share: ledger(share * len(listed)))


def train(folder: Path) -> None:
    """Read every window once in random order."""
    from leadone.pretrain.shards import Shards
    from leadone.pretrain.windows import split, windows_of

    shards = Shards(folder / "shards")
    before = _memory_mb()["RssAnon"]
    ledger = Ledger("rows", 1)
    windows = windows_of(shards.rows())
    training, held_out = split(windows, 0.1)
    ledger.show(len(windows))
    each = 1e6 * (_memory_mb()["RssAnon"] - before) / len(windows)
    print(f"a window takes {each:.0f} bytes; {len(training)} to train on, {len(held_out)} held out")
    order = np.random.default_rng(0).permutation(windows.number)
    ledger = Ledger("train", len(order))
    for start in range(0, len(order), BATCH):
        shards.read(order[start : start + BATCH])
        ledger(min(start + BATCH, len(order)))


class Ledger:
    """Prints what the process holds when a tenth, half and all of the records are done."""

    def __init__(self, stage: str, records: int) -> None:
        """The clock starts here."""
        self._stage, self._started = stage, time.monotonic()
        self._marks = [max(round(share * records), 1) for share in SHARES]

    def __call__(self, done: float) -> None:
        """So many records are done."""
        while self._marks and done >= self._marks[0] - 1e-6 * done:
            self.show(self._marks.pop(0))

    def show(self, done: int) -> None:
        """A row of the table."""
        memory, seconds = _memory_mb(), time.monotonic() - self._started
        values = f"{memory['RssAnon']:>9.0f}{memory['RssFile']:>10.0f}{memory['VmHWM']:>9.0f}"
        print(f"{self._stage:<8}{done:>9}{values}{seconds:>9.0f}", flush=True)


def _memory_mb() -> dict[str, float]:
    lines = Path("/proc/self/status").read_text().splitlines()
    named = (line.partition(":") for line in lines if line.endswith(" kB"))
    return {name: int(value.split()[0]) * 1024e-6 for name, _, value in named}


if __name__ == "__main__":
    main()
