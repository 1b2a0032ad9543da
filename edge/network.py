"""The network as a stream: hops of input in, logits out, the state kept between calls.

Runs the bundle's ONNX model with onnxruntime on one thread. Integer arithmetic makes the answer
independent of how many hops a call brings.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from .errors import InputError
from .timing import HOP_SAMPLES

Floats = npt.NDArray[np.float32]


class StreamingNetwork:
    """`push` takes (2, n), whole hops; gives waves (4, n/2), beats (4, n/8), deep (c, n/16)."""

    def __init__(self, model: bytes | Path) -> None:
        """Load the model and start from a silent past."""
        self._session = _session(model.read_bytes() if isinstance(model, Path) else model)
        meta = self._session.get_modelmeta().custom_metadata_map
        self.arithmetic = meta.get("arithmetic", "float32")
        self._zeros = {k.removeprefix("zero_"): int(v) for k, v in meta.items() if k[:5] == "zero_"}
        self._outputs = [o.name for o in self._session.get_outputs()]
        self._state: dict[str, npt.NDArray[np.generic]] = {}
        self.reset()

    def reset(self) -> None:
        """Forget the past."""
        for tensor in self._session.get_inputs()[1:]:
            dtype = np.uint8 if self.arithmetic == "int8" else np.float32
            self._state[tensor.name] = np.full(tensor.shape, self._zeros.get(tensor.name, 0), dtype)

    def push(self, x: Floats) -> tuple[Floats, Floats, Floats]:
        """Run whole hops of input, at least one."""
        assert x.shape[1] and x.shape[1] % HOP_SAMPLES == 0
        feeds = {"x": x[None, :, None, :], **self._state}
        waves, beats, deep, *states = self._session.run(self._outputs, feeds)
        self._state = {
            name.removesuffix("_next"): state
            for name, state in zip(self._outputs[3:], states, strict=True)
        }
        return waves[0, :, 0], beats[0, :, 0], deep[0, :, 0]


@lru_cache(maxsize=4)
def _session(model: bytes) -> ort.InferenceSession:
    """One session a model: the stream's state lies outside it, so that streams can share it."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Without VNNI, x86 kernels for int8 saturate in 16 bit; this asks for exact ones.
    options.add_session_config_entry("session.x64quantprecision", "1")
    try:
        return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has its own kinds, by no common base
        raise InputError("the bundle's network is not a model; get the bundle again") from error
