"""Instructions counted block by block, in C: Python would be asked a million times a second."""

from __future__ import annotations

import ctypes
from collections import Counter
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from unicorn.unicorn import Uc
from unicorn.unicorn_const import UC_HOOK_BLOCK
from unicorn.unicorn_py3.unicorn import uclib

from ..edge.core_build import compile_core
from .image import Image

SOURCE = Path(__file__).parent / "counter.c"
OPTIONS = ("-O2", "-shared", "-fPIC")
HALVES = 1 << 15
NO_LIMIT = 2**64 - 1


class InstructionCounter:
    """Counts what a machine executes of an image's code."""

    def __init__(self, uc: Uc, image: Image) -> None:
        """Hook into the machine."""
        self._image, self._c = image, _library()
        self._memory = ctypes.create_string_buffer(self._c.counter_bytes() + 8)
        self._at = -(-ctypes.addressof(self._memory) // 8) * 8
        first, code = image.parts[0]
        stop = ctypes.cast(uclib.uc_emu_stop, ctypes.c_void_p)
        self._c.counter_open(self._at, code, first, len(code), stop)
        words = (ctypes.c_uint64 * (2 + HALVES)).from_address(self._at)
        self._words = np.ctypeslib.as_array(words)
        self._hook(uc)

    @property
    def total(self) -> int:
        """Since the machine was made."""
        return int(self._words[0])

    def stop_after(self, instructions: int | None) -> None:
        """End a run at the block that reaches so many more; None: never."""
        self._words[1] = NO_LIMIT if instructions is None else self.total + instructions

    def clear_functions(self) -> None:
        """Begin to count functions anew."""
        self._words[2:] = 0

    def functions(self) -> dict[str, int]:
        """Instructions of each function."""
        halves = np.nonzero(self._words[2:])[0]
        starts = np.array([start for start, _, _ in self._image.functions])
        first = self._image.parts[0][0]
        found: Counter[str] = Counter()
        which = np.searchsorted(starts, first + 2 * halves, "right") - 1
        for half, k in zip(halves.tolist(), which.tolist(), strict=True):
            found[self._image.functions[k][2]] += int(self._words[2 + half])
        return dict(found)

    def _hook(self, uc: Uc) -> None:
        handle = ctypes.c_size_t()
        enter = ctypes.cast(self._c.counter_enter, ctypes.c_void_p)
        whole_range = (ctypes.c_uint64(1), ctypes.c_uint64(0))
        kind, own = ctypes.c_int(UC_HOOK_BLOCK), ctypes.c_void_p(self._at)
        add = ctypes.CDLL(uclib._name).uc_hook_add
        failed = add(uc._uch, ctypes.byref(handle), kind, enter, own, *whole_range)
        assert not failed, "unicorn takes no hook"


@lru_cache(maxsize=1)
def _library() -> ctypes.CDLL:
    with TemporaryDirectory() as scratch:
        library = Path(scratch) / "counter.so"
        compile_core([SOURCE], library, OPTIONS)
        c = ctypes.CDLL(str(library))
    pointer, number = ctypes.c_void_p, ctypes.c_uint32
    c.counter_bytes.restype = ctypes.c_size_t
    c.counter_open.argtypes = [pointer, ctypes.c_char_p, number, number, pointer]
    return c
