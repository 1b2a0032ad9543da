"""The memory that a model's stream needs on a device, as the core's own C tells it.

Every Cortex-M lays structs out alike, so the plainest one is asked, in this process, for any board.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from elftools.elf.elffile import ELFFile
from unicorn import arm_const as arm
from unicorn.unicorn import Uc
from unicorn.unicorn_const import UC_ARCH_ARM, UC_MODE_MCLASS, UC_MODE_THUMB

from ..edge.bundle import Bundle
from ..edge.core_build import CORE, FREESTANDING, MODEL_C, compile_core

STATE_BYTES = 19_712  # the firmware's: the wrist takes 19,132 at 250 Hz, 19,396 at 1000
ASKED = ("delineation", "monitor", "network", "numbers", "pooling")  # of the core
TARGET = ("-target", "thumb-freestanding-eabi", "-mcpu=cortex_m3", *FREESTANDING, "-O1")
LINK = ("-nostdlib", "-Wl,--gc-sections", "-Wl,-e,answer", "-Wl,-z,norelro")
QUESTION = """#include "leadone.h"
size_t answer(void);
size_t answer(void) {{ return leadone_state_size({rate_hz!r}); }}
"""
LAYOUT = "SECTIONS { . = 0x1000; .text : { *(.text*) *(.rodata*) *(.data*) *(.bss*) } }"
MEMORY_BYTES = 0x80_0000
RETURN_AT = 0x800  # below the code, where the answer's return ends its run


def state_bytes(bundle: Bundle, rate_hz: float, device: Sequence[Path]) -> int:
    """What `leadone_state_size` says with a device's own resampler and doubles."""
    with TemporaryDirectory() as scratch:
        here = Path(scratch)
        (here / MODEL_C).write_bytes(bundle.files[MODEL_C])
        (here / "question.c").write_text(QUESTION.format(rate_hz=rate_hz))
        (here / "layout.ld").write_text(LAYOUT)
        core = [CORE / f"{name}.c" for name in ASKED]
        sources = [here / MODEL_C, here / "question.c", *core, *device]
        asked = here / "asked.elf"
        compile_core(sources, asked, (*TARGET, *LINK, "-T", str(here / "layout.ld")))
        return _answer(asked)


def _answer(program: Path) -> int:
    uc = Uc(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS)
    uc.mem_map(0, MEMORY_BYTES)
    with program.open("rb") as file:
        elf = ELFFile(file)
        for part in elf.iter_segments("PT_LOAD"):
            uc.mem_write(part["p_paddr"], part.data())
        uc.reg_write(arm.UC_ARM_REG_SP, MEMORY_BYTES)
        uc.reg_write(arm.UC_ARM_REG_LR, RETURN_AT | 1)
        uc.emu_start(elf["e_entry"] | 1, RETURN_AT)
    return int(uc.reg_read(arm.UC_ARM_REG_R0))
