"""Pictures of a run: what the augmentations do to a lead, and how the loss and health went."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ..edge.errors import InputError
from ..edge.files import check_target, whole_file
from ..edge.filters import RATE_HZ
from .checkpoint import read_log
from .twelve_leads import LEADS
from .views import (
    Floats,
    Views,
    add_powerline,
    add_recorded,
    add_wander,
    add_white,
    flip,
    lose_contact,
    scale,
    stretch,
    unit_rms,
)
from .windows import Windows

DRAWS = 3
NOT_PARTS = {"epoch", "loss", "seconds", "loading_s", "collapsed"}
HEALTH = ("retrieval", "alignment", "uniformity", "spread")
INK, PALE = "#1f4e79", "#c0392b"


def plot_augmentations(views: Views, windows: Windows, seed: int, path: Path) -> None:
    """A row an augmentation, alone and at the configuration's strength, three draws each, as PNG.

    One that the configuration leaves out is drawn at a strength that can be seen, and says so.
    """
    check_target(path)
    rng = np.random.default_rng(seed)
    number = windows.number[rng.integers(0, len(windows), DRAWS)]
    lead = np.full(DRAWS, LEADS.index("i"))
    plain = replace(views.config, warp=1.0)
    whole = Views(views.shards, plain).clean(number, lead, np.random.default_rng(seed))
    rows = _augmentations(views, views.shards.read_lead(number, lead), whole)
    figure = Figure(figsize=(13, 1.15 * len(rows) + 0.6), layout="constrained")
    grid = figure.subplots(len(rows), DRAWS, sharex=True, squeeze=False)
    t = np.arange(whole.shape[1]) / RATE_HZ
    for axes, (name, augment) in zip(grid, rows, strict=True):
        changed = augment(rng)
        for k, ax in enumerate(axes):
            ax.plot(t, whole[k], color=PALE, linewidth=0.6, alpha=0.35)
            ax.plot(t, changed[k], color=INK, linewidth=0.7)
            _tidy(ax)
        axes[0].set_title(name, loc="left", fontsize=8, pad=2)
    for ax in grid[-1]:
        ax.tick_params(labelbottom=True)
        ax.set_xlabel("s, original in red", fontsize=8)
    figure.suptitle(f"lead I of three windows, seed {seed}", fontsize=9)
    _save(figure, path)


def plot_curves(run: Path) -> Path:
    """`curves.png` in the run's folder: loss, its parts, and health by epoch."""
    log = read_log(run)
    if not log:
        raise InputError(f"{run} has no log yet; train an epoch first")
    figure = Figure(figsize=(10, 6), layout="constrained")
    epochs = [entry["epoch"] + 1 for entry in log]
    axes = figure.subplots(2, 3).ravel()
    axes[0].plot(epochs, [entry["loss"] for entry in log], color=INK)
    axes[0].set_title("loss", fontsize=9)
    for part in (key for key in log[-1] if key not in {*NOT_PARTS, *HEALTH}):
        axes[1].plot(epochs, [entry[part] for entry in log], label=part)
    axes[1].set_title("its parts", fontsize=9)
    if axes[1].lines:
        axes[1].legend(fontsize=7)
    for ax, key in zip(axes[2:], HEALTH, strict=True):
        ax.plot(epochs, [entry.get(key, np.nan) for entry in log], color=INK)
        ax.set_title(f"{key}, patients held out", fontsize=9)
    for ax in axes:
        ax.set_xlabel("epoch", fontsize=8)
        ax.tick_params(labelsize=7)
        ax.grid(alpha=0.2)
    path = run / "curves.png"
    _save(figure, path)
    return path


def _augmentations(
    views: Views, signals: Floats, x: Floats
) -> list[tuple[str, Callable[[np.random.Generator], Floats]]]:
    """Each augmentation's name and what it makes of these rows."""
    c = views.config

    def strength(value: float, shown: float, unit: str) -> tuple[float, str]:
        return (value, f"{value:g} {unit}") if value else (shown, f"off; here {shown:g} {unit}")

    white, white_text = strength(c.white, 0.1, "rms")
    wander, wander_text = strength(c.wander, 0.2, "rms")
    line, line_text = strength(c.powerline, 0.05, "rms")
    recorded, recorded_text = strength(c.recorded, 0.3, "rms")
    lost, lost_text = strength(c.lost_contact_share, 1.0, "of views")
    flipped, flip_text = strength(c.flip_share, 1.0, "of views")
    rows: list[tuple[str, Callable[[np.random.Generator], Floats]]] = [
        (
            f"crop and time warp, x{c.warp:g}",
            lambda rng: unit_rms(stretch(signals, c.samples, c.warp, rng)),
        ),
        (f"gain, x{c.gain:g}", lambda rng: scale(x, c.gain, rng)),
        (f"white noise, up to {white_text}", lambda rng: add_white(x, white, rng)),
        (f"baseline wander, up to {wander_text}", lambda rng: add_wander(x, wander, rng)),
        (f"powerline, up to {line_text}", lambda rng: add_powerline(x, line, rng)),
    ]
    kinds = {"ma": "muscle", "em": "electrode motion", "bw": "baseline wander"}
    for kind, name in kinds.items():
        if kind in views.noises:
            noises = views.noises[kind]
            rows.append(
                (
                    f"{name}, recorded (NSTDB {kind}), up to {recorded_text}",
                    lambda rng, noises=noises: add_recorded(x, recorded, noises, rng),  # type: ignore[misc]
                )
            )
    rows += [
        (f"polarity, {flip_text}", lambda rng: flip(x, flipped, rng)),
        (
            f"lead dropout: contact lost, {lost_text}",
            lambda rng: lose_contact(x, lost, c.lost_contact_s, rng),
        ),
    ]
    return rows


def _tidy(ax: Axes) -> None:
    ax.set_yticks([])
    ax.set_ylim(-5, 9)
    ax.tick_params(labelsize=7)
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)


def _save(figure: Figure, path: Path) -> None:
    with whole_file(path) as unfinished, unfinished.open("wb") as file:
        FigureCanvasAgg(figure).print_png(file)  # type: ignore[no-untyped-call]
