"""Fuzz every format: each damaged file is read, or refused in one sentence, in bounded time.

`python benchmarks/fuzz_formats.py` damages a file of every variant 2,000 times (seeded), and prints
for each how many were read, how many refused, the slowest, and the memory of the whole run.
"""

from __future__ import annotations

import re
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import click
import numpy as np
from format_files import VARIANTS, WFDB_KINDS, wfdb_files
from format_mutants import mutants

from leadone import Record, read_record
from leadone.cli import DEMO_RECORD
from leadone.edge.errors import InputError
from leadone.edge.formats.read import open_recordings
from leadone.edge.formats.recording import ReadOptions

SAMPLES = 2500
LIMIT_S = 5.0
MEMORY_BYTES = 3 << 30  # of address space


class TookTooLong(BaseException):
    """No `except Exception` of a library may swallow it."""


def outcome(path: Path, options: ReadOptions) -> str:
    """`read`, `refused`, or what is wrong with how the file was taken."""
    try:
        records = [entry.read(options) for entry in open_recordings(path)[:20]]
    except InputError as error:
        return "refused" if is_sentence(str(error)) else f"not one sentence: {error}"
    return "read" if all(map(is_sound, records)) else "unsound record"


def is_sentence(text: str) -> bool:
    """One printable line with a way out and no full stop."""
    plain = "\n" not in text and text.isprintable() and not text.endswith(".")
    return plain and len(text) < 600 and re.search(r"; \w+", text) is not None


def is_sound(record: Record) -> bool:
    """No infinities, a possible rate, and as long as files of this size can be."""
    return not np.isinf(record.signal_mv).any() and 50 <= record.rate_hz <= 20_000


@click.command()
@click.option("--count", default=2000, show_default=True, help="Damaged files of each variant.")
@click.option("--seed", default=0, show_default=True)
@click.option("--only", default="", help="Variants whose name begins so.")
def main(count: int, seed: int, only: str) -> None:
    """Print a line for each variant; exit code 1 where one file was taken wrongly."""
    clean_mv = read_record(DEMO_RECORD).signal_mv[:SAMPLES].astype(float)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    signal.signal(signal.SIGALRM, _stop)
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        for number, (name, make) in enumerate(VARIANTS.items()):
            if name.startswith(only):
                made = make(clean_mv)
                options = ReadOptions(**made.options)
                damaged = mutants(made.content, count, seed * 1000 + number)
                failures += _fuzz(name, path, damaged, path, options)
        for number, kind in enumerate(WFDB_KINDS, len(VARIANTS)):
            name, files = f"wfdb-{kind}", wfdb_files(clean_mv, kind)
            for file, content in files.items():
                (Path(folder) / file).write_bytes(content)
            if name.startswith(only):
                header = Path(folder) / "r.hea"
                damaged = mutants(files["r.hea"], count, seed * 1000 + number)
                failures += _fuzz(name, header, damaged, header, ReadOptions())
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    click.echo(f"{failures} taken wrongly; peak memory of the run {peak_mb:.0f} MB")
    sys.exit(bool(failures))


def _fuzz(
    name: str, target: Path, damaged: Iterator[bytes], path: Path, options: ReadOptions
) -> int:
    """Write each damaged content to `target`, read `path`, print a line; how many went wrong."""
    counts: Counter[str] = Counter()
    slowest = 0.0
    for content in damaged:
        target.write_bytes(content)
        began = time.perf_counter()
        result = _guarded(path, options)
        slowest = max(slowest, time.perf_counter() - began)
        counts[result] += 1
        if result not in ("read", "refused") and counts[result] == 1:
            kept = Path(tempfile.gettempdir()) / f"leadone-fuzz-{name}"
            kept.write_bytes(content)
            click.echo(f"  {name}: {result} ({kept})")
    wrong = counts.total() - counts["read"] - counts["refused"]
    click.echo(
        f"{name:24} read {counts['read']:5}  refused {counts['refused']:5}  wrong {wrong:3}  "
        f"slowest {1000 * slowest:6.1f} ms"
    )
    return wrong


def _guarded(path: Path, options: ReadOptions) -> str:
    signal.setitimer(signal.ITIMER_REAL, LIMIT_S)
    try:
        return outcome(path, options)
    except TookTooLong:
        return f"took longer than {LIMIT_S:g} s"
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:200]}"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise TookTooLong


if __name__ == "__main__":
    main()
