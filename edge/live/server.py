"""The page's server: one page, one WebSocket, no file."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass, field

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from .guard import Guard
from .log import LiveLog, Place
from .page import LivePage

FLUSH_S = 0.015  # between two looks for something new
ALIVE_S = 1.0  # a page hears at least this often that its server is there
IN_FLIGHT = 16  # messages that a browser has not said to have
STALLED_S = 30.0  # a browser that takes nothing for so long has to come again
MOST_BROWSERS = 32
ALIVE = "{}"


def make_server(log: LiveLog, page: LivePage, token: str, bound_name: str) -> uvicorn.Server:
    """Ready to run on a bound socket."""
    browsers = _Browsers(log)

    async def show(request: Request) -> Response:
        text, headers = page.for_host(request.headers["host"])
        return Response(text, media_type="text/html", headers=headers)

    app = Starlette(
        routes=[Route("/", show), WebSocketRoute("/stream", browsers.serve)],
        middleware=[Middleware(Guard, token=token, bound_name=bound_name)],
    )
    return uvicorn.Server(
        uvicorn.Config(
            app,
            ws="websockets-sansio",
            ws_max_size=1024,  # a page says numbers
            ws_per_message_deflate=False,
            lifespan="off",
            log_config=None,
            access_log=False,  # it would hold the token
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
    )


@dataclass
class _Browsers:
    """Every open page."""

    log: LiveLog
    count: int = 0

    async def serve(self, websocket: WebSocket) -> None:
        """One browser, from where it was (`samples` and `events` of the link) to its end."""
        if self.count >= MOST_BROWSERS:
            await websocket.close(1013, "as many pages are open as leadone live serves")
            return
        query = websocket.query_params
        place = Place(_number(query.get("samples")), _number(query.get("events")))
        self.count += 1
        try:
            await websocket.accept()
            await _Browser(websocket, self.log, place).serve()
        finally:
            self.count -= 1


@dataclass
class _Browser:
    """One page. It says how many messages it has: nothing else bounds what waits for it."""

    websocket: WebSocket
    log: LiveLog
    place: Place
    sent: int = 0
    had: int = 0
    _has_more: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self) -> None:
        """Send until the page goes."""
        tasks = [asyncio.create_task(self._send_all()), asyncio.create_task(self._hear_all())]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(outcome, Exception) and not isinstance(outcome, WebSocketDisconnect):
                raise outcome

    async def _hear_all(self) -> None:
        while (message := await self.websocket.receive())["type"] == "websocket.receive":
            self.had = min(_number(message.get("text")), self.sent)
            self._has_more.set()

    async def _send_all(self) -> None:
        idle_s = 0.0
        while True:
            messages = self.log.read(self.place)
            idle_s = 0.0 if messages else idle_s + FLUSH_S
            if idle_s >= ALIVE_S:
                messages, idle_s = [ALIVE], 0.0
            for message in messages:
                if not await self._has_room():
                    return await self.websocket.close(1013, "the page takes nothing")
                await self._send(message)
            await asyncio.sleep(FLUSH_S)

    async def _has_room(self) -> bool:
        """Once the browser has room for a message; False if it takes none for long."""
        while self.sent - self.had >= IN_FLIGHT:
            self._has_more.clear()
            try:
                await asyncio.wait_for(self._has_more.wait(), STALLED_S)
            except TimeoutError:
                return False
        return True

    async def _send(self, message: str | bytes) -> None:
        self.sent += 1
        if isinstance(message, str):
            await self.websocket.send_text(message)
        else:
            await self.websocket.send_bytes(message)


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 is any free one. OSError where that can't be."""
    family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    return socket.create_server(address[:2], family=family)


def _number(text: str | None) -> int:
    """A count that a page says; 0 for anything else."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else 0
