"""The network as a stream: hops of input in, logits out, the state kept between calls.

Runs the bundle's ONNX model with onnxruntime on one thread. Integer arithmetic makes the answer
independent of how many hops a call brings.
"""

from __future__ import annotations

from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import InputError, first_line
from .timing import HOP_SAMPLES

Floats = npt.NDArray[np.float32]
OUTPUTS = 3  # waves, beats, deep; the rest are the next states
MAX_STATE_VALUES = 1 << 20
LOG_NOTHING = 4  # errors are raised, and told in one sentence


class StreamingNetwork:
    """`push` takes (2, n), whole hops; gives waves (4, n/2), beats (4, n/8), deep (c, n/16)."""

    def __init__(self, model: bytes | Path) -> None:
        """Load the model and start from a silent past."""
        self._session = _session(model.read_bytes() if isinstance(model, Path) else model)
        try:
            meta = self._session.get_modelmeta().custom_metadata_map
            self._outputs = [o.name for o in self._session.get_outputs()]
            self._silence = _silence(self._session, meta, self._outputs)
        except UnicodeDecodeError as error:  # names are any bytes
            raise InputError("the bundle's network is damaged; get the bundle again") from error
        self.arithmetic = meta.get("arithmetic", "float32")
        self._state: dict[str, npt.NDArray[np.generic]] = {}
        self.reset()

    def reset(self) -> None:
        """Forget the past."""
        self._state = dict(self._silence)

    def push(self, x: Floats) -> tuple[Floats, Floats, Floats]:
        """Run whole hops of input, at least one."""
        assert x.shape[1] and x.shape[1] % HOP_SAMPLES == 0
        feeds = {"x": x[None, :, None, :], **self._state}
        waves, beats, deep, *states = self._session.run(self._outputs, feeds)
        self._state = {
            name.removesuffix("_next"): state
            for name, state in zip(self._outputs[OUTPUTS:], states, strict=True)
        }
        return waves[0, :, 0], beats[0, :, 0], deep[0, :, 0]


def _silence(
    session: Any, meta: dict[str, str], outputs: list[str]
) -> dict[str, npt.NDArray[np.generic]]:
    """The states of a past without signal; InputError for a model that does not stream as ours."""
    inputs = session.get_inputs()
    states = {tensor.name: tensor.shape for tensor in inputs[1:]}
    nexts = [name.removesuffix("_next") for name in outputs[OUTPUTS:]]
    fits = [tensor.name for tensor in inputs[:1]] == ["x"] and len(outputs) >= OUTPUTS
    fits = fits and sorted(nexts) == sorted(states)
    for shape in states.values():
        fits = fits and all(isinstance(n, int) and n >= 0 for n in shape)
        fits = fits and prod(shape) <= MAX_STATE_VALUES
    if not fits:
        raise InputError(
            "the bundle's network does not take x and states and give waves, beats, deep and the "
            "next states; make it by `leadone quantize`"
        )
    dtype = np.uint8 if meta.get("arithmetic") == "int8" else np.float32
    try:
        return {
            name: np.full(shape, int(meta.get(f"zero_{name}", "0")), dtype)
            for name, shape in states.items()
        }
    except (ValueError, OverflowError) as error:
        raise InputError(
            "the bundle's network gives no zero points of its states; get the bundle again"
        ) from error


@lru_cache(maxsize=4)
def _session(model: bytes) -> Any:
    """One session a model: the stream's state lies outside it, so that streams can share it."""
    import onnxruntime as ort  # here, so that a device with LiteRT alone does without

    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = LOG_NOTHING
    # Without VNNI, x86 kernels for int8 saturate in 16 bit; this asks for exact ones.
    options.add_session_config_entry("session.x64quantprecision", "1")
    # Weights outside the model are outside its hash: they are sought inside a file, so never found.
    options.add_session_config_entry(
        "session.model_external_initializers_file_folder_path", str(Path(__file__))
    )
    try:
        return ort.InferenceSession(
            model, options, providers=["CPUExecutionProvider"], enable_fallback=False
        )
    except Exception as error:  # onnxruntime has its own kinds, by no common base
        raise InputError(
            f"the bundle's network is not a model that onnxruntime runs ({first_line(error)}); "
            "get the bundle again"
        ) from error
