"""JSON documents of ECG services, bounded, and access that survives any shape."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from .blob import Blob
from .recording import Floats
from .text import decoded

MAX_BYTES = 1 << 25  # as Python objects up to twenty times that


def json_tree(blob: Blob) -> Any:
    """The document; InputError for one that is damaged, too large or nested without end."""
    content = blob.whole(MAX_BYTES)
    try:
        return json.loads(decoded(content))
    except (ValueError, RecursionError) as error:
        reason = getattr(error, "msg", "") or type(error).__name__
        raise blob.fault(f"it is damaged JSON ({reason}); export it again") from None


def child(node: Any, *keys: str) -> Any:
    """What a path of keys leads to; None where a step is no object or has no such key."""
    for key in keys:
        node = node.get(key) if isinstance(node, dict) else None
    return node


def objects(node: Any) -> list[dict[str, Any]]:
    """The objects in a list, nothing where it is none."""
    return [one for one in node if isinstance(one, dict)] if isinstance(node, list) else []


def words(node: Any) -> str:
    """A string, empty where there is none."""
    return node.strip() if isinstance(node, str) else ""


def real(node: Any) -> float | None:
    """A finite number, also one that is written as a string; None where there is none."""
    if isinstance(node, bool) or not isinstance(node, int | float | str):
        return None
    try:
        value = float(node)
    except (ValueError, OverflowError):
        return None
    return value if np.isfinite(value) else None


def samples(node: Any) -> Floats | None:
    """A list of numbers (null: missing) as floats; None where it is no such list."""
    if not isinstance(node, list):
        return None
    if not all(one is None or type(one) in (int, float) for one in node):
        return None
    try:
        return np.array([np.nan if one is None else float(one) for one in node], np.float64)
    except OverflowError:
        return None
