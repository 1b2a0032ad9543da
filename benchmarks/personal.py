"""What a wearer's own labelled minutes are worth: the rest of the record, before and after.

    python benchmarks/personal.py --data DATA --fold 1 --model runs/wrist/1/int8

Each record of MIT-BIH's fold is the wearer once: `leadone finetune --person` learns from its first
five minutes; the rest is scored, first channel, and so is the general test, hearts that nothing was
learned from. Figures are of the beat classes alone, on beats that were found.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console
from rich.table import Table

from leadone.distill.evaluate import chosen_records
from leadone.distill.personal import ClassFigures, adapt
from leadone.edge.bundle import load_bundle
from leadone.edge.errors import InputError


def main() -> None:
    """Print a row a record and class that it has."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--fold", type=int)
    parser.add_argument("--model", default="wrist")
    options = parser.parse_args()
    bundle = load_bundle(options.model)
    table = Table(box=None)
    for k, column in enumerate(("record", "class", "n", "F1", "after", "test: F1", "after", "way")):
        table.add_column(column, justify="right" if k else "left")
    for name in chosen_records("mitdb", options.data / "mitdb", options.fold, None):
        try:
            found = adapt(bundle, [options.data / "mitdb" / name], options.data)
        except InputError as error:
            print(f"{name}: {error}")
            continue
        for label, before in found.own_before.items():
            rows = (before, found.own_after[label])
            general = (found.general_before[label], found.general_after[label])
            if before.beats:
                f1 = (_percent(one) for one in (*rows, *general))
                table.add_row(name, label, str(before.beats), *f1, f"{100 * found.share:.0f} %")
    Console(width=110).print(table)


def _percent(one: ClassFigures) -> str:
    return f"{100 * one.f1:.1f}"


if __name__ == "__main__":
    main()
