"""The firmware of a board as one ELF image, by the compiler that pip brings (ziglang)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from ..edge.bundle import Bundle
from ..edge.core_build import (
    CORE,
    FREESTANDING,
    MODEL_C,
    TARGETS,
    build_library,
    compile_core,
)
from ..edge.core_library import check_is_data
from ..edge.errors import InputError
from .board import Board

FIRMWARE = Path(__file__).parent / "firmware"
IMAGE = "firmware.elf"
STRICT = ("-Wall", "-Wextra", "-Werror", "-Wdouble-promotion")
LINK = ("-Wl,--gc-sections", "-Wl,-e,reset", "-Wl,-z,norelro", "-Wl,--build-id=none")


@dataclass(frozen=True)
class Image:
    """What a linked image holds: parts to load, the places of names, and its sizes in bytes."""

    parts: tuple[tuple[int, bytes], ...]
    symbols: dict[str, int]
    functions: tuple[tuple[int, int, str], ...]  # start, size, name; sorted
    sections: dict[str, tuple[int, int]]  # address, size

    @property
    def flash_bytes(self) -> int:
        """Code, constants and the values that variables begin with."""
        return sum(len(content) for _, content in self.parts)

    @property
    def variable_bytes(self) -> int:
        """RAM without the stack."""
        return sum(self.sections.get(name, (0, 0))[1] for name in (".data", ".bss"))


def build_image(bundle: Bundle, board: Board, folder: Path) -> Path:
    """Compile and link; InputError where the bundle has no model.c or nothing compiles it."""
    if MODEL_C not in bundle.files:
        raise InputError("the bundle has no model in C; name one that `leadone export` wrote")
    check_is_data(bundle.files[MODEL_C])
    with TemporaryDirectory() as scratch:
        here = Path(scratch)
        (here / MODEL_C).write_bytes(bundle.files[MODEL_C])
        (here / "board.ld").write_text(_layout(board))
        sources = [here / MODEL_C, *sorted(CORE.glob("*.c"))]
        library = build_library(sources, board.core, here)
        target = (*TARGETS[board.core].options, *FREESTANDING)
        own = []
        for source in sorted(FIRMWARE.glob("*.c")):
            own.append(here / f"{source.stem}.o")
            plain = ("-fno-builtin",) if source.stem == "memory" else ()
            options = (*target, *STRICT, "-O2", *plain, *_front_end(board), "-c")
            compile_core([source], own[-1], options)
        image = folder / IMAGE
        compile_core([*own, library], image, (*target, *LINK, "-T", str(here / "board.ld")))
    return image


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


def _front_end(board: Board) -> tuple[str, ...]:
    front = board.front_end
    return (
        f"-DFRONT_END_RATE_HZ={front.rate_hz!r}",
        f"-DFRONT_END_ZERO={front.zero}",
        f"-DFRONT_END_STEP_MV={front.step_mv!r}f",
    )


def _layout(board: Board) -> str:
    """The linker's script: vectors first, the stack at the end of RAM, growing down."""
    return f"""MEMORY {{
  FLASH (rx) : ORIGIN = {board.flash_at:#x}, LENGTH = {board.flash_bytes}
  RAM (rwx) : ORIGIN = {board.ram_at:#x}, LENGTH = {board.ram_bytes}
}}
image_stack = {board.ram_at + board.ram_bytes:#x};
SECTIONS {{
  .text : {{ KEEP(*(.vectors)) *(.text*) *(.rodata*) }} > FLASH
  .ARM.exidx : {{ *(.ARM.exidx*) }} > FLASH
  .data : {{ image_data = .; *(.data*) . = ALIGN(4); image_data_end = .; }} > RAM AT > FLASH
  image_data_source = LOADADDR(.data);
  .bss (NOLOAD) : {{
    image_zero = .; *(.bss*) *(COMMON) . = ALIGN(4); image_zero_end = .;
  }} > RAM
}}
"""
