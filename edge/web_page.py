"""One self-contained page that reads ECGs in the browser: the C core as WebAssembly, no server.

Its Content-Security-Policy allows the page's own script and style by their hashes and forbids every
connection, so that the browser itself vouches for what the page says: nothing leaves it.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from importlib import resources
from pathlib import Path
from typing import Any

from .alert_limits import KINDS, AlertLimits
from .bundle import Bundle
from .c_stream import REASONS, STATES
from .episodes import texts
from .files import make_folder, whole_file
from .labels import BEATS, RHYTHMS
from .record_head import RecordHead
from .web_script import one_script

PAGE = "index.html"
DEMO = Path(__file__).parent / "demo"
DEMO_FILES = ("208demo.hea", "208demo.dat")
CREDITS = (
    "The demo is MIT-BIH record 208, lead MLII, five minutes: Moody and Mark 2001, "
    "Goldberger et al. 2000, ODC-BY 1.0."
)
POLICY = (
    "default-src 'none'",
    "script-src 'sha256-{script}' 'wasm-unsafe-eval'",
    "style-src 'sha256-{style}'",
    "img-src data:",
    "connect-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
)


def write_web_page(bundle: Bundle, wasm: bytes, folder: Path) -> Path:
    """Write `folder/index.html`, whole or not at all; where it lies."""
    page = render_web_page(bundle, wasm)
    make_folder(folder)
    with whole_file(folder / PAGE) as unfinished:
        unfinished.write_text(page, encoding="utf-8", newline="\n")
    return folder / PAGE


def render_web_page(bundle: Bundle, wasm: bytes) -> str:
    """The page with everything in it: style, script, core, the names of its numbers, the demo."""
    sources = {
        path.name: path.read_text(encoding="utf-8")
        for path in resources.files(__package__).joinpath("web").iterdir()
    }
    modules = {name[:-4]: text for name, text in sources.items() if name.endswith(".mjs")}
    style, script = f"\n{sources['style.css']}", f"\n{one_script(modules, 'main')}"
    if "</script" in script or "<!--" in script or "</style" in style:
        raise ValueError("the page's script or style would end its own element")
    policy = "; ".join(POLICY).format(script=_sha256(script), style=_sha256(style))
    values = {
        "policy": policy,
        "style": style,
        "script": script,
        "facts": _json_in_html(web_facts(bundle)),
        "core": base64.b64encode(wasm).decode(),
        "demo": "\n".join(map(_embedded, DEMO_FILES)),
        "credits": html.escape(CREDITS),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda match: values[match[1]], sources[PAGE])


def web_facts(bundle: Bundle) -> dict[str, Any]:
    """What the script has to know of the core's numbers: their names, and the thresholds."""
    head = RecordHead.from_manifest(bundle.manifest["record_head"])
    findings = zip(head.findings, head.thresholds, strict=True)
    return {
        "beats": BEATS,
        "rhythms": RHYTHMS,
        "alerts": KINDS,
        "states": STATES,
        "reasons": REASONS,
        "texts": texts(AlertLimits()),
        "findings": [{"code": code, "threshold": threshold} for code, threshold in findings],
    }


def _embedded(name: str) -> str:
    content = base64.b64encode((DEMO / name).read_bytes()).decode()
    return f'<script type="text/plain" class="demo" data-name="{name}">{content}</script>'


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _json_in_html(data: dict[str, Any]) -> str:
    """JSON that can't end its script element: no <, > or & is left in it."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return re.sub("[<>&]", lambda match: f"\\u{ord(match[0]):04x}", text)
