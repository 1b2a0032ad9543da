"""Rhythm from the last 30 s of beats: normal, af, other or noise.

The network's own opinion of the window (`RecordHead`) and features of RR irregularity, P waves,
ectopy and quality go through a multinomial logistic regression; its coefficients are fitted on
CinC 2017 by `leadone quantize` and travel in the bundle's manifest. The irregularity is the median
of |RR difference| / RR: atrial fibrillation raises the median, single ectopic beats do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import InputError
from .events import Beat, Rhythm
from .intervals import MAX_RR_S
from .labels import RHYTHMS
from .record_head import RecordHead

Doubles = npt.NDArray[np.float64]

WINDOW_S = 30.0
STEP_S = 10.0
MIN_INTERVALS = 5  # fewer RR intervals say nothing about rhythm
# What a device remembers of a beat for half a minute: its time to 61 us, its confidence in 12 bits.
TICKS_PER_S = 16384
CONFIDENCE_STEPS = 4095
MOST_BEATS = 128  # of 33 s: more than 230 a minute, and the window is that much shorter

FEATURES = (
    "log_irregularity",  # ln(median |dRR| / median RR + .01)
    "log_rmssd",  # ln(rms dRR / mean RR + .01)
    "log_spread",  # ln(sd of dRR's middle half / mean RR + .01)
    "p_share",  # share of beats with a P wave
    "t_share",
    "heart_rate",  # in 100 bpm
    "s_share",
    "v_share",
    "log_qrs",  # ln(median QRS duration / 100 ms)
    "confidence",  # mean of the beats' confidence
    "noisy_share",  # of the window's seconds
    "network_normal",  # log-probabilities by the network alone
    "network_af",
    "network_other",
    "network_noise",
)


@dataclass(frozen=True)
class RhythmModel:
    """Standardisation of the features, and weights (4 classes x terms) of their `terms`."""

    mean: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[tuple[float, ...], ...]
    bias: tuple[float, ...]

    @classmethod
    def from_manifest(cls, values: dict[str, Any]) -> RhythmModel:
        """The regression in a bundle's manifest; InputError where it does not fit this code."""
        try:
            model = cls(
                tuple(values["mean"]),
                tuple(values["scale"]),
                tuple(tuple(row) for row in values["weights"]),
                tuple(values["bias"]),
            )
            expected = (len(RHYTHMS), terms(np.zeros(len(FEATURES))).size)
            fits = tuple(values["features"]) == FEATURES and len(model.bias) == len(RHYTHMS)
            fits = fits and len(model.mean) == len(model.scale) == len(FEATURES)
            fits = fits and np.asarray(model.weights, np.float64).shape == expected
        except (KeyError, TypeError, ValueError):
            fits = False
        if not fits:
            raise InputError("the rhythm part of the bundle does not fit; get the bundle again")
        return model

    def probabilities(self, features: Doubles) -> dict[str, float]:
        """Softmax over the classes."""
        z = (features - self.mean) / np.asarray(self.scale)
        logits = np.asarray(self.weights) @ terms(z) + np.asarray(self.bias)
        exp = np.exp(logits - logits.max())
        return dict(zip(RHYTHMS, (exp / exp.sum()).tolist(), strict=True))


def terms(z: Doubles) -> Doubles:
    """Standardised features (..., k), and all their products of two, as (..., k + k (k + 1) / 2).

    Products let the regression say "no P waves, and irregular": neither alone is fibrillation.
    """
    z = np.clip(z, -4.0, 4.0)  # one odd record must not weigh by its square
    first, second = np.triu_indices(z.shape[-1])
    return np.concatenate([z, z[..., first] * z[..., second]], -1)


def classify(
    beats: Sequence[Beat],
    noisy_share: float,
    pooled: Doubles | None,
    span_s: tuple[float, float],
    models: tuple[RecordHead, RhythmModel],
) -> Rhythm:
    """The rhythm and the findings of a window from its beats and the network's pooled features.

    `noise` for certain, and no findings, when there are too few beats to tell.
    """
    head, model = models
    features = None
    if pooled is not None:
        features = rhythm_features(beats, noisy_share, head.rhythm_logits(pooled))
    if features is None or pooled is None:
        return Rhythm(*span_s, "noise", {name: float(name == "noise") for name in RHYTHMS})
    probabilities = model.probabilities(features)
    label = max(probabilities, key=lambda name: probabilities[name])
    findings = head.finding_probabilities(pooled)
    return Rhythm(*span_s, label, probabilities, findings, tuple(features.tolist()))


def rhythm_features(beats: Sequence[Beat], noisy_share: float, logits: Doubles) -> Doubles | None:
    """The `FEATURES` of a window, None with fewer than `MIN_INTERVALS` RR intervals.

    `logits` (4,) are the network's, by `RecordHead.rhythm_logits`.
    """
    rr = np.diff([on_grid(beat.r_s) for beat in beats])
    rr = rr[rr <= MAX_RR_S]
    if len(rr) < MIN_INTERVALS:
        return None
    change = np.diff(rr)
    middle = np.percentile(rr, [25, 75])
    irregularity = np.log(np.median(np.abs(change)) / np.median(rr) + 0.01)
    rate = 0.6 / rr.mean()
    labels = [beat.label for beat in beats]
    widths = [on_grid(beat.qrs_off_s - beat.qrs_on_s) for beat in beats]
    confidence = np.rint([beat.confidence * CONFIDENCE_STEPS for beat in beats]) / CONFIDENCE_STEPS
    return np.array(
        [
            irregularity,
            np.log(np.sqrt(np.mean(change**2)) / rr.mean() + 0.01),
            np.log((middle[1] - middle[0]) / rr.mean() + 0.01),
            _share(beats, "p_on_s"),
            _share(beats, "t_on_s"),
            rate,
            labels.count("S") / len(labels),
            labels.count("V") / len(labels),
            np.log(max(float(np.median(widths)), 0.02) / 0.1),
            float(confidence.mean()),
            noisy_share,
            *(logits - logits.max() - np.log(np.exp(logits - logits.max()).sum())),
        ]
    )


def on_grid(at_s: float) -> float:
    """Seconds to the nearest tick."""
    return round(at_s * TICKS_PER_S) / TICKS_PER_S


def _share(beats: Sequence[Beat], wave: str) -> float:
    return sum(getattr(beat, wave) is not None for beat in beats) / len(beats)
