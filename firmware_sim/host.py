"""The same core as a library of this machine: the events of a signal as bytes, thousands of times
faster than any simulated processor.
"""

from __future__ import annotations

import ctypes

import numpy as np
import numpy.typing as npt

from ..edge.bundle import Bundle
from ..edge.core_library import core_library
from .events import EVENT_BYTES

ROOM = 64  # events a call


class HostCore:
    """A bundle's core, compiled here once and kept."""

    def __init__(self, bundle: Bundle) -> None:
        """InputError where the bundle has no model.c or nothing compiles it."""
        self._c = c = ctypes.CDLL(str(core_library(bundle)))
        pointer, size = ctypes.c_void_p, ctypes.c_size_t
        c.leadone_state_size.restype, c.leadone_state_size.argtypes = size, [ctypes.c_double]
        c.leadone_init.restype = pointer
        c.leadone_init.argtypes = [pointer, size, ctypes.c_double, pointer]
        c.lo_push_block.restype = size
        c.lo_push_block.argtypes = [pointer, pointer, size, pointer, size, pointer]

    def events(self, signal_mv: npt.NDArray[np.float32], rate_hz: float) -> bytes:
        """The events of a signal that goes on: none of a record's end."""
        memory = np.zeros(self._c.leadone_state_size(rate_hz) // 8 + 1, np.float64)
        state = self._c.leadone_init(memory.ctypes.data, memory.nbytes, rate_hz, None)
        room = ctypes.create_string_buffer(ROOM * EVENT_BYTES)
        taken, found = ctypes.c_size_t(), bytearray()
        samples = np.ascontiguousarray(signal_mv, np.float32)
        left = len(samples)
        while True:
            at = samples[len(samples) - left :].ctypes.data
            count = self._c.lo_push_block(state, at, left, room, ROOM, ctypes.byref(taken))
            left -= taken.value
            found += room.raw[: count * EVENT_BYTES]
            if left == 0 and count < ROOM:
                return bytes(found)
