"""From a beat's features to N, S or V: a network of two small hidden layers.

Fitted on MIT-BIH by `leadone quantize`; its weights travel in the bundle's manifest. Paced beats
(Q) are for the large network to tell: they differ from other hearts' beats, not from each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .beat_context import FEATURES
from .errors import InputError

Doubles = npt.NDArray[np.float64]
CLASSES = ("N", "S", "V")
CLIP = 5.0  # of standardised features: one odd beat must not leave what was seen in training


@dataclass(frozen=True)
class BeatModel:
    """Standardisation of the features, then layers of (weights (out, in), offsets (out,))."""

    mean: Doubles
    scale: Doubles
    layers: tuple[tuple[Doubles, Doubles], ...]

    @classmethod
    def from_manifest(cls, values: dict[str, Any]) -> BeatModel:
        """The model in a bundle's manifest; InputError where it does not fit this code."""
        try:
            layers = tuple(
                (np.array(layer["weights"], np.float64), np.array(layer["bias"], np.float64))
                for layer in values["layers"]
            )
            model = cls(
                np.array(values["mean"], np.float64), np.array(values["scale"], np.float64), layers
            )
            fits = tuple(values["features"]) == FEATURES
            fits = fits and model.mean.shape == model.scale.shape == (len(FEATURES),)
            fits = fits and model.logits(model.mean).shape == (len(CLASSES),)
        except (KeyError, TypeError, ValueError):
            fits = False
        if not fits:
            raise InputError("the beat model of the bundle does not fit; get the bundle again")
        return model

    def as_manifest(self) -> dict[str, Any]:
        """Plain values for the manifest."""
        layers = [{"weights": w.tolist(), "bias": b.tolist()} for w, b in self.layers]
        standard = {"mean": self.mean.tolist(), "scale": self.scale.tolist()}
        return {"features": list(FEATURES), **standard, "layers": layers}

    def logits(self, features: Doubles) -> Doubles:
        """Logits (..., 3) of `CLASSES` from features (..., k)."""
        x = np.clip((features - self.mean) / self.scale, -CLIP, CLIP)
        for weights, bias in self.layers[:-1]:
            x = np.maximum(x @ weights.T + bias, 0.0)
        weights, bias = self.layers[-1]
        logits: Doubles = x @ weights.T + bias
        return logits
