"""The whole stream: C says what Python says, on real records, damaged ones and at any rate."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from leadone import Monitor, Record, read_record
from leadone.edge.beat_context import FEATURES as BEAT_FEATURES
from leadone.edge.beats import MOST_P_WAVES
from leadone.edge.c_stream import ALERTS, EVENT, PARTS, REASONS, STATES, CStream
from leadone.edge.core_build import CORE
from leadone.edge.events import Alert, Beat, Event, Quality, Rhythm
from leadone.edge.labels import BEATS, RHYTHMS
from leadone.edge.rhythm import FEATURES as RHYTHM_FEATURES
from leadone.edge.rhythm import MOST_BEATS

Events = Callable[..., list[Event]]
SAME_S, SAME_CONFIDENCE, SAME_PROBABILITY, SAME_EVIDENCE = 1e-9, 2e-5, 1e-4, 1e-3
RATES_HZ = [50.0, 100.0, 130.0, 200.0, 250.0, 300.0, 500.0, 512.844, 1000.0]
RECORDS = {"ludb": 8, "mitdb": 8, "cinc2017": 12, "qtdb": 8}
SECONDS = 60


def assert_same(a: Sequence[Event], b: Sequence[Event]) -> None:
    assert [type(event) for event in a] == [type(event) for event in b]
    for one, other in zip(a, b, strict=True):
        for field in fields(one):
            _assert_same_value(field.name, getattr(one, field.name), getattr(other, field.name))


def _assert_same_value(name: str, a: object, b: object) -> None:
    if a is None or b is None or isinstance(a, str):
        assert a == b, name
    elif isinstance(a, dict):
        assert isinstance(b, dict) and list(a) == list(b), name
        assert list(a.values()) == pytest.approx(list(b.values()), abs=SAME_PROBABILITY), name
    elif name == "evidence":
        assert a == pytest.approx(b, abs=SAME_EVIDENCE)
    elif name == "rr_s":
        assert a == b
    elif name == "blocked_p_s":
        assert np.shape(a) == np.shape(b) and np.allclose(a, b, rtol=0, atol=SAME_S)
    else:
        assert a == pytest.approx(
            b, rel=0, abs=SAME_S if name.endswith("_s") else SAME_CONFIDENCE
        ), name


def _damaged(record: Record, damage: str) -> np.ndarray:
    rng, signal = np.random.default_rng(0), record.signal_mv[: SECONDS * 360].copy()
    n = len(signal)
    if damage == "missing":
        signal[:100] = signal[3000:4200] = signal[9000] = signal[15_000:15_030] = np.nan
        signal[12_000] = np.inf
    elif damage == "flat":
        signal[4000:9000] = signal[4000]
    elif damage == "clipped":
        signal = np.clip(signal, -0.4, 0.6)
    elif damage == "gain 0":
        signal[:] = 0.0
    elif damage == "reversed":
        signal = -signal
    elif damage == "noise":
        signal[6000:15_000] = rng.normal(0, 0.3, 9000)
    elif damage == "bursts":  # flicker between the classes
        signal += rng.normal(0, 0.2, n).astype(np.float32) * (np.arange(n) % 700 < 350)
    elif damage == "huge":
        signal *= 1e5
    elif damage == "by turns":
        for start in range(2000, n - 3000, 2500):
            signal[start : start + 900] = np.nan
            signal[start + 900 : start + 1500] = -2.0
    elif damage == "pauses":
        for start in range(3000, n - 3000, 4000):
            signal[start : start + 1700] = rng.normal(0, 0.005, 1700)
    return signal


DAMAGES = [
    "none",
    "missing",
    "flat",
    "clipped",
    "gain 0",
    "reversed",
    "noise",
    "bursts",
    "huge",
    "by turns",
    "pauses",
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_signals_give_the_same_events(
    demo: Record, python_events: Events, c_events: Events, damage: str
) -> None:
    signal = _damaged(demo, damage)
    expected = python_events(signal, 360.0)
    assert_same(expected, c_events(signal, 360.0))
    kinds = {type(event) for event in expected}
    assert {Rhythm, Quality} <= kinds and (damage in ("gain 0", "huge") or Beat in kinds)


def test_pauses_and_lost_leads_are_told_in_c_too(demo: Record, c_events: Events) -> None:
    def kinds(damage: str) -> set[str]:
        events = c_events(_damaged(demo, damage), 360.0)
        return {event.kind for event in events if isinstance(event, Alert)}

    assert "pause" in kinds("pauses") and "lead_off" in kinds("by turns")


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_any_rate(demo: Record, python_events: Events, c_events: Events, rate_hz: float) -> None:
    t = np.arange(int(SECONDS * rate_hz)) / rate_hz
    signal = np.interp(t, np.arange(len(demo.signal_mv)) / 360, demo.signal_mv).astype(np.float32)
    expected = python_events(signal, rate_hz)
    assert sum(isinstance(event, Beat) for event in expected) > 80
    assert_same(expected, c_events(signal, rate_hz))


@pytest.mark.parametrize("seconds", [0.1, 0.5, 1.0, 3.0, 5.0, 29.9, 30.0, 33.0, 35.01, 36.3])
def test_any_length(demo: Record, python_events: Events, c_events: Events, seconds: float) -> None:
    signal = demo.signal_mv[700 : 700 + round(seconds * 360)]
    assert_same(python_events(signal, 360.0), c_events(signal, 360.0))


def test_the_lead_decides_whether_hands_are_swapped(
    demo: Record, python_events: Events, c_events: Events
) -> None:
    normal = [demo.signal_mv[100 * 360 : 220 * 360], -demo.signal_mv[100 * 360 : 220 * 360]]
    for signal in normal:
        for lead in ("I", "V1"):
            assert_same(python_events(signal, 360.0, lead), c_events(signal, 360.0, lead))


@pytest.mark.parametrize("damage", ["none", "by turns"])
def test_chunks_do_not_matter(demo: Record, c_events: Events, damage: str) -> None:
    signal = _damaged(demo, damage)
    whole = c_events(signal, 360.0)
    assert sum(isinstance(event, Beat) for event in whole) > 30
    for size in (1, 7, 250):
        assert c_events(signal, 360.0, "I", size) == whole


def test_more_events_than_a_block_has_room_for(demo: Record, c_events: Events) -> None:
    whole = c_events(demo.signal_mv, 360.0)
    assert len(whole) > 512  # events a call
    assert c_events(demo.signal_mv, 360.0, "I", 3600) == whole


@pytest.mark.parametrize(
    ("damage", "state"), [("none", "good"), ("bursts", "noisy"), ("by turns", "lead_off")]
)
def test_the_signal_of_the_moment_is_the_same(
    demo: Record,
    python_monitor: Callable[..., Monitor],
    c_stream: Callable[..., CStream],
    damage: str,
    state: str,
) -> None:
    """C spreads its work over 64 ms, so that it may say the same a push later."""
    signal = _damaged(demo, damage)
    python, c = python_monitor(360.0), c_stream(360.0)
    heard: tuple[list[Quality | None], list[Quality | None]] = [None], [None]
    assert c.signal_now is None
    for start in range(0, len(signal), 90):
        chunk = signal[start : start + 90]
        python.push(chunk, 360.0)
        c.push(chunk)
        for told, now in zip(heard, (python.signal_now, c.signal_now), strict=True):
            if now != told[-1]:
                told.append(now)
    assert heard[0] == heard[1] and len(heard[0]) > 30
    assert state in {now.state for now in heard[1] if now}


@pytest.mark.parametrize("name", list(RECORDS))
def test_real_records(data_dir: Path, python_events: Events, c_events: Events, name: str) -> None:
    headers = sorted((data_dir / name).rglob("*.hea"))
    assert len(headers) >= RECORDS[name]
    for header in headers[:: len(headers) // RECORDS[name]][: RECORDS[name]]:
        record = read_record(header.with_suffix(""))
        signal = record.signal_mv[: round(2 * SECONDS * record.rate_hz)]
        expected = python_events(signal, record.rate_hz)
        assert any(isinstance(event, Beat) for event in expected), header.name
        assert_same(expected, c_events(signal, record.rate_hz))


def _enumerators(kind: str) -> list[str]:
    """The names of an enumeration of leadone.h in their order."""
    header = re.sub(r"/\*.*?\*/", "", (CORE / "leadone.h").read_text(), flags=re.DOTALL)
    body = re.search(rf"typedef enum {{([^}}]*)}} {kind};", header)
    assert body is not None
    return [name.split("=")[0].strip().removeprefix("LEADONE_") for name in body[1].split(",")]


def test_the_names_of_numbers_are_the_headers() -> None:
    def lower(kind: str) -> list[str]:
        return [name.lower() for name in _enumerators(kind)]

    assert _enumerators("leadone_label") == list(BEATS)
    assert lower("leadone_rhythm_label") == list(RHYTHMS)
    assert lower("leadone_state") == list(STATES)
    assert ["" if name == "fine" else name for name in lower("leadone_reason")] == list(REASONS)
    alerts = [name.removesuffix("_alert") for name in lower("leadone_alert_kind")]
    assert alerts == [*ALERTS, "alerts"]  # the last is their count
    assert [kind.__name__.upper() for kind in PARTS] == _enumerators("leadone_kind")


def test_c_computes_as_many_features() -> None:
    """A feature more in Python needs its lines in C."""

    def constant(file: str, name: str) -> int:
        found = re.search(rf"\b{name} = (\d+)", (CORE / file).read_text())
        assert found is not None
        return int(found[1])

    assert constant("rhythm.h", "LO_RHYTHM_FEATURES") == len(RHYTHM_FEATURES)
    assert constant("beat_model.h", "LO_BEAT_FEATURES") == len(BEAT_FEATURES)
    assert constant("rhythm.h", "LO_BEATS_KEPT") == MOST_BEATS
    assert constant("beats.h", "LO_MOST_P_WAVES") == MOST_P_WAVES


def test_the_layout_of_an_event_is_c(core: ctypes.CDLL) -> None:
    """Every field where the compiler puts it: no gap that differs from machine to machine."""
    assert EVENT.itemsize == 248
    for kind, known in PARTS.items():
        part, aligned = np.dtype(known), np.dtype(known, align=True)
        assert [part.fields[n][1] for n in part.names] == [
            aligned.fields[n][1] for n in aligned.names
        ], kind


def test_what_init_refuses(core: ctypes.CDLL) -> None:
    core.leadone_state_size.restype, core.leadone_init.restype = ctypes.c_size_t, ctypes.c_void_p
    core.leadone_state_size.argtypes = [ctypes.c_double]
    core.leadone_init.argtypes = [
        ctypes.c_void_p,
        ctypes.c_size_t,
        ctypes.c_double,
        ctypes.c_void_p,
    ]
    size = core.leadone_state_size(250.0)
    memory = np.zeros(size // 8 + 2, np.float64)
    at = memory.ctypes.data
    assert core.leadone_init(at, size, 250.0, None) == at
    assert core.leadone_init(at, size - 1, 250.0, None) is None
    assert core.leadone_init(at + 4, size, 250.0, None) is None
    assert core.leadone_init(at, size, 49.0, None) is None
    assert core.leadone_state_size(49.0) == core.leadone_state_size(float("nan")) == 0


def test_the_state_is_a_wearables(core: ctypes.CDLL) -> None:
    core.leadone_state_size.restype = ctypes.c_size_t
    core.leadone_state_size.argtypes = [ctypes.c_double]
    assert core.leadone_state_size(250.0) <= 19 * 1024  # 64-bit pointers
    assert core.leadone_state_size(500.0) <= 19.1 * 1024
    for told_in in ("leadone.h", "README.md"):
        doubles = re.search(r"static double memory\[(\d+)\]", (CORE / told_in).read_text())
        assert doubles is not None and core.leadone_state_size(250.0) <= 8 * int(doubles[1])


def test_the_version_names_the_bundle(core: ctypes.CDLL, wrist) -> None:  # type: ignore[no-untyped-def]
    core.leadone_version.restype = ctypes.c_char_p
    told = core.leadone_version().decode()
    assert told == " ".join(wrist.identity[key] for key in ("name", "version", "sha256"))
