"""Pooled out-of-fold figures: each record is read by a bundle whose training left its fold out.

    for k in 1 2 3 4; do
      leadone finetune --data DATA --out runs/fold$k --fold $k
      leadone quantize runs/fold$k --data DATA --out runs/fold$k/int8 --no-rhythm
      leadone quantize runs/fold$k --data DATA --out runs/fold$k/float --no-rhythm \\
          --arithmetic float32
    done
    python benchmarks/cross_validate.py --data DATA --bundles runs/fold{1,2,3,4}/int8

Fold 0 is missing on purpose: choices (augmentations, thresholds) were made on it. The fold that a
bundle left out stands in its manifest.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from leadone import Record, analyze
from leadone.distill import evaluate
from leadone.distill.datasets import fold_of, group_of, record_names
from leadone.distill.tables import print_report
from leadone.edge.analysis import Analysis
from leadone.edge.bundle import Bundle, load_bundle

Evaluator = Callable[[Path, evaluate.Reader, list[str]], evaluate.Result]
EVALUATORS: dict[str, Evaluator] = {
    "ludb": evaluate.evaluate_ludb,
    "qtdb": evaluate.evaluate_qtdb,
    "mitdb": evaluate.evaluate_mitdb,
}


def main() -> None:
    """Score every set and print its table; `--json` keeps the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--bundles", type=Path, nargs="+", required=True)
    parser.add_argument("--sets", nargs="+", choices=EVALUATORS, default=list(EVALUATORS))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    bundles = _by_fold(options.bundles)
    figures = {}
    for name in options.sets:
        names = [r for r in record_names(options.data / name) if _fold(name, r) in bundles]
        for record in names:
            if group_of(name, record) in evaluate.trained_on(bundles[_fold(name, record)]):
                raise SystemExit(f"{record} of {name} is in the training of its fold's bundle")
        result = EVALUATORS[name](options.data / name, _reader(name, bundles), names)
        print_report(result, Console(width=140))
        figures[name] = result.to_dict()
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")


def _by_fold(paths: list[Path]) -> dict[int, Bundle]:
    bundles = [load_bundle(path) for path in paths]
    return {bundle.manifest["training"]["config"]["fold"]: bundle for bundle in bundles}


def _fold(dataset: str, record: str) -> int:
    return fold_of(group_of(dataset, record))


def _reader(dataset: str, bundles: dict[int, Bundle]) -> Callable[[Record], Analysis]:
    return lambda record: analyze(record, bundles[_fold(dataset, record.name)])


if __name__ == "__main__":
    main()
