"""Whether a bundle's parts fit together, tried once on silence before any signal is read.

Hashes say that a bundle is the one that was made; they do not say that it was made for this code: a
network may give other shapes, a readout expect other features.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from .beat_context import FEATURES as BEAT_FEATURES
from .beat_model import BeatModel
from .errors import InputError, first_line
from .labels import BEATS, RHYTHMS, WAVES
from .pooling import Pool
from .record_head import RecordHead
from .rhythm import FEATURES as RHYTHM_FEATURES
from .rhythm import RhythmModel
from .timing import BEAT_FRAME_SAMPLES, HOP_SAMPLES, WAVE_FRAME_SAMPLES

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
HOPS = (1, 3)  # of the two calls that are tried
# What comes of numbers in other shapes, or of words in their place.
MISFIT = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError)


class Network(Protocol):
    """What runs hops and can be told to forget."""

    def reset(self) -> None:
        """Start from a silent past."""

    def push(self, x: Floats) -> tuple[Floats, Floats, Floats]:
        """Run the next hops."""


def check_model(manifest: dict[str, Any], network: Network) -> None:
    """InputError where the network's answers or the fitted parts are of another shape than read."""
    deep = _check_network(network)
    try:
        with np.errstate(all="ignore"):
            answers = _answers(manifest, deep)
        fits = all(np.isfinite(one).all() for one in answers)
    except InputError:
        raise
    except MISFIT:
        fits = False
    if not fits:
        raise InputError(
            "the bundle's beat model, rhythm or findings do not fit its network; "
            "get the bundle again"
        )


def _answers(manifest: dict[str, Any], deep: Floats) -> list[Doubles]:
    """What each fitted part makes of features that any record could have."""
    pool = Pool()
    pool.push(deep)
    pooled = pool.statistics(0.0, 1.0)
    assert pooled is not None
    head = RecordHead.from_manifest(manifest["record_head"])
    rhythm = RhythmModel.from_manifest(manifest["rhythm"])
    z = rhythm.standardised(np.zeros(len(RHYTHM_FEATURES)))
    findings = list(head.finding_probabilities(np.concatenate([pooled, z])).values())
    answers = [
        head.rhythm_logits(pooled).reshape(len(RHYTHMS)),
        np.array(list(rhythm.probabilities(z).values())),
        np.array([[*findings], [*head.thresholds]], np.float64),
    ]
    if manifest["beat_model"]:
        beat_model = BeatModel.from_manifest(manifest["beat_model"])
        answers += [beat_model.logits(np.zeros(len(BEAT_FEATURES))), 1 / beat_model.scale]
    return [*answers, 1 / np.asarray(rhythm.scale)]


def _check_network(network: Network) -> Floats:
    """The deep features of a few hops of silence."""
    network.reset()
    for hops in HOPS:
        x = np.zeros((2, hops * HOP_SAMPLES), np.float32)
        try:
            waves, beats, deep = network.push(x)
        except InputError:
            raise
        except Exception as error:  # runtimes have their own kinds, by no common base
            raise InputError(f"the bundle's network does not run: {first_line(error)}") from error
        found = [waves.shape, beats.shape, (deep.ndim, *deep.shape[1:])]
        n = x.shape[1]
        expected = [
            (len(WAVES), n // WAVE_FRAME_SAMPLES),
            (len(BEATS), n // BEAT_FRAME_SAMPLES),
            (2, hops),
        ]
        if found != expected:
            raise InputError(
                f"the bundle's network answers {hops} hops with waves {waves.shape}, beats "
                f"{beats.shape}, deep {deep.shape}: it was made for another leadone"
            )
        if not all(np.isfinite(one).all() for one in (waves, beats, deep)):
            raise InputError("the bundle's network answers silence with no numbers; get it again")
    network.reset()
    return deep
