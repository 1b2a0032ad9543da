"""Figures of matplotlib as files: .png or .svg by name, whole or not at all."""

from __future__ import annotations

from pathlib import Path

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from ..edge.errors import InputError
from ..edge.files import check_target, whole_file

SUFFIXES = (".png", ".svg")


def check_figure_path(path: Path) -> None:
    """Refuse another suffix, or a place that can't be written, before any work."""
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(
            f"{path.name or path} is no picture that can be drawn; name a .png or .svg"
        )
    check_target(path)


def write_figure(figure: Figure, path: Path) -> None:
    """Write the picture at the figure's own resolution; the same picture is the same bytes."""
    check_figure_path(path)
    with whole_file(path) as unfinished, unfinished.open("wb") as file:
        if path.suffix.lower() == ".png":
            FigureCanvasAgg(figure).print_png(file)  # type: ignore[no-untyped-call]
        else:
            with rc_context({"svg.hashsalt": "leadone"}):
                FigureCanvasSVG(figure).print_svg(file, metadata={"Date": None})  # type: ignore[no-untyped-call]
