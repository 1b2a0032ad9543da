"""A simulation as one HTML page that asks nothing of any network: tables and plots in SVG."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..edge.files import make_folder, whole_file
from .layout import SLOT_BYTES, layout_of
from .simulation import RING_SAMPLES, Simulation

STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;
color:#1b1f24;background:#fff}table{border-collapse:collapse;margin:.5rem 0 1.5rem}
td,th{padding:.2rem .8rem .2rem 0;text-align:left;border-bottom:1px solid #ddd}
td.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}.no{color:#b00020;font-weight:600}
.yes{color:#0a6b2d}svg{width:100%;height:auto}p.s{color:#57606a}"""
WIDTH, HEIGHT, EDGE = 900, 180, 44
MOST_POINTS = 900
NUMBER = re.compile(r"[\d.,]+( %| ms| mA)?|0x[\da-f]+")
SHOWN_FUNCTIONS = 25
SECTIONS = {
    ".text": "code and constants",
    ".slot": "first slot, the model",
    ".data": "variables that begin with a value",
    ".bss": "variables",
}

Floats = npt.NDArray[np.float64]


def write_firmware_report(simulation: Simulation, record: str, path: Path) -> None:
    """Write the page to `path`, whole or not at all."""
    make_folder(path.parent)
    with whole_file(path) as unfinished:
        unfinished.write_text(render(simulation, record), encoding="utf-8")


def render(simulation: Simulation, record: str) -> str:
    """The page; texts are data on it, never markup."""
    board = simulation.board
    title = html.escape(f"{board.name}, {board.front_end.name}: {record}")
    parts = [
        f"<h1>{title}</h1>",
        f"<p class=s>{len(simulation.work) / simulation.rate_hz:.0f} s of signal at "
        f"{simulation.rate_hz:g} Hz; the core at {board.clock_hz / 1e6:g} MHz. Instructions are "
        "counted exactly; cycles are instructions times an estimated band. Research use only.</p>",
        "<h2>Budgets</h2>",
        _budgets(simulation),
        "<h2>Memory</h2>",
        _memory(simulation),
        "<h2>Time</h2>",
        _time(simulation),
        _plots(simulation),
        "<h2>Current</h2>",
        _current(simulation),
        "<h2>Functions</h2>",
        _functions(simulation),
    ]
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
    view = '<meta name="viewport" content="width=device-width"><style>'
    return f"{head}{view}{STYLE}</style>{''.join(parts)}</html>\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Cells are markup already; numbers stand to the right."""
    names = "".join(f"<th>{name}</th>" for name in head)
    lines = [
        "".join(f"<td{' class=n' if NUMBER.fullmatch(cell) else ''}>{cell}</td>" for cell in row)
        for row in rows
    ]
    return f"<table><tr>{names}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def _budgets(simulation: Simulation) -> str:
    rows = [
        (
            html.escape(b.what),
            b.told(),
            b.limit_told(),
            b.unit,
            "<span class=yes>kept</span>" if b.is_kept else "<span class=no>broken</span>",
        )
        for b in simulation.budgets()
    ]
    return _table(("", "is", "at most", "", ""), rows)


def _memory(simulation: Simulation) -> str:
    rows = [
        (f"{SECTIONS[name]} ({name})", f"{at:#010x}", f"{size:,}")
        for name, (at, size) in simulation.sections.items()
        if name in SECTIONS and size
    ]
    layout = layout_of(simulation.board)
    rows.append(("second slot, empty", f"{layout.slot(1):#010x}", f"{SLOT_BYTES:,}"))
    rows.append(("log", f"{layout.log_at:#010x}", f"{layout.end - layout.log_at:,}"))
    rows.append(("stack, its deepest", "from the end of RAM", f"{simulation.stack_bytes:,}"))
    return _table(("section", "address", "bytes"), rows)


def _time(simulation: Simulation) -> str:
    cpi = simulation.board.cpi
    rows = [
        (
            f"{c:g}",
            f"{100 * simulation.duty(c):.1f} %",
            f"{1e3 * simulation.work.max() * c / simulation.board.clock_hz:.2f} ms",
            f"{simulation.backlog(c).max():.0f} of {RING_SAMPLES}",
            f"{100 * simulation.margin(c):.0f} %",
            f"{simulation.overruns + simulation.lost(c)}",
        )
        for c in (cpi.low, cpi.usual, cpi.high)
    ]
    head = ("cycles an instruction", "duty", "worst sample", "ring, fullest", "margin", "lost")
    return _table(head, rows) + f"<p class=s>{html.escape(cpi.source)}</p>"


def _current(simulation: Simulation) -> str:
    board = simulation.board
    usual, low, high = simulation.current_ma()
    days, fewest, most = simulation.battery_days()
    rows = [
        (name, f"{c.ma:g} mA", f"{100 * c.spread:.0f} %", html.escape(c.source))
        for name, c in (
            ("core, awake", board.active),
            ("core, asleep", board.sleep),
            (f"front end {html.escape(board.front_end.name)}", board.front_end.current),
        )
    ]
    said = (
        f"<p>On average {1e3 * usual:.0f} uA ({1e3 * low:.0f} to {1e3 * high:.0f}): a "
        f"{html.escape(board.battery.name)} of {board.battery.mah:g} mAh lasts {days:.0f} days "
        f"({fewest:.0f} to {most:.0f}).</p>"
    )
    return said + _table(("", "current", "may be off by", "source"), rows)


def _functions(simulation: Simulation) -> str:
    cpi, seconds = simulation.board.cpi, len(simulation.work) / simulation.rate_hz
    largest = sorted(simulation.functions.items(), key=lambda item: -item[1])[:SHOWN_FUNCTIONS]
    rows = [
        (
            html.escape(name),
            f"{count / seconds:,.0f}",
            f"{cpi.low * count / seconds:,.0f}",
            f"{cpi.high * count / seconds:,.0f}",
        )
        for name, count in largest
    ]
    return _table(("function", "instructions a second", "cycles, from", "to"), rows)


def _plots(simulation: Simulation) -> str:
    board, seconds = simulation.board, len(simulation.work) / simulation.rate_hz
    awake = np.minimum(simulation.work * board.cpi.usual * simulation.rate_hz / board.clock_hz, 1.0)
    drawn = awake * board.active.ma + (1 - awake) * board.sleep.ma + board.front_end.ma
    return "".join(
        _plot(title, values, seconds)
        for title, values in (
            ("instructions a sample", simulation.work),
            ("samples that wait in the ring", simulation.backlog(board.cpi.high)),
            ("current in a sample's time, mA", drawn),
        )
    )


def _plot(title: str, values: Floats, seconds: float) -> str:
    """The largest value of each bit of time."""
    step = -(-len(values) // MOST_POINTS)
    padded = np.append(values, np.zeros(-len(values) % step))
    tops = padded.reshape(-1, step).max(1)
    most = float(tops.max()) or 1.0
    x = EDGE + np.arange(len(tops)) / max(len(tops) - 1, 1) * (WIDTH - EDGE)
    y = HEIGHT - 20 - tops / most * (HEIGHT - 40)
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    axis = HEIGHT - 20
    return (
        f"<h3>{html.escape(title)}</h3>"
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(title)}">'
        f'<line x1="{EDGE}" y1="{axis}" x2="{WIDTH}" y2="{axis}" stroke="#999"/>'
        f'<polyline points="{points}" fill="none" stroke="#0b62a3"/>'
        f'<text x="0" y="24" font-size="11">{most:,.4g}</text>'
        f'<text x="{WIDTH - EDGE}" y="{HEIGHT - 4}" font-size="11">{seconds:.0f} s</text></svg>'
    )
