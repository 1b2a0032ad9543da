"""The C core compiled once for these tests, called function by function."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

from leadone.edge.core_build import CORE, HOST, compile_core


@pytest.fixture(scope="session")
def core(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """Every file of the core in one library of this machine."""
    library = tmp_path_factory.mktemp("core") / "core.so"
    compile_core(sorted(CORE.glob("*.c")), library, [*HOST, "-Wall", "-Wextra", "-Werror"])
    return ctypes.CDLL(str(library))


@pytest.fixture(scope="session")
def demo_path() -> Path:
    return Path(__file__).parents[3] / "edge" / "demo" / "208demo"
