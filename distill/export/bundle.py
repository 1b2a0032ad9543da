"""A bundle for devices: the same int8 network for each runtime, beside golden vectors.

What is written is again a bundle, hashes and all: `Monitor.load(DIR, backend=...)` reads it.

| file | what it is for |
|---|---|
| model.onnx, float.onnx | ONNX Runtime: the int8 network as it is, and with float activations |
| stream.tflite | TFLM and LiteRT, a hop at a time, states in and out |
| block.tflite | the same for many hops at once |
| window.tflite, float.tflite | LiteRT, 10.24 s from silence; int8, and with float activations |
| model.c and the core's sources | C99: microcontrollers, phones, browsers |
| golden.npz | real signal and the bytes that every target has to give for it |
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt

from ...edge.bundle import Bundle, write_bundle
from ...edge.bundle_source import DAMAGE
from ...edge.core_build import CORE, MODEL_C
from ...edge.errors import InputError
from ...edge.formats.wfdb_records import read_record
from ...edge.frontend import filter_record, network_input
from ...edge.litert_network import BLOCK_FILE, STREAM_FILE
from ...edge.model_check import check_model
from ...edge.network import StreamingNetwork
from ...edge.timing import HOP_SAMPLES
from .c_model import model_source
from .integer import Bytes, quantize_input, run_integer
from .onnx_reader import foreign_refused, read_graph, read_quantized
from .onnx_writer import OUTPUT_NAMES, write_float
from .quantized import QuantizedGraph
from .tflite_writer import write_tflite

WINDOW_FILE, WINDOW_SAMPLES = "window.tflite", 2560
BLOCK_HOPS = 15  # just under a second: whole records and pushes of a second cost few calls
GOLDEN_WINDOWS = 8
GOLDEN_FILE = "golden.npz"
MAX_GOLDEN_BYTES = 16 * 1024 * 1024
DEMO = Path(__file__).parents[2] / "edge" / "demo" / "208demo"


def export_bundle(bundle: Bundle, out: Path) -> Bundle:
    """Write the bundle with the files of the table above to the folder `out`; it as a bundle.

    Raises InputError where the bundle's network is not int8, or does not run.
    """
    model = bundle.files[bundle.manifest["network"]]
    quantized = read_quantized(model)
    check_model(bundle.manifest, StreamingNetwork(model))
    with foreign_refused():
        files = {**bundle.files, **_targets(bundle, model, quantized)}
    manifest = {k: v for k, v in bundle.manifest.items() if k not in ("format", "files")}
    sha256 = write_bundle(out, manifest, files)
    return Bundle({**bundle.manifest, "files": dict.fromkeys(files, "")}, files, sha256)


def _targets(bundle: Bundle, model: bytes, quantized: QuantizedGraph) -> dict[str, bytes]:
    """The files of the table above but the network itself."""
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        graph = read_graph(model)
        write_float(graph, folder / "float.onnx")
        write_tflite(graph, folder / "float.tflite", WINDOW_SAMPLES, streaming=False)
        write_tflite(quantized, folder / WINDOW_FILE, WINDOW_SAMPLES, streaming=False)
        block = BLOCK_HOPS * HOP_SAMPLES
        write_tflite(quantized, folder / BLOCK_FILE, block, streaming=True)
        stream = folder / STREAM_FILE
        write_tflite(quantized, stream, HOP_SAMPLES, streaming=True, bias_scales=False)
        files = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    return {**files, **c_sources(bundle, quantized), GOLDEN_FILE: _golden(quantized)}


def c_sources(bundle: Bundle, quantized: QuantizedGraph) -> dict[str, bytes]:
    """The C of one bundle: its tables and the core."""
    core = {path.name: path.read_bytes() for path in sorted(CORE.glob("*.[ch]"))}
    return {**core, MODEL_C: model_source(bundle, quantized).encode()}


def golden_windows() -> npt.NDArray[np.float32]:
    """Windows (8, 2, 2560) of the shipped recording, as the network's input."""
    record = read_record(DEMO)
    filtered, _ = filter_record(record.signal_mv, record.rate_hz)
    x = network_input(filtered[: GOLDEN_WINDOWS * WINDOW_SAMPLES])
    return x.reshape(2, GOLDEN_WINDOWS, WINDOW_SAMPLES).swapaxes(0, 1)


def golden_bytes(quantized: QuantizedGraph, windows: npt.NDArray[np.float32]) -> dict[str, Bytes]:
    """`x` and the outputs for each window from silence, (windows, channels, n)."""
    x = quantize_input(windows, quantized.grids[quantized.graph.input])
    outputs: dict[str, list[Bytes]] = {name: [] for name in OUTPUT_NAMES}
    for window in x:
        values = run_integer(quantized, window)
        for name, tensor in zip(OUTPUT_NAMES, quantized.graph.outputs, strict=True):
            outputs[name].append(values[tensor])
    return {"x": x, **{name: np.stack(found) for name, found in outputs.items()}}


def read_golden(bundle: Bundle) -> dict[str, Bytes]:
    """The golden vectors of an exported bundle; InputError where it has none."""
    if GOLDEN_FILE not in bundle.files:
        raise InputError("the bundle has no golden vectors; write it by `leadone export`")
    try:
        return _arrays(bundle.files[GOLDEN_FILE])
    except (*DAMAGE, KeyError) as error:
        raise InputError("the golden vectors are damaged; export the bundle again") from error


def _arrays(content: bytes) -> dict[str, Bytes]:
    """The arrays of an .npz that are int8 and no larger than ours are."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > MAX_GOLDEN_BYTES:
            raise ValueError("larger than any golden vectors")
    with np.load(io.BytesIO(content)) as arrays:
        found = {name: arrays[name] for name in ("x", *OUTPUT_NAMES)}
    shape = (GOLDEN_WINDOWS, 2, WINDOW_SAMPLES)
    if found["x"].shape != shape or any(one.dtype != np.int8 for one in found.values()):
        raise ValueError("of another shape")
    return found


def _golden(quantized: QuantizedGraph) -> bytes:
    content = io.BytesIO()
    arrays: dict[str, Any] = {**golden_bytes(quantized, golden_windows())}
    np.savez_compressed(content, **arrays)
    return content.getvalue()
