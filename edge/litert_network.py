"""The network as a stream on LiteRT (ai-edge-litert, or tflite-runtime where that is installed).

`leadone export` writes its two models: `stream.tflite` takes one hop, `block.tflite` many at once,
so that a whole record costs few calls. They share their states: bytes on the same grids.
"""

from __future__ import annotations

import subprocess
import sys
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import InputError
from .timing import HOP_SAMPLES

Floats = npt.NDArray[np.float32]
INPUT_CHANNELS = 2
# Runs each model once, as little and as much as it takes for a damaged one to end the process.
TRIAL = """
import sys
try:
    from ai_edge_litert.interpreter import Interpreter
except ImportError:
    from tflite_runtime.interpreter import Interpreter
content = sys.stdin.buffer.read()
for size in map(int, sys.argv[1:]):
    model, content = content[:size], content[size:]
    interpreter = Interpreter(model_content=model, num_threads=1)
    interpreter.allocate_tensors()
    interpreter.invoke()
"""
STREAM_FILE, BLOCK_FILE = "stream.tflite", "block.tflite"


class LiteRtNetwork:
    """`push` takes (2, n), whole hops; gives waves (4, n/2), beats (4, n/8), deep (c, n/16)."""

    arithmetic = "int8"

    def __init__(self, stream: bytes, block: bytes) -> None:
        """Load both models and start from a silent past."""
        _need_litert()
        if not survives(stream, block):
            raise _damaged()
        self._models = [_Model(block), _Model(stream)]  # the longer first
        if not self._models[1].samples == HOP_SAMPLES <= self._models[0].samples:
            raise _damaged()
        if self._models[0].states != self._models[1].states:
            raise _damaged()
        self._state: dict[str, npt.NDArray[np.int8]] = {}
        self.reset()

    def reset(self) -> None:
        """Forget the past."""
        self._state = self._models[0].silence()

    def push(self, x: Floats) -> tuple[Floats, Floats, Floats]:
        """Run whole hops of input, at least one."""
        assert x.shape[1] and x.shape[1] % HOP_SAMPLES == 0
        parts: list[list[Floats]] = [[], [], []]
        at = 0
        for model in self._models:
            while x.shape[1] - at >= model.samples:
                outputs = model.run(x[:, at : at + model.samples], self._state)
                at += model.samples
                for part, output in zip(parts, outputs, strict=True):
                    part.append(output)
        waves, beats, deep = (np.concatenate(part, 1) for part in parts)
        return waves, beats, deep


class _Model:
    """One interpreter; states go in and out by name."""

    def __init__(self, content: bytes) -> None:
        self._interpreter = _interpreter(content)
        try:
            self._x, *self._states = self._interpreter.get_input_details()
            outputs = self._interpreter.get_output_details()
        except ValueError as error:  # names are any bytes; or there is no input
            raise _damaged() from error
        self._outputs, next_states = outputs[:3], outputs[3:]
        self._next = {one["name"].removesuffix("_next"): one["index"] for one in next_states}
        shape = [int(n) for n in self._x["shape"]]
        if len(shape) != 4 or shape[3] != INPUT_CHANNELS or shape[2] % HOP_SAMPLES:
            raise _damaged()
        if len(outputs) < 3 or any(d["dtype"] != np.int8 for d in (self._x, *self._states)):
            raise _damaged()
        if self._next.keys() != {one["name"] for one in self._states}:
            raise _damaged()
        self.samples = shape[2]

    @property
    def states(self) -> dict[str, tuple[tuple[int, ...], tuple[float, int]]]:
        """Shape and grid of each state, by name."""
        return {s["name"]: (tuple(map(int, s["shape"])), s["quantization"]) for s in self._states}

    def silence(self) -> dict[str, npt.NDArray[np.int8]]:
        """The states of a past without signal."""
        return {s["name"]: np.full(s["shape"], s["quantization"][1], np.int8) for s in self._states}

    def run(self, x: Floats, state: dict[str, npt.NDArray[np.int8]]) -> list[Floats]:
        """Logits and features of the next samples; `state` is brought forward."""
        scale, zero = self._x["quantization"]
        steps = np.clip(np.rint(x / np.float32(scale)) + zero, -128, 127).astype(np.int8)
        self._interpreter.set_tensor(self._x["index"], np.ascontiguousarray(steps.T)[None, None])
        for one in self._states:
            self._interpreter.set_tensor(one["index"], state[one["name"]])
        self._interpreter.invoke()
        for name, index in self._next.items():
            state[name] = self._interpreter.get_tensor(index)
        return [self._real(output) for output in self._outputs]

    def _real(self, output: dict[str, Any]) -> Floats:
        scale, zero = output["quantization"]
        steps = self._interpreter.get_tensor(output["index"])[0, 0].T.astype(np.float32)
        real: Floats = (steps - np.float32(zero)) * np.float32(scale)
        return real


def _need_litert() -> None:
    if not any(map(find_spec, ("ai_edge_litert", "tflite_runtime"))):
        raise InputError("no LiteRT here: pip install ai-edge-litert")


def _interpreter(content: bytes) -> Any:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        from tflite_runtime.interpreter import Interpreter
    try:
        interpreter = Interpreter(model_content=content, num_threads=1)
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise _damaged() from error
    return interpreter


@lru_cache(maxsize=4)
def survives(*models: bytes) -> bool:
    """Whether LiteRT runs them: it reads beyond a damaged model and crashes, so a child tries."""
    command = [sys.executable, "-c", TRIAL, *(str(len(model)) for model in models)]
    done = subprocess.run(command, input=b"".join(models), capture_output=True, check=False)
    return done.returncode == 0


def _damaged() -> InputError:
    return InputError("the bundle's LiteRT model is damaged; export it again")
