"""What every page of `edge/web` is made of: one style, one script, shared pieces of HTML, facts.

Script and style stand inside the page; its Content-Security-Policy allows them by their hashes.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from importlib import resources
from typing import Any

from .alerts import AlertLimits, texts
from .bundle import Bundle
from .c_stream import ALERTS, REASONS, STATES
from .labels import BEATS, RHYTHMS
from .record_head import RecordHead
from .web_script import one_script

PIECES = ("cards", "paper", "told")  # HTML that pages share


def assembled(
    page: str, main: str, policy: tuple[str, ...], values: Mapping[str, str]
) -> tuple[str, str]:
    """The page of that file with the script that begins at module `main`; and its policy.

    `{script}` and `{style}` in the policy become their hashes, {{policy}} in the page is the whole.
    """
    sources = {
        path.name: path.read_text(encoding="utf-8")
        for path in resources.files(__package__).joinpath("web").iterdir()
    }
    modules = {name[:-4]: text for name, text in sources.items() if name.endswith(".mjs")}
    style, script = f"\n{sources['style.css']}", f"\n{one_script(modules, main)}"
    if "</script" in script or "<!--" in script or "</style" in style:
        raise ValueError("the page's script or style would end its own element")
    allowed = "; ".join(policy).format(script=_sha256(script), style=_sha256(style))
    parts = {
        **{name: sources[f"{name}.html"] for name in PIECES},
        "policy": allowed,
        "style": style,
        "script": script,
        **values,
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], sources[page]), allowed


def web_facts(bundle: Bundle) -> dict[str, Any]:
    """What the script has to know of the core's numbers: their names, and the thresholds."""
    head = RecordHead.from_manifest(bundle.manifest["record_head"])
    findings = zip(head.findings, head.thresholds, strict=True)
    return {
        "beats": BEATS,
        "rhythms": RHYTHMS,
        "alerts": ALERTS,
        "states": STATES,
        "reasons": REASONS,
        "texts": texts(AlertLimits()),
        "findings": [{"code": code, "threshold": threshold} for code, threshold in findings],
    }


def json_in_html(data: Mapping[str, Any]) -> str:
    """JSON that can't end its script element: no <, > or & is left in it."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return re.sub("[<>&]", lambda match: f"\\u{ord(match[0]):04x}", text)


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
