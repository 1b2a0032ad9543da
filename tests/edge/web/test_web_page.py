"""The page in a real Chromium: the events that Python tells, nothing sent, one sentence a fault."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leadone import Monitor, read_record
from leadone.cli import DEMO_RECORD
from leadone.edge.analyze import gather
from leadone.edge.bundle import load_bundle
from leadone.edge.core_build import SOURCE_NAMES, build_library
from leadone.edge.events import Alert, Beat, Event, Quality, Rhythm
from leadone.edge.record import Record
from leadone.edge.web_page import web_facts

SECONDS = 60
RECORDS = {"ludb": 4, "mitdb": 3, "cinc2017": 4, "qtdb": 2, "ptbxl": 2}
GAIN, GAP = 4000, -32768
EVENTS = {"beats": Beat, "rhythms": Rhythm, "alerts": Alert, "quality": Quality}
VARIABILITY = "heart_rate_variability"
AT_MAX = {"do": "speed", "value": "max"}


@pytest.fixture(scope="module")
def python_events(exported: Path) -> Any:
    """A record by `Monitor` on the C core, as JSON has it, and its variability."""

    def read(signal_mv: np.ndarray, rate_hz: float, lead: str) -> dict[str, Any]:
        monitor = Monitor.load(exported, lead=lead, backend="c")
        events = monitor.push(signal_mv, rate_hz) + monitor.finish()
        analysis = gather(Record(signal_mv, rate_hz, lead), load_bundle(exported), events)
        return {**_as_json(events), VARIABILITY: asdict(analysis.heart_rate_variability)}

    return read


def _as_json(events: Sequence[Event]) -> dict[str, Any]:
    told = {
        name: [asdict(event) for event in events if isinstance(event, kind)]
        for name, kind in EVENTS.items()
    }
    answer: dict[str, Any] = json.loads(json.dumps(told))
    return answer


def _assert_equal(saved: dict[str, Any], expected: dict[str, Any]) -> None:
    for name in EVENTS:
        # Every bit: both write the shortest exact number.
        assert saved[name] == expected[name], name
    assert saved[VARIABILITY] == pytest.approx(expected[VARIABILITY], abs=1e-9)


# ---- events --------------------------------------------------------------------------------------


def test_the_demo_gives_python_s_events(browse: Any, python_events: Any) -> None:
    done = browse([AT_MAX, {"do": "demo"}])
    record, answer = read_record(DEMO_RECORD), done["answers"][1]
    expected = python_events(record.signal_mv, record.rate_hz, record.lead)
    assert len(expected["beats"]) > 450 and len(expected["alerts"]) >= 4
    _assert_equal(answer["saved"], expected)
    assert 10 < answer["saved"][VARIABILITY]["rmssd_ms"] < 40
    assert answer["problem"] is None and done["complaints"] == []
    assert answer["alerts"] == len({(a["kind"], a["start_s"]) for a in expected["alerts"]})
    assert answer["about"] == "lead MLII · 360 Hz · 5:00 min"
    assert answer["saved"]["model"] == load_bundle("wrist").identity


def test_real_records_as_csv_and_wfdb_give_python_s_events(
    browse: Any, python_events: Any, data_dir: Path, tmp_path: Path
) -> None:
    steps: list[dict[str, Any]] = [AT_MAX]
    expected = []
    for k, record in enumerate(_records(data_dir)):
        signal = record.signal_mv[: round(SECONDS * record.rate_hz)].copy()
        if k % 3 == 1:
            signal[len(signal) // 2 : len(signal) // 2 + round(1.3 * record.rate_hz)] = np.nan
        files, asked = _write_csv(tmp_path / f"csv{k}.csv", signal, record, k)
        steps.append({"do": "open", "files": files, **asked})
        expected.append(python_events(signal, record.rate_hz, _lead_in_csv(record, k)))
        header = _write_wfdb16(tmp_path / f"wfdb{k}", signal, record)
        steps.append({"do": "open", "files": [str(header), str(header.with_suffix(".dat"))]})
        written = read_record(header, record.lead)
        assert np.isnan(written.signal_mv).any() == np.isnan(signal).any()
        expected.append(python_events(written.signal_mv, written.rate_hz, written.lead))
    done = browse(steps)
    assert len(expected) >= 2 * 12 and done["complaints"] == []
    for step, answer, events in zip(steps[1:], done["answers"][1:], expected, strict=True):
        assert answer["problem"] is None and answer["ask"] is None, (step, answer)
        assert len(events["beats"]) > 20 or len(events["quality"]) > 0
        _assert_equal(answer["saved"], events)
    assert sum(len(events["beats"]) for events in expected) > 1000
    told = [events[VARIABILITY]["sdnn_ms"] is not None for events in expected]
    assert any(told) and not all(told)


def _records(data_dir: Path) -> Iterator[Record]:
    for name, count in RECORDS.items():
        headers = sorted((data_dir / name).rglob("*.hea"))
        assert len(headers) >= count, f"{name} has {len(headers)} records"
        for header in headers[:: len(headers) // count][:count]:
            yield read_record(header.with_suffix(""))


def _lead_in_csv(record: Record, k: int) -> str:
    return "ECG" if k % 3 == 2 else record.lead


def _write_csv(
    path: Path, signal: np.ndarray, record: Record, k: int
) -> tuple[list[str], dict[str, Any]]:
    """Three kinds by turns: with times; with its rate, decimal commas and ;; bare numbers."""
    cells = ["" if np.isnan(mv) else f"{mv:.9g}" for mv in signal]
    if k % 3 == 0:
        times = (np.arange(len(signal)) / record.rate_hz).tolist()
        rows = [f"{t:.6f},{cell}" for t, cell in zip(times, cells, strict=True)]
        lines = [f"time [s],{record.lead} [mV]", *rows]
    elif k % 3 == 1:
        head = [f"# Sampling rate: {record.rate_hz:g} Hz", f"sample;{record.lead} (mV)"]
        rows = [f"{i};{cell.replace('.', ',')}" for i, cell in enumerate(cells)]
        lines = [*head, *rows]
    else:
        lines = cells
    path.write_text("\n".join(lines) + "\n")
    asked = {"rate": record.rate_hz, "unit": "mV"} if k % 3 == 2 else {}
    return [str(path)], asked


def _write_wfdb16(stem: Path, signal: np.ndarray, record: Record) -> Path:
    """Two channels, the record's lead second; -32768 where it is missing."""
    codes = np.round(np.clip(np.nan_to_num(signal), -8, 8) * GAIN).astype("<i2") + 21
    codes[np.isnan(signal)] = GAP
    np.stack([codes[::-1], codes], 1).astype("<i2").tofile(stem.with_suffix(".dat"))
    line = f"{stem.name}.dat 16 {{}}(21)/mV 16 0 0 0 0 {{}}"
    head = f"{stem.name} 2 {record.rate_hz:g} {len(signal)}"
    lines = [head, line.format(100, "RESP"), line.format(GAIN, record.lead)]
    stem.with_suffix(".hea").write_text("\n".join(lines) + "\n")
    return stem.with_suffix(".hea")


def test_the_lead_that_is_chosen_is_read(browse: Any, python_events: Any, tmp_path: Path) -> None:
    """Upside down, so that lead I tells swapped hands and V1, the same signal, does not."""
    mv = -read_record(DEMO_RECORD).signal_mv[100 * 360 : 220 * 360]
    rows = [f"{k / 360:.6f},{x:.9g},{1000 * x:.9g}" for k, x in enumerate(mv.tolist())]
    path = tmp_path / "two.csv"
    path.write_text("\n".join(["time_s,I_mV,V1 [µV]", *rows]), encoding="utf-8")
    steps = [AT_MAX, {"do": "open", "files": [str(path)]}]
    done = browse([*steps, {"do": "open", "files": [str(path)], "lead": "V1"}])
    first, second = (answer["saved"] for answer in done["answers"][1:])
    assert (first["lead"], second["lead"]) == ("I", "V1")
    scaled = np.array([float(row.split(",")[2]) * 1e-3 for row in rows], np.float32)
    _assert_equal(first, python_events(mv, 360.0, "I"))
    _assert_equal(second, python_events(scaled, 360.0, "V1"))
    swapped = [
        "reversed_hands" in {alert["kind"] for alert in one["alerts"]} for one in (first, second)
    ]
    assert swapped == [True, False]


def test_more_events_than_a_call_has_room_for(
    node: str, exported: Path, python_events: Any, tmp_path: Path
) -> None:
    record = read_record(DEMO_RECORD)
    at = np.arange(300 * 50) / 50 * record.rate_hz
    slow = np.interp(at, np.arange(len(record.signal_mv)), record.signal_mv).astype(np.float32)
    wasm = build_library(_sources(exported), "wasm32", tmp_path)
    facts = json.dumps(web_facts(load_bundle(exported)))
    command = [node, str(Path(__file__).parent / "one_push.mjs"), str(wasm), facts, "50"]
    done = subprocess.run(command, input=slow.tobytes(), capture_output=True, check=True)
    told = json.loads(done.stdout)
    expected = python_events(slow, 50.0, "I")
    assert len(told) > 500
    for name in EVENTS:
        kind = EVENTS[name].__name__.lower()
        mine = [{k: v for k, v in e.items() if k != "event"} for e in told if e["event"] == kind]
        assert mine == expected[name], name


# ---- nothing leaves ------------------------------------------------------------------------------


@contextmanager
def _listening() -> Iterator[tuple[str, list[bytes]]]:
    """A socket on this machine that keeps whatever reaches it."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        over = threading.Event()

        def listen() -> None:
            while not over.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                with connection:
                    connection.settimeout(1)
                    try:
                        heard.append(connection.recv(4096))
                        connection.sendall(b"HTTP/1.1 404 no\r\nContent-Length: 0\r\n\r\n")
                    except OSError:
                        heard.append(b"")

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}/", heard
        finally:
            over.set()
            thread.join()


def test_nothing_leaves_the_page(browse: Any, page: Path) -> None:
    with _listening() as (url, heard):
        steps = [AT_MAX, {"do": "demo"}, {"do": "send"}, {"do": "escape", "to": url}]
        done = browse(steps)
    assert heard == []
    assert "Refused by the browser, under “connect-src”" in done["answers"][2]["tried"]
    escape = done["answers"][3]
    assert set(escape["outcome"].values()) == {"failed"} and len(escape["outcome"]) == 8
    assert {"connect-src", "img-src", "worker-src"} <= set(escape["refused"])
    went = [url for url, became in done["requests"] if became != "csp"]
    assert went == [page.as_uri()]


def test_without_the_policy_the_same_attempts_get_out(
    browse: Any, page: Path, tmp_path: Path
) -> None:
    """What the test above relies on: those attempts would be heard."""
    text = page.read_text(encoding="utf-8")
    without, count = re.subn(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    assert count == 1
    copy = tmp_path / "open.html"
    copy.write_text(without, encoding="utf-8")
    with _listening() as (url, heard):
        done = browse([{"do": "escape", "to": url}, {"do": "send"}], copy.as_uri())
    assert len(heard) >= 6 and done["answers"][0]["refused"] == []
    assert "this copy of the page was changed" in done["answers"][1]["tried"]


def test_any_static_host_will_do(browse: Any, page: Path) -> None:
    """Over HTTP as from disk; the page itself is all that is asked for."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(page.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        done = browse([AT_MAX, {"do": "demo"}], url)
        server.shutdown()
    assert len(done["answers"][1]["saved"]["beats"]) > 450 and done["complaints"] == []
    assert done["requests"] == [[url, "finished"]]


def test_a_changed_script_does_not_run(browse: Any, page: Path, tmp_path: Path) -> None:
    text = page.read_text(encoding="utf-8")
    changed = tmp_path / "changed.html"
    changed.write_text(text.replace('"use strict";', '"use strict"; ', 1), encoding="utf-8")
    answer = browse([{"do": "state"}], changed.as_uri())["answers"][0]
    assert "did not start" in answer["problem"]


def test_the_page_is_one_file_that_names_nothing_outside(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    script = text.split("<script>")[1].split("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}' 'wasm-unsafe-eval'" in policy[1]
    for rule in ("default-src 'none'", "connect-src 'none'", "form-action 'none'"):
        assert rule in policy[1]
    assert "unsafe-inline" not in policy[1] and "'unsafe-eval'" not in policy[1]
    assert re.findall(r"https?://[^\s\"']+", text) == ["https://leadone.invalid/"]
    assert re.findall(r"(?:src|href)=\"([^\"]*)\"", text) == ["data:,"]


def test_the_core_is_small(exported: Path, tmp_path: Path) -> None:
    assert build_library(_sources(exported), "wasm32", tmp_path).stat().st_size <= 200 * 1024


def _sources(exported: Path) -> list[Path]:
    return [exported / name for name in SOURCE_NAMES]


# ---- faults --------------------------------------------------------------------------------------


def test_every_bad_file_is_one_sentence_and_the_page_goes_on(browse: Any, tmp_path: Path) -> None:
    cases = dict(_bad_files(tmp_path))
    steps = [{"do": "open", "files": [str(tmp_path / name) for name in names]} for names in cases]
    done = browse([AT_MAX, *steps, {"do": "demo"}])
    for answer, (names, expected) in zip(done["answers"][1:-1], cases.items(), strict=True):
        assert answer["problem"] is not None, names
        assert re.search(expected, answer["problem"]), (names, answer["problem"])
        assert answer["problem"].endswith(".") and "\n" not in answer["problem"]
    assert len(done["answers"][-1]["saved"]["beats"]) > 450 and done["complaints"] == []


def _bad_files(folder: Path) -> Iterator[tuple[tuple[str, ...], str]]:
    def put(name: str, content: bytes | str) -> str:
        data = content.encode() if isinstance(content, str) else content
        (folder / name).write_bytes(data)
        return name

    line = "{0}.dat {1} 200(0)/mV 12 0 0 0 0 I\n"
    yield (put("empty.csv", ""),), "empty.csv is empty; export it again"
    yield (put("words.csv", "hello\nworld\n" * 40),), "no rows of numbers"
    yield (put("binary.csv", bytes(range(256)) * 9),), "is no text"
    yield (put("x.edf", "0       "),), "is EDF, which this page does not read"
    hole = "time_s,ecg_mV\n" + "".join(f"{k / 250},{k % 7}\n" for k in range(500)) + "2.0,oops\n"
    yield (put("hole.csv", hole + "2.004,1\n"),), 'Row 502 of hole.csv has "oops"'
    back = "time_s,ecg_mV\n" + "".join(f"{k / 250},1\n" for k in [*range(99), 3, 4, 5])
    yield (put("back.csv", back),), "go back after sample 99"
    slow = "time_s,ecg_mV\n" + "".join(f"{k / 10},{k % 3}\n" for k in range(100))
    yield (put("slow.csv", slow),), "10.00 Hz is outside 50 to 20000 Hz"
    put("a.hea", "a 1 250 1000\n" + line.format("a", 16))
    yield ("a.hea",), "choose a.dat together with a.hea"
    yield (put("a.dat", b"\0" * 100),), "a.dat has no header; choose a.hea together with it"
    yield ("a.hea", "a.dat"), "a.dat is truncated: 2000 bytes expected, 100 found"
    put("f.hea", "f 1 250 1000\n" + line.format("f", 516))
    yield ("f.hea", put("f.dat", b"fLaC")), "format 516 is compressed by FLAC"
    yield (put("m.hea", "m/3 1 250 1000\nm1 500\n"),), "made of segments"
    yield (put("evil.hea", "e 1 250 10\n../../x.dat 16 200 12 0 0 0 0 I\n"),), "refused"
    yield (put("no.hea", ""),), "the header is empty"
    huge = f"h 1 250 {10**12}\n" + line.format("h", 16)
    yield (put("h.hea", huge),), "more than the 67108864 that fit"
    resp = "r 1 250 10\nr.dat 16 200(0)/mV 12 0 0 0 0 RESP\n"
    yield (put("r.hea", resp),), "looks like an ECG: RESP"
    yield (put("b.csv", "1\n2\n"), put("c.csv", "1\n")), "2 files were chosen"


def test_a_file_that_leaves_something_open_is_asked_about(browse: Any, tmp_path: Path) -> None:
    record = read_record(DEMO_RECORD)
    path = tmp_path / "bare.csv"
    path.write_text("\n".join(f"{1000 * mv:.9g}" for mv in record.signal_mv[: 20 * 360]))
    steps: list[dict[str, Any]] = [AT_MAX, {"do": "open", "files": [str(path)]}]
    done = browse([*steps, {**steps[1], "rate": 360, "unit": "uV"}])
    assert done["answers"][1]["ask"] == "bare.csv does not say its sampling rate and unit."
    saved = done["answers"][2]["saved"]
    assert saved["rate_hz"] == 360 and len(saved["beats"]) > 25


# ---- hands and eyes ------------------------------------------------------------------------------


def test_keys_pause_and_scroll_and_alerts_are_read_aloud(browse: Any) -> None:
    def press(key: str) -> dict[str, Any]:
        return {"do": "press", "key": key}

    look, begin = {"do": "look"}, [{"do": "start"}, {"do": "speed", "value": "10"}]
    steps = [*begin, {"do": "wait", "ms": 3000}, press(" "), look, look, press("Home"), look]
    steps += [press("End"), look, press(" "), {"do": "wait", "ms": 500}, look]
    answers = browse(steps)["answers"]
    paused, still, home, end, on = [answer for answer in answers if "pause" in answer]
    assert paused["pause"] == "Go on" and paused["time"] == still["time"] > "0:15 / 5:00"
    assert home["live"] is not None and end["live"] is None
    assert int(home["beats"]) < int(paused["beats"]) == int(end["beats"])
    assert on["pause"] == "Pause" and on["time"] > still["time"]
    assert paused["aloud"].startswith("Tachycardia since 0:00: heart rate above 100")


def test_fingers_scroll_back(browse: Any) -> None:
    look: dict[str, Any] = {"do": "look"}
    drags = [{"do": "drag", "by": 300}, look, {"do": "tap", "share": 0.5}, look]
    answers = browse([AT_MAX, {"do": "demo"}, look, *drags, {"do": "press", "key": "End"}, look])
    whole, dragged, tapped, back = [int(a["beats"]) for a in answers["answers"] if "beats" in a]
    assert whole == back > 450
    assert 4 <= whole - dragged <= 7  # 300 px are 3.2 s
    assert abs(tapped - whole / 2) < 30


def test_files_may_be_dropped(browse: Any, tmp_path: Path) -> None:
    path = tmp_path / "dropped.csv"
    rows = (
        f"{k / 360:.5f},{x:.9g}" for k, x in enumerate(read_record(DEMO_RECORD).signal_mv[:9000])
    )
    path.write_text("\n".join(["time_s,I_mV", *rows]))
    answer = browse([AT_MAX, {"do": "drop", "file": str(path)}])["answers"][1]
    assert answer["name"] == "dropped" and answer["about"] == "lead I · 360 Hz · 0:25 min"


def test_with_less_motion_the_paper_turns_its_pages(node: str) -> None:
    view = (Path(__file__).parents[3] / "edge" / "web" / "view.mjs").as_uri()
    program = (
        f"import {{ View, MM }} from '{view}'; const v = new View(); v.width = 20 * 25 * MM;"
        "const at = () => [0, 19, 19.7, 19.9, 41].map((s) => +v.followed(s).toFixed(3));"
        "const rolls = at(); v.turnsPages = true; console.log(JSON.stringify([rolls, at()]));"
    )
    command = [node, "--input-type=module", "-e", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [[0, 0, 0, 0.1, 21.2], [0, 0, 0, 19.8, 39.6]]


@pytest.mark.parametrize("width", [360, 390, 1240])
def test_the_page_fits(browse: Any, width: int) -> None:
    sizes = [
        {"do": "size", "width": width, "height": 800, "scheme": scheme, "motion": motion}
        for scheme, motion in (("light", "no-preference"), ("dark", "reduce"))
    ]
    done = browse([AT_MAX, sizes[0], {"do": "demo"}, *sizes])
    assert [answer["overflow"] for answer in done["answers"] if "overflow" in answer] == [0, 0, 0]
