"""Boards and front ends from TOML: every figure with the source that it is from."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from ..edge.errors import InputError
from ..edge.toml_file import read_toml

HERE = Path(__file__).parent
BOARDS = HERE / "boards"
FRONT_ENDS = HERE / "front_ends.toml"

Part = TypeVar("Part")


@dataclass(frozen=True)
class Band:
    """Cycles an instruction: estimates, for no simulator here knows a pipeline or a flash."""

    low: float
    usual: float
    high: float
    source: str


@dataclass(frozen=True)
class Current:
    """mA, with the share of it by which it may be wrong."""

    ma: float
    spread: float
    source: str


@dataclass(frozen=True)
class Battery:
    """A cell's nominal capacity."""

    name: str
    mah: float
    volts: float
    source: str


@dataclass(frozen=True)
class FrontEnd:
    """From the electrodes to a code: the firmware takes (code - zero) * step_mv for the signal."""

    name: str
    rate_hz: float
    step_mv: float
    zero: int
    bits: int
    noise_mv: float  # root mean square, at the input
    gain_error: float  # of the part, as a share
    offset_mv: float
    range_mv: float  # of the input, to either side
    ma: float
    spread: float
    source: str

    @property
    def current(self) -> Current:
        """Of the supply."""
        return Current(self.ma, self.spread, self.source)


@dataclass(frozen=True)
class Board:
    """A microcontroller with its memory, clock, front end and battery."""

    name: str
    core: str  # a target of edge.core_build
    clock_hz: int
    flash_at: int
    flash_bytes: int
    flash_page_bytes: int
    ram_at: int
    ram_bytes: int
    front_end: FrontEnd
    cpi: Band
    active: Current
    sleep: Current
    battery: Battery


def board_names() -> list[str]:
    """The boards that come with leadone."""
    return sorted(path.stem for path in BOARDS.glob("*.toml"))


def load_board(name: str, front_end: str | None = None) -> Board:
    """A board by its name or by the path of a TOML file; its own front end or another."""
    known = BOARDS / f"{name}.toml"
    path = known if name in board_names() else Path(name)
    if not path.is_file():
        raise InputError(f"no board {name!r}; there are {', '.join(board_names())}, or a TOML file")
    values = read_toml(path)
    parts = {"cpi": Band, "active": Current, "sleep": Current, "battery": Battery}
    made: dict[str, Any] = {
        key: _made(kind, values.pop(key, None), f"{path.name}: {key}")
        for key, kind in parts.items()
    }
    values["front_end"] = load_front_end(front_end or str(values.get("front_end")))
    return _made(Board, {**values, **made}, path.name)


def load_front_end(name: str) -> FrontEnd:
    """A front end of front_ends.toml."""
    known = read_toml(FRONT_ENDS)
    if name not in known:
        raise InputError(f"no front end {name!r}; there are {', '.join(sorted(known))}")
    return _made(FrontEnd, {"name": name, **known[name]}, f"{FRONT_ENDS.name}: {name}")


def _made(kind: type[Part], values: Any, where: str) -> Part:
    """A dataclass of exactly its fields."""
    names = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    if not isinstance(values, dict) or values.keys() != names:
        raise InputError(f"{where} needs exactly {', '.join(sorted(names))}")
    return kind(**values)
