"""`Guard`: who may see the page: whoever has its link, from this page alone.

The token in the link keeps other users of the machine or network out. The Host header has to be an
address, or the name that was bound: a foreign name that a resolver turned to this machine (DNS
rebinding) is refused. A WebSocket has to come from the page itself (its Origin is the Host).
"""

from __future__ import annotations

import hmac
import ipaddress
import re
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?")
WRONG_HOST = "leadone live answers to its address alone, not to this name.\n"
WRONG_TOKEN = "This link is not whole: open the one that leadone live printed.\n"
WRONG_ORIGIN = "leadone live sends its stream to its own page alone.\n"


class Guard:
    """ASGI middleware in front of everything."""

    def __init__(self, app: ASGIApp, token: str, bound_name: str) -> None:
        """`bound_name` is the host that a person bound, an address or a name."""
        self._app, self._token, self._bound_name = app, token.encode(), bound_name.casefold()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it in one sentence."""
        refusal = self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": refusal[1].strip()})
        else:
            await PlainTextResponse(refusal[1], refusal[0])(scope, receive, send)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._is_ours(hosts[0]):
            return 400, WRONG_HOST
        tokens = parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
        if len(tokens) != 1 or not hmac.compare_digest(tokens[0].encode(), self._token):
            return 403, WRONG_TOKEN
        if scope["type"] == "websocket" and not is_origin(headers.getlist("origin"), hosts[0]):
            return 403, WRONG_ORIGIN
        return None

    def _is_ours(self, host: str) -> bool:
        match = AUTHORITY.fullmatch(host)
        if match is None:
            return False
        name = match[1].strip("[]").casefold()
        return name in ("localhost", self._bound_name) or _is_address(name)


def is_origin(origins: list[str], host: str) -> bool:
    """Whether a request comes from a page of this very host and port."""
    if len(origins) != 1:
        return False
    try:
        parts = urlsplit(origins[0])
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.netloc.casefold() == host.casefold()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
