"""Write a whole bundle as `model.c`: the network's tables and every other number of its manifest.

What `edge/core` needs of a bundle is constants for flash, in the structs of `edge/core/model.h`.
"""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import numpy.typing as npt

from ...edge.beat_context import FEATURES as BEAT_FEATURES
from ...edge.beat_model import BeatModel
from ...edge.bundle import Bundle
from ...edge.errors import InputError
from ...edge.quality import QualityLimits
from ...edge.record_head import RecordHead
from ...edge.rhythm import FEATURES as RHYTHM_FEATURES
from ...edge.rhythm import RhythmModel
from .c_writer import channels_of, float_table, network_tables, struct_table
from .quantized import QuantizedGraph

MOST_UNITS = 32  # LO_MOST_UNITS of edge/core/beat_model.h
POOLED = 3  # statistics a channel; LO_POOL_STATISTICS of edge/core/pooling.h
MOST_FINDINGS = 16  # LEADONE_MOST_FINDINGS of edge/core/leadone.h

Values = npt.ArrayLike


def model_source(bundle: Bundle, quantized: QuantizedGraph) -> str:
    """The C source of one bundle; InputError where the core has no room for a part of it."""
    manifest = bundle.manifest
    head = RecordHead.from_manifest(manifest["record_head"])
    rhythm = RhythmModel.from_manifest(manifest["rhythm"])
    lines = [
        f"/* {_version(bundle)}; written by `leadone export`. */",
        '#include "model.h"',
        "",
        network_tables(quantized),
        *_beat_model(manifest["beat_model"] and BeatModel.from_manifest(manifest["beat_model"])),
        *_record_head(head, quantized),
        *_rhythm_model(rhythm, head),
        "const lo_model lo_the_model = {",
        f'    .version = "{_version(bundle)}",',
        "    .network = &network,",
        f"    .beat_model = {'&beat_model' if manifest['beat_model'] else 'NULL'},",
        "    .record_head = &record_head,",
        "    .rhythm = &rhythm_model,",
        "    .quality = {",
        *_limits(QualityLimits.from_manifest(manifest.get("quality", {}))),
        "    },",
        "};",
        "",
        "const lo_network_model *leadone_network(void) { return &network; }",
    ]
    return "\n".join(lines) + "\n"


def _version(bundle: Bundle) -> str:
    """Name, version and sha256 of the bundle that was exported, safe within a C string."""
    text = " ".join(bundle.identity[key] for key in ("name", "version", "sha256"))
    return "".join(c for c in text if c.isalnum() or c in " .-_+")


def _beat_model(model: BeatModel | None) -> list[str]:
    if model is None:
        return []
    if any(max(weights.shape) > MOST_UNITS for weights, _ in model.layers):
        raise InputError(f"the beat model has layers of more than {MOST_UNITS} units, as C has not")
    lines = [*_floats("beat_mean", model.mean), *_floats("beat_scale", model.scale)]
    rows = []
    for k, (weights, bias) in enumerate(model.layers):
        lines += [*_floats(f"beat_weights_{k}", weights), *_floats(f"beat_bias_{k}", bias)]
        rows.append(f"{{beat_weights_{k}, beat_bias_{k}, {weights.shape[1]}, {weights.shape[0]}}}")
    assert len(model.mean) == len(BEAT_FEATURES)
    return [
        *lines,
        *struct_table("lo_layer", "beat_layers", rows),
        "static const lo_beat_model beat_model = {"
        f"beat_mean, beat_scale, beat_layers, {len(rows)}}};",
    ]


def _record_head(head: RecordHead, quantized: QuantizedGraph) -> list[str]:
    if len(head.findings) > MOST_FINDINGS:
        raise InputError(f"the bundle has more than {MOST_FINDINGS} findings, for which C has room")
    features = np.asarray(head.rhythm_weights).shape[1]
    if features != POOLED * channels_of(quantized, quantized.graph.outputs[2]):
        raise InputError("the record head reads other features than C pools; get the bundle again")
    return [
        *_floats("head_rhythm_weights", head.rhythm_weights),
        *_floats("head_rhythm_bias", head.rhythm_bias),
        *_floats("head_finding_weights", _finding_weights(head)[:, :features]),
        *_floats("head_finding_bias", head.finding_bias or [0.0]),
        "static const lo_record_head record_head = {head_rhythm_weights, head_rhythm_bias,",
        f"    head_finding_weights, head_finding_bias, {features}, {len(head.findings)}}};",
    ]


def _rhythm_model(model: RhythmModel, head: RecordHead) -> list[str]:
    tables = {name: getattr(model, name) for name in ("mean", "scale", "weights", "bias")}
    tables["finding_weights"] = _finding_weights(head)[:, -len(model.mean) :]
    lines = [line for name in tables for line in _floats(f"rhythm_{name}", tables[name])]
    given = ", ".join(f"rhythm_{name}" for name in tables)
    return [*lines, f"static const lo_rhythm_model rhythm_model = {{{given}}};"]


def _finding_weights(head: RecordHead) -> npt.NDArray[np.float64]:
    """Of the pooled features and then of the beats'; a row of zeros where there is no finding."""
    width = np.asarray(head.rhythm_weights).shape[1] + len(RHYTHM_FEATURES)
    return np.array(head.finding_weights or [[0.0] * width])


def _limits(limits: QualityLimits) -> list[str]:
    return [f"        .{name} = {float(value).hex()}," for name, value in asdict(limits).items()]


def _floats(name: str, values: Values) -> list[str]:
    return float_table(name, np.asarray(values, np.float32))
