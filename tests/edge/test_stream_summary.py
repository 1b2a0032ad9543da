"""What a stream comes to, in lines that stay few and memory that stays flat."""

from __future__ import annotations

import tracemalloc

import pytest

from leadone import analyze, read_record
from leadone.cli import DEMO_RECORD
from leadone.edge import scratch
from leadone.edge.events import Alert, Beat, Event, Quality, Rhythm
from leadone.edge.stream_summary import MOST_EPISODES, StreamSummary


def minute(k: int) -> list[Event]:
    """A minute of 60 beats, one of them ventricular, a pause that ends, noise for 6 s."""
    start_s = 60.0 * k
    beats = [Beat(start_s + i, start_s + i - 0.05, start_s + i + 0.05) for i in range(59)]
    last_s = start_s + 59
    return [
        *beats,
        Beat(last_s, last_s - 0.05, last_s + 0.05, label="V"),
        Alert("pause", start_s + 5, start_s + 2, "no beat for 3 s"),
        Alert("pause", start_s + 6, start_s + 2, "no beat for 3 s", start_s + 6),
        Rhythm(start_s, start_s + 60, "af" if k % 4 == 0 else "normal"),
        Quality(start_s, start_s + 54, "good"),
        Quality(start_s + 54, start_s + 60, "noisy", "muscle"),
    ]


def told(minutes: int) -> StreamSummary:
    found = StreamSummary()
    for k in range(minutes):
        found.add(minute(k))
    return found


def test_few_episodes_have_a_line_each() -> None:
    assert told(2).rows() == [
        ("beats", "120 (118 N, 0 S, 2 V, 0 Q)"),
        ("heart rate", "60 /min"),
        ("intervals", "PR -, QRS 100, QT -, QTcF - ms (medians)"),
        ("variability", "- (54 NN intervals)"),
        ("rhythm", "suspicious of AF 50 %, normal 50 %"),
        ("signal", "90 % good"),
        ("alert", "0:02 Pause for 4.0 s: no beat for 3 s"),
        ("alert", "1:02 Pause for 4.0 s: no beat for 3 s"),
    ]


def test_many_episodes_have_a_line_a_kind() -> None:
    found = told(MOST_EPISODES)
    assert len(found.rows()) == 6 + MOST_EPISODES
    found.add([Alert("lead_off", 9000, 8997, "no contact")])
    alerts = found.rows()[6:]
    assert alerts == [
        ("alert", f"Pause {MOST_EPISODES} times, first 0:02"),
        ("alert", "Lead off once, first 2:29:57"),
    ]


def test_variability_is_that_of_the_analysis() -> None:
    analysis, found = analyze(read_record(DEMO_RECORD)), StreamSummary()
    found.add([*analysis.beats, *analysis.quality])
    rates = analysis.heart_rate_variability
    assert dict(found.rows())["variability"] == (
        f"SDNN {rates.sdnn_ms:.0f}, RMSSD {rates.rmssd_ms:.0f} ms, pNN50 {rates.pnn50_percent:.0f} "
        f"% ({rates.nn_intervals} NN intervals)"
    )


def test_memory_does_not_grow_with_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "CHUNK", 256)

    def peak_bytes(minutes: int) -> int:
        tracemalloc.start()
        told(minutes)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    peak_bytes(10)
    assert peak_bytes(120) < peak_bytes(60) + 200_000  # 3,600 beats in memory take 2 MB
