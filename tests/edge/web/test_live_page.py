"""The live page in a real Chromium: what comes is drawn, evenly and soon, and its state is said."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leadone import Monitor, read_record
from leadone.cli import DEMO_RECORD
from leadone.edge.events import Alert, Beat
from leadone.edge.sources.played import PlayedRecord

HERE = Path(__file__).parent
RATE = 360
UNKNOWN = "\N{EN DASH}"


@pytest.fixture(scope="module")
def demo_mv() -> np.ndarray:
    return read_record(DEMO_RECORD).signal_mv


Do = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def open_live(node: str, chromium: str, playwright: None) -> Any:
    """`with open_live(url) as do: do("click", id="#pause")`; see drive_live.mjs."""

    @contextmanager
    def opened(url: str, **options: Any) -> Iterator[Do]:
        command = [node, "drive_live.mjs", chromium, url, json.dumps(options)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        with subprocess.Popen(command, cwd=HERE, **pipes) as browser:  # type: ignore[call-overload]

            def do(step: str, **more: Any) -> dict[str, Any]:
                browser.stdin.write(json.dumps({"do": step, **more}) + "\n")
                browser.stdin.flush()
                answer: dict[str, Any] = json.loads(browser.stdout.readline())
                assert "error" not in answer, (step, more, answer)
                return answer

            try:
                yield do
            finally:
                browser.stdin.close()
                browser.wait(60)

    return opened


def play(puppet: Any, samples_mv: np.ndarray, speed: float = 1.0) -> threading.Thread:
    """Send in the source's own time, 20 ms a chunk."""
    size = max(1, round(0.02 * RATE * speed))

    def run() -> None:
        began = time.monotonic()
        for k, at in enumerate(range(0, len(samples_mv), size), 1):
            time.sleep(max(began + 0.02 * k - time.monotonic(), 0))
            puppet.send(samples_mv[at : at + size])

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def events_of(samples_mv: np.ndarray) -> tuple[list[Beat], list[Alert]]:
    monitor = Monitor.load("wrist", lead="MLII")
    events = monitor.push(samples_mv, RATE) + monitor.finish()
    alerts = [event for event in events if isinstance(event, Alert)]
    return [event for event in events if isinstance(event, Beat)], alerts


def test_a_record_is_shown_to_its_end(serve: Any, open_live: Any) -> None:
    record = read_record(DEMO_RECORD)
    beats, alerts = events_of(record.signal_mv)
    serving = serve(PlayedRecord(record, 40.0), speed=40.0, is_device=False)
    with serving as served, open_live(served.url) as do:
        do("until", id="#state", says="Ended")
        do("pen", to=record.duration_s - 0.01)
        do("wait", ms=400)
        seen, ink, said = do("look"), do("ink"), do("end")
    assert seen["name"] == "the device" and seen["about"] == "lead MLII · 360 Hz"
    assert seen["beats"] == str(len(beats)) and seen["problem"] is None
    assert len(seen["alerts"]) == len({(alert.kind, alert.start_s) for alert in alerts})
    assert seen["time"] == "5:00" and re.fullmatch(r"\d+ %", seen["signal"])
    assert min(ink[wave] for wave in ("p", "qrs", "t")) > 100 and ink["accent"] == 0
    assert said["complaints"] == []
    assert [url.split("?")[0] for url, _ in said["requests"]] == [served.url.split("?")[0]]


def test_the_pen_runs_evenly_and_soon(
    serve: Any, open_live: Any, puppet: Any, demo_mv: np.ndarray
) -> None:
    """Bounds for a busy machine; benchmarks/live.py has the figures of a quiet one."""
    with serve(puppet) as served, open_live(served.url) as do:
        do("until", id="#state", says="Waiting")
        play(puppet, demo_mv[: 12 * RATE])
        do("pen", to=3.0)
        do("pens")
        do("wait", ms=5000)
        pens = np.array(do("pens")["pens"])
    moved = np.diff(pens[:, 1])
    assert (moved >= 0).all() and pens[-1, 1] - pens[0, 1] == pytest.approx(5, abs=1.0)
    assert len(pens) > 5 * 20  # pictures
    assert np.percentile(moved, 90) < 0.1


def test_bursts_of_a_strap_are_played_evenly(node: str) -> None:
    """Half a second of signal every half second: the pen goes on at its own pace."""
    module = (HERE.parents[2] / "edge" / "web" / "playout.mjs").as_uri()
    program = f"""
import {{ Playout }} from "{module}";
const run = (every, lateAt, speed = 1) => {{
  const playout = new Playout(speed), pens = [];
  let sent = 0;
  for (let k = 1; k < 1800; k++) {{
    const now = 100 + k / 60, late = lateAt && now > 110 && now < 110 + lateAt ? 1e9 : 0;
    while ((sent + every) / speed <= k / 60 - late) {{
      playout.arrived(sent, sent + every, now);
      sent += every;
    }}
    pens.push(playout.at(now, 1 / 60));
  }}
  return pens;
}};
console.log(JSON.stringify([run(0.02), run(0.5), run(0.02, 1.5), run(0.2, 0, 10), run(3)]));
"""
    command = [node, "--input-type=module", "-e", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    smooth, bursts, hiccup, fast, _ = (np.array(one) for one in json.loads(done.stdout))
    at_s = np.arange(1, 1800) / 60
    for pens, delay_s, speed in ((smooth, 0.06, 1), (bursts, 0.56, 1), (fast, 0.6, 10)):
        late_s = at_s[300:] * speed - pens[300:]
        assert 0 < late_s.max() <= delay_s * max(speed / 10, 1) + 0.02
        np.testing.assert_allclose(np.diff(pens[300:]), speed / 60, rtol=0.12)
    assert np.diff(hiccup).min() >= 0  # it waits while nothing comes, and is soon back
    assert (at_s - hiccup)[(60 * 16)] < 0.25


def test_pause_scroll_and_the_strip_as_a_file(
    serve: Any, open_live: Any, puppet: Any, demo_mv: np.ndarray
) -> None:
    with serve(puppet) as served, open_live(served.url) as do:
        puppet.send(demo_mv[: 60 * RATE])
        do("pen", to=59.0)
        do("press", key=" ")
        puppet.send(demo_mv[60 * RATE : 62 * RATE])
        do("pen", to=61.0)  # over the blank edge of the paper that stands still
        paused = do("look")
        puppet.send(demo_mv[62 * RATE : 70 * RATE])
        do("pen", to=69.0)
        still = do("look")
        do("press", key="ArrowLeft")
        do("press", key="Home")
        home = do("look")
        png, pdf = do("save", id="#png"), do("save", id="#pdf")
        do("click", id="#live")
        back = do("look")
    assert paused["pause"] == "Go on" and paused["live"] == "To the pen ▸"
    assert paused["time"] == still["time"] and still["pen"] >= 69.0
    assert int(home["beats"]) < int(paused["beats"]) and home["time"] != still["time"]
    assert back["pause"] == "Pause" and back["live"] is None
    _check_png(base64.b64decode(png["content"]))
    _check_pdf(base64.b64decode(pdf["content"]))
    assert re.fullmatch(r"the-device-\d\d-\d\d-\d\d\.png", png["name"]) and pdf["name"].endswith(
        ".pdf"
    )


def _check_png(content: bytes) -> None:
    """288 dpi, and not a blank sheet."""
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = (int.from_bytes(content[k : k + 4], "big") for k in (16, 20))
    assert width > 3000 and 800 < height < 1600 and len(content) > 50_000


def _check_pdf(content: bytes) -> None:
    """A4 lying, in true size: the grid has a line a millimetre; its table of objects holds."""
    text = content.decode("latin-1")
    assert text.startswith("%PDF-1.4") and text.endswith("%%EOF\n")
    box = re.search(r"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", text)
    assert box is not None
    mm = [float(points) / 72 * 25.4 for points in box.groups()]
    assert mm == pytest.approx([297, 210], abs=0.01)
    at = int(re.search(r"startxref\n(\d+)", text)[1])  # type: ignore[index]
    entries = re.findall(r"(\d{10}) 00000 n ", text[at:])
    assert len(entries) == 5
    for k, offset in enumerate(entries, 1):
        assert text[int(offset) :].startswith(f"{k} 0 obj")
    length, stream = re.search(r"/Length (\d+) >>\nstream\n(.*?)\nendstream", text, re.S).groups()  # type: ignore[union-attr]
    assert int(length) == len(stream)
    strokes = re.findall(r"([\d.]+) 0 m [\d.]+ \d+(?:\.\d+)? l", stream)
    apart = np.diff(np.array(strokes[:20], float)) * 0.75 / 72 * 25.4
    np.testing.assert_allclose(apart, 1.0, atol=0.01)
    for word in ("the device", "25 mm/s  10 mm/mV", "not a medical device", "(R)", "(N)"):
        assert word in stream, word
    assert "NaN" not in stream and "undefined" not in stream


def test_alarms_are_shown_said_and_led_back_to(
    serve: Any, open_live: Any, puppet: Any, demo_mv: np.ndarray
) -> None:
    with serve(puppet) as served, open_live(served.url) as do:
        puppet.send(demo_mv[:RATE])
        do("pen", to=0.5)
        play(puppet, demo_mv[RATE : 30 * RATE], speed=6.0)
        do("until", id="#alarms", says="Tachycardia")
        seen = do("look")
        do("press", key="r")
        said = do("look")["aloud"]
        do("click", id="#alarms button")
        do("wait", ms=300)
        shown = do("look")
    assert seen["aloud"].startswith("Tachycardia since")
    assert "heart rate above 100" in seen["alarms"] and len(seen["alerts"]) == 1
    assert re.match(r"(Live|No data)\. Heart rate (\d+ per minute|not known), rhythm", said)
    assert "Alerts: Tachycardia" in said
    assert shown["pause"] in ("Go on", "Pause")


def test_what_is_not_of_now_says_so(
    serve: Any, open_live: Any, puppet: Any, demo_mv: np.ndarray
) -> None:
    with serve(puppet) as served, open_live(served.url) as do:
        do("until", id="#state", says="Waiting")
        play(puppet, demo_mv[: 40 * RATE], speed=4.0)
        do("until", id="#rate", says=r"^\d+$")
        do("until", id="#state", says="No data")
        do("wait", ms=300)
        silent = do("look")
        puppet.send(demo_mv[40 * RATE : 44 * RATE])
        do("gone", id="#problem")
        puppet.end("the cable is out; plug it in")
        do("until", id="#state", says="Broken off")
        do("wait", ms=300)
        broken = do("look")
    assert silent["rate"] == UNKNOWN and silent["rhythm"] == UNKNOWN
    assert "sends nothing" in silent["problem"] and int(silent["beats"]) > 50
    assert "the cable is out; plug it in" in broken["problem"] and broken["rate"] == UNKNOWN
    assert int(broken["beats"]) > int(silent["beats"])


def test_an_unreadable_signal_is_shown_while_it_lasts(
    serve: Any, open_live: Any, puppet: Any, demo_mv: np.ndarray
) -> None:
    noise = np.random.default_rng(0).normal(0, 0.7, 20 * RATE).astype(np.float32)
    nothing = np.full(40 * RATE, 0.1, np.float32)
    with serve(puppet) as served, open_live(served.url) as do:
        do("until", id="#state", says="Waiting")
        play(puppet, np.concatenate([demo_mv[: 20 * RATE], noise, nothing]), speed=4.0)
        do("until", id="#signal", says="Noisy|No contact")
        noisy = do("look")
        do("until", id="#signal", says="No contact")
        do("until", id="#alarms", says="Lead off")
    assert noisy["signal-note"] in ("muscle", "unreadable", "drifting")


def test_a_lost_server_is_told_and_found_again(
    serve: Any, open_live: Any, puppet: Any, demo_mv: np.ndarray
) -> None:
    with serve(puppet) as served, open_live(served.url) as do:
        puppet.send(demo_mv[: 20 * RATE])
        do("pen", to=19.0)
        before = do("look")
        do("offline", isOffline=True)
        do("until", id="#state", says="No connection")
        lost = do("look")
        puppet.send(demo_mv[20 * RATE : 40 * RATE])
        do("offline", isOffline=False)
        do("until", id="#state", says="Live|No data")
        do("pen", to=39.0)
        do("wait", ms=300)
        after = do("look")
    beats, _ = events_of(demo_mv[: 40 * RATE])
    assert "does not answer" in lost["problem"] and lost["rate"] == UNKNOWN
    assert int(before["beats"]) < int(after["beats"]) <= len(beats)


def test_a_second_browser_sees_the_log_so_far(
    serve: Any, open_live: Any, puppet: Any, demo_mv: np.ndarray
) -> None:
    with serve(puppet) as served:
        puppet.send(demo_mv[: 60 * RATE])
        puppet.end()
        looks = []
        for _ in range(2):
            with open_live(served.url) as do:
                do("until", id="#state", says="Ended")
                do("pen", to=59.9)
                do("wait", ms=400)
                looks.append(do("look"))
    assert looks[0]["beats"] == looks[1]["beats"] and int(looks[0]["beats"]) > 80
    assert looks[0]["alerts"] == looks[1]["alerts"] != []


def test_the_page_reaches_its_server_alone(serve: Any, open_live: Any, puppet: Any) -> None:
    with serve(puppet) as served, serve(puppet) as other, open_live(served.url) as do:
        do("until", id="#state", says="Waiting")
        outcome = do("escape", to=f"http://127.0.0.1:{other.port}/")
    assert set(outcome.values()) == {"failed"} and len(outcome) == 4


def test_every_control_has_a_name(serve: Any, open_live: Any, puppet: Any) -> None:
    with serve(puppet) as served, open_live(served.url) as do:
        do("until", id="#state", says="Waiting")
        tree = do("tree")
    silent = {"alarms", "problem", "aloud"}
    assert all(name for _, id_, name in tree["buttons"] if id_ not in silent), tree["buttons"]
    assert {"Heart rate", "Rhythm", "Alerts"} <= set(tree["headings"])
    assert "leadone" in tree["title"]


@pytest.mark.parametrize("width", [360, 390, 700, 1101, 1240])
def test_the_live_page_fits(
    serve: Any, open_live: Any, puppet: Any, demo_mv: np.ndarray, width: int
) -> None:
    with serve(puppet) as served, open_live(served.url) as do:
        puppet.send(demo_mv[: 30 * RATE])
        do("until", id="#alarms", says="Tachycardia")
        sizes = [
            do("size", width=width, height=800, scheme=scheme, motion=motion)
            for scheme, motion in (("light", "no-preference"), ("dark", "reduce"))
        ]
    assert sizes == [{"overflow": 0, "words": 0}] * 2
