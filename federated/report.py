"""A federation's rounds for people and machines: a table, a picture, CSV."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from ..edge.errors import InputError
from ..edge.files import whole_file
from .checkpoint import read_log
from .rounds import NOT_ASKED

SHOWN_ROUNDS = 12
SHOWN_REASONS = 2
DRAWN_CLIENTS = 12
INK, GOOD, BAD = "#1b1b1f", "#b8860b", "#6a4fb3"

Entry = dict[str, Any]


def entries_of(run: Path) -> list[Entry]:
    """The rounds of a run; InputError where there are none."""
    found = read_log(run)
    if not found:
        raise InputError(f"{run} holds no rounds; give the --out of a federation")
    return found


def table(entries: Sequence[Entry], title: str, total: int | None = None) -> Table:
    """The last rounds: loss, figures, trust, and who was left out and why."""
    done = entries[-1]["round"] if entries else 0
    shown = Table(title=f"{title}: round {done}{f' of {total}' if total else ''}", box=None)
    for name in ("round", "trust loss", "mean G", "trusted", "sound", "s", "kB", "left out"):
        shown.add_column(name, justify="left" if name == "left out" else "right")
    for entry in entries[-SHOWN_ROUNDS:]:
        weights = list(entry["weights"].values())
        shown.add_row(
            str(entry["round"]),
            f"{entry['trust_loss']:.4f}",
            f"{mean_figure(entry):.3f}" if entry["figures"] else "-",
            str(sum(w > 0 for w in weights)) if weights else "-",
            f"{sound(entry)}/{entry['chosen']}",
            f"{entry['seconds']:.2f}",
            f"{entry['bytes'] / 1e3:.0f}",
            _reasons(entry["rejected"]),
        )
    return shown


def mean_figure(entry: Entry) -> float:
    """Mean over rhythms and findings of a round's G-means; NaN where there are none."""
    values = list(entry["figures"].values())
    return float(np.mean(values)) if values else float("nan")


def sound(entry: Entry) -> int:
    """How many of the chosen clients sent what could be used."""
    chosen: int = entry["chosen"]
    return chosen - sum(1 for reason in entry["rejected"].values() if reason != NOT_ASKED)


def write_csv(entries: Sequence[Entry], path: Path) -> None:
    """A line a round; weights and reasons a column a client."""
    clients = sorted({c for e in entries for c in (*e["weights"], *e["rejected"])})
    figures = sorted({name for e in entries for name in e["figures"]})
    plain = ("round", "chosen", "replied", "trust_loss", "moved", "bytes", "seconds")
    with whole_file(path) as unfinished, unfinished.open("w", newline="") as file:
        writer = csv.writer(file)
        heads = [*(f"weight {c}" for c in clients), *(f"rejected {c}" for c in clients)]
        writer.writerow([*plain, *(f"G {name}" for name in figures), *heads])
        for e in entries:
            row = [*(e[name] for name in plain), *(e["figures"].get(name, "") for name in figures)]
            row += [e["weights"].get(c, "") for c in clients]
            writer.writerow([*row, *(e["rejected"].get(c, "") for c in clients)])


def plot(entries: Sequence[Entry], path: Path, liars: Sequence[str] = ()) -> None:
    """Trust loss and mean G-mean over the rounds; below, each client's weight."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    rounds = [e["round"] for e in entries]
    figure, (top, bottom) = plt.subplots(
        2, 1, figsize=(9, 6), sharex=True, gridspec_kw={"height_ratios": [2, 3]}
    )
    top.plot(rounds, [e["trust_loss"] for e in entries], color=INK)
    top.set_ylabel("trust loss")
    if any(e["figures"] for e in entries):
        right = top.twinx()
        right.plot(rounds, [mean_figure(e) for e in entries], color=GOOD)
        right.set_ylabel("mean G-mean", color=GOOD)
        right.set_ylim(0, 1)
    _draw_weights(bottom, entries, liars)
    bottom.set_xlabel("round")
    for axes in (top, bottom):
        axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    with whole_file(path) as unfinished:
        figure.savefig(unfinished, format=path.suffix.lstrip(".") or "png", dpi=120)
    plt.close(figure)


def _draw_weights(axes: Any, entries: Sequence[Entry], liars: Sequence[str]) -> None:
    clients = sorted({c for e in entries for c in e["weights"]})
    matrix = np.array([[e["weights"].get(c, np.nan) for e in entries] for c in clients])
    if not len(clients):
        axes.text(0.5, 0.5, "this rule is no weighting", ha="center", transform=axes.transAxes)
        return
    first, last = entries[0]["round"], entries[-1]["round"]
    extent = (first - 0.5, last + 0.5, len(clients) - 0.5, -0.5)
    drawn = axes.imshow(
        matrix, aspect="auto", extent=extent, cmap="cividis", vmin=0, interpolation="nearest"
    )
    axes.figure.colorbar(drawn, ax=axes, label="weight", pad=0.01)
    step = -(-len(clients) // (2 * DRAWN_CLIENTS))
    axes.set_yticks(range(0, len(clients), step), clients[::step], fontsize=7)
    for label in axes.get_yticklabels():
        label.set_color(BAD if label.get_text() in liars else INK)
    axes.set_ylabel("client" + (", liars violet" if liars else ""))


def _reasons(rejected: dict[str, str]) -> str:
    counts: dict[str, int] = {}
    for reason in rejected.values():
        counts[reason] = counts.get(reason, 0) + 1
    ordered = sorted(counts, key=lambda reason: -counts[reason])
    shown = [f"{counts[r]} {r}" for r in ordered[:SHOWN_REASONS]]
    more = len(ordered) - len(shown)
    return "; ".join(shown) + (f"; {more} more reasons" if more else "")
