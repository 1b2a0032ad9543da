"""A record through the firmware of a board, and whether it fits: memory, deadlines, current."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..edge.errors import InputError
from ..edge.record import Record
from .board import Board
from .front_end import MISSING, codes_of
from .image import read_image
from .link import told_faults
from .machine import LEAD_OFF, Machine

RING_SAMPLES = 64  # of firmware/ring.h
FLASH_BUDGET, RAM_BUDGET = 128 * 1024, 24 * 1024
WORK_BUDGET = 3.5e6  # instructions a second of signal
DUTY_BUDGET, DUTY_HZ = 0.08, 64e6
UNEVEN_BUDGET = 4.0  # the worst sample's work over the average's
HOURS_A_DAY = 24.0

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Budget:
    """One figure against its limit."""

    what: str
    value: float
    limit: float
    unit: str

    @property
    def is_kept(self) -> bool:
        """Whether the figure is within the limit."""
        return self.value <= self.limit

    def told(self) -> str:
        """The value, rounded for reading."""
        return _rounded(self.value)

    def limit_told(self) -> str:
        """The limit."""
        return _rounded(self.limit)


@dataclass(frozen=True)
class Simulation:
    """What a run showed; `work` is in instructions, a number for each sample."""

    board: Board
    events: bytes
    work: Floats
    functions: dict[str, int]
    sections: dict[str, tuple[int, int]]
    flash_bytes: int
    variable_bytes: int
    stack_bytes: int
    overruns: int  # in the firmware's own ring

    @property
    def rate_hz(self) -> float:
        """Samples a second."""
        return self.board.front_end.rate_hz

    @property
    def work_per_second(self) -> float:
        """Instructions a second of signal."""
        return float(self.work.mean()) * self.rate_hz

    @property
    def unevenness(self) -> float:
        """The worst sample's work over the average."""
        return float(self.work.max() / self.work.mean())

    def duty(self, cpi: float) -> float:
        """The share of time that the core is awake."""
        return self.work_per_second * cpi / self.board.clock_hz

    def backlog(self, cpi: float) -> Floats:
        """Samples in the ring when each sample's work ends: first come, first served."""
        spent = self.work * cpi / self.board.clock_hz
        free, held = 0.0, np.zeros(len(spent))
        for k, seconds in enumerate(spent):
            arrival = (k + 1) / self.rate_hz
            free = max(free, arrival) + seconds
            held[k] = np.floor((free - arrival) * self.rate_hz)
        return held

    def margin(self, cpi: float) -> float:
        """Of the time to the ring's overflow, the share that the longest wait leaves."""
        return 1 - float(self.backlog(cpi).max()) / RING_SAMPLES

    def lost(self, cpi: float) -> int:
        """Samples that come when the ring is full."""
        return int((self.backlog(cpi) > RING_SAMPLES).sum())

    def current_ma(self) -> tuple[float, float, float]:
        """The average with the front end, and the ends of its band."""
        board = self.board
        front = board.front_end.current
        low, usual, high = (self.duty(c) for c in (board.cpi.low, board.cpi.usual, board.cpi.high))

        def total(duty: float, sign: int) -> float:
            active, sleep = board.active, board.sleep
            return (
                duty * active.ma * (1 + sign * active.spread)
                + (1 - duty) * sleep.ma * (1 + sign * sleep.spread)
                + front.ma * (1 + sign * front.spread)
            )

        return total(usual, 0), total(low, -1), total(high, 1)

    def battery_days(self) -> tuple[float, float, float]:
        """Of a full cell at that current: the usual, the fewest and the most."""
        usual, most, fewest = (
            self.board.battery.mah / ma / HOURS_A_DAY for ma in self.current_ma()
        )
        return usual, fewest, most

    def budgets(self) -> list[Budget]:
        """Every figure that has a limit."""
        cpi = self.board.cpi
        return [
            Budget("flash", self.flash_bytes, min(FLASH_BUDGET, self.board.flash_bytes), "bytes"),
            Budget(
                "RAM with the stack",
                self.variable_bytes + self.stack_bytes,
                min(RAM_BUDGET, self.board.ram_bytes),
                "bytes",
            ),
            Budget("work", self.work_per_second, WORK_BUDGET, "instructions a second of signal"),
            Budget(
                f"duty at 64 MHz, {cpi.usual:g} cycles an instruction",
                self.work_per_second * cpi.usual / DUTY_HZ,
                DUTY_BUDGET,
                "of the time",
            ),
            Budget("worst sample / average", self.unevenness, UNEVEN_BUDGET, "times"),
            Budget("samples lost", self.overruns + self.lost(cpi.high), 0, "samples"),
        ]


def simulate(
    image: Path,
    board: Board,
    record: Record,
    *,
    drift_ppm: float = 0.0,
    told: Callable[[bytes], None] | None = None,
) -> Simulation:
    """Run a record from reset; `told` gets the bytes of each event as it comes.

    InputError where the image's model does not run.
    """
    loaded = read_image(image)
    machine = Machine(loaded, board)
    machine.start()
    for fault in told_faults(bytes(machine.sent)):
        raise InputError(fault)
    machine.clear_functions()
    codes = codes_of(record, board.front_end, drift_ppm=drift_ppm)
    work = np.zeros(len(codes))
    length = 0
    for k, code in enumerate(codes.tolist()):
        is_off = code == MISSING
        work[k] = machine.sample(0 if is_off else code, LEAD_OFF if is_off else 0)
        if told is not None and len(machine.events) > length:
            told(bytes(machine.events[length:]))
        length = len(machine.events)
    return Simulation(
        board,
        bytes(machine.events),
        work,
        machine.functions(),
        loaded.sections,
        loaded.flash_bytes,
        loaded.variable_bytes,
        machine.stack_bytes(),
        machine.word("samples", 8),
    )


def _rounded(value: float) -> str:
    return f"{value:,.3g}" if value < 1000 else f"{value:,.0f}"
