"""The network as a stream in the C core, compiled for this machine from an exported bundle."""

from __future__ import annotations

import ctypes
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from .core_build import compile_core
from .timing import BEAT_FRAME_SAMPLES, HOP_SAMPLES, WAVE_FRAME_SAMPLES

Bytes = npt.NDArray[np.int8]
SOURCES = ("model.c", "network.c", "kernels.c")
FRAMES = (HOP_SAMPLES // WAVE_FRAME_SAMPLES, HOP_SAMPLES // BEAT_FRAME_SAMPLES, 1)


class _Network(ctypes.Structure):
    _fields_ = (
        ("model", ctypes.c_void_p),
        ("memory", ctypes.c_void_p),
        ("next", ctypes.c_int32),
    )


class CNetwork:
    """`push` takes quantised input (2, n), whole hops; gives the bytes of waves, beats, deep."""

    def __init__(self, library: Path) -> None:
        """Load a library that `compile_network` made, and start from a silent past."""
        self._c = ctypes.CDLL(str(library))
        for function in ("leadone_network", "lo_network_output"):
            getattr(self._c, function).restype = ctypes.c_void_p
        self._c.lo_network_bytes.restype = ctypes.c_uint32
        self._model = ctypes.c_void_p(self._c.leadone_network())
        self.ram_bytes = int(self._c.lo_network_bytes(self._model))
        self._memory = ctypes.create_string_buffer(self.ram_bytes)
        self._network = _Network()
        self._channels = [self._c.lo_network_channels(self._model, k) for k in range(len(FRAMES))]
        self.reset()
        network = ctypes.byref(self._network)
        shapes = zip(FRAMES, self._channels, strict=True)
        self._last_hop = [  # where the memory holds its outputs: the same place each hop
            np.ctypeslib.as_array(
                (ctypes.c_int8 * (frames * channels)).from_address(
                    self._c.lo_network_output(network, k)
                )
            ).reshape(frames, channels)
            for k, (frames, channels) in enumerate(shapes)
        ]

    def reset(self) -> None:
        """Forget the past."""
        self._c.lo_network_init(ctypes.byref(self._network), self._model, self._memory)

    def push(self, x: Bytes) -> list[Bytes]:
        """Run whole hops."""
        assert x.shape[1] % HOP_SAMPLES == 0
        samples = np.ascontiguousarray(x.T)
        network, push = ctypes.byref(self._network), self._c.lo_network_push
        hops, first = len(samples) // HOP_SAMPLES, samples.ctypes.data
        outputs = [np.empty((hops, *last.shape), np.int8) for last in self._last_hop]
        pairs = list(zip(outputs, self._last_hop, strict=True))
        for hop in range(hops):
            push(network, ctypes.c_void_p(first + hop * HOP_SAMPLES * samples.shape[1]))
            for output, last in pairs:
                output[hop] = last
        return [output.reshape(-1, output.shape[2]).T for output in outputs]


def compile_network(files: dict[str, bytes], library: Path, options: tuple[str, ...]) -> None:
    """Compile an exported bundle's own C files."""
    with TemporaryDirectory() as scratch:
        for name, content in files.items():
            if name.endswith((".c", ".h")):
                (Path(scratch) / name).write_bytes(content)
        compile_core([Path(scratch) / name for name in SOURCES], library, options)
