"""The loop closes: an accepted global head becomes a signed bundle, newer than all before it.

The bundle is the fleet's base bundle with the new readouts. `fleet` in its manifest says which
fleet it is of, its serial number (the round: it only grows), what it stands on and what it scored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..edge.bundle import Bundle, sign_bundle, write_bundle
from ..edge.record_head import RecordHead
from .arrays import Arrays, Doubles
from .head import record_head

FLEET = "fleet"


def publish(
    base: Bundle,
    model: Arrays,
    findings: tuple[str, ...],
    cuts: Doubles,
    serial: int,
    figures: Mapping[str, float],
    out: Path,
    key: Path,
) -> Path:
    """Write and sign the bundle of round `serial`; `cuts` (k,) are the findings' thresholds."""
    learned = record_head(model, findings, cuts)
    kept = RecordHead.from_manifest(base.manifest["record_head"])
    merged = replace(
        learned if findings else kept,
        rhythm_weights=learned.rhythm_weights
        if np.any(learned.rhythm_weights)
        else kept.rhythm_weights,
        rhythm_bias=learned.rhythm_bias if np.any(learned.rhythm_weights) else kept.rhythm_bias,
    )
    manifest = {name: value for name, value in base.manifest.items() if name != "files"}
    manifest["record_head"] = merged.as_manifest()
    manifest["version"] = f"{base.manifest['version']}+fleet.{serial}"
    manifest[FLEET] = {
        "name": str(base.manifest["name"]),
        "serial": serial,
        "of": base.identity,
        "figures": {name: float(value) for name, value in figures.items()},
    }
    folder = out / f"{base.manifest['name']}-{serial:06d}"
    write_bundle(folder, manifest, dict(base.files))
    sign_bundle(folder, key)
    return folder
