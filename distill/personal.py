"""One wearer: the beat classes' last layer learns from a few labelled minutes, and no more.

The network stays as it is; what is learned are the weights and thresholds between the beat model's
hidden features and N, S and V: 75 numbers, by a convex fit that a phone does in a second. They are
pulled back to the general ones (a Gaussian prior around them: MAP adaptation), learn from other
hearts' beats beside the wearer's, and go only so far that no class has a lower F1 on the general
test: hearts of which no beat was learned from, for those that taught could not tell.

The wearer's first minutes are learned from and the rest is scored, as EC57's patient-adaptive
classifiers are (de Chazal and Reilly 2006, IEEE TBME 53: 2535).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from ..edge.beat_model import CLASSES, CLIP, BeatModel
from ..edge.bundle import Bundle, write_bundle
from ..edge.errors import InputError
from ..edge.network import StreamingNetwork
from .beat_data import BeatData, collect_beats, joined, read_lead
from .datasets import fold_of

Doubles = npt.NDArray[np.float64]

LEARN_S = 300.0
LEAST_BEATS = 20
PULL = 0.01  # of the general weights, per unit squared
GENERAL_SHARE = 0.5  # of the loss that other hearts' beats make
GENERAL_TEST_FOLDS = (1, 3)  # of mitdb
STEPS_BACK = (1.0, 0.7, 0.5, 0.3, 0.15, 0.0)


@dataclass(frozen=True)
class ClassFigures:
    """Sensitivity, PPV and F1 of one class on some beats; NaN where there is none of it."""

    beats: int
    sensitivity: float
    ppv: float
    f1: float


@dataclass(frozen=True)
class Personal:
    """The adapted model; figures before and after, of the wearer's later beats and of the test's.

    `share` is how far it went from the general weights (0) to the wearer's best (1).
    """

    model: BeatModel
    learned_from: int
    share: float
    own_before: dict[str, ClassFigures]
    own_after: dict[str, ClassFigures]
    general_before: dict[str, ClassFigures]
    general_after: dict[str, ClassFigures]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, without the model."""
        names = ("own_before", "own_after", "general_before", "general_after")
        figures = {
            name: {label: vars(one) for label, one in getattr(self, name).items()} for name in names
        }
        return {"learned_from": self.learned_from, "share": self.share, **figures}


def adapt(
    bundle: Bundle, records: Sequence[Path], data: Path, channel: int = 0, learn_s: float = LEARN_S
) -> Personal:
    """Adapt a bundle to the wearer of WFDB `records`, whose beats are labelled (`.atr`).

    `data` holds mitdb: the other hearts, without any record of the wearer's names. Raises
    InputError where the bundle has no beat model, there are too few labelled beats, or no hearts
    to learn from or to test on.
    """
    if bundle.manifest["beat_model"] is None:
        raise InputError("the bundle has no beat model to adapt; make one with mitdb in --data")
    for record in records:
        if not record.with_suffix(".atr").is_file():
            raise InputError(f"{record} has no labelled beats beside it; write them as .atr")
    network = bundle.files[bundle.manifest["network"]]
    own = joined([read_lead(record, channel, StreamingNetwork(network)) for record in records])
    learned, later = own[own.at_s < learn_s], own[own.at_s >= learn_s]
    if len(learned.classes) < LEAST_BEATS or not len(later.classes):
        raise InputError(
            f"{len(learned.classes)} labelled beats in the first {learn_s:g} s and "
            f"{len(later.classes)} after; at least {LEAST_BEATS} to learn from and some to score"
        )
    everyone = collect_beats(data / "mitdb", {None: network})
    others = everyone[~np.isin(everyone.records, [record.name for record in records])]
    taught, tested = split_hearts(others, data)
    general = BeatModel.from_manifest(bundle.manifest["beat_model"])
    best = fit_last_layer(general, learned, taught)
    model, share = step_back(general, best, (learned, tested))
    return Personal(
        model,
        len(learned.classes),
        share,
        figures(general, later),
        figures(model, later),
        figures(general, tested),
        figures(model, tested),
    )


def split_hearts(others: BeatData, data: Path) -> tuple[BeatData, BeatData]:
    """Of mitdb's beats those to learn from, and the general test."""
    folds = {name: fold_of(f"mitdb/{name}") for name in set(others.records.tolist())}
    is_test = np.array([folds[name] in GENERAL_TEST_FOLDS for name in others.records.tolist()])
    if not is_test.any() or is_test.all():
        raise InputError(
            f"{data / 'mitdb'} has too few other hearts to learn from some and to test on others; "
            "see `leadone data get mitdb`"
        )
    return others[~is_test], others[is_test]


def fit_last_layer(general: BeatModel, own: BeatData, others: BeatData) -> BeatModel:
    """The last layer that fits the wearer's beats and others', near the general one."""
    weights, bias = general.layers[-1]
    start = np.concatenate([weights, bias[:, None]], 1)
    parts = [(_hidden(general, d.features), d.classes, _balanced(d)) for d in (own, others)]
    shares = (1 - GENERAL_SHARE, GENERAL_SHARE)

    def loss(flat: Doubles) -> tuple[float, Doubles]:
        layer = flat.reshape(start.shape)
        value = 0.5 * PULL * float(((layer - start) ** 2).sum())
        slope = PULL * (layer - start)
        for (x, classes, weight), share in zip(parts, shares, strict=True):
            logits = x @ layer.T
            value -= share * float(
                (weight * log_softmax(logits, 1)[np.arange(len(x)), classes]).sum()
            )
            error = softmax(logits, 1) - np.eye(len(CLASSES))[classes]
            slope = slope + share * (weight[:, None] * error).T @ x
        return value, slope.ravel()

    found = minimize(loss, start.ravel(), jac=True, method="L-BFGS-B").x.reshape(start.shape)
    return _with_last(general, found[:, :-1], found[:, -1])


def step_back(
    general: BeatModel, best: BeatModel, held: Sequence[BeatData]
) -> tuple[BeatModel, float]:
    """As far towards `best` as no class has a lower F1 on any of the sets that are `held`."""
    pairs = list(zip(general.layers[-1], best.layers[-1], strict=True))
    floors = [(data, figures(general, data)) for data in held]
    for share in STEPS_BACK[:-1]:
        weights, bias = (a + share * (b - a) for a, b in pairs)
        model = _with_last(general, weights, bias)
        if all(_is_as_good(figures(model, data), floor) for data, floor in floors):
            return model, share
    return general, 0.0


def figures(model: BeatModel, data: BeatData) -> dict[str, ClassFigures]:
    """Of S and V; N is what is left."""
    told = model.logits(data.features).argmax(1)
    return {label: _figures(told, data.classes, CLASSES.index(label)) for label in "SV"}


def write_personal(bundle: Bundle, personal: Personal, out: Path, wearer: str) -> None:
    """The bundle with the adapted beat model, and in its manifest how it came about."""
    manifest = {key: value for key, value in bundle.manifest.items() if key != "files"}
    manifest["beat_model"] = personal.model.as_manifest()
    manifest["name"] = f"{manifest['name']}-{wearer}"
    manifest["personal"] = {"of": bundle.identity, **_finite(personal.to_dict())}
    write_bundle(out, manifest, dict(bundle.files))


def _figures(
    told: npt.NDArray[np.int64], classes: npt.NDArray[np.int64], kind: int
) -> ClassFigures:
    both = int(((told == kind) & (classes == kind)).sum())
    beats, said = int((classes == kind).sum()), int((told == kind).sum())
    either = beats + said
    return ClassFigures(
        beats,
        both / beats if beats else np.nan,
        both / said if said else np.nan,
        2 * both / either if either else np.nan,
    )


def _is_as_good(now: dict[str, ClassFigures], before: dict[str, ClassFigures]) -> bool:
    """No class with a lower F1; one that was never told nor annotated may not come up."""
    return all(
        (np.isnan(now[k].f1) if np.isnan(before[k].f1) else now[k].f1 >= before[k].f1)
        for k in before
    )


def _hidden(model: BeatModel, features: Doubles) -> Doubles:
    """What the last layer sees (n, hidden), and a column of ones."""
    x = np.clip((features - model.mean) / model.scale, -CLIP, CLIP)
    for weights, bias in model.layers[:-1]:
        x = np.maximum(x @ weights.T + bias, 0.0)
    return np.concatenate([x, np.ones((len(x), 1))], 1)


def _balanced(data: BeatData) -> Doubles:
    weight: Doubles = data.weights / data.weights.sum()
    return weight


def _with_last(model: BeatModel, weights: Doubles, bias: Doubles) -> BeatModel:
    return BeatModel(model.mean, model.scale, (*model.layers[:-1], (weights, bias)))


def _finite(values: Any) -> Any:
    if isinstance(values, dict):
        return {key: _finite(value) for key, value in values.items()}
    return None if isinstance(values, float) and not np.isfinite(values) else values
