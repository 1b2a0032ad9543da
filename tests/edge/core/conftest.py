"""The C core with the wrist's model, compiled once for these tests."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

from leadone.distill.export.c_model import model_source
from leadone.distill.export.onnx_reader import read_quantized
from leadone.edge.bundle import load_bundle
from leadone.edge.core_build import CORE, HOST, compile_core


@pytest.fixture(scope="session")
def core_sources(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    bundle = load_bundle("wrist")
    model = tmp_path_factory.mktemp("model") / "model.c"
    model.write_text(model_source(bundle, read_quantized(bundle.files[bundle.manifest["network"]])))
    return [model, *sorted(CORE.glob("*.c"))]


@pytest.fixture(scope="session")
def core_library(core_sources: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = tmp_path_factory.mktemp("core") / "core.so"
    strict = ("-Wall", "-Wextra", "-Werror", "-Wdouble-promotion")
    compile_core(core_sources, library, [*HOST, *strict])
    return library


@pytest.fixture(scope="session")
def core(core_library: Path) -> ctypes.CDLL:
    """Its functions, to be called one by one."""
    return ctypes.CDLL(str(core_library))


@pytest.fixture(scope="session")
def demo_path() -> Path:
    return Path(__file__).parents[3] / "edge" / "demo" / "208demo"
