"""One self-contained page that reads ECGs in the browser: the C core as WebAssembly, no server.

Its Content-Security-Policy allows the page's own script and style by their hashes and forbids every
connection, so that the browser itself vouches for what the page says: nothing leaves it.
"""

from __future__ import annotations

import base64
import html
from pathlib import Path
from typing import Any

from .alert_limits import KINDS, SLOW_TRENDS, AlertLimits
from .bundle import Bundle
from .c_stream import REASONS, STATES
from .episodes import texts
from .files import make_folder, whole_file
from .labels import BEATS, CARRIED_BY, RHYTHMS
from .record_head import RecordHead
from .web_parts import assembled, json_in_html

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
    values = {
        "facts": json_in_html(web_facts(bundle)),
        "core": base64.b64encode(wasm).decode(),
        "demo": "\n".join(map(_embedded, DEMO_FILES)),
        "credits": html.escape(CREDITS),
    }
    page, _ = assembled(PAGE, "main", POLICY, values)
    return page


def web_facts(bundle: Bundle) -> dict[str, Any]:
    """What the script has to know of the core's numbers: their names, and the thresholds."""
    head = RecordHead.from_manifest(bundle.manifest["record_head"])
    findings = zip(head.findings, head.thresholds, strict=True)
    return {
        "beats": BEATS,
        "rhythms": RHYTHMS,
        "alerts": KINDS,
        "slow_trends": SLOW_TRENDS,
        "states": STATES,
        "reasons": REASONS,
        "texts": texts(AlertLimits()),
        "findings": [
            {"code": code, "threshold": threshold, "leads": CARRIED_BY.get(code)}
            for code, threshold in findings
        ],
    }


def _embedded(name: str) -> str:
    content = base64.b64encode((DEMO / name).read_bytes()).decode()
    return f'<script type="text/plain" class="demo" data-name="{name}">{content}</script>'
