"""Flower's own processes: how they are started, watched and ended; none calls home."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from ...edge.errors import InputError

QUIET = {
    "FLWR_TELEMETRY_ENABLED": "0",
    "FLWR_DISABLE_UPDATE_CHECK": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "PYTHONUNBUFFERED": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}
END_S = 8.0


def environment(home: Path) -> dict[str, str]:
    """Telemetry and update checks off, Flower's own files in `home`, its programs on the path."""
    programs = str(Path(sys.executable).parent)
    path = f"{programs}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**os.environ, **QUIET, "FLWR_HOME": str(home), "PATH": path}


def program(name: str) -> str:
    """A program of the installed Flower; InputError where there is none."""
    path = Path(sys.executable).parent / name
    if not path.exists():
        raise InputError("a fleet needs flwr: pip install 'leadone[federated]'")
    return str(path)


class Child:
    """A process in a group of its own, with a log; `end` ends the whole group."""

    def __init__(self, words: Sequence[object], env: Mapping[str, str], log: Path) -> None:
        """Start it."""
        self.log = log
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                [str(word) for word in words],
                env=dict(env),
                stdout=file,
                stderr=file,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    def end(self) -> None:
        """Ask the group to end, then make it; also what a killed process has left behind."""
        self._signal(signal.SIGTERM)
        end = time.monotonic() + END_S
        while self.is_alive and time.monotonic() < end:
            time.sleep(0.1)
        self._signal(signal.SIGKILL)
        self._process.wait()

    def tail(self, lines: int = 40) -> str:
        """The end of its log."""
        text = self.log.read_text("utf-8", "replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)
