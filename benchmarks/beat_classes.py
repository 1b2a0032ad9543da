"""N, S and V crosswise: the beats of each fold told by classes fitted without it, and what helps.

    python benchmarks/beat_classes.py --data DATA --cross runs/cross/0 --cross runs/cross/1 ...

Networks read the fold that they left out (`make runs/cross/0/model.safetensors`). Figures are of
the first channels of MIT-BIH's records, every beat that was found and marked N, S or V, gross, with
95 % intervals by bootstrap over records; the last two columns of PTB-XL's lead I, records whose
statements say that there is no V beat (of a thousand beats, how many are told V) or that there is
one (share of records in which one is told), in fifths that taught nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from leadone.distill.beat_data import RATE_HZ, BeatData, collect_beats, joined
from leadone.distill.beat_fit import fit_beats
from leadone.distill.build import crossed_networks
from leadone.distill.datasets import fold_of, group_of
from leadone.distill.finetune import training_leads
from leadone.distill.hinted_beats import NONE, SOME, HintedBeats, collect_hinted
from leadone.distill.metrics import BeatRecord, Interval, score_beats
from leadone.edge.beat_context import FEATURES
from leadone.edge.beat_model import CLASSES

FOLDS = 5
V = CLASSES.index("V")
NEW = ("width", "turned", "more_v", "more_s")
OPINION = ("more_v", "more_s")


def main() -> None:
    """Print a row for the recipe, and one for each part that is left out."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cross", type=Path, action="append", required=True)
    options = parser.parse_args()
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("networks", total=1.0)
        networks = crossed_networks(options.cross, training_leads(options.data, None))
        networks[None] = next(iter(networks.values()))
        show = lambda share: bar.update(task, completed=share)  # noqa: E731
        mitdb, second = (
            collect_beats(options.data / "mitdb", networks, None, show, [channel])
            for channel in (0, 1)
        )
        qtdb = collect_beats(options.data / "qtdb", networks, None, show)
        hinted = collect_hinted(options.data, networks, show)
    rows = {
        "the recipe": (FEATURES, [second, qtdb], hinted),
        "without PTB-XL's statements": (FEATURES, [second, qtdb], None),
        "and without QTDB's beats": (FEATURES, [second], None),
        "and without the network's opinion": (_without(OPINION), [second], None),
        "nor width and turn (0.4.0)": (_without(NEW), [second], None),
    }
    table = Table(title=f"{len(set(mitdb.records))} records of MIT-BIH", box=None)
    for column in ("", "V F1", "Se", "PPV", "S F1", "V / 1,000 beats", "PVC records"):
        table.add_column(column, justify="left" if not column else "right")
    for name, (features, more, hints) in rows.items():
        table.add_row(name, *_row(mitdb, more, hinted, hints is not None, features))
    Console(width=140).print(table)


def _without(left_out: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in FEATURES if name not in left_out)


def _row(
    mitdb: BeatData,
    more: Sequence[BeatData],
    hinted: HintedBeats,
    uses_hints: bool,
    features: tuple[str, ...],
) -> list[str]:
    """Told crosswise by classes that see `features` alone: the others are made equal for all."""
    seen = np.array([name in features for name in FEATURES])
    records: list[BeatRecord] = []
    false, found = np.zeros(2), np.zeros(2)
    marked = [_masked(data, seen) for data in (mitdb, *more)]
    hinted = replace(hinted, features=np.where(seen, hinted.features, 0.0))
    folds = [np.array([_fold(name) for name in data.records]) for data in marked]
    for fold in range(FOLDS):
        kept = [data[own != fold] for data, own in zip(marked, folds, strict=True)]
        taught, held_out = _split(hinted, fold)
        model = fit_beats(joined(kept), taught if uses_hints else None)
        tested = marked[0][folds[0] == fold]
        records += _records(tested, model.logits(tested.features).argmax(1))
        is_v = model.logits(held_out.features).argmax(1) == V
        says = held_out.hints[:, V]
        has_none = says[held_out.records] == NONE
        any_v = np.bincount(held_out.records, is_v, len(says)) > 0
        false += is_v[has_none].sum(), has_none.sum()
        found += any_v[says == SOME].sum(), (says == SOME).sum()
    score = score_beats(records, start_s=0.0)
    return [
        _percent(score.veb.f1),
        f"{100 * score.veb.sensitivity.value:.1f}",
        f"{100 * score.veb.ppv.value:.1f}",
        _percent(score.sveb.f1),
        f"{1000 * false[0] / false[1]:.1f}",
        f"{found[0]:.0f} of {found[1]:.0f}",
    ]


def _fold(name: str) -> int:
    """Of a record's name: QTDB's begin with `sel`."""
    return fold_of(group_of("qtdb" if name.startswith("sel") else "mitdb", name))


def _masked(data: BeatData, seen: npt.NDArray[np.bool_]) -> BeatData:
    return replace(data, features=np.where(seen, data.features, 0.0))


def _split(hinted: HintedBeats, fold: int) -> tuple[HintedBeats, HintedBeats]:
    """Without a fifth of the records, and that fifth."""
    is_in = np.arange(len(hinted.hints)) % FOLDS == fold
    parts = []
    for chosen in (~is_in, is_in):
        beats = chosen[hinted.records]
        number = np.cumsum(chosen) - 1
        parts.append(
            HintedBeats(hinted.features[beats], number[hinted.records[beats]], hinted.hints[chosen])
        )
    return parts[0], parts[1]


def _records(data: BeatData, told: npt.NDArray[np.int64]) -> list[BeatRecord]:
    """Each record's beats as they are marked and as they are told, where they were found."""
    records = []
    for name in sorted(set(data.records)):
        here = data.records == name
        at = np.round(data.at_s[here] * RATE_HZ).astype(np.int64)
        marked, said = ("".join(CLASSES[k] for k in which[here]) for which in (data.classes, told))
        records.append(BeatRecord(name, RATE_HZ, at, marked, at, said))
    return records


def _percent(figure: Interval) -> str:
    low, high = 100 * figure.low, 100 * figure.high
    return f"{100 * figure.value:.1f} [{low:.1f}, {high:.1f}]"


if __name__ == "__main__":
    main()
