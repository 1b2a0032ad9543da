"""What the shipped models are: what they saw, what they score, what they cost; `leadone models`.

The scores are files that `leadone evaluate SET --json scores-SET.json` wrote, kept beside the
bundle's manifest; they are shown as they are.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .bundle import SHIPPED, load_bundle, shipped_models

SCORES = "scores-*.json"
CARD = "README.md"
WORST = 3  # records named for each set


@dataclass(frozen=True)
class ShippedModel:
    """One bundle of this package. `trained_on` counts source records a set.

    `noise_share` is the share of each recording of NSTDB that training added and showed as noise.
    """

    name: str
    version: str
    arithmetic: str
    parameters: int
    macs_per_second: float
    bytes: int
    sha256: str
    trained_on: dict[str, int]
    noise_share: float
    scores: dict[str, dict[str, Any]]
    card: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, without the card."""
        return {key: value for key, value in vars(self).items() if key != "card"}


def list_models() -> list[ShippedModel]:
    """All shipped models, by name; every hash is checked."""
    return [_read(name) for name in shipped_models()]


def score_lines(scores: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Name and figure with its 95 % interval, for each figure that a set's scores hold."""
    for name, one in scores.get("fiducials", {}).items():
        sd = one["error_sd_ms"]
        error = f", {one['error_mean_ms']:+.1f} ± {sd['value']:.1f} ms" if sd["value"] else ""
        yield f"{name.replace('_', ' ')} F1", _percent(one["f1"]) + error
    if "qrs" in scores:
        yield "QRS Se", _percent(scores["qrs"]["sensitivity"])
        yield "QRS PPV", _percent(scores["qrs"]["ppv"])
        yield "V F1", _percent(scores["veb"]["f1"])
        yield "S F1", _percent(scores["sveb"]["f1"])
        if "unpaced" in scores:
            without = f"without the paced {', '.join(scores['paced'])}"
            yield f"V F1, {without}", _percent(scores["unpaced"]["veb"]["f1"])
    if "mean_n_a_o" in scores:
        for name, f1 in scores["f1"].items():
            yield f"{name} F1", _percent(f1)
        yield "mean of normal, af, other", _percent(scores["mean_n_a_o"])
        yield "AF, AUC", _percent(scores["af_auc"])
        yield "AF, Se at Sp 95", _percent(scores["af_sensitivity"])
    for code, one in scores.get("findings", {}).items():
        yield f"{code} G-mean, {one['cases']} cases", _percent(one["g_mean"])


def failures(scores: dict[str, Any]) -> list[str]:
    """Records of a set on which the model fails most, with what happened."""
    if "surest_errors" in scores:
        return [
            f"{e['record']} is {e['reference']}, told {e['told']}, {e['probability']:.2f} sure"
            for e in scores["surest_errors"][:WORST]
        ]
    if "qrs" in scores:
        rows = [(r["record"], r["fn"], r["fp"]) for r in scores["per_record"]]
    else:
        rows = [(r["record"], r["missed"], r["false"]) for r in scores.get("per_record", [])]
    worst = sorted(rows, key=lambda row: -(row[1] + row[2]))[:WORST]
    return [
        f"{name}: {missed} missed, {false} false" for name, missed, false in worst if missed + false
    ]


def _read(name: str) -> ShippedModel:
    bundle, folder = load_bundle(name), SHIPPED / name
    manifest = bundle.manifest
    training = manifest.get("training", {})
    groups = training.get("source_records", [])
    augment = training.get("config", {}).get("augment", {})
    return ShippedModel(
        name=name,
        version=str(manifest["version"]),
        arithmetic=str(manifest["arithmetic"]),
        parameters=int(manifest["parameters"]),
        macs_per_second=float(manifest["macs_per_second"]),
        bytes=sum(len(content) for content in bundle.files.values()),
        sha256=bundle.sha256,
        trained_on=dict(Counter(group.split("/")[0] for group in groups)),
        noise_share=float(augment.get("train_share_of_noise", 0.0)),
        scores=dict(_scores(folder)),
        card=(folder / CARD).read_text("utf-8") if (folder / CARD).is_file() else "",
    )


def _scores(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted(folder.glob(SCORES)):
        yield path.stem.split("-", 1)[1], json.loads(path.read_text("utf-8"))


def _percent(interval: dict[str, float | None]) -> str:
    value, low, high = interval["value"], interval["low"], interval["high"]
    if value is None:
        return "-"
    bounds = "" if low is None or high is None else f" [{100 * low:.1f}, {100 * high:.1f}]"
    return f"{100 * value:.1f}{bounds}"
