"""The loop closes: an accepted global head becomes a signed bundle, newer than all before it.

The bundle is the fleet's base bundle with the new readouts. `fleet` in its manifest says which
fleet it is of, its serial number (the round: it only grows), what it stands on and what it scored.
Round 7 of a fleet on 0.4.0 is 0.4.7+fleet: firmware, whose slots take newer versions only, can
install it (`leadone firmware pack`), and so a release of the model has to raise the minor number.
A base's model in C is written anew, for the readouts are part of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..distill.export.c_backend import with_model_c
from ..edge.bundle import Bundle, sign_bundle, write_bundle
from ..edge.core_build import MODEL_C
from ..edge.errors import InputError
from ..edge.record_head import RecordHead
from ..edge.version import MOST, Version
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
    manifest["version"] = version_of(str(base.manifest["version"]), serial)
    manifest[FLEET] = {
        "name": str(base.manifest["name"]),
        "serial": serial,
        "of": base.identity,
        "figures": {name: float(value) for name, value in figures.items()},
    }
    folder = out / f"{base.manifest['name']}-{serial:06d}"
    files = {name: content for name, content in base.files.items() if name != MODEL_C}
    if MODEL_C in base.files:
        files = with_model_c(Bundle({**base.manifest, **manifest}, files, "")).files
    write_bundle(folder, manifest, files)
    sign_bundle(folder, key)
    return folder


def version_of(base: str, serial: int) -> str:
    """A later one than the base's and every smaller serial's, of the same minor version."""
    version = Version.parse(base)
    if version.rest and not version.rest.startswith("+"):
        raise InputError(f"the base's version {base!r} is not like 1.2.3; name another model")
    patch, minor = version.patch + serial, f"{version.major}.{version.minor}"
    if patch > MOST:
        raise InputError(
            f"round {serial} on version {base} passes {minor}.{MOST}, the last that a "
            "device can tell is newer; begin anew on a base of a higher minor version"
        )
    return f"{minor}.{patch}+fleet"
