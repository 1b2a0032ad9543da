"""Rhythm and findings from the last 30 s: what the beats say beside what the network says.

Features of RR irregularity, P waves, ectopy, intervals and quality, and the network's own opinion
of the window (`RecordHead`), go through a multinomial logistic regression to normal, af, other or
noise; the same features stand beside the network's pooled ones where findings are read. All
coefficients are fitted by `leadone quantize` and travel in the bundle's manifest. The irregularity
is the median of |RR difference| / RR: atrial fibrillation raises it, single ectopic beats do not.
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
from .levels import STEPS, Levels
from .record_head import RecordHead

Doubles = npt.NDArray[np.float64]

WINDOW_S = 30.0
STEP_S = 10.0
MIN_INTERVALS = 5  # fewer RR intervals say nothing about rhythm
# What a device remembers of a beat for half a minute: its time to 61 us, its confidence in 12 bits.
TICKS_PER_S = 16384
CONFIDENCE_STEPS = 4095
MOST_BEATS = 128  # of 33 s: more than 230 a minute, and the window is that much shorter

LEVELS = ("q_level", "s_level", "st_level")  # medians of `levels`, in heights of the QRS
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
    "pr",  # median, s
    "pr_spread",  # standard deviation, s
    "qrs",  # median QRS duration, s
    "qrs_longest",
    "shortest_rr",  # ln(shortest RR / median RR)
    "longest_rr",
    "log_rate",  # ln(1 s / median RR)
    "fast",  # ln(rate / 95 bpm) above 95, else 0
    "slow",  # ln(62 bpm / rate) below 62, else 0
    "has_s",  # 1 where any beat is S
    "has_v",
    *LEVELS,
    "network_normal",  # log-probabilities by the network alone
    "network_af",
    "network_other",
    "network_noise",
)


NO_PR_S, NO_PR_SPREAD_S = 0.16, 0.01  # in place of what no P wave shows
FAST_BPM, SLOW_BPM = 95.0, 62.0
MOSTLY_NOISY = 0.5  # of the window's seconds: beyond it findings are not told, nor AF suspected
CLIP = 4.0  # of standardised features: one odd record must not weigh by its oddity


@dataclass(frozen=True)
class RhythmModel:
    """Standardisation of the features, and weights (4 classes x features)."""

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
            expected = (len(RHYTHMS), len(FEATURES))
            fits = tuple(values["features"]) == FEATURES and len(model.bias) == len(RHYTHMS)
            fits = fits and len(model.mean) == len(model.scale) == len(FEATURES)
            fits = fits and np.asarray(model.weights, np.float64).shape == expected
        except (KeyError, TypeError, ValueError):
            fits = False
        if not fits:
            raise InputError("the rhythm part of the bundle does not fit; get the bundle again")
        return model

    def standardised(self, features: Doubles) -> Doubles:
        """Features (..., k) in their usual spread, clipped."""
        z: Doubles = np.clip((features - self.mean) / np.asarray(self.scale), -CLIP, CLIP)
        return z

    def probabilities(self, z: Doubles) -> dict[str, float]:
        """Softmax over the classes from standardised features (k,)."""
        logits = np.asarray(self.weights) @ z + np.asarray(self.bias)
        exp = np.exp(logits - logits.max())
        return dict(zip(RHYTHMS, (exp / exp.sum()).tolist(), strict=True))


def classify(
    beats: Sequence[tuple[Beat, Levels]],
    noisy_share: float,
    pooled: Doubles | None,
    span_s: tuple[float, float],
    models: tuple[RecordHead, RhythmModel],
) -> Rhythm:
    """The rhythm and the findings of a window from its beats and the network's pooled features.

    `noise` for certain, and no findings, when there are too few beats to tell; no findings on what
    is `MOSTLY_NOISY`.
    """
    head, model = models
    features = None
    if pooled is not None:
        features = rhythm_features(beats, noisy_share, head.rhythm_logits(pooled))
    if features is None or pooled is None:
        return Rhythm(*span_s, "noise", {name: float(name == "noise") for name in RHYTHMS})
    z = model.standardised(features)
    probabilities = model.probabilities(z)
    label = max(probabilities, key=lambda name: probabilities[name])
    is_readable = noisy_share <= MOSTLY_NOISY
    findings = head.finding_probabilities(np.concatenate([pooled, z])) if is_readable else {}
    return Rhythm(*span_s, label, probabilities, findings, tuple(features.tolist()))


def rhythm_features(
    heard: Sequence[tuple[Beat, Levels]], noisy_share: float, logits: Doubles
) -> Doubles | None:
    """The `FEATURES` of a window, None with fewer than `MIN_INTERVALS` RR intervals.

    `logits` (4,) are the network's, by `RecordHead.rhythm_logits`.
    """
    beats = [beat for beat, _ in heard]
    rr = np.diff([on_grid(beat.r_s) for beat in beats])
    rr = rr[rr <= MAX_RR_S]
    if len(rr) < MIN_INTERVALS:
        return None
    change = np.diff(rr)
    middle = np.percentile(rr, [25, 75])
    usual_rr = float(np.median(rr))
    irregularity = np.log(np.median(np.abs(change)) / usual_rr + 0.01)
    rate_bpm = 60.0 / usual_rr
    labels = [beat.label for beat in beats]
    widths = [on_grid(beat.qrs_off_s - beat.qrs_on_s) for beat in beats]
    pr = [on_grid(beat.qrs_on_s - beat.p_on_s) for beat in beats if beat.p_on_s is not None]
    confidence = np.rint([beat.confidence * CONFIDENCE_STEPS for beat in beats]) / CONFIDENCE_STEPS
    return np.array(
        [
            irregularity,
            np.log(np.sqrt(np.mean(change**2)) / rr.mean() + 0.01),
            np.log((middle[1] - middle[0]) / rr.mean() + 0.01),
            _share(beats, "p_on_s"),
            _share(beats, "t_on_s"),
            0.6 / rr.mean(),
            labels.count("S") / len(labels),
            labels.count("V") / len(labels),
            np.log(max(float(np.median(widths)), 0.02) / 0.1),
            float(confidence.mean()),
            noisy_share,
            np.median(pr) if pr else NO_PR_S,
            np.std(pr) if len(pr) > 1 else NO_PR_SPREAD_S,
            np.median(widths),
            max(widths),
            np.log(rr.min() / usual_rr),
            np.log(rr.max() / usual_rr),
            -np.log(usual_rr),
            max(np.log(rate_bpm / FAST_BPM), 0.0),
            max(np.log(SLOW_BPM / rate_bpm), 0.0),
            float("S" in labels),
            float("V" in labels),
            *(np.median([levels for _, levels in heard], 0) / STEPS),
            *(logits - logits.max() - np.log(np.exp(logits - logits.max()).sum())),
        ]
    )


def on_grid(at_s: float) -> float:
    """Seconds to the nearest tick."""
    return round(at_s * TICKS_PER_S) / TICKS_PER_S


def _share(beats: Sequence[Beat], wave: str) -> float:
    return sum(getattr(beat, wave) is not None for beat in beats) / len(beats)
