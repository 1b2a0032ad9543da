"""Compile the C core with the compiler that pip brings (ziglang): for this machine or another.

Nothing has to be installed on the system; the same flags everywhere, so that every target computes
the same bits.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from .errors import InputError
from .files import whole_file

CORE = Path(__file__).parent / "core"
FLAGS = ("-std=c99", "-O2", "-ffp-contract=off", "-fno-math-errno", "-fno-sanitize=all")
HOST = ("-mcpu=native", "-shared", "-fPIC")


def compile_core(sources: Sequence[Path], out: Path, options: Sequence[str] = HOST) -> None:
    """Compile C sources to one file; the core's headers are found, those beside a source first.

    Raises InputError where the compiler is missing or refuses.
    """
    if find_spec("ziglang") is None:
        raise InputError("no C compiler: pip install 'leadone[export]' brings one (ziglang)")
    with whole_file(out) as unfinished:
        command = [sys.executable, "-m", "ziglang", "cc", *FLAGS, *options, f"-I{CORE}"]
        command += [*map(str, sources), "-o", str(unfinished)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            first = next((line for line in done.stderr.splitlines() if "error:" in line), "?")
            raise InputError(f"the C core does not compile for {' '.join(options)}: {first}")
