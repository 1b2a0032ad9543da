"""A bundle's manifest: JSON in which every field is what this code takes it for, or none of it.

Strict, so that the same bytes mean the same to every reader: no key twice, no NaN, names of files
that no system reads as a path.
"""

from __future__ import annotations

import json
import re
from typing import Any

from .errors import InputError
from .labels import BEATS, RHYTHMS, WAVES
from .timing import HOP_SAMPLES, LOOKAHEAD_SAMPLES

FORMAT_VERSION = 3
MAX_MANIFEST_BYTES = 4 * 1024 * 1024
MAX_FILES = 256
# What this code assumes of every network; a bundle must declare the same.
CONTRACT: dict[str, dict[str, Any]] = {
    "input": {"rate_hz": 250, "hop_samples": HOP_SAMPLES, "lookahead_samples": LOOKAHEAD_SAMPLES},
    "labels": {"waves": list(WAVES), "beats": list(BEATS), "rhythm": list(RHYTHMS)},
}
TEXTS = ("name", "version", "network")
PARTS = ("record_head", "rhythm", "beat_model")  # what is fitted beside the network
MAX_TEXT, MAX_NUMBER, MAX_LIMIT, MAX_DEPTH = 100, 1e9, 1000.0, 5
FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
SHA256 = re.compile(r"[0-9a-f]{64}")
RESERVED = re.compile(r"manifest\.(json|sig)", re.IGNORECASE)


def read_manifest(encoded: bytes, bundle: str) -> dict[str, Any]:
    """The manifest in a file's bytes; `bundle` is what a refusal calls it."""
    try:
        manifest = json.loads(encoded, object_pairs_hook=_unique, parse_constant=_not_json)
    except (ValueError, RecursionError) as error:
        raise InputError(f"the manifest of {bundle} is not JSON; get the bundle again") from error
    if not isinstance(manifest, dict) or not isinstance(manifest.get("files"), dict):
        raise InputError(f"the manifest of {bundle} lists no files; get the bundle again")
    made_by = manifest.get("format")
    if type(made_by) is not int or made_by != FORMAT_VERSION:
        raise InputError(
            f"bundle {bundle} has format {_shown(made_by)}, this leadone reads {FORMAT_VERSION}; "
            "install the leadone that made it"
        )
    _check_files(manifest["files"], bundle)
    _check_fields(manifest, bundle)
    _check_contract(manifest, bundle)
    return manifest


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError("a key comes twice")
    return dict(pairs)


def _not_json(constant: str) -> None:
    raise ValueError(f"{constant} is no number of JSON")


def _check_files(files: dict[str, Any], bundle: str) -> None:
    if len(files) > MAX_FILES:
        raise InputError(f"bundle {bundle} lists more than {MAX_FILES} files; refused")
    if len({name.lower() for name in files}) < len(files):
        raise InputError(f"bundle {bundle} lists one file twice; get the bundle again")
    for name, sha256 in files.items():
        if not FILE_NAME.fullmatch(name) or RESERVED.fullmatch(name):
            raise InputError(
                f"bundle {bundle} names a file outside itself or none that it may: {_shown(name)}"
            )
        if not isinstance(sha256, str) or not SHA256.fullmatch(sha256):
            raise InputError(f"bundle {bundle} gives no sha256 of {name}; get the bundle again")


def _check_fields(manifest: dict[str, Any], bundle: str) -> None:
    missing = [key for key in (*TEXTS, *PARTS) if key not in manifest]
    if missing:
        raise InputError(f"the manifest of {bundle} lacks {missing[0]!r}; get the bundle again")
    right = {key: _is_text(manifest[key]) for key in TEXTS}
    right |= {key: isinstance(manifest[key], dict) for key in ("record_head", "rhythm")}
    right["macs_per_second"] = type(manifest.get("macs_per_second", 0)) in (int, float)
    beat_model = manifest["beat_model"]
    right["beat_model"] = beat_model is None or (isinstance(beat_model, dict) and beat_model != {})
    for key in PARTS:
        right[key] = right[key] and (manifest[key] is None or _is_fitted(manifest[key]))
    quality, training = manifest.get("quality", {}), manifest.get("training", {})
    right["quality"] = isinstance(quality, dict) and all(map(_is_limit, quality.values()))
    right["training"] = isinstance(training, dict) and _are_texts(
        training.get("source_records", [])
    )
    wrong = [key for key, is_right in right.items() if not is_right]
    if wrong:
        raise InputError(
            f"{wrong[0]!r} in the manifest of {bundle} is not what it has to be; "
            "get the bundle again"
        )
    if manifest["network"] not in manifest["files"]:
        raise InputError(f"bundle {bundle} does not list its network; get the bundle again")


def _check_contract(manifest: dict[str, Any], bundle: str) -> None:
    for part, expected in CONTRACT.items():
        found = manifest.get(part)
        for key, value in expected.items():
            if not isinstance(found, dict) or found.get(key) != value:
                raise InputError(
                    f"bundle {bundle} declares another {part} {key} than {value}; install the "
                    "leadone that made it"
                )


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_TEXT and value.isprintable()


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_limit(value: Any) -> bool:
    return _is_number(value) and 0 <= value <= MAX_LIMIT


def _is_number(value: Any) -> bool:
    """Finite, and small enough for sums of products to stay finite."""
    return type(value) in (int, float) and abs(value) <= MAX_NUMBER


def _is_fitted(value: Any, depth: int = 0) -> bool:
    """Numbers, words, and lists or names of them: plain values that end."""
    if isinstance(value, dict | list) and depth < MAX_DEPTH:
        inner = value.values() if isinstance(value, dict) else value
        return all(_is_fitted(one, depth + 1) for one in inner)
    return value is None or isinstance(value, bool) or _is_text(value) or _is_number(value)


def _shown(value: Any) -> str:
    is_plain = value is None or isinstance(value, str | int | float)
    return repr(value)[:MAX_TEXT] if is_plain else f"a {type(value).__name__}"
