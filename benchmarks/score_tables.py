"""The tables of figures that README and the model cards show, in Markdown, from the shipped scores.

    python benchmarks/score_tables.py            # after `leadone evaluate … --json`, see README

Each number is one of `edge/models/*/scores-*.json`; nothing is measured here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from leadone.distill.ptbxl import PATHOLOGIES
from leadone.distill.tables import TWELVE_LEAD_FIGURES

MODELS = Path(__file__).parent.parent / "edge" / "models"
NAMES = ("wrist", "phone")
NOT_TOLD = {
    "LAD": "left axis (not told: lead I does not carry it)",
    "RAD": "right axis (the same)",
}
HARDLY_THERE = {"IRBBB": "an r' in V1", "LAFB": "an axis"}
Scores = dict[str, dict[str, Any]]


def main() -> None:
    """Print every table, with what it is of."""
    of = {name: {s: _scores(name, s) for s in ("cinc2017", "ptbxl")} for name in NAMES}
    _show("CinC 2017", _rhythm([of[name]["cinc2017"] for name in NAMES]))
    _show("PTB-XL", _findings([of[name]["ptbxl"]["findings"] for name in NAMES]))
    for name in NAMES:
        _show(f"{name}: CinC 2017", _rhythm([of[name]["cinc2017"]]))
        _show(f"{name}: PTB-XL", _findings_of(of[name]["ptbxl"]["findings"]))
        for dataset in ("ludb", "qtdb"):
            _show(f"{name}: {dataset}", _waves(_scores(name, dataset)["fiducials"]))


def _scores(name: str, dataset: str) -> dict[str, Any]:
    scores: dict[str, Any] = json.loads((MODELS / name / f"scores-{dataset}.json").read_text())
    return scores


def _show(title: str, rows: list[list[str]]) -> None:
    print(f"\n{title}\n")
    for row in rows:
        print(f"| {' | '.join(row)} |")


def _rhythm(models: list[dict[str, Any]]) -> list[list[str]]:
    kinds = [*models[0]["f1"]]
    rows = [[kind, *(_share(m["f1"][kind]) for m in models)] for kind in kinds]
    of_all = {
        "mean of normal, AF, other": "mean_n_a_o",
        "AF against the rest: AUC": "af_auc",
        "sensitivity at a specificity of .95": "af_sensitivity",
    }
    return rows + [[text, *(_share(m[key]) for m in models)] for text, key in of_all.items()]


def _findings(models: list[dict[str, Any]]) -> list[list[str]]:
    first, second = models
    rows = []
    for code, row in zip(PATHOLOGIES, _findings_of(first), strict=True):
        other, published = second[code], TWELVE_LEAD_FIGURES[code][2]
        auc, g_mean = _plain(other["auc"]["value"]), _share(other["g_mean"])
        rows.append([*row, auc, g_mean, _plain(published)])
    for code, why in NOT_TOLD.items():
        blank = [""] * (len(rows[0]) - 3)
        rows.append([why, "no statement", *blank, _plain(TWELVE_LEAD_FIGURES[code][2])])
    return rows


def _findings_of(findings: dict[str, Any]) -> list[list[str]]:
    rows = []
    for code in PATHOLOGIES:
        one = findings[code]
        name = f"{code} ({HARDLY_THERE[code]})" if code in HARDLY_THERE else code
        rates = [_plain(one[key]["value"]) for key in ("auc", "sensitivity", "specificity")]
        rows.append([name, str(one["cases"]), *rates, _share(one["g_mean"])])
    return rows


def _waves(fiducials: dict[str, Any]) -> list[list[str]]:
    rows = []
    for wave in ("P", "QRS", "T"):
        on, off = fiducials[f"{wave}_on"], fiducials[f"{wave}_off"]
        n = {on["references"]: None, off["references"]: None}
        f1 = {_percent(on["f1"]): None, _percent(off["f1"]): None}
        spread = [_ms(edge["error_sd_ms"]) for edge in (on, off)]
        rows.append([wave, " / ".join(map(str, n)), " / ".join(f1), " / ".join(spread)])
    return rows


def _plain(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")


def _share(figure: dict[str, float]) -> str:
    low, high = (_plain(figure[end]) for end in ("low", "high"))
    return f"{_plain(figure['value'])} [{low}, {high}]"


def _percent(figure: dict[str, float]) -> str:
    value, low, high = (f"{100 * figure[k]:.1f}".removesuffix(".0") for k in _ENDS)
    return value if value == low == high else f"{value} [{low}, {high}]"


def _ms(figure: dict[str, float]) -> str:
    value, low, high = (f"{figure[k]:.1f}" for k in _ENDS)
    return f"{value} [{low}, {high}]"


_ENDS = ("value", "low", "high")

if __name__ == "__main__":
    main()
