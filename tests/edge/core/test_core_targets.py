"""Every target compiles, fits, and gives the same bytes as this machine."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from leadone import Record
from leadone.edge.core_build import CORE, FLAGS, FREESTANDING, TARGETS, build_library, compile_core
from leadone.edge.elf_sizes import archive_sizes
from leadone.edge.errors import InputError

HERE = Path(__file__).parent
FLASH_BYTES = 124 * 1024  # of 128 KB; a device has drivers too
NATIVE = ("-O2", "-mcpu=native")
PLAIN = ("-O1", "-mcpu=baseline")
RATES_HZ = [250.0, 360.0]


@pytest.fixture(scope="module")
def signal(demo: Record) -> bytes:
    """Forty seconds with a gap, a flat stretch and noise."""
    x = demo.signal_mv[: 40 * 360].copy()
    x[2000:2700] = np.nan
    x[5000:6500] = x[5000]
    x[9000:11_000] += np.random.default_rng(0).normal(0, 0.4, 2000).astype(np.float32)
    return x.tobytes()


@pytest.fixture(scope="module")
def native_bytes(
    core_sources: list[Path], signal: bytes, tmp_path_factory: pytest.TempPathFactory
) -> dict[float, bytes]:
    program = tmp_path_factory.mktemp("native") / "stream_events"
    compile_core([*core_sources, HERE / "stream_events.c"], program, NATIVE)
    events = {rate_hz: _run([str(program)], rate_hz, signal) for rate_hz in RATES_HZ}
    assert all(len(found) > 50 * 248 for found in events.values())
    return events


def _run(command: list[str], rate_hz: float, signal: bytes, chunk: int = 250) -> bytes:
    whole = [*command, str(rate_hz), str(chunk)]
    done = subprocess.run(whole, input=signal, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def test_chunks_give_the_same_bytes(
    core_sources: list[Path], signal: bytes, native_bytes: dict[float, bytes], tmp_path: Path
) -> None:
    program = tmp_path / "stream_events"
    compile_core([*core_sources, HERE / "stream_events.c"], program, PLAIN)
    for rate_hz, expected in native_bytes.items():
        for chunk in (1, 7, 100_000):
            assert _run([str(program)], rate_hz, signal, chunk) == expected


def test_sanitizers_find_nothing(
    core_sources: list[Path], signal: bytes, native_bytes: dict[float, bytes], tmp_path: Path
) -> None:
    """By the system's compiler where there is one; zig brings no address sanitizer."""
    compiler = shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("needs gcc or clang for -fsanitize=address,undefined")
    program = tmp_path / "stream_events"
    warnings = ("-Wall", "-Wextra", "-Werror")
    sanitizers = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-O1", "-g")
    arithmetic = ("-std=c99", "-ffp-contract=off", "-fno-math-errno")
    flags = (*arithmetic, *warnings, *sanitizers, f"-I{CORE}")
    sources = [str(source) for source in (*core_sources, HERE / "stream_events.c")]
    subprocess.run([compiler, *flags, *sources, "-lm", "-o", str(program)], check=True)
    for rate_hz, expected in native_bytes.items():
        assert _run([str(program)], rate_hz, signal) == expected
    damaged = np.frombuffer(signal, np.float32).copy()
    damaged[::2] *= -1e30
    damaged[1000:4000] = np.inf
    for odd in (damaged, np.zeros(0, np.float32), np.full(7, np.nan, np.float32)):
        for odd_rate_hz in (50.0, 512.844, 20_000.0):
            _run([str(program)], odd_rate_hz, odd.tobytes(), 33)


@pytest.mark.parametrize(
    ("machine", "options"),
    [
        ("aarch64", ("-target", "aarch64-linux-musl", "-static", "-O2")),
        ("arm", ("-target", "thumb-linux-musleabihf", "-mcpu=cortex_a7", "-static", "-Os")),
    ],
)
def test_other_processors_give_the_same_bytes(
    core_sources: list[Path],
    signal: bytes,
    native_bytes: dict[float, bytes],
    tmp_path: Path,
    machine: str,
    options: tuple[str, ...],
) -> None:
    program = tmp_path / "stream_events"
    compile_core([*core_sources, HERE / "stream_events.c"], program, options)
    for rate_hz, expected in native_bytes.items():
        assert _run([_emulator(machine), str(program)], rate_hz, signal) == expected


def test_the_cortex_m4_library_itself_gives_the_same_bytes(
    core_sources: list[Path], signal: bytes, native_bytes: dict[float, bytes], tmp_path: Path
) -> None:
    library = build_library(core_sources, "cortex-m4", tmp_path)
    program = tmp_path / "stream_events"
    linux = ("-target", "thumb-linux-musleabihf", "-mcpu=cortex_a7", "-static", "-O2")
    compile_core([HERE / "stream_events.c", library], program, linux)
    for rate_hz, expected in native_bytes.items():
        assert _run([_emulator("arm"), str(program)], rate_hz, signal) == expected


def test_the_wasm_module_gives_the_same_bytes(
    core_sources: list[Path], signal: bytes, native_bytes: dict[float, bytes], tmp_path: Path
) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node to run a wasm module")
    module = build_library(core_sources, "wasm32", tmp_path)
    assert module.stat().st_size <= 160 * 1024
    for rate_hz, expected in native_bytes.items():
        command = [node, str(HERE / "stream_events.mjs"), str(module), str(rate_hz)]
        done = subprocess.run(command, input=signal, capture_output=True, check=True)
        assert done.stdout == expected


def _emulator(machine: str) -> str:
    for name in (f"qemu-{machine}", f"qemu-{machine}-static"):
        if (found := shutil.which(name)) is not None:
            return found
    pytest.skip(f"needs qemu-{machine} (Debian: qemu-user)")


@pytest.mark.parametrize("target", list(TARGETS))
def test_every_target_compiles_and_fits(
    core_sources: list[Path], tmp_path: Path, target: str
) -> None:
    library = build_library(core_sources, target, tmp_path / target)
    if library.suffix == ".a" and target != "aarch64-ios":
        sizes = archive_sizes(library.read_bytes())
        assert sizes is not None and sizes.bss == 0 and sizes.text > 60_000
        assert not target.startswith("cortex") or sizes.text + sizes.data <= FLASH_BYTES
    else:
        assert library.stat().st_size > 60_000


def test_a_device_needs_no_libc(core_sources: list[Path], tmp_path: Path) -> None:
    """What the objects leave to the linker is what every compiler's runtime has."""
    nm = shutil.which("nm") or shutil.which("llvm-nm")
    if nm is None:
        pytest.skip("needs nm")
    library = build_library(core_sources, "cortex-m4", tmp_path)
    done = subprocess.run([nm, "-u", str(library)], capture_output=True, text=True, check=True)
    undefined = {line.split()[-1] for line in done.stdout.splitlines() if " U " in line}
    ours = {name for name in undefined if name.startswith(("lo_", "leadone_"))}
    assert all(name.startswith("__aeabi_") for name in undefined - ours), undefined - ours
    assert not {"__aeabi_fadd", "__aeabi_fmul"} & undefined  # float32 is the processor's own


def test_the_flags_keep_the_bits() -> None:
    assert "-ffp-contract=off" in FLAGS and "-ffast-math" not in (*FLAGS, *FREESTANDING)


def test_an_unknown_target_is_refused(core_sources: list[Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no target 'z80'; there are cortex-m4"):
        build_library(core_sources, "z80", tmp_path)
