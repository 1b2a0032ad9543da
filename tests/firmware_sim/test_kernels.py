"""The Cortex-M's own loops against the plain C, on shapes and multipliers that no bundle has."""

from __future__ import annotations

import ctypes
import struct

import numpy as np
import pytest
from unicorn import arm_const as arm
from unicorn.unicorn import Uc
from unicorn.unicorn_const import UC_ARCH_ARM, UC_MODE_MCLASS, UC_MODE_THUMB

from leadone.edge.core_build import CORE, FREESTANDING, HOST, TARGETS, compile_core
from leadone.firmware_sim.image import FIRMWARE, Image, read_image

RAM_AT, STOP_AT, DATA_AT = 0x20000000, 0x1FFF_0000, 0x20010000
PLAIN = ("-O1", "-mcpu=baseline", *HOST[2:])
ENTRIES = ("lo_convolution", "lo_depthwise", "lo_addition")
LAYOUT = f"""SECTIONS {{ .text 0x100 : {{ {" ".join(f"KEEP(*(.text.{n}))" for n in ENTRIES)}
  *(.text*) *(.rodata*) }} .ARM.exidx : {{ *(.ARM.exidx*) }} }}"""


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    library = tmp_path_factory.mktemp("plain") / "kernels.so"
    compile_core([CORE / "kernels.c"], library, PLAIN)
    return ctypes.CDLL(str(library))


class _Device:
    """Calls one function of an image on a Cortex-M4."""

    def __init__(self, image: Image) -> None:
        self._image = image
        self._uc = Uc(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS)
        self._uc.ctl_set_cpu_model(arm.UC_CPU_ARM_CORTEX_M4)
        for at, size in ((0, 1 << 20), (RAM_AT, 1 << 20), (STOP_AT, 0x1000)):
            self._uc.mem_map(at, size)
        for at, content in image.parts:
            self._uc.mem_write(at, content)
        self._free = DATA_AT

    def put(self, content: bytes) -> int:
        at = self._free
        self._uc.mem_write(at, content)
        self._free += -(-len(content) // 8) * 8 + 64
        return at

    def call(self, name: str, *values: int) -> None:
        words = [value & 0xFFFF_FFFF for value in values]
        stack = RAM_AT + 0xF000
        self._uc.mem_write(stack, struct.pack(f"<{len(words[4:])}I", *words[4:]))
        self._uc.reg_write(arm.UC_ARM_REG_SP, stack)
        self._uc.reg_write(arm.UC_ARM_REG_LR, STOP_AT | 1)
        for k, word in enumerate(words[:4]):
            self._uc.reg_write(arm.UC_ARM_REG_R0 + k, word)
        self._uc.emu_start(self._image.symbols[name] | 1, STOP_AT)

    def get(self, at: int, size: int) -> np.ndarray:
        return np.frombuffer(bytes(self._uc.mem_read(at, size)), np.int8)


@pytest.fixture(scope="module")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> Image:
    folder = tmp_path_factory.mktemp("kernels")
    (folder / "kernels.ld").write_text(LAYOUT)
    target = (*TARGETS["cortex-m4"].options, *FREESTANDING, "-O2")
    options = (*target, "-Wl,-e,lo_addition", "-T", str(folder / "kernels.ld"))
    compile_core([CORE / "kernels.c", FIRMWARE / "memory.c"], folder / "kernels.elf", options)
    return read_image(folder / "kernels.elf")


def _conv(weights: int, outputs: int, rights: int, shape: tuple[int, ...], pointer: str) -> bytes:
    return struct.pack(f"<3{pointer}4B", weights, outputs, rights, *shape)


def _both(
    plain: ctypes.CDLL,
    kernels: Image,
    name: str,
    tables: tuple[np.ndarray, ...],
    shape: tuple[int, ...],
    x: np.ndarray,
    rest: tuple[int, ...],
    y_size: int,
) -> tuple[np.ndarray, np.ndarray]:
    """An output on this machine and on the device; `rest` follows x: before y, and behind it."""
    y = np.zeros(y_size + 64, np.int8)
    own = _conv(*(int(table.ctypes.data) for table in tables), shape, "Q")
    before, *behind = rest
    pointers = [ctypes.c_void_p(p) for p in (x.ctypes.data, y.ctypes.data)]
    getattr(plain, name)(own, pointers[0], before, pointers[1], *behind)
    device = _Device(kernels)
    conv = device.put(_conv(*(device.put(table.tobytes()) for table in tables), shape, "I"))
    at = device.put(bytes(y_size + 64))
    device.call(name, conv, device.put(x.tobytes()), before, at, *behind)
    return y, device.get(at, y_size + 64)


def _outputs(rng: np.random.Generator, n: int, low: int, high: int) -> tuple[np.ndarray, ...]:
    outputs = np.stack([2 * rng.integers(-20_000, 20_000, n), rng.integers(2**30, 2**31, n)], 1)
    return outputs.astype(np.int32), rng.integers(low, high, n).astype(np.int8)


@pytest.mark.parametrize("zero", [-128, 3])
@pytest.mark.parametrize("lowest", [0, -3])
@pytest.mark.parametrize(
    ("kernel", "channels", "out", "frames", "stride"),
    [(1, 8, 8, 8, 1), (15, 2, 8, 8, 2), (5, 16, 32, 3, 2), (3, 5, 7, 2, 1), (1, 40, 110, 1, 1)],
)
def test_convolutions(
    plain: ctypes.CDLL,
    kernels: Image,
    kernel: int,
    channels: int,
    out: int,
    frames: int,
    stride: int,
    lowest: int,
    zero: int,
) -> None:
    rng = np.random.default_rng(kernel * channels + out)
    eights, blocks = -(-kernel * channels // 8), -(-out // 8)
    weights = rng.integers(-127, 128, (blocks, 2 * eights, 8, 4)).astype(np.int8)
    along = weights.swapaxes(1, 2).reshape(8 * blocks, -1)
    along[:, kernel * channels :] = 0
    weights = np.ascontiguousarray(along.reshape(blocks, 8, -1, 4).swapaxes(1, 2))
    x = rng.integers(-128, 128, (stride * frames + kernel) * channels + 64).astype(np.int8)
    tables = (weights, *_outputs(rng, 8 * blocks, lowest, 9))
    shape = kernel, stride, 1, int(lowest == 0)
    rest = channels, out, frames, zero
    a, b = _both(plain, kernels, "lo_convolution", tables, shape, x, rest, frames * out)
    assert len(set(a.tolist())) > 2 and (a == b).all()


@pytest.mark.parametrize("zero", [-128, -3])
@pytest.mark.parametrize(
    ("kernel", "channels", "frames", "dilation"),
    [(9, 16, 8, 1), (5, 80, 1, 8), (1, 8, 3, 1), (4, 100, 2, 1), (3, 6, 2, 2), (2, 12, 5, 1)],
)
def test_depthwise_convolutions(
    plain: ctypes.CDLL,
    kernels: Image,
    kernel: int,
    channels: int,
    frames: int,
    dilation: int,
    zero: int,
) -> None:
    rng = np.random.default_rng(kernel * channels)
    filled = -(-channels // 8) * 8
    weights = rng.integers(-127, 128, (filled // 4, (kernel + 1) // 2, 2, 2, 2)).astype(np.int8)
    if kernel % 2:
        weights[:, -1, :, 1] = 0
    x = rng.integers(-128, 128, (frames + kernel * dilation) * channels + 64).astype(np.int8)
    tables = (weights, *_outputs(rng, filled, 2, 9))
    shape = kernel, 1, dilation, 1
    rest = channels, frames, zero
    a, b = _both(plain, kernels, "lo_depthwise", tables, shape, x, rest, frames * channels)
    assert len(set(a.tolist())) > 2 and (a == b).all()


@pytest.mark.parametrize("second_is_coarse", [0, 1])
@pytest.mark.parametrize(
    ("fine", "n"),
    [((1 << 30, 0), 8), ((2**31 - 5, -1), 64), ((1_500_000_007, -6), 64), ((1 << 30, -2), 13)],
)
def test_additions_of_all_bytes(
    plain: ctypes.CDLL, kernels: Image, fine: tuple[int, int], n: int, second_is_coarse: int
) -> None:
    rng = np.random.default_rng(n)
    add = struct.pack("<4iB3x", *fine, 1_600_000_003, -19, second_is_coarse)
    zeros = bytes(np.array([-128, 5, -7], np.int8))
    for _ in range(20):
        a, b = rng.integers(-128, 128, (2, n)).astype(np.int8)
        expected = np.zeros(n, np.int8)
        pointers = [ctypes.c_void_p(v.ctypes.data) for v in (a, b, expected)]
        plain.lo_addition(add, *pointers, n, zeros)
        device = _Device(kernels)
        at = device.put(bytes(n))
        device.call(
            "lo_addition",
            device.put(add),
            device.put(a.tobytes()),
            device.put(b.tobytes()),
            at,
            n,
            device.put(zeros),
        )
        assert (device.get(at, n) == expected).all()
        assert (expected == _reference(a, b, fine, second_is_coarse)).all()


def _scaled(total: np.ndarray, value: int, shift: int) -> np.ndarray:
    """`MultiplyByQuantizedMultiplier` of gemmlowp, as distill/export/integer.py has it."""
    high = ((total << max(shift, 0)) * value + (1 << 30)) >> 31
    right = max(-shift, 0)
    mask = (1 << right) - 1
    return (high >> right) + ((high & mask) > (mask >> 1) + (high < 0))


def _reference(
    a: np.ndarray, b: np.ndarray, fine: tuple[int, int], second_is_coarse: int
) -> np.ndarray:
    half = (1 << 30, 0)
    of_a, of_b = (fine, half) if second_is_coarse else (half, fine)
    raised = [(v.astype(np.int64) - zero) << 20 for v, zero in ((a, -128), (b, 5))]
    total = _scaled(raised[0], *of_a) + _scaled(raised[1], *of_b)
    return np.clip(_scaled(total, 1_600_000_003, -19) - 7, -128, 127).astype(np.int8)
