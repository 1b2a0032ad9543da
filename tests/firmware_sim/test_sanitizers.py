"""The firmware's C under address and undefined-behaviour sanitizers, a thousand hostile streams."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from leadone.edge.bundle import Bundle
from leadone.edge.core_build import MODEL_C
from leadone.firmware_sim.board import Board
from leadone.firmware_sim.host import HostFirmware, host_options, host_sources
from leadone.firmware_sim.image import PORTS, trust_source
from leadone.firmware_sim.link import PIECE_BYTES, Request
from leadone.firmware_sim.slot import HEADER_BYTES, Slot

HERE = Path(__file__).parent
CORE = Path(__file__).parents[2] / "edge" / "core"
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-O1", "-g")
ARITHMETIC = ("-std=gnu99", "-ffp-contract=off", "-fno-math-errno")


def test_sanitizers_find_nothing_in_a_thousand_streams(
    bundle: Bundle, board: Board, host: HostFirmware, key: bytes, newer: Slot, tmp_path: Path
) -> None:
    """By the system's compiler where there is one; zig brings no address sanitizer."""
    compiler = shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("needs gcc or clang for -fsanitize=address,undefined")
    (tmp_path / MODEL_C).write_bytes(bundle.files[MODEL_C])
    (tmp_path / "trust.c").write_text(trust_source(host.slot, key))
    sources = [*host_sources(), tmp_path / MODEL_C, tmp_path / "trust.c", HERE / "fuzz.c"]
    includes = (f"-I{CORE}", f"-I{PORTS}")
    options = (*ARITHMETIC, *SANITIZERS, *host_options(board, host.layout), *includes)
    program = tmp_path / "fuzz"
    subprocess.run([compiler, *options, *map(str, sources), "-o", str(program)], check=True)
    (tmp_path / "flash").write_bytes(host.flash.tobytes())
    (tmp_path / "frames").write_bytes(_frames(newer))
    names = [str(tmp_path / "flash"), str(tmp_path / "frames")]
    done = subprocess.run([str(program), *names], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith("slot ")


def _frames(slot: Slot) -> bytes:
    """The contents of an update's frames, each behind its length."""
    head, body = slot.sent[:HEADER_BYTES], slot.sent[HEADER_BYTES:]
    contents = [bytes([Request.BEGIN, 0]) + head]
    for at in range(0, len(body), PIECE_BYTES):
        piece = at.to_bytes(4, "little") + body[at : at + PIECE_BYTES]
        contents.append(bytes([Request.DATA, 0]) + piece)
    contents += [bytes([Request.END, 0]), bytes([Request.RESET, 0])]
    return b"".join(bytes([len(content)]) + content for content in contents)
