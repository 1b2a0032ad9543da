"""The firmware of a board as one ELF image, by the compiler that pip brings (ziglang)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import copy
from tempfile import TemporaryDirectory

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from ..edge.bundle import Bundle
from ..edge.core_build import CORE, FREESTANDING, SMALL, TARGETS, build_library, compile_core
from ..edge.errors import InputError
from ..edge.filters import RATE_HZ
from ..edge.record import check_rate
from .board import Board
from .layout import CODE_BYTES, Layout, layout_of
from .phases import phases_source
from .slot import Slot, build_slot, model_layout
from .state import STATE_BYTES, state_bytes

FIRMWARE = Path(__file__).parent / "firmware"
PORTS = FIRMWARE / "ports"
IMAGE = "firmware.elf"
STRICT = ("-Wall", "-Wextra", "-Werror", "-Wdouble-promotion")
LINK = ("-Wl,--gc-sections", "-Wl,-e,reset", "-Wl,-z,norelro", "-Wl,--build-id=none")
RUN_TIME = {"memory": (*SMALL, "-fno-builtin"), "doubles": ("-O2",)}  # a host has its own
NO_KEY = bytes(32)


@dataclass(frozen=True)
class Image:
    """What a linked image holds: parts to load, the places of names, and its sizes in bytes."""

    parts: tuple[tuple[int, bytes], ...]
    symbols: dict[str, int]
    functions: tuple[tuple[int, int, str], ...]  # start, size, name; sorted
    sections: dict[str, tuple[int, int]]  # address, size

    @property
    def flash_bytes(self) -> int:
        """Code, constants, the values that variables begin with, and one model."""
        return sum(len(content) for _, content in self.parts)

    @property
    def variable_bytes(self) -> int:
        """RAM without the stack."""
        return sum(self.sections.get(name, (0, 0))[1] for name in (".data", ".bss"))


def build_image(
    bundle: Bundle,
    board: Board,
    folder: Path,
    key: bytes | None = None,
    port: str = "board",
    more: tuple[str, ...] = (),
) -> Path:
    """Compile and link; the firmware takes updates that are signed by `key`, by default none.

    `more` are options of the port.

    InputError where the bundle has no model.c, nothing compiles it, or board or firmware are too
    small for it.
    """
    slot, layout = build_slot(bundle, board.core), layout_of(board)
    check_state(bundle, board)
    with TemporaryDirectory() as scratch:
        here = Path(scratch)
        (here / "trust.c").write_text(trust_source(slot, key))
        (here / "slot.bin").write_bytes(slot.placed(layout.slot_at))
        (here / "slot.S").write_text(f'.section .slot, "a"\n.incbin "{here / "slot.bin"}"\n')
        (here / "board.ld").write_text(_script(board, layout))
        library = build_library(_core_sources(board, here), board.core, here)
        own = sorted(FIRMWARE.glob("*.c"))
        ports = [PORTS / f"{name}.c" for name in ("main", "startup", "model", port)]
        target = (*TARGETS[board.core].options, *FREESTANDING)
        macros = (*macros_of(board, layout), *more)
        objects = [here / "slot.o"]
        compile_core([here / "slot.S"], objects[0], (*target, "-c"))
        for source in (*own, *ports, here / "trust.c"):
            objects.append(here / f"{source.stem}.o")
            more = RUN_TIME.get(source.stem, SMALL)
            options = (*target, *STRICT, *more, *macros, f"-I{FIRMWARE}", "-c")
            compile_core([source], objects[-1], options)
        image = folder / IMAGE
        linked = (*target, *LINK, "-T", str(here / "board.ld"))
        compile_core([*objects, library], image, linked)
    return image


def check_state(bundle: Bundle, board: Board) -> None:
    """InputError where a model's stream needs more memory than the firmware keeps for it."""
    rate_hz = board.front_end.rate_hz
    check_rate(rate_hz)
    with TemporaryDirectory() as scratch:
        device = (resampler_of(board, Path(scratch)), FIRMWARE / "doubles.c")
        needed = state_bytes(bundle, rate_hz, device)
    if needed > STATE_BYTES:
        raise InputError(
            f"the model needs {needed:,} bytes of memory at {rate_hz:g} Hz, the firmware keeps "
            f"{STATE_BYTES:,}; take a smaller model or a front end at a lower rate"
        )


def read_image(path: Path) -> Image:
    """The parts of an ELF file."""
    with path.open("rb") as file:
        elf = ELFFile(file)
        loaded = [s for s in elf.iter_segments() if s["p_type"] == "PT_LOAD" and s["p_filesz"]]
        parts = tuple((int(s["p_paddr"]), bytes(s.data())) for s in loaded)
        table = elf.get_section_by_name(".symtab")
        assert isinstance(table, SymbolTableSection)
        symbols = {s.name: int(s["st_value"]) for s in table.iter_symbols() if s.name}
        functions = {
            (int(s["st_value"]) & ~1, int(s["st_size"]), s.name)
            for s in table.iter_symbols()
            if s["st_info"]["type"] == "STT_FUNC"
        }
        sections = {s.name: (int(s["sh_addr"]), int(s["sh_size"])) for s in elf.iter_sections()}
    return Image(parts, symbols, tuple(sorted(functions)), sections)


def macros_of(board: Board, layout: Layout) -> tuple[str, ...]:
    """What the C sources are compiled with."""
    front = board.front_end
    return (
        f"-DFRONT_END_RATE_HZ={front.rate_hz!r}",
        f"-DFRONT_END_ZERO={front.zero}",
        f"-DFRONT_END_STEP_MV={front.step_mv!r}f",
        f"-DMODEL_LAYOUT={model_layout():#x}u",
        f"-DSTATE_BYTES={STATE_BYTES}",
        *layout.macros(),
    )


def trust_source(slot: Slot, key: bytes | None) -> str:
    """What the firmware believes: the model it comes with, and the key of updates."""
    return (
        '#include "slots.h"\n'
        f"const bool trusts_a_key = {'false' if key is None else 'true'};\n"
        f"const uint8_t trusted_key[KEY_BYTES] = {_table(key or NO_KEY)};\n"
        f"const uint8_t built_with[SHA512_BYTES] = {_table(slot.hash)};\n"
    )


def resampler_of(board: Board, folder: Path) -> Path:
    """For 250 Hz one that passes samples on, for few phases one with their taps, or the core's."""
    if board.front_end.rate_hz == RATE_HZ:
        return PORTS / "one_rate.c"
    tables = phases_source(board.front_end.rate_hz)
    if tables is None:
        return CORE / "resampler.c"
    (folder / "phases.h").write_text(tables)
    return Path(copy(PORTS / "phases.c", folder / "resampler.c"))  # a hot file of the core's


def _core_sources(board: Board, folder: Path) -> list[Path]:
    """The core's, with the resampler that the board needs."""
    own = [source for source in sorted(CORE.glob("*.c")) if source.stem != "resampler"]
    return [*own, resampler_of(board, folder)]


def _table(content: Sequence[int]) -> str:
    return "{" + ", ".join(map(str, content)) + "}"


def _script(board: Board, layout: Layout) -> str:
    """The linker's script: vectors first, the stack at the end of RAM, growing down."""
    return f"""MEMORY {{
  FLASH (rx) : ORIGIN = {board.flash_at:#x}, LENGTH = {CODE_BYTES}
  SLOT (r) : ORIGIN = {layout.slot_at:#x}, LENGTH = {layout.end - layout.slot_at}
  RAM (rwx) : ORIGIN = {board.ram_at:#x}, LENGTH = {board.ram_bytes}
}}
image_stack = {board.ram_at + board.ram_bytes:#x};
lo_the_model = model_in_use;
SECTIONS {{
  .text : {{ KEEP(*(.vectors)) *(.text*) *(.rodata*) }} > FLASH
  .ARM.exidx : {{ *(.ARM.exidx*) }} > FLASH
  .data : {{ image_data = .; *(.data*) . = ALIGN(4); image_data_end = .; }} > RAM AT > FLASH
  image_data_source = LOADADDR(.data);
  .slot : {{ KEEP(*(.slot)) }} > SLOT
  .bss (NOLOAD) : {{
    image_zero = .; *(.bss*) *(COMMON) . = ALIGN(4); image_zero_end = .;
  }} > RAM
}}
"""
