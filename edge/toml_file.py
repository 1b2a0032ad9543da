"""TOML files as people write them by hand."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from .errors import InputError


def read_toml(path: Path) -> dict[str, Any]:
    """Its values; InputError where the file can't be read or is no TOML."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"{path} can't be read ({error.strerror}); check the path") from error
    except ValueError as error:
        raise InputError(f"{path} is not TOML ({error}); correct it") from error
