"""Configurations are frozen dataclasses; TOML fills them, and what they don't know is refused."""

from __future__ import annotations

from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

from ..edge.errors import InputError
from ..edge.toml_file import read_toml

T = TypeVar("T")


def load_config(path: Path | None, kind: type[T], **overrides: Any) -> T:
    """A `kind` from TOML and from what was given by hand; unknown keys are refused by name."""
    values = read_toml(path) if path else {}
    given = {key: value for key, value in overrides.items() if value is not None}
    return config_from({**values, **given}, kind)


def config_from(values: dict[str, Any], kind: type[T]) -> T:
    """A `kind` from a plain dictionary, nested ones included; lists become tuples."""
    known: dict[str, Field[Any]] = {f.name: f for f in fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise InputError(
            f"unknown key {unknown[0]!r} in the configuration; known are {', '.join(known)}"
        )
    built = {}
    for key, value in values.items():
        factory = known[key].default_factory
        default = factory() if factory is not MISSING else known[key].default
        if isinstance(value, dict) and is_dataclass(default):
            built[key] = config_from({**vars(default), **value}, type(default))
            continue
        if not _fits(value, default):
            raise InputError(f"{key} in the configuration can't be {value!r}")
        built[key] = _frozen(value)
    return kind(**built)


def check_counts(epochs: int, batch: int, seed: int) -> None:
    """InputError where a run would have no epoch or no batch, or a seed that nothing takes."""
    for name, value, least in (("epochs", epochs, 1), ("batch", batch, 1), ("seed", seed, 0)):
        if value < least:
            raise InputError(f"{name} must be {least} or more, not {value}")


def _fits(value: Any, default: Any) -> bool:
    """Whether a value is of its default's kind; where that is None, a whole number or None."""
    if isinstance(default, tuple):
        first = default[0] if default else None
        return isinstance(value, list | tuple) and all(_fits(item, first) for item in value)
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    if isinstance(default, float):
        return isinstance(value, int | float)
    return isinstance(value, int if default is None else type(default)) or value is default


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list | tuple) else value
