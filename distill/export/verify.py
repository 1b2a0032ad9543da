"""Run every target of an exported bundle that can run here on the golden vectors.

C, TFLM and LiteRT's reference kernels have to give every byte. LiteRT's default kernels and ONNX
Runtime round otherwise by a few steps: of them it is asked that they find the same beats.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt

from ...edge.beat_model import BeatModel
from ...edge.beats import DraftBeat
from ...edge.bundle import Bundle
from ...edge.c_network import CNetwork, compile_network
from ...edge.core_build import HOST
from ...edge.delineation import Delineation
from ...edge.errors import InputError
from ...edge.filters import RATE_HZ
from ...edge.formats.wfdb_records import read_record
from ...edge.frontend import filter_record
from ...edge.litert_network import BLOCK_FILE, STREAM_FILE, LiteRtNetwork
from ...edge.network import StreamingNetwork
from ...edge.waves import WaveRun
from .bundle import DEMO, WINDOW_SAMPLES, c_sources, golden_bytes, read_golden
from .integer import Bytes, dequantize, quantize_input, run_integer
from .onnx_reader import read_quantized
from .onnx_writer import OUTPUT_NAMES
from .quantize import Grid, QuantizedGraph

Floats = npt.NDArray[np.float32]
Runner = Callable[[Bytes], list[Bytes]]  # a window (2, n) from silence to waves, beats, deep

SAME_S = 0.008
TFLM_ARENA_BYTES = 4_000_000
LEAST_EQUAL_BEATS, LEAST_EQUAL_WAVES = 0.995, 0.99


@dataclass(frozen=True)
class Verdict:
    """How one target answered the golden windows, and the golden recording as a stream.

    `equal_bytes` is a share, `largest` in int8 steps; `equal_beats` the share of beats with the
    R peak and the label of the integers', `equal_waves` that of their P, QRS and T, edges within
    8 ms or absent in both; None where no stream was run.
    """

    target: str
    file_bytes: int
    ms_per_10_s: float
    equal_bytes: float
    largest: int
    equal_beats: float | None
    equal_waves: float | None
    has_to_be_exact: bool

    @property
    def holds(self) -> bool:
        """Whether it is what this target has to be."""
        if self.has_to_be_exact or self.equal_beats is None or self.equal_waves is None:
            return self.equal_bytes == 1
        return self.equal_beats >= LEAST_EQUAL_BEATS and self.equal_waves >= LEAST_EQUAL_WAVES


@dataclass(frozen=True)
class _Target:
    name: str
    file_bytes: int
    run: Runner
    stream: Runner | None
    has_to_be_exact: bool


def verify(bundle: Bundle, windows: npt.NDArray[np.float32] | None = None) -> list[Verdict]:
    """A verdict a target; on other windows (k, 2, 2560) of network input than the golden ones.

    Raises InputError where the bundle was not exported, or its golden vectors or its C, which is
    compiled and run here, are not of its network.
    """
    quantized = read_quantized(bundle.files[bundle.manifest["network"]])
    golden = read_golden(bundle)
    expected = golden_bytes(quantized, dequantize(golden["x"], _input_grid(quantized)))
    if any(not np.array_equal(expected[name], golden[name]) for name in golden):
        raise InputError("the golden vectors are of another network; export the bundle again")
    if any(bundle.files.get(name) != file for name, file in c_sources(quantized).items()):
        raise InputError(
            "the bundle's C is not what this leadone writes of its network, and is not run; "
            "export the bundle again"
        )
    if windows is not None:
        expected = golden_bytes(quantized, windows)
    truth = _Truth.of(bundle, quantized, expected)
    with TemporaryDirectory() as scratch:
        targets = _targets(bundle, quantized, Path(scratch))
        return [_verdict(target, truth) for target in targets]


@dataclass(frozen=True)
class _Truth:
    """What the integers answer: bytes of the windows, and beats of the shipped recording."""

    quantized: QuantizedGraph
    beat_model: BeatModel | None
    windows: dict[str, Bytes]
    beats: list[DraftBeat]

    @classmethod
    def of(cls, bundle: Bundle, quantized: QuantizedGraph, windows: dict[str, Bytes]) -> _Truth:
        model = bundle.manifest["beat_model"]
        beat_model = BeatModel.from_manifest(model) if model else None

        def run(x: Bytes) -> list[Bytes]:
            values = run_integer(quantized, x)
            return [values[name] for name in quantized.graph.outputs]

        return cls(quantized, beat_model, windows, _beats(run, quantized, beat_model))


def _targets(bundle: Bundle, quantized: QuantizedGraph, scratch: Path) -> Sequence[_Target]:
    files = bundle.files
    onnx = files[bundle.manifest["network"]]
    grids = [quantized.grids[name] for name in quantized.graph.outputs]
    network, lite = StreamingNetwork(onnx), LiteRtNetwork(files[STREAM_FILE], files[BLOCK_FILE])
    library = scratch / "network.so"
    compile_network(files, library, HOST)
    core = CNetwork(library)
    sizes = sum(len(content) for name, content in files.items() if name == "model.c")
    streams = {
        "ONNX Runtime": (len(onnx), _of_floats(network, grids, _input_grid(quantized))),
        "LiteRT": (len(files[STREAM_FILE]), _of_floats(lite, grids, _input_grid(quantized))),
    }
    window = files["window.tflite"]
    return [
        _Target("C, this machine", sizes, _of_core(core), _of_core(core), True),
        *_references(window, len(files[STREAM_FILE])),
        *(_Target(name, size, run, run, False) for name, (size, run) in streams.items()),
    ]


def _references(window: bytes, stream_bytes: int) -> list[_Target]:
    """Interpreters whose kernels are the reference, where they are installed."""
    targets = []
    for name, make in (("TFLM", _tflm), ("LiteRT, reference kernels", _litert_reference)):
        try:
            targets.append(_Target(name, stream_bytes, make(window), None, True))
        except ImportError:
            continue
    return targets


def _verdict(target: _Target, truth: _Truth) -> Verdict:
    x = truth.windows["x"]
    target.run(x[0])  # the first call warms up
    start = time.perf_counter()
    answers = [target.run(window) for window in x]
    seconds = (time.perf_counter() - start) / len(answers) / (WINDOW_SAMPLES / RATE_HZ)
    differences = np.concatenate(
        [
            (output.astype(np.int16) - truth.windows[name][k]).reshape(-1)
            for k, answer in enumerate(answers)
            for name, output in zip(OUTPUT_NAMES, answer, strict=True)
        ]
    )
    beats, waves = _equal_shares(target.stream, truth) if target.stream else (None, None)
    return Verdict(
        target.name,
        target.file_bytes,
        1000 * 10 * seconds,
        float((differences == 0).mean()),
        int(np.abs(differences).max()),
        beats,
        waves,
        target.has_to_be_exact,
    )


def _equal_shares(stream: Runner, truth: _Truth) -> tuple[float, float]:
    """Of beats and of waves on the shipped recording, of all that either finds."""
    found = _beats(stream, truth.quantized, truth.beat_model)
    at = np.array([beat.r for beat in found])
    pairs = [(beat, found[int(np.abs(at - beat.r).argmin())]) for beat in truth.beats if found]
    count = max(len(truth.beats), len(found), 1)
    beats = sum(_near(a.r, b.r) and a.label == b.label for a, b in pairs)
    waves = sum(
        _same_wave(*wave) for a, b in pairs for wave in ((a.p, b.p), (a.qrs, b.qrs), (a.t, b.t))
    )
    return beats / count, waves / (3 * count)


def _beats(run: Runner, quantized: QuantizedGraph, beat_model: BeatModel | None) -> list[DraftBeat]:
    record = read_record(DEMO)
    filtered, _ = filter_record(record.signal_mv, record.rate_hz)
    delineation = Delineation(_AsNetwork(run, quantized), beat_model)
    return delineation.push(filtered) + delineation.finish()


class _AsNetwork:
    """A runner of whole records as the stream that a `Delineation` asks twice: record, then end."""

    def __init__(self, run: Runner, quantized: QuantizedGraph) -> None:
        self._run, self._quantized = run, quantized
        self._seen = np.empty((2, 0), np.int8)

    def push(self, x: Floats) -> tuple[Floats, Floats, Floats]:
        before = self._seen.shape[1]
        q = quantize_input(x, _input_grid(self._quantized))
        self._seen = np.concatenate([self._seen, q], 1)
        outputs = zip(self._quantized.graph.outputs, self._run(self._seen), strict=True)
        waves, beats, deep = (
            dequantize(output, self._quantized.grids[name])[
                :, before * output.shape[1] // self._seen.shape[1] :
            ]
            for name, output in outputs
        )
        return waves, beats, deep


def _same_wave(a: WaveRun | None, b: WaveRun | None) -> bool:
    if a is None or b is None:
        return a is b
    return _near(a.onset, b.onset) and _near(a.offset, b.offset)


def _near(a: float, b: float) -> bool:
    return abs(a - b) <= SAME_S * RATE_HZ


def _of_core(core: CNetwork) -> Runner:
    def run(x: Bytes) -> list[Bytes]:
        core.reset()
        return core.push(x)

    return run


def _of_floats(network: Any, grids: Sequence[Grid], input_grid: Grid) -> Runner:
    """A network that takes and gives real numbers, in steps of its grids."""

    def run(x: Bytes) -> list[Bytes]:
        network.reset()
        outputs = network.push(dequantize(x, input_grid))
        return [quantize_input(y, grid) for y, grid in zip(outputs, grids, strict=True)]

    return run


def _tflm(window: bytes) -> Runner:
    from tflite_micro.python.tflite_micro import runtime

    interpreter = runtime.Interpreter.from_bytes(window, arena_size=TFLM_ARENA_BYTES)

    def run(x: Bytes) -> list[Bytes]:
        interpreter.set_input(np.ascontiguousarray(x.T)[None, None], 0)
        interpreter.invoke()
        return [interpreter.get_output(k)[0, 0].T for k in range(len(OUTPUT_NAMES))]

    return run


def _litert_reference(window: bytes) -> Runner:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        model_content=window, experimental_op_resolver_type=OpResolverType.BUILTIN_REF
    )
    interpreter.allocate_tensors()

    def run(x: Bytes) -> list[Bytes]:
        at = interpreter.get_input_details()[0]["index"]
        interpreter.set_tensor(at, np.ascontiguousarray(x.T)[None, None])
        interpreter.invoke()
        return [
            interpreter.get_tensor(o["index"])[0, 0].T for o in interpreter.get_output_details()
        ]

    return run


def _input_grid(quantized: QuantizedGraph) -> Grid:
    return quantized.grids[quantized.graph.input]
