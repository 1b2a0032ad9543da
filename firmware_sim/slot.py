"""A model as the firmware keeps it: header, pointers, image; the twin of firmware/slots.h.

The image is a bundle's model.c linked to address 0. `Slot.sent` is what travels, and what hash and
signature are of; `Slot.placed` is how it stands in flash, every pointer moved to where it lies.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from elftools.elf.elffile import ELFFile

from ..edge.bundle import Bundle
from ..edge.core_build import CORE, FREESTANDING, MODEL_C, TARGETS, compile_core
from ..edge.core_library import check_is_data
from ..edge.errors import InputError
from ..edge.signature import sign
from ..edge.version import Version
from .layout import SLOT_BYTES

MAGIC = 0x314D444C
HEAD = struct.Struct("<5I44s64s")  # what the signature is of
SIGNATURE_BYTES, TRIAL_BYTES = 64, 16
HEADER_BYTES = HEAD.size + SIGNATURE_BYTES
ELSEWHERE = 0x10_0000  # where the image is linked once more: what differs by it is a pointer
TABLES = ("model", "network", "beat_model", "record_head", "rhythm", "quality")
LAYOUT = """SECTIONS {{
  .model {at:#x} : {{ *(.rodata.lo_the_model) *(.rodata*) . = ALIGN(8); }}
  .text : {{ *(.text*) }} .ARM.exidx : {{ *(.ARM.exidx*) }}
}}
"""


@dataclass(frozen=True)
class Slot:
    """A model for a slot, not signed yet where `signature` is zeros."""

    sequence: int
    name: str
    image: bytes
    pointers: tuple[int, ...]  # words of the image
    signature: bytes = bytes(SIGNATURE_BYTES)

    @property
    def table(self) -> bytes:
        """The pointers, filled up so that the image begins at a multiple of 8."""
        content = struct.pack(f"<{len(self.pointers)}H", *self.pointers)
        return content + bytes(-(HEADER_BYTES + len(content)) % 8)

    @property
    def hash(self) -> bytes:
        """SHA-512 of what follows the header."""
        return hashlib.sha512(self.table + self.image).digest()

    @property
    def head(self) -> bytes:
        """What is signed."""
        name = self.name.encode()[:40]
        sizes = (len(self.image), len(self.pointers))
        return HEAD.pack(MAGIC, model_layout(), self.sequence, *sizes, name, self.hash)

    @property
    def sent(self) -> bytes:
        """As it travels."""
        return self.head + self.signature + self.table + self.image

    def placed(self, at: int) -> bytes:
        """As it stands in flash at an address."""
        before = self.head + self.signature + self.table
        words = list(struct.unpack(f"<{len(self.image) // 4}I", self.image))
        for k in self.pointers:
            words[k] += at + len(before)
        return before + struct.pack(f"<{len(words)}I", *words)

    def signed(self, private_key: Path) -> Slot:
        """With the signature of a key in a PEM file."""
        return replace(self, signature=sign(self.head, private_key).signature)


def build_slot(bundle: Bundle, core: str) -> Slot:
    """Compile a bundle's model.c for a core; InputError where there is none, or it is too large."""
    if MODEL_C not in bundle.files:
        raise InputError("the bundle has no model in C; name one that `leadone export` wrote")
    check_is_data(bundle.files[MODEL_C])
    with TemporaryDirectory() as scratch:
        here = Path(scratch)
        (here / MODEL_C).write_bytes(bundle.files[MODEL_C])
        options = (*TARGETS[core].options, *FREESTANDING, "-O1")
        compile_core([here / MODEL_C], here / "model.o", (*options, "-c"))
        first, second = (_linked(here, at, options) for at in (0, ELSEWHERE))
    image, pointers = _taken_apart(first, second)
    name = " ".join(bundle.identity[key] for key in ("name", "version"))
    sequence = Version.parse(bundle.identity["version"]).sequence
    slot = Slot(sequence, name, image, pointers)
    if len(slot.sent) + TRIAL_BYTES > SLOT_BYTES:
        raise InputError(
            f"the model takes {len(slot.sent):,} bytes; a slot has {SLOT_BYTES:,}: it is too large"
        )
    return slot


def model_layout() -> int:
    """A number of the structs that a model fills; another one is another firmware's model."""
    return zlib.crc32(b"".join((CORE / f"{name}.h").read_bytes() for name in TABLES))


def _linked(folder: Path, at: int, options: tuple[str, ...]) -> bytes:
    """The image at an address."""
    (folder / "model.ld").write_text(LAYOUT.format(at=at))
    link = ("-nostdlib", "-Wl,-e,lo_the_model", "-Wl,--build-id=none")
    script = ("-T", str(folder / "model.ld"))
    compile_core([folder / "model.o"], folder / "model.elf", (*options, *link, *script))
    with (folder / "model.elf").open("rb") as file:
        model = ELFFile(file).get_section_by_name(".model")
        assert model is not None
        return bytes(model.data())


def _taken_apart(image: bytes, moved: bytes) -> tuple[bytes, tuple[int, ...]]:
    """The image at address 0, and its words that hold an address."""
    words, others = (struct.unpack(f"<{len(image) // 4}I", one) for one in (image, moved))
    pointers = tuple(k for k, (a, b) in enumerate(zip(words, others, strict=True)) if a != b)
    assert all(others[k] - words[k] == ELSEWHERE for k in pointers)
    return image, pointers
