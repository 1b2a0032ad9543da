"""An exported bundle: what it holds, every target equal, and what is refused."""

from __future__ import annotations

import io
import random
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from leadone import Monitor, read_record
from leadone.distill.export.bundle import GOLDEN_FILE, MODEL_C, export_bundle, read_golden
from leadone.distill.export.onnx_reader import read_quantized
from leadone.distill.export.tflm_arena import least_arena_bytes
from leadone.distill.export.verify import verify
from leadone.edge.backends import network_of
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
    litert = ("stream.tflite", "block.tflite", "window.tflite")
    assert max(sizes[name] for name in litert) <= 120_000 and sizes["model.onnx"] <= 150_000


def test_every_target_holds(folder: Path) -> None:
    verdicts = {verdict.target: verdict for verdict in verify(load_bundle(folder))}
    exact = [name for name, verdict in verdicts.items() if verdict.has_to_be_exact]
    assert exact == ["C, this machine", "TFLM", "LiteRT, reference kernels"]
    assert all(verdict.holds for verdict in verdicts.values()), verdicts
    assert {"ONNX Runtime", "LiteRT"} <= verdicts.keys()
    ram = {name: verdict.ram_bytes for name, verdict in verdicts.items()}
    assert (ram["C, this machine"] or 0) <= 11_000 < (ram["TFLM"] or 0) <= 60_000, ram


def test_the_arena_is_enough_and_less_is_not(folder: Path) -> None:
    least = least_arena_bytes((folder / "stream.tflite").read_bytes())
    assert least is not None
    for arena_bytes, runs in ((least, True), (least - 256, False)):
        command = [sys.executable, "-m", "leadone.distill.export.tflm_arena"]
        command += [str(folder / "stream.tflite"), str(arena_bytes)]
        assert (subprocess.run(command, capture_output=True).returncode == 0) == runs
    assert least_arena_bytes(b"no model") is None


def test_a_wrong_target_is_told(folder: Path) -> None:
    bundle = load_bundle(folder)
    quantized = read_quantized(bundle.files["model.onnx"])
    bias = quantized.biases[quantized.graph.outputs[0]].astype("<i4").tobytes()
    wrong = bundle.files["window.tflite"].replace(bias, bytes(len(bias)))
    assert wrong != bundle.files["window.tflite"]
    files = {**bundle.files, "window.tflite": wrong}
    verdicts = verify(Bundle(bundle.manifest, files, bundle.sha256))
    failed = [verdict.target for verdict in verdicts if not verdict.holds]
    assert failed == ["TFLM", "LiteRT, reference kernels"]


@pytest.mark.parametrize("name", [MODEL_C, "network.c", "core.h"])
def test_c_that_leadone_did_not_write_is_not_run(folder: Path, tmp_path: Path, name: str) -> None:
    """A bundle's C is code: what is compiled and loaded here has to be ours to the byte."""
    bundle = load_bundle(folder)
    done = tmp_path / "done"
    trap = (
        "#include <stdio.h>\n__attribute__((constructor)) static void trap(void) "
        f'{{ fclose(fopen("{done}", "w")); }}\n'
    )
    files = {**bundle.files, name: trap.encode() + bundle.files[name]}
    with pytest.raises(InputError, match="not run"):
        verify(Bundle(bundle.manifest, files, bundle.sha256))
    assert not done.exists()


@pytest.mark.parametrize("name", ["stream.tflite", "block.tflite"])
def test_a_damaged_litert_model_is_one_sentence(folder: Path, name: str) -> None:
    bundle = load_bundle(folder)
    content = bundle.files[name]
    for wrong in (
        b"",
        content[:1000],
        content[: len(content) // 2],
        content[1000:],
        bytes(len(content)),
        bundle.files["window.tflite"],
        bundle.files["float.tflite"],
    ):
        changed = Bundle(bundle.manifest, {**bundle.files, name: wrong}, bundle.sha256)
        with pytest.raises(InputError, match="LiteRT model is damaged"):
            Monitor(changed, backend="litert")


def test_a_damaged_window_is_one_sentence(folder: Path) -> None:
    """TFLM's reader of models raises what it likes, and LiteRT reads beyond the end."""
    bundle = load_bundle(folder)
    content = bundle.files["window.tflite"]
    others = (bundle.files["float.tflite"], bundle.files["stream.tflite"])
    for wrong in (content[: len(content) // 2], b"", *others):
        files = {**bundle.files, "window.tflite": wrong}
        with pytest.raises(InputError, match=r"window\.tflite is damaged; export it again"):
            verify(Bundle(bundle.manifest, files, bundle.sha256))
    without = {name: one for name, one in bundle.files.items() if name != "block.tflite"}
    with pytest.raises(InputError, match=r"has no block\.tflite; export it again"):
        verify(Bundle(bundle.manifest, without, bundle.sha256))


def test_litert_models_with_random_damage_end_in_a_sentence_not_the_process(folder: Path) -> None:
    """Some of these pass LiteRT's own check of the file and crash when they run."""
    bundle = load_bundle(folder)
    refused = 0
    for seed in range(24):
        rng = random.Random(seed)
        content = bytearray(bundle.files["stream.tflite"])
        for _ in range(rng.choice((1, 3))):
            tables = len(content) - 1 - rng.randrange(26_000)  # where the graph lies
            content[rng.choice((tables, rng.randrange(3000)))] = rng.randrange(256)
        files = {**bundle.files, "stream.tflite": bytes(content)}
        try:
            network_of(Bundle(bundle.manifest, files, bundle.sha256), "litert").push(
                np.zeros((2, 16), np.float32)
            )
        except InputError as error:
            assert len(str(error).splitlines()) == 1
            refused += 1
    assert refused >= 8


def test_damaged_golden_vectors_are_one_sentence(folder: Path) -> None:
    bundle = load_bundle(folder)
    golden = dict(np.load(folder / GOLDEN_FILE))
    for change in (
        {"x": golden["x"][:, :1]},
        {"x": golden["x"].astype(np.int16)},
        {"x": np.array([{}], object)},
        {"waves": np.zeros(17_000_000, np.int8)},
    ):
        content = io.BytesIO()
        np.savez_compressed(content, **{**golden, **change})
        _is_refused(bundle, content.getvalue())
    content = io.BytesIO()
    np.savez_compressed(content, x=golden["x"])
    for wrong in (content.getvalue(), b"", bundle.files[GOLDEN_FILE][:5000]):
        _is_refused(bundle, wrong)


def _is_refused(bundle: Bundle, golden: bytes) -> None:
    files = {**bundle.files, GOLDEN_FILE: golden}
    with pytest.raises(InputError, match="golden vectors are damaged"):
        read_golden(Bundle(bundle.manifest, files, bundle.sha256))


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
