"""How much memory TFLM needs for a model: the least arena with which it starts and runs.

TFLM has no call that tells. Too small an arena may end the process rather than raise, so each size
is tried in a process of its own: `python -m leadone.distill.export.tflm_arena MODEL BYTES`.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

LARGEST_BYTES = 4 * 1024 * 1024
STEP_BYTES = 256


def least_arena_bytes(model: bytes) -> int | None:
    """To 256 bytes; None where 4 MiB are too few."""
    with TemporaryDirectory() as scratch:
        path = Path(scratch) / "model.tflite"
        path.write_bytes(model)
        low, high = 0, LARGEST_BYTES // STEP_BYTES
        if not _runs_with(path, high * STEP_BYTES):
            return None
        while high - low > 1:  # with `high` it runs, with `low` it does not
            middle = (low + high) // 2
            if _runs_with(path, middle * STEP_BYTES):
                high = middle
            else:
                low = middle
    return high * STEP_BYTES


def _runs_with(model: Path, arena_bytes: int) -> bool:
    command = [sys.executable, "-m", __spec__.name, str(model), str(arena_bytes)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _run(model: Path, arena_bytes: int) -> None:
    from tflite_micro.python.tflite_micro import runtime

    runtime.Interpreter.from_bytes(model.read_bytes(), arena_size=arena_bytes).invoke()


if __name__ == "__main__":
    _run(Path(sys.argv[1]), int(sys.argv[2]))
