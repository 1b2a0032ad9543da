"""The live page's server: who may see it, what a slow or lost browser costs, how an end is told."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from click.testing import CliRunner

from leadone import Monitor, read_record
from leadone.cli import DEMO_RECORD, cli
from leadone.edge.live import server as server_module
from leadone.edge.live.log import About, LiveLog
from leadone.edge.live.run import record_into
from leadone.edge.sources.played import PlayedRecord

sync_client = pytest.importorskip("websockets.sync.client")
from websockets.exceptions import ConnectionClosed, InvalidStatus  # noqa: E402

PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def demo_mv() -> np.ndarray:
    return read_record(DEMO_RECORD).signal_mv


def connect(served: Any, query: str = "", **options: Any) -> Any:
    url = f"ws://127.0.0.1:{served.port}/stream?token={served.token}{query}"
    options.setdefault("origin", f"http://127.0.0.1:{served.port}")
    return sync_client.connect(url, compression=None, max_size=None, **options)


class Page:
    """A browser's part of the protocol."""

    def __init__(self, connection: Any) -> None:
        self.connection, self.had = connection, 0
        self.samples: list[np.ndarray] = []
        self.events: list[dict[str, Any]] = []
        self.said: list[dict[str, Any]] = []

    def take(self, timeout_s: float = PATIENCE_S) -> None:
        message = self.connection.recv(timeout=timeout_s)
        self.had += 1
        if isinstance(message, bytes):
            self.samples.append(np.frombuffer(message[24:], "<f4"))
        else:
            told = json.loads(message)
            self.events += told.get("events", [])
            self.said += [told] if told else []
        self.connection.send(str(self.had))

    def until(self, is_enough: Callable[[Page], bool]) -> Page:
        end = time.monotonic() + PATIENCE_S
        while not is_enough(self):
            assert time.monotonic() < end, (self.count, self.said)
            self.take()
        return self

    @property
    def count(self) -> int:
        return sum(map(len, self.samples))

    @property
    def state(self) -> dict[str, str]:
        states: list[dict[str, str]] = [one["source"] for one in self.said if "source" in one]
        return states[-1] if states else {}


def answer(served: Any, path: str, headers: dict[str, str] | None = None) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
    connection.request("GET", path, headers=headers or {})
    got = connection.getresponse()
    got.body = got.read().decode()  # type: ignore[attr-defined]
    connection.close()
    return got


# ---- who may see it ------------------------------------------------------------------------------


def test_the_page_needs_its_token(serve: Any, puppet: Any) -> None:
    with serve(puppet) as served:
        good = answer(served, f"/?token={served.token}")
        assert good.status == 200 and "leadone live" in good.body
        wrong = served.token[:-1] + "u"
        for query in (
            "",
            "?token=",
            f"?token={wrong}",
            f"?token={served.token}&token=x",
            "?token=%C3%A9",
        ):
            bad = answer(served, f"/{query}")
            assert bad.status == 403 and "link is not whole" in bad.body, query
            assert served.token not in bad.body
        assert answer(served, f"/else?token={served.token}").status == 404


def test_a_foreign_name_is_refused(serve: Any, puppet: Any) -> None:
    """DNS rebinding: the browser believes that it speaks with evil.example."""
    with serve(puppet) as served:
        path = f"/?token={served.token}"
        for host in ("127.0.0.1", "localhost:9", "[::1]:80", "192.168.1.7:8000", "LOCALHOST"):
            assert answer(served, path, {"Host": host}).status == 200, host
        hosts = ("evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "", "a b")
        for host in (*hosts, "127.0.0.1:80;", "127.0.0.1 'unsafe-inline'", "user@127.0.0.1"):
            bad = answer(served, path, {"Host": host})
            assert bad.status == 400, host
            assert "token" not in bad.body
        with pytest.raises(InvalidStatus) as refused:
            connect(
                served, additional_headers={"Host": "evil.example"}, origin="http://evil.example"
            )
        assert refused.value.response.status_code == 403


def test_a_stream_is_for_its_own_page(serve: Any, puppet: Any) -> None:
    with serve(puppet) as served:
        here = f"127.0.0.1:{served.port}"
        for origin in (
            "http://evil.example",
            "null",
            None,
            "http://127.0.0.1",
            f"http://{here}.evil.example",
            f"http://evil.example/{here}",
            f"http://localhost:{served.port}",
            f"file://{here}",
        ):
            with pytest.raises(InvalidStatus) as refused:
                connect(served, origin=origin)
            assert refused.value.response.status_code == 403, origin
        url = f"ws://{here}/stream?token=wrong"
        with pytest.raises(InvalidStatus):
            sync_client.connect(url, origin=f"http://{here}")
        with connect(served) as connection:
            assert "waiting" in connection.recv(timeout=10)


def test_the_page_may_reach_nothing_but_its_server(serve: Any, puppet: Any) -> None:
    with serve(puppet) as served:
        got = answer(served, f"/?token={served.token}", {"Host": "localhost:123"})
        policy = got.getheader("Content-Security-Policy")
        assert "connect-src ws://localhost:123 wss://localhost:123;" in policy
        assert policy.startswith("default-src 'none'; script-src 'sha256-")
        for rule in ("form-action 'none'", "base-uri 'none'", "frame-ancestors 'none'"):
            assert rule in policy
        assert "unsafe" not in policy and "*" not in policy
        assert got.getheader("Cache-Control") == "no-store"
        assert got.getheader("Referrer-Policy") == "no-referrer"
        assert got.getheader("X-Content-Type-Options") == "nosniff"
        assert got.getheader("Server") is None
        assert "http://" not in got.body and "https://" not in got.body
        assert served.token not in got.body


# ---- what comes ----------------------------------------------------------------------------------


def test_a_browser_gets_every_sample_and_event(serve: Any, demo_mv: np.ndarray) -> None:
    record = read_record(DEMO_RECORD)
    with serve(PlayedRecord(record, None), speed=None, is_device=False) as served:
        with connect(served) as connection:
            page = Page(connection).until(lambda page: page.state.get("state") == "ended")
            page.until(lambda page: page.count == len(demo_mv))
            np.testing.assert_array_equal(np.concatenate(page.samples), demo_mv)
        beats = [one for one in page.events if one["event"] == "beat"]
        assert len(beats) > 450 and {"rhythm", "quality", "alert"} <= {
            one["event"] for one in page.events
        }
        hello = next(one["hello"] for one in page.said if "hello" in one)
        assert hello["lead"] == "MLII" and hello["started_at_s"] is None
        with connect(served, f"&samples={len(demo_mv) - 5}&events={len(page.events) - 3}") as again:
            rest = Page(again).until(lambda page: page.count == 5)
            assert rest.events == page.events[-3:]


def test_a_lost_browser_goes_on_where_it_was(serve: Any, puppet: Any, demo_mv: np.ndarray) -> None:
    with serve(puppet) as served:
        puppet.send(demo_mv[:7200])
        with connect(served) as connection:
            first = Page(connection).until(lambda page: page.count == 7200 and len(page.events) > 9)
        puppet.send(demo_mv[7200:14400])
        place = f"&samples={first.count}&events={len(first.events)}"
        with connect(served, place) as connection:
            second = Page(connection).until(lambda page: page.count == 7200)
        np.testing.assert_array_equal(
            np.concatenate([*first.samples, *second.samples]), demo_mv[:14400]
        )
        with connect(served) as connection:
            whole = Page(connection).until(lambda page: page.count == 14400)
        assert whole.events[: len(first.events)] == first.events


def test_a_gap_and_the_clock_of_the_device_are_kept(
    serve: Any, puppet: Any, demo_mv: np.ndarray
) -> None:
    with serve(puppet) as served, connect(served) as connection:
        puppet.send(demo_mv[:3600], 100.0)
        puppet.send(demo_mv[3600:7200], 114.0)
        page, knots = Page(connection), []
        while page.count < 7201:
            message = connection.recv(timeout=PATIENCE_S)
            page.had += 1
            connection.send(str(page.had))
            if isinstance(message, bytes):
                page.samples.append(np.frombuffer(message[24:], "<f4"))
                knots.append(struct.unpack_from("<ddd", message))
        samples = np.concatenate(page.samples)
        assert np.isnan(samples[3600]) and np.isnan(samples).sum() == 1
        at = {int(at): first_s for at, first_s, _ in knots}
        assert at[3600] == pytest.approx(10.0, abs=0.01)
        assert at[3601] == pytest.approx(14.0, abs=0.01)


# ---- slow browsers -------------------------------------------------------------------------------


def test_a_slow_browser_holds_nobody_up(serve: Any, demo_mv: np.ndarray) -> None:
    """One that says nothing gets a few messages; the monitor and the others get on."""
    record = read_record(DEMO_RECORD)
    serving = serve(PlayedRecord(record, 20.0), speed=20.0, is_device=False)
    with serving as served, connect(served) as deaf, connect(served) as connection:
        began = time.monotonic()
        page = Page(connection).until(lambda page: page.state.get("state") == "ended")
        page.until(lambda page: page.count == len(demo_mv))
        assert time.monotonic() - began < 5 + 2 * record.duration_s / 20
        got = list(_waiting(deaf))
        assert len(got) == server_module.IN_FLIGHT
        late = Page(deaf)
        late.had = len(got)
        late.samples = [np.frombuffer(one[24:], "<f4") for one in got if isinstance(one, bytes)]
        deaf.send(str(len(got)))
        late.until(lambda page: page.count == len(demo_mv))  # once it listens, it gets the rest
        np.testing.assert_array_equal(np.concatenate(late.samples), demo_mv)


def _waiting(connection: Any) -> Iterator[str | bytes]:
    """All that has come and waits to be read."""
    while True:
        try:
            yield connection.recv(timeout=0.5)
        except TimeoutError:
            return


def test_a_browser_that_takes_nothing_has_to_come_again(
    serve: Any, puppet: Any, demo_mv: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "STALLED_S", 0.3)
    with serve(puppet) as served, connect(served) as deaf:
        for at in range(0, 36_000, 360):
            puppet.send(demo_mv[at : at + 360])
            time.sleep(0.02)
        with pytest.raises(ConnectionClosed):
            while True:
                deaf.recv(timeout=10)
        with connect(served) as connection:
            Page(connection).until(lambda page: page.count == 36_000)


def test_rubbish_from_a_browser_does_no_harm(serve: Any, puppet: Any, demo_mv: np.ndarray) -> None:
    with serve(puppet) as served:
        for rubbish in ("x", "-1", "9" * 500, b"\x00\xff", "1e9", "٣", ""):
            with connect(served) as connection:
                connection.send(rubbish)
                connection.recv(timeout=10)
        with connect(served, "&samples=-5&events=9999999999999999999") as connection:
            connection.recv(timeout=10)
        with connect(served) as connection:
            try:
                connection.send("1" * 100_000)
                while True:
                    connection.recv(timeout=10)
            except ConnectionClosed:
                pass
        puppet.send(demo_mv[:3600])
        with connect(served) as connection:
            Page(connection).until(lambda page: page.count == 3600)


def test_no_more_pages_than_it_serves(
    serve: Any, puppet: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "MOST_BROWSERS", 2)
    refused = pytest.raises(InvalidStatus)
    with serve(puppet) as served, connect(served), connect(served), refused:
        connect(served)


# ---- how the source is ---------------------------------------------------------------------------


def test_silence_end_and_faults_are_told(serve: Any, puppet: Any, demo_mv: np.ndarray) -> None:
    def is_(state: str) -> Callable[[Page], bool]:
        return lambda page: page.state.get("state") == state

    with serve(puppet) as served, connect(served) as connection:
        page = Page(connection).until(is_("waiting"))
        puppet.send(demo_mv[:3600])
        page.until(is_("running")).until(is_("silent"))
        puppet.send(demo_mv[3600:7200])
        page.until(is_("running"))
        puppet.end("the cable is out; plug it in")
        page.until(is_("broken"))
        assert page.state["text"] == "the cable is out; plug it in" and page.count == 7200
        with connect(served) as late:  # the page outlives its source
            again = Page(late).until(is_("broken")).until(lambda page: page.count == 7200)
            assert again.events == page.events


def test_a_server_that_says_nothing_new_is_still_heard(serve: Any, puppet: Any) -> None:
    with serve(puppet) as served, connect(served) as connection:
        assert "waiting" in connection.recv(timeout=5)
        assert connection.recv(timeout=5) == "{}"


# ---- the command ---------------------------------------------------------------------------------


def run(*options: str) -> Any:
    return CliRunner().invoke(cli, ["live", *options])


def test_what_can_t_be_served_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        cases = {
            (str(DEMO_RECORD), "--port", port): "can't be served from",
            (str(DEMO_RECORD), "--host", "no.such.name.invalid"): "choose another --host or --port",
            ("ble://00:11:22:33:44:55",): "sends no ECG",
            ("tcp://127.0.0.1:1",): "can't be reached",
            ("nothing/here",): "does not exist",
            (str(DEMO_RECORD), "--speed", "fast"): "--speed takes a factor",
        }
        for options, says in cases.items():
            done = run(*options)
            assert done.exit_code == 1 and says in str(done.exception), options


def test_without_the_server_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leadone.cli.find_spec", lambda name: None)
    assert "pip install 'leadone[live]'" in str(run(str(DEMO_RECORD)).exception)


@contextmanager
def running(*options: str) -> Iterator[subprocess.Popen[str]]:
    """The command as a person starts it."""
    command = [sys.executable, "-m", "leadone.cli", "live", *options]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as process:  # type: ignore[call-overload]
        try:
            yield process
        finally:
            process.kill()


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    process.send_signal(signal.SIGINT)
    _, complaint = process.communicate(timeout=PATIENCE_S)
    return process.returncode, complaint


def test_it_says_its_link_and_who_can_open_it_and_ends_by_ctrl_c() -> None:
    with running(str(DEMO_RECORD)) as process:
        assert process.stdout is not None
        link, bound = process.stdout.readline().strip(), process.stdout.readline()
        parts = urlsplit(link)
        assert parts.hostname == "127.0.0.1" and len(parts.query) >= len("token=") + 32
        assert "bound to 127.0.0.1: this machine alone" in bound
        served = SimpleNamespace(port=parts.port, token=parts.query.removeprefix("token="))
        assert answer(served, f"{parts.path}?{parts.query}").status == 200
        with connect(served) as connection:
            Page(connection).until(lambda page: page.count > 360)
            assert ended(process) == (0, "")


def test_a_network_is_warned_of() -> None:
    with running(str(DEMO_RECORD), "--host", "0.0.0.0") as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3)]
        assert lines[0].startswith("http://") and "0.0.0.0" not in lines[0]
        assert "other machines can open it" in lines[1]
        assert lines[2].startswith("warning:") and "unencrypted" in lines[2]
        assert ended(process)[0] == 0


def test_a_source_that_broke_is_said_at_the_end_too() -> None:
    with running("-", "--rate", "250", "--unit", "mV") as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write("0.1\n0.2\nthis is no sample\n")
        process.stdin.flush()
        parts = urlsplit(process.stdout.readline().strip())
        served = SimpleNamespace(port=parts.port, token=parts.query.removeprefix("token="))
        with connect(served) as connection:
            page = Page(connection).until(lambda page: page.state.get("state") == "broken")
        assert "no sample" in page.state["text"]
        code, complaint = ended(process)
        assert code == 2 and "line 3 of the stream" in complaint and "Traceback" not in complaint


def test_an_end_before_the_first_sample_is_no_fault(puppet: Any) -> None:
    log = LiveLog(About("x"), 60.0)
    record_into(log, puppet, Monitor.load, lambda: True)
    assert log.failure is None
