"""A guard on the shipped bundle, not a figure: it was trained on these records.

Catches a front end, a decoder or a bundle that no longer fit each other.
"""

from pathlib import Path

import pytest

from leadone import analyze, read_record
from leadone.distill.evaluate import evaluate_set
from leadone.distill.metrics import FIDUCIALS


def test_ludb_is_read(data_dir: Path) -> None:
    result = evaluate_set("ludb", data_dir, "wrist", limit=30)
    assert result.run.trained_on == 30
    score = result.score
    for fiducial in FIDUCIALS:
        assert score.fiducials[fiducial].f1.value > 0.97, fiducial
    assert score.fiducials["QRS_on"].error_sd_ms.value < 15


def test_mitdb_is_read(data_dir: Path) -> None:
    score = evaluate_set("mitdb", data_dir, "wrist", records=["101", "119", "208"]).score
    assert score.qrs.sensitivity.value > 0.99 and score.qrs.ppv.value > 0.99
    assert score.veb.f1.value > 0.9


@pytest.mark.parametrize("record", ["ptbxl_mv", "cinc2021", "cinc2017"])
def test_other_devices_are_read_without_a_word_of_error(data_dir: Path, record: str) -> None:
    for header in sorted((data_dir / record).glob("*.hea"))[:5]:
        analysis = analyze(read_record(header))
        assert 30 < (analysis.heart_rate_bpm or 0) < 220, header.name
        assert analysis.beats and analysis.quality


def test_swapped_hands_in_real_lead_one(data_dir: Path) -> None:
    """A minute of real lead I upside down is told; the right way up it is not."""
    import numpy as np

    from leadone import Record

    # LUDB 1 is sinus rhythm; ten seconds are too few, so that it is played six times.
    once = read_record(data_dir / "ludb" / "7").signal_mv
    minute = np.tile(once, 6)
    for signal, told in ((minute, False), (-minute, True)):
        kinds = {a.kind for a in analyze(Record(signal, 500.0, "I")).alerts}
        assert ("reversed_hands" in kinds) is told
