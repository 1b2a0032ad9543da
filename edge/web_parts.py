"""What every page of `edge/web` is made of: one style, one script, shared pieces of HTML.

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


def json_in_html(data: Mapping[str, Any]) -> str:
    """JSON that can't end its script element: no <, > or & is left in it."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return re.sub("[<>&]", lambda match: f"\\u{ord(match[0]):04x}", text)


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
