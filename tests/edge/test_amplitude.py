"""A unit that is a thousand times off is told, an ECG of any lead or device is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from leadone import Record, analyze, read_record
from leadone.cli import DEMO_RECORD
from leadone.edge.amplitude import NO_GAIN, amplitude_doubt
from leadone.edge.formats.fhir_report import report
from leadone.edge.report import report_data
from leadone.edge.terminal import summary_rows


@pytest.fixture(scope="module")
def demo() -> Record:
    record = read_record(DEMO_RECORD)
    return replace(record, signal_mv=record.signal_mv[: 30 * 360])


@pytest.mark.parametrize("factor", [1000.0, 1e-3, 1e30])
def test_a_wrong_unit_is_told_wherever_the_record_is(demo: Record, factor: float) -> None:
    wrong = replace(demo, signal_mv=demo.signal_mv * np.float32(factor))
    analysis, doubt = analyze(wrong), amplitude_doubt(wrong)
    assert doubt.endswith("is the unit right?")
    assert doubt in analysis.line() and report_data(analysis)["doubt"] == doubt
    assert ("amplitude", doubt) in summary_rows(wrong, [], 30.0)
    assert doubt in report(analysis)[0]["conclusion"]


def test_an_ecg_is_not_doubted(demo: Record) -> None:
    off = demo.signal_mv.copy()
    off[3000:] = np.nan
    for signal_mv in (demo.signal_mv, demo.signal_mv / 8, demo.signal_mv * 6 + 300, off, 0 * off):
        assert amplitude_doubt(replace(demo, signal_mv=signal_mv)) == ""
    assert amplitude_doubt(replace(demo, signal_mv=off[3000:])) == ""
    assert amplitude_doubt(replace(demo, has_gain=False)) == NO_GAIN
