"""Compile the C core with the compiler that pip brings (ziglang): for this machine or another.

Nothing has to be installed on the system; the same arithmetic everywhere, so that every target
computes the same bits.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from .errors import InputError
from .files import make_folder, whole_file

CORE = Path(__file__).parent / "core"
MODEL_C = "model.c"
SOURCE_NAMES = (MODEL_C, *sorted(path.name for path in CORE.glob("*.c")))
FLAGS = ("-std=c99", "-ffp-contract=off", "-fno-math-errno", "-fno-sanitize=all", "-g0")
LINK_TIME = ("-flto",) if sys.platform == "linux" else ()  # zig's other linkers can't
HOST = ("-mcpu=native", "-O3", *LINK_TIME, "-shared", "-fPIC")
FREESTANDING = (
    "-ffreestanding",
    "-fomit-frame-pointer",
    "-fno-stack-protector",
    "-fno-unwind-tables",
    "-fno-asynchronous-unwind-tables",
    "-ffunction-sections",
    "-fdata-sections",
)
# Where a microcontroller spends its time; the rest is compiled small.
HOT = frozenset({"kernels", "network", "filters", "resampler", "frontend", "waves", "delineation"})
WARM = frozenset({"beat_context", "beat_model", "beats"})  # a beat's work is the worst sample's
SMALL = ("-Os", "-Xclang", "-Oz")  # zig takes -Oz for -Os
# Where dsp.h or mve.h has the loops that cost, kernels.c says in C what is for rare shapes.
BY_HAND = ("-O2", "-fno-unroll-loops")
LIBRARY = "libleadone.a"
WASM = "leadone.wasm"
WASM_EXPORTS = (
    "leadone_state_size",
    "leadone_init",
    "leadone_push",
    "leadone_next_event",
    "leadone_reset",
    "leadone_version",
    "lo_push_block",
    "__heap_base",
)
WASM_STACK_BYTES = 16 * 1024


@dataclass(frozen=True)
class Target:
    """A machine that the core is compiled for; `cold` optimises what is not hot."""

    options: tuple[str, ...]
    cold: tuple[str, ...] = ("-O2",)


def _cortex(cpu: str) -> Target:
    return Target(("-target", "thumb-freestanding-eabihf", f"-mcpu={cpu}"), cold=SMALL)


TARGETS = {
    "cortex-m4": _cortex("cortex_m4+vfp4d16sp"),
    "cortex-m7": _cortex("cortex_m7+fp_armv8d16sp"),
    "cortex-m33": _cortex("cortex_m33+fp_armv8d16sp"),
    "cortex-m55": _cortex("cortex_m55+mve+fp_armv8d16sp"),
    "aarch64-linux": Target(("-target", "aarch64-linux-gnu", "-fPIC")),
    "aarch64-linux-android": Target(("-target", "aarch64-linux-android", "-fPIC")),
    "aarch64-ios": Target(("-target", "aarch64-ios")),
    "wasm32": Target(("-target", "wasm32-freestanding", "-mcpu=generic+bulk_memory")),
}


def compile_core(sources: Sequence[Path], out: Path, options: Sequence[str] = HOST) -> None:
    """Compile C sources to one file; the core's headers are found, those beside a source first.

    Raises InputError where the compiler is missing or refuses.
    """
    with whole_file(out) as unfinished:
        command = ["cc", *FLAGS, *options, f"-I{CORE}", *map(str, sources), "-o", str(unfinished)]
        _run(command, f"the C core does not compile for {' '.join(options)}")


def build_library(sources: Sequence[Path], target: str, folder: Path) -> Path:
    """Compile C sources to a static library, or for wasm32 to a module, in `folder`.

    Raises InputError for an unknown target, and where the compiler is missing or refuses.
    """
    if target not in TARGETS:
        raise InputError(f"no target {target!r}; there are {', '.join(TARGETS)}")
    make_folder(folder)
    chosen = TARGETS[target]
    if target == "wasm32":
        out = folder / WASM
        exports = [f"-Wl,--export={name}" for name in WASM_EXPORTS]
        link = ("-nostdlib", "-Wl,--no-entry", "-Wl,--strip-all", *exports)
        stack = ("-Wl,-z", f"-Wl,stack-size={WASM_STACK_BYTES}")
        compile_core(sources, out, (*chosen.options, *FREESTANDING, *chosen.cold, *link, *stack))
        return out
    with TemporaryDirectory() as scratch:
        objects = []
        for source in sources:
            optimise = _level(source.stem, chosen)
            objects.append(Path(scratch) / f"{source.stem}.o")
            options = (*chosen.options, *FREESTANDING, *optimise, "-c")
            compile_core([source], objects[-1], options)
        with whole_file(folder / LIBRARY) as unfinished:
            command = ["ar", "rcsD", str(unfinished), *map(str, objects)]
            _run(command, f"the C core can't be archived for {target}")
    return folder / LIBRARY


def _level(name: str, target: Target) -> tuple[str, ...]:
    if name == "kernels" and target.cold == SMALL:
        return BY_HAND
    if name in HOT:
        return ("-O2",)
    return ("-Os",) if name in WARM and target.cold == SMALL else target.cold


def _run(command: Sequence[str], failure: str) -> None:
    if find_spec("ziglang") is None:
        raise InputError("no C compiler: pip install 'leadone[export]' brings one (ziglang)")
    whole = [sys.executable, "-m", "ziglang", *command]
    done = subprocess.run(whole, capture_output=True, text=True, check=False)
    if done.returncode:
        first = next((line for line in done.stderr.splitlines() if "error:" in line), "?")
        raise InputError(f"{failure}: {first}")
