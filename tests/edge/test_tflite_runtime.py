"""tflite-runtime 2.14, LiteRT's predecessor, streams the same beats in an environment of its own.

It has wheels for CPython 3.11 alone and wants numpy before 2, so that it can't live beside the
rest. The environment is kept below .venv-tflite, by what is installed in it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from leadone import Monitor, read_record
from leadone.distill.export.bundle import export_bundle
from leadone.distill.export.equal_beats import equal_beats, seen
from leadone.edge.bundle import load_bundle
from leadone.edge.events import Beat

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "edge" / "demo" / "208demo"
# numpy and scipy are all that the light runtime needs to stream samples that are there.
PACKAGES = ("tflite-runtime==2.14.0", "numpy==1.26.4", "scipy==1.15.3")
REQUIRED = "LEADONE_TFLITE_RUNTIME"  # set: it may not be skipped on Python 3.11
LEAST_EQUAL = 0.995

PROGRAM = """
import json, sys
import numpy as np
from dataclasses import asdict
from leadone.edge.monitor import Monitor
from leadone.edge.events import Beat
signal, folder = np.load(sys.argv[1]), sys.argv[2]
monitor = Monitor.load(folder, backend="litert")
events = []
for start in range(0, len(signal), 360):
    events += monitor.push(signal[start : start + 360], 360.0)
events += monitor.finish()
beats = [asdict(event) for event in events if isinstance(event, Beat)]
loaded = sorted({"tflite_runtime", "ai_edge_litert", "onnxruntime"} & sys.modules.keys())
print(json.dumps({"numpy": np.__version__, "loaded": loaded, "beats": beats}))
"""


def _python_311() -> str:
    if sys.version_info[:2] == (3, 11):
        return sys.executable
    found = shutil.which("python3.11")
    runs = found and subprocess.run([found, "-c", ""], capture_output=True, check=False)
    if not found or not runs or runs.returncode:
        pytest.skip("tflite-runtime has wheels for Python 3.11 alone, which is not here")
    return found


@pytest.fixture(scope="module")
def python() -> Path:
    """The interpreter of an environment with tflite-runtime, made once."""
    digest = hashlib.sha256(" ".join(PACKAGES).encode()).hexdigest()[:12]
    folder = ROOT / ".venv-tflite" / digest
    interpreter, stamp = folder / "bin" / "python", folder / ".made"
    if stamp.is_file():
        return interpreter
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([_python_311(), "-m", "venv", str(folder)], check=True)
    command = [str(interpreter), "-m", "pip", "install", "-q", "--only-binary=:all:", *PACKAGES]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = f"tflite-runtime can't be installed: {done.stderr.strip().splitlines()[-1:]}"
        assert REQUIRED not in os.environ, reason
        pytest.skip(reason)
    stamp.touch()
    return interpreter


DAMAGED = """
import sys
from pathlib import Path
from leadone.edge.errors import InputError
from leadone.edge.litert_network import LiteRtNetwork
stream, block = (Path(sys.argv[1], name).read_bytes() for name in ("stream.tflite", "block.tflite"))
for pair in ((stream[:5000], block), (stream, block[: len(block) // 2]), (b"", block)):
    try:
        LiteRtNetwork(*pair)
    except InputError as error:
        print(error)
LiteRtNetwork(stream, block)
"""


def _run_there(
    python: Path, folder: Path, program: str, *words: Path
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(python), "-c", program, *map(str, words)],
        capture_output=True,
        text=True,
        cwd=folder,
        env={"PYTHONPATH": str(ROOT / "typings"), "PATH": os.environ["PATH"]},
        check=False,
    )


@pytest.mark.tflite_runtime
def test_damaged_models_are_one_sentence_and_no_crash(python: Path, tmp_path: Path) -> None:
    """tflite-runtime itself reads beyond the end of a model that was cut short."""
    export_bundle(load_bundle("wrist"), tmp_path / "wrist")
    done = _run_there(python, tmp_path, DAMAGED, tmp_path / "wrist")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("LiteRT model is damaged") == 3


@pytest.mark.tflite_runtime
def test_tflite_runtime_streams_the_same_beats(python: Path, tmp_path: Path) -> None:
    export_bundle(load_bundle("wrist"), tmp_path / "wrist")
    signal = read_record(DEMO).signal_mv
    np.save(tmp_path / "signal.npy", signal)
    done = _run_there(python, tmp_path, PROGRAM, tmp_path / "signal.npy", tmp_path / "wrist")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["loaded"] == ["tflite_runtime"] and answer["numpy"].startswith("1.")
    beats = seen([Beat(**beat) for beat in answer["beats"]])
    assert len(beats) > 450
    for backend in ("litert", "onnx"):
        monitor = Monitor.load(tmp_path / "wrist", backend=backend)
        events = monitor.push(signal, 360.0) + monitor.finish()
        equal = equal_beats(seen([e for e in events if isinstance(e, Beat)]), beats)
        print(f"\ntflite-runtime beside {backend}: {equal}")
        assert min(equal.beat_share, equal.wave_share) >= LEAST_EQUAL, equal
