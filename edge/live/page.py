"""The live page for a browser: the text, and the headers that keep it to this server."""

from __future__ import annotations

from ..bundle import Bundle
from ..web_page import web_facts
from ..web_parts import assembled, json_in_html

POLICY = (
    "default-src 'none'",
    "script-src 'sha256-{script}'",
    "style-src 'sha256-{style}'",
    "img-src data:",
    "connect-src ws://{{host}} wss://{{host}}",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
)
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class LivePage:
    """The page of one bundle's events, made once."""

    def __init__(self, bundle: Bundle) -> None:
        """Names the model, as reports do."""
        facts = {**web_facts(bundle), "model": bundle.identity}
        values = {"facts": json_in_html(facts)}
        self._text, self._policy = assembled("live.html", "live_main", POLICY, values)

    def for_host(self, host: str) -> tuple[str, dict[str, str]]:
        """Text and headers for a browser that reached the server as `host`, checked before."""
        policy = self._policy.format(host=host)
        return self._text, {**HEADERS, "Content-Security-Policy": policy}
