"""The C core with a bundle's model as a library of this machine, compiled once and kept.

A bundle's model.c is data, and is held to that before a compiler sees it: tables of numbers can't
run. The code around it is this package's own.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import sys
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

from .bundle import Bundle
from .core_build import CORE, FLAGS, HOST, MODEL_C, compile_core
from .errors import InputError
from .files import make_folder

SUFFIX = {"darwin": ".dylib", "win32": ".dll"}.get(sys.platform, ".so")
# Without parentheses C calls nothing, without # nothing is included, without ?, : and % neither has
# another spelling.
TABLES = re.compile(r"[\w\s{}\[\],;=&.+-]*", re.ASCII)
FRAME = re.compile(
    r"/\* [\w .+-]*; written by `leadone export`\. \*/\n"
    r'#include "model\.h"\n'
    r'(?P<tables>.*?\.version = )"[\w .+-]*"(?P<rest>.*)'
    r"const lo_network_model \*leadone_network\(void\) \{ return &network; \}\n",
    re.ASCII | re.DOTALL,
)


def core_library(bundle: Bundle) -> Path:
    """The compiled library; InputError where the bundle has no model.c or nothing compiles it."""
    if MODEL_C not in bundle.files:
        raise InputError(
            f"the bundle has no model in C; `leadone export {bundle.manifest['name']} --out DIR` "
            "writes one"
        )
    return _compiled(bundle.files[MODEL_C])


@lru_cache(maxsize=8)
def _compiled(model_c: bytes) -> Path:
    check_is_data(model_c)
    sources = sorted(CORE.glob("*.c"))
    library = _cache_folder() / f"core-{_key(model_c)}{SUFFIX}"
    if not library.is_file():
        with TemporaryDirectory() as scratch:
            model = Path(scratch) / MODEL_C
            model.write_bytes(model_c)
            compile_core([model, *sources], library, HOST)
    return library


def check_is_data(model_c: bytes) -> None:
    """Refuse a model.c that holds anything but the tables that `leadone export` writes."""
    frame = FRAME.fullmatch(model_c.decode("ascii", "replace"))
    if frame is None or not all(TABLES.fullmatch(part) for part in frame.group("tables", "rest")):
        raise InputError("model.c of the bundle holds more than tables; get the bundle again")


def _key(model_c: bytes) -> str:
    """What the library depends on: sources, flags, compiler and processor."""
    key = hashlib.sha256(model_c)
    for file in sorted(CORE.glob("*.[ch]")):
        key.update(file.name.encode() + b"\0" + file.read_bytes())
    key.update(" ".join((*FLAGS, *HOST, _compiler(), _processor())).encode())
    return key.hexdigest()[:32]


def _compiler() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("ziglang")
    except PackageNotFoundError:
        return "none"


def _processor() -> str:
    """What -mcpu=native stands for: a home may be shared by machines of several kinds."""
    cpuinfo = Path("/proc/cpuinfo")
    flags = (
        re.search(r"^(?:flags|Features)\s*:.*$", cpuinfo.read_text(), re.MULTILINE)
        if cpuinfo.is_file()
        else None
    )
    return f"{platform.machine()} {flags[0] if flags else platform.processor()}"


def _cache_folder() -> Path:
    """The user's own; one for this run where that can't be written."""
    if sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home()))
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "leadone"
    try:
        make_folder(folder)
        writable = os.access(folder, os.W_OK)
    except InputError:
        writable = False
    return folder if writable else Path(mkdtemp(prefix="leadone-"))
