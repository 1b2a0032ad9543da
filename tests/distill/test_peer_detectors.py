"""Peers are read as what they are: R peaks in seconds, where ours are."""

from __future__ import annotations

import numpy as np
import pytest

from leadone import analyze, read_record
from leadone.cli import DEMO_RECORD
from leadone.distill.metrics import MATCH_WINDOW_S
from leadone.distill.peer_detectors import MODULES, PEERS, installed_peers


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_finds_the_beats_of_the_demo(name: str) -> None:
    if name not in installed_peers():
        pytest.importorskip(MODULES[name])
    record = read_record(DEMO_RECORD)
    ours = np.array([beat.r_s for beat in analyze(record).beats])
    theirs = np.array(PEERS[name](record))
    nearest = np.abs(theirs[:, None] - ours).min(1)
    assert 0.8 * len(ours) < len(theirs) < 1.1 * len(ours)
    assert (nearest <= MATCH_WINDOW_S).mean() > 0.95


def test_what_is_not_installed_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODULES, "sleepecg", "no_such_module")
    assert "sleepecg" not in installed_peers() and "wfdb xqrs" in installed_peers()
