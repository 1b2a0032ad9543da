"""Run every target of an exported bundle that can run here on the golden vectors, and on more.

C, TFLM and LiteRT's reference kernels have to give every byte. LiteRT's default kernels and ONNX
Runtime round otherwise by a few steps: of them it is asked that they find the same beats.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median
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
from ...edge.litert_network import BLOCK_FILE, STREAM_FILE, LiteRtNetwork, survives
from ...edge.network import StreamingNetwork
from ...edge.timing import HOP_SAMPLES
from .bundle import DEMO, WINDOW_FILE, WINDOW_SAMPLES, c_sources, golden_bytes, read_golden
from .equal_beats import Equal, equal_beats, seen_drafts
from .integer import Bytes, dequantize, quantize_input, run_integer
from .onnx_reader import read_quantized
from .onnx_writer import OUTPUT_NAMES
from .quantized import Grid, QuantizedGraph
from .tflm_arena import least_arena_bytes

Floats = npt.NDArray[np.float32]
Runner = Callable[[Bytes], list[Bytes]]  # a window (2, n) from silence to waves, beats, deep

TFLM_ARENA_BYTES = 4_000_000
# Five minutes have 1,500 waves: chance alone moves their share by .2 %. Sets are held to more.
LEAST_EQUAL_BEATS, LEAST_EQUAL_WAVES = 0.995, 0.99
HOPS_TIMED = 512
SHA256 = re.compile(rb"\b[0-9a-f]{64}\b")


@dataclass(frozen=True)
class Verdict:
    """How one target answered the golden windows, and the golden recording as a stream.

    `equal_bytes` of `windows` is a share, `largest` in int8 steps. `ram_bytes` is what a stream's
    states and tensors take, `ms_per_10_s` of a record read at once and `ms_per_hop` of 64 ms as
    they come, of the processor's time; None where that is not known or no stream was run.
    """

    target: str
    windows: int
    file_bytes: int
    ram_bytes: int | None
    ms_per_10_s: float
    ms_per_hop: float | None
    equal_bytes: float
    largest: int
    equal: Equal | None
    has_to_be_exact: bool

    @property
    def holds(self) -> bool:
        """Whether it is what this target has to be."""
        if self.has_to_be_exact or self.equal is None:
            return self.equal_bytes == 1
        beats, waves = self.equal.beat_share, self.equal.wave_share
        return beats >= LEAST_EQUAL_BEATS and waves >= LEAST_EQUAL_WAVES


@dataclass(frozen=True)
class _Target:
    name: str
    file_bytes: int
    run: Runner
    hop: Callable[[], object] | None = None  # the next hop of a stream of silence
    ram_bytes: int | None = None
    has_to_be_exact: bool = True

    @property
    def stream(self) -> Runner | None:
        """A target that knows hops reads records of any length."""
        return self.run if self.hop is not None else None


def verify(bundle: Bundle, more: Floats | None = None) -> list[Verdict]:
    """A verdict a target; on `more` windows (k, 2, 2560) of network input than the golden ones.

    Raises InputError where the bundle was not exported, or its golden vectors or its C, which is
    compiled and run here, are not of its network.
    """
    quantized = read_quantized(bundle.files[bundle.manifest["network"]])
    golden = read_golden(bundle)
    expected = golden_bytes(quantized, dequantize(golden["x"], _input_grid(quantized)))
    if any(not np.array_equal(expected[name], golden[name]) for name in golden):
        raise InputError("the golden vectors are of another network; export the bundle again")
    ours = c_sources(bundle, quantized)
    if any(
        _without_hash(bundle.files.get(name, b"")) != _without_hash(ours[name]) for name in ours
    ):
        raise InputError(
            "the bundle's C is not what this leadone writes of its network, and is not run; "
            "export the bundle again"
        )
    if more is not None:
        beside = golden_bytes(quantized, more)
        expected = {name: np.concatenate([expected[name], beside[name]]) for name in expected}
    truth = _Truth.of(bundle, quantized, expected)
    with TemporaryDirectory() as scratch:
        targets = _targets(bundle, quantized, Path(scratch))
        return [_verdict(target, truth) for target in targets]


def _without_hash(source: bytes) -> bytes:
    """C without the hash in its version: that is of the bundle which was exported."""
    return SHA256.sub(b"", source)


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
    missing = [name for name in (WINDOW_FILE, STREAM_FILE, BLOCK_FILE) if name not in files]
    if missing:
        raise InputError(f"the bundle has no {missing[0]}; export it again")
    onnx, stream = files[bundle.manifest["network"]], files[STREAM_FILE]
    grids = [quantized.grids[name] for name in quantized.graph.outputs]
    library = scratch / "network.so"
    compile_network(files, library, HOST)
    core = CNetwork(library)
    silence = np.zeros((2, HOP_SAMPLES), np.float32)
    still = quantize_input(silence, _input_grid(quantized))
    targets = [
        _Target(
            "C, this machine",
            library.stat().st_size,
            _of_core(core),
            lambda: core.push(still),
            core.ram_bytes,
        ),
        *_references(files[WINDOW_FILE], stream),
    ]
    for name, size, network in (
        ("ONNX Runtime", len(onnx), StreamingNetwork(onnx)),
        ("LiteRT", len(stream), LiteRtNetwork(stream, files[BLOCK_FILE])),
    ):
        run = _of_floats(network, grids, _input_grid(quantized))
        hop = partial(network.push, silence)
        targets.append(_Target(name, size, run, hop, has_to_be_exact=False))
    return targets


def _references(window: bytes, stream: bytes) -> list[_Target]:
    """Interpreters whose kernels are the reference, where they are installed."""
    if not survives(window):
        raise _damaged_window()
    reference = _litert_reference(window)
    targets = []
    if find_spec("tflite_micro") is not None:
        arena = least_arena_bytes(stream)
        targets.append(_Target("TFLM", len(stream), _tflm(window), ram_bytes=arena))
    return [*targets, _Target("LiteRT, reference kernels", len(stream), reference)]


def _verdict(target: _Target, truth: _Truth) -> Verdict:
    x = truth.windows["x"]
    target.run(x[0])  # the first call warms up
    answers, seconds = [], []
    for window in x:
        start = time.process_time()  # other work on this machine does not count
        answers.append(target.run(window))
        seconds.append(time.process_time() - start)
    differences = np.concatenate(
        [
            (output.astype(np.int16) - truth.windows[name][k]).reshape(-1)
            for k, answer in enumerate(answers)
            for name, output in zip(OUTPUT_NAMES, answer, strict=True)
        ]
    )
    return Verdict(
        target=target.name,
        windows=len(x),
        file_bytes=target.file_bytes,
        ram_bytes=target.ram_bytes,
        ms_per_10_s=1000 * median(seconds) * 10 / (WINDOW_SAMPLES / RATE_HZ),
        ms_per_hop=_ms_per_hop(target),
        equal_bytes=float((differences == 0).mean()),
        largest=int(np.abs(differences).max()),
        equal=_equal(target, truth),
        has_to_be_exact=target.has_to_be_exact,
    )


def _ms_per_hop(target: _Target) -> float | None:
    if target.hop is None:
        return None
    start = time.process_time()
    for _ in range(HOPS_TIMED):
        target.hop()
    return 1000 * (time.process_time() - start) / HOPS_TIMED


def _equal(target: _Target, truth: _Truth) -> Equal | None:
    """Beats and waves of the shipped recording beside the integers'."""
    if target.stream is None:
        return None
    found = _beats(target.stream, truth.quantized, truth.beat_model)
    return equal_beats(seen_drafts(truth.beats), seen_drafts(found))


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
    takes, gives = interpreter.get_input_details(), interpreter.get_output_details()
    fits = [tuple(one["shape"]) for one in takes] == [(1, 1, WINDOW_SAMPLES, 2)]
    fits = fits and len(gives) == len(OUTPUT_NAMES)
    if not fits or any(one["dtype"] != np.int8 for one in (*takes, *gives)):
        raise _damaged_window()

    def run(x: Bytes) -> list[Bytes]:
        at = interpreter.get_input_details()[0]["index"]
        interpreter.set_tensor(at, np.ascontiguousarray(x.T)[None, None])
        interpreter.invoke()
        return [
            interpreter.get_tensor(o["index"])[0, 0].T for o in interpreter.get_output_details()
        ]

    return run


def _damaged_window() -> InputError:
    return InputError(f"the bundle's {WINDOW_FILE} is damaged; export it again")


def _input_grid(quantized: QuantizedGraph) -> Grid:
    return quantized.grids[quantized.graph.input]
