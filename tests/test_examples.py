"""The examples do what they say; Kotlin and Swift can't be run here, what they rely on can."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from leadone import Monitor, read_record
from leadone.distill.export.bundle import export_bundle
from leadone.distill.export.integer import run_integer
from leadone.distill.export.onnx_reader import read_quantized
from leadone.edge.bundle import load_bundle, sign_bundle, write_bundle
from leadone.edge.core_build import build_library
from leadone.edge.events import Beat
from leadone.edge.signature import make_keys

EXAMPLES = Path(__file__).parents[1] / "examples"
DEMO = EXAMPLES.parent / "edge" / "demo" / "208demo"


def _stream(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(EXAMPLES / "stream.py"), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_python_example_prints_every_beat_that_a_monitor_tells() -> None:
    done = _stream()
    assert done.returncode == 0, done.stderr
    record = read_record(DEMO)
    monitor = Monitor.load("wrist", lead=record.lead)
    beats = [e for e in monitor.push(record.signal_mv, record.rate_hz) if isinstance(e, Beat)]
    told = [f"{beat.r_s:8.3f} s  {beat.label}" for beat in beats]
    printed = [line[:13] for line in done.stdout.splitlines() if "%" in line]
    assert len(told) > 400 and printed == told


def test_the_python_example_takes_only_what_is_signed(tmp_path: Path) -> None:
    shipped = load_bundle("wrist")
    write_bundle(tmp_path / "b", shipped.manifest, shipped.files)
    private, public = make_keys(tmp_path / "keys")
    assert "is not signed" in _stream(DEMO, tmp_path / "b", public).stderr
    sign_bundle(tmp_path / "b", private)
    assert _stream(DEMO, tmp_path / "b", public).returncode == 0


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("examples") / "wrist"
    export_bundle(load_bundle("wrist"), out)
    return out


@pytest.fixture(scope="module")
def millivolts() -> str:
    """A minute of the demo, as the C and JavaScript examples read it."""
    return "\n".join(f"{mv:.9g}" for mv in read_record(DEMO).signal_mv[: 60 * 360])


@pytest.fixture(scope="module")
def beats() -> list[str]:
    monitor = Monitor.load("wrist", lead="MLII")
    events = monitor.push(read_record(DEMO).signal_mv[: 60 * 360], 360) + monitor.finish()
    return [f"{event.r_s:.3f} {event.label}" for event in events if isinstance(event, Beat)]


def _compile(sources: list[Path], out: Path, *options: str) -> None:
    command = [sys.executable, "-m", "ziglang", "cc", "-O2", *options, *map(str, sources)]
    done = subprocess.run([*command, "-o", str(out)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _are_the_same(told: str, beats: list[str]) -> None:
    """As by onnxruntime, which rounds otherwise: a beat or two may be called otherwise."""
    found = [line for line in told.splitlines() if "alert" not in line]
    assert len(found) == len(beats) > 90
    assert sum(a == b for a, b in zip(found, beats, strict=True)) >= len(beats) - 3


def test_the_c_example_tells_every_beat(
    exported: Path, millivolts: str, beats: list[str], tmp_path: Path
) -> None:
    sources = [EXAMPLES / "stream.c", *sorted(exported.glob("*.c"))]
    strict = ("-std=c99", "-Wall", "-Wextra", f"-I{exported}")
    _compile(sources, tmp_path / "stream", *strict)
    command = [str(tmp_path / "stream")]
    done = subprocess.run([*command, "360"], input=millivolts, capture_output=True, text=True)
    assert done.returncode == 0
    _are_the_same(done.stdout, beats)
    assert subprocess.run([*command, "3"], capture_output=True).returncode == 2


def test_the_javascript_example_tells_every_beat(
    exported: Path, millivolts: str, beats: list[str], tmp_path: Path
) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs Node.js to run WebAssembly")
    wasm = build_library(sorted(exported.glob("*.c")), "wasm32", tmp_path)
    command = [node, str(EXAMPLES / "stream.mjs"), str(wasm), "360"]
    done = subprocess.run(command, input=millivolts, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    _are_the_same(done.stdout, beats)


def test_states_come_out_of_the_network_in_the_order_that_they_go_in(exported: Path) -> None:
    """HopNetwork.kt exchanges buffers by place: what it does, done here with the same model."""
    quantized = read_quantized((exported / "model.onnx").read_bytes())
    net = Interpreter(model_path=str(exported / "stream.tflite"), num_threads=1)
    net.allocate_tensors()
    ins, outs = net.get_input_details(), net.get_output_details()
    states = [np.full(i["shape"], i["quantization"][1], np.int8) for i in ins[1:]]
    x = np.random.default_rng(0).integers(-40, 40, (2, 64 * 16)).astype(np.int8)
    waves = []
    for start in range(0, x.shape[1], 16):
        hop = np.ascontiguousarray(x[:, start : start + 16].T)[None, None]
        for place, value in zip(ins, [hop, *states], strict=True):
            net.set_tensor(place["index"], value)
        net.invoke()
        answers = [net.get_tensor(place["index"]) for place in outs]
        waves.append(answers[0][0, 0])
        states = answers[3:]
    expected = run_integer(quantized, x)[quantized.graph.outputs[0]].T
    found = np.concatenate(waves)
    assert found.shape == expected.shape == (64 * 8, 4)
    assert np.abs(found.astype(int) - expected).max() <= 12  # by rounding; in another order: 100
    assert (found.argmax(1) == expected.argmax(1)).mean() > 0.98
