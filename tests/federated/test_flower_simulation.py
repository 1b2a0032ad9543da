"""Flower's own simulation engine gives the same model as the engine in this process."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("flwr")
pytest.importorskip("ray", reason="Flower's simulation needs ray: pip install 'ray==2.55.1'")

from leadone.federated import cohort, research
from leadone.federated.arrays import flat
from leadone.federated.checkpoint import read_log, read_model
from leadone.federated.config import FederationConfig, SimulationConfig
from leadone.federated.flower import simulation
from leadone.federated.labelled import Labelled


def _few(*args: object) -> cohort.Cohort:
    """Recordings made up, so that only the engines differ."""
    rng = np.random.default_rng(0)
    rhythm = rng.integers(0, 4, 240)
    features = rng.normal(0, 1, (240, 120)).astype(np.float32)
    features[np.arange(240), rhythm] += 3
    whole = Labelled(
        features, rhythm, np.zeros((240, 0), np.float32), np.array([str(k) for k in range(240)])
    )
    return cohort.Cohort(cohort.CINC, (), whole[:120], whole[120:180], whole[180:])


def test_both_engines_end_at_the_same_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (simulation, research):
        monkeypatch.setattr(module, "load_cohort", _few)
    plan = SimulationConfig(clients=3, attack="label-flip", liars=0.34, trust=40)
    config = FederationConfig(rounds=2, simulation=plan)
    simulation.run_in_flower(config, tmp_path, tmp_path, tmp_path / "flower")
    _, rounds = research.run_simulation(config, tmp_path, tmp_path, tmp_path / "process")
    assert [entry.round for entry in rounds] == [1, 2]
    models = [flat(read_model(tmp_path / name)[0]) for name in ("flower", "process")]
    np.testing.assert_array_equal(*models)
    assert [entry["replied"] for entry in read_log(tmp_path / "flower")] == [3, 3]
