"""Bluetooth straps through bleak: the Polar H10's ECG, and any strap's RR intervals.

Bluetooth runs in a thread of its own and can't be held up: where the reader falls behind, the
oldest frames are dropped, and their time stamps make the gap be seen. A lost connection is made
again; the strap's clock goes on meanwhile.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from ..errors import InputError
from ..formats.polar import (
    ECG_RATE_HZ,
    HEART_RATE,
    PMD_CONTROL,
    PMD_DATA,
    START_ECG,
    STOP_ECG,
    HeartRate,
    ecg_frame,
    heart_rate,
    start_answer,
)
from .chunk import Chunk, Format

WAIT_S = 0.5
QUEUE_FRAMES = 64  # about 36 s of ECG
CONNECT_S = 20.0
RETRIES = 5
RETRY_S = 2.0
ANSWER_S = 5.0
START_WORDS = {"already streaming": "another app uses it; close that", "charging": "wear it"}


class Client(Protocol):
    """What of bleak's BleakClient is used."""

    async def connect(self, **kwargs: Any) -> Any:
        """Connect."""
        ...

    async def disconnect(self) -> Any:
        """Disconnect."""
        ...

    async def start_notify(self, char: str, callback: Callable[[Any, bytearray], Any]) -> Any:
        """Subscribe."""
        ...

    async def write_gatt_char(self, char: str, data: bytes, response: bool) -> Any:
        """Write."""
        ...


MakeClient = Callable[[str, Callable[[Any], None]], Any]  # a Client, but for bleak's wider types


@dataclass
class Link:
    """A connection in a thread of its own: notifications come out of a bounded queue."""

    address: str
    make_client: MakeClient
    subscribe: Callable[[Client, Callable[[bytes], None]], Awaitable[None]]
    unsubscribe: Callable[[Client], Awaitable[None]] | None = None
    retry_s: float = RETRY_S
    dropped: int = 0
    _queue: queue.Queue[bytes | InputError] = field(
        default_factory=lambda: queue.Queue(QUEUE_FRAMES)
    )
    _is_stopped: threading.Event = field(default_factory=threading.Event)

    def __iter__(self) -> Iterator[bytes | None]:
        """Notifications, None while nothing comes; InputError when the strap is gone for good."""
        thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        thread.start()
        try:
            while True:
                try:
                    got = self._queue.get(timeout=WAIT_S)
                except queue.Empty:
                    yield None
                    continue
                if isinstance(got, InputError):
                    raise got
                yield got
        finally:
            self._is_stopped.set()
            thread.join(CONNECT_S)

    def _put(self, item: bytes | InputError) -> None:
        while True:
            try:
                return self._queue.put_nowait(item)
            except queue.Full:
                self.dropped += 1
                try:
                    self._queue.get_nowait()
                except queue.Empty:
                    continue

    async def _run(self) -> None:
        tries = 0
        while not self._is_stopped.is_set():
            try:
                if await self._connected():
                    tries = 0
            except InputError as error:
                return self._put(error)
            except FileNotFoundError:  # the socket of the system's service
                return self._put(InputError("Bluetooth is not running here; start its service"))
            except Exception as error:  # bleak's backends each raise their own
                if tries >= RETRIES:
                    reason = str(error).split("\n")[0].rstrip(".") or type(error).__name__
                    return self._put(
                        InputError(f"{self.address} can't be reached ({reason}); wear it and retry")
                    )
            tries += 1
            if tries > RETRIES:
                return self._put(InputError(f"{self.address} broke off; wear it and connect again"))
            await asyncio.sleep(self.retry_s)

    async def _connected(self) -> bool:
        """One connection until it is lost or not wanted; whether anything came."""
        lost = asyncio.Event()
        loop = asyncio.get_running_loop()
        came = False

        def take(data: bytes) -> None:
            nonlocal came
            came = True
            self._put(data)

        def on_lost(_client: Any) -> None:
            loop.call_soon_threadsafe(lost.set)

        client = self.make_client(self.address, on_lost)
        await asyncio.wait_for(client.connect(), CONNECT_S)
        try:
            await self.subscribe(client, take)
            while not lost.is_set() and not self._is_stopped.is_set():
                try:
                    await asyncio.wait_for(lost.wait(), WAIT_S / 2)
                except TimeoutError:
                    continue
            if self.unsubscribe is not None and not lost.is_set():
                await self.unsubscribe(client)
        finally:
            if not lost.is_set():
                await client.disconnect()
        return came


class PolarStrap:
    """The ECG of a Polar H10 as chunks in mV with the strap's own times."""

    format = Format(ECG_RATE_HZ)

    def __init__(
        self, address: str, make_client: MakeClient | None = None, retry_s: float = RETRY_S
    ) -> None:
        """`address` as the system gives it; `make_client` is bleak's unless a test's."""
        self.link = Link(address, make_client or bleak_client, _start_ecg, _stop_ecg, retry_s)

    def __iter__(self) -> Iterator[Chunk | None]:
        """Chunks of some 70 samples, None while nothing comes."""
        for payload in self.link:
            frame = ecg_frame(payload) if payload is not None else None
            if frame is None:
                yield None
                continue
            last_s = frame.last_ns / 1e9
            first_s = last_s - (len(frame.samples_uv) - 1) / ECG_RATE_HZ
            yield Chunk((frame.samples_uv / 1000).astype(np.float32), first_s)


class HeartRateStrap:
    """Any strap's heart rate and RR intervals; there is no ECG in them."""

    def __init__(
        self, address: str, make_client: MakeClient | None = None, retry_s: float = RETRY_S
    ) -> None:
        """As `PolarStrap`."""
        self.link = Link(address, make_client or bleak_client, _start_rate, None, retry_s)

    def __iter__(self) -> Iterator[HeartRate | None]:
        """Measurements, None while nothing comes."""
        for payload in self.link:
            yield None if payload is None else heart_rate(payload)


def bleak_client(address: str, on_lost: Callable[[Any], None]) -> Any:
    """bleak's client; InputError where bleak is not there."""
    try:
        import bleak
    except ImportError:
        raise InputError("Bluetooth needs bleak: pip install 'leadone[live]'") from None
    return bleak.BleakClient(address, disconnected_callback=on_lost)


async def _start_ecg(client: Client, take: Callable[[bytes], None]) -> None:
    """Subscribe, ask for ECG, and hear what the strap answers."""
    answered: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def on_control(_char: Any, data: bytearray) -> None:
        is_answer = len(data) >= 4 and data[0] == 0xF0 and data[1] == START_ECG[0]
        if is_answer and not answered.done():
            answered.set_result(start_answer(bytes(data)))

    await client.start_notify(PMD_CONTROL, on_control)
    await client.start_notify(PMD_DATA, lambda _char, data: take(bytes(data)))
    await client.write_gatt_char(PMD_CONTROL, START_ECG, response=True)
    reason = await asyncio.wait_for(answered, ANSWER_S)
    if reason:
        what = START_WORDS.get(reason, "update its firmware")
        raise InputError(f"the strap refused to send its ECG ({reason}); {what}")


async def _stop_ecg(client: Client) -> None:
    await client.write_gatt_char(PMD_CONTROL, STOP_ECG, response=True)


async def _start_rate(client: Client, take: Callable[[bytes], None]) -> None:
    await client.start_notify(HEART_RATE, lambda _char, data: take(bytes(data)))
