"""An exported bundle: what it holds, every target equal, and what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from leadone import Monitor, read_record
from leadone.distill.export.bundle import GOLDEN_FILE, MODEL_C, export_bundle, read_golden
from leadone.distill.export.verify import verify
from leadone.edge.bundle import Bundle, load_bundle
from leadone.edge.errors import InputError
from leadone.edge.events import Beat

DEMO = Path(__file__).parents[3] / "edge" / "demo" / "208demo"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("export") / "wrist"
    export_bundle(load_bundle("wrist"), out)
    return out


def test_sizes_are_a_devices(folder: Path) -> None:
    sizes = {path.name: path.stat().st_size for path in folder.iterdir()}
    assert sizes["stream.tflite"] <= 120_000 and sizes["model.onnx"] <= 150_000
    assert sizes["window.tflite"] <= 120 * 1024


def test_every_target_holds(folder: Path) -> None:
    verdicts = {verdict.target: verdict for verdict in verify(load_bundle(folder))}
    exact = [name for name, verdict in verdicts.items() if verdict.has_to_be_exact]
    assert exact == ["C, this machine", "TFLM", "LiteRT, reference kernels"]
    assert all(verdict.holds for verdict in verdicts.values()), verdicts
    assert {"ONNX Runtime", "LiteRT"} <= verdicts.keys()


def test_a_wrong_target_is_told(folder: Path) -> None:
    bundle = load_bundle(folder)
    source = bundle.files[MODEL_C].decode()
    at = source.index("bias_20[")
    digit = next(k for k in range(source.index("{", at), len(source)) if source[k].isdigit())
    changed = source[:digit] + str((int(source[digit]) + 5) % 10) + source[digit + 1 :]
    files = {**bundle.files, MODEL_C: changed.encode()}
    verdicts = verify(Bundle(bundle.manifest, files, bundle.sha256))
    assert [v.target for v in verdicts if not v.holds] == ["C, this machine"]


def test_golden_vectors_of_another_network_are_refused(folder: Path, tmp_path: Path) -> None:
    bundle, phone = load_bundle(folder), load_bundle("phone")
    files = {**bundle.files, "model.onnx": phone.files["model.onnx"]}
    with pytest.raises(InputError, match="of another network"):
        verify(Bundle(bundle.manifest, files, bundle.sha256))
    with pytest.raises(InputError, match="no golden vectors"):
        verify(load_bundle("wrist"))
    shutil.copytree(folder, tmp_path / "changed")
    (tmp_path / "changed" / GOLDEN_FILE).write_bytes(b"other")
    with pytest.raises(InputError, match="not the file its manifest lists"):
        load_bundle(tmp_path / "changed")


def test_golden_vectors_are_real_signal(folder: Path) -> None:
    golden = read_golden(load_bundle(folder))
    assert golden["x"].shape == (8, 2, 2560) and golden["x"].dtype == np.int8
    assert all(len(np.unique(window[1])) > 100 for window in golden["x"])


def test_litert_streams_the_same_beats(folder: Path) -> None:
    record = read_record(DEMO)
    beats = {}
    for backend in ("onnx", "litert"):
        monitor = Monitor.load(folder, backend=backend)
        events = []
        for start in range(0, 60 * 360, 360):  # chunks of a second: blocks and single hops
            events += monitor.push(record.signal_mv[start : start + 360], record.rate_hz)
        events += monitor.finish()
        beats[backend] = [event for event in events if isinstance(event, Beat)]
    assert len(beats["onnx"]) > 90
    pairs = list(zip(beats["onnx"], beats["litert"], strict=True))
    apart = np.sort([abs(a.r_s - b.r_s) for a, b in pairs])
    assert apart[-2] < 0.008  # one QRS has two peaks of one height
    assert np.mean([a.label == b.label for a, b in pairs]) > 0.98  # one beat is neither N nor V


def test_backends_that_are_not_there_are_refused() -> None:
    with pytest.raises(InputError, match="no LiteRT network; write one by `leadone export`"):
        Monitor.load("wrist", backend="litert")
    with pytest.raises(InputError, match="no backend 'tensorrt'; there are onnx, litert"):
        Monitor.load("wrist", backend="tensorrt")
