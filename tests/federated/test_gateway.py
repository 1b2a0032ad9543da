"""Whole networks: buffers travel with weights, and what comes out is a run that quantize takes."""

from pathlib import Path

import numpy as np
import pytest

from leadone.distill.finetune import load_run
from leadone.distill.records import LabelledRecord
from leadone.edge.errors import InputError
from leadone.federated import gateway
from leadone.federated.arrays import moved
from leadone.federated.checks import fault
from leadone.federated.compression import unpack
from leadone.federated.config import Instruction
from leadone.federated.head import LocalConfig
from leadone.pretrain.encoder import EncoderConfig

ENCODER = EncoderConfig(channels=(4, 4, 8, 8), dilations=(1,))
LOCAL = LocalConfig(epochs=2, batch=4, learning_rate=3e-3, weight_decay=0.01)


def _records(n: int = 12) -> list[LabelledRecord]:
    """Slow and fast waves for two rhythms."""
    t = np.arange(1500) / 250
    return [
        LabelledRecord(
            f"r{k}",
            np.sin(2 * np.pi * (1 + 6 * (k % 2)) * t).astype(np.float32),
            np.eye(4, dtype=np.float32)[k % 2],
        )
        for k in range(n)
    ]


def _task() -> gateway.NetworkTask:
    return gateway.NetworkTask(gateway.windows(_records(8)), _records(8), ENCODER, LOCAL)


def test_rounds_lower_the_loss_and_buffers_are_part_of_the_update() -> None:
    model = gateway.start_network(ENCODER, 0, None)
    site, task = gateway.Gateway("site", _records(), ENCODER, "tiny"), _task()
    before = task.loss(model)
    for number in range(1, 16):
        told = Instruction(number, "tiny", LOCAL, "int8")
        update = unpack(site.train(model, told), "int8", model)
        assert fault(update, model, 1e3) is None
        running = [name for name in update if name.endswith("running_mean")]
        assert running and any(np.abs(update[name]).max() > 0 for name in running)
        model = moved(model, update)
    assert task.loss(model) < 0.8 * before
    counters = [v for n, v in model.items() if n.endswith("num_batches_tracked")]
    assert counters and all(np.issubdtype(v.dtype, np.integer) for v in counters)
    assert max(int(v) for v in counters) >= 15


def test_the_tasks_slope_is_that_of_its_loss() -> None:
    model, task = gateway.start_network(ENCODER, 1, None), _task()
    slope = task.gradient(model)["head.rhythm.bias"]
    for k in range(4):
        up, down = ({n: v.copy() for n, v in model.items()} for _ in range(2))
        up["head.rhythm.bias"][k] += 1e-2
        down["head.rhythm.bias"][k] -= 1e-2
        assert slope[k] == pytest.approx((task.loss(up) - task.loss(down)) / 2e-2, abs=1e-3)


def test_a_global_network_is_a_run(tmp_path: Path) -> None:
    model = gateway.start_network(ENCODER, 2, None)
    gateway.write_network(model, ENCODER, tmp_path / "run")
    network, config = load_run(tmp_path / "run")
    assert config.encoder == ENCODER
    assert all(np.array_equal(v, model[n]) for n, v in gateway.arrays_of(network).items())


def test_a_site_that_cannot_take_part_says_why() -> None:
    model = gateway.start_network(ENCODER, 0, None)
    with pytest.raises(InputError, match="network is other"):
        gateway.Gateway("a", _records(), ENCODER, "tiny").train(model, Instruction(1, "other"))
    with pytest.raises(InputError, match="no labelled recordings"):
        gateway.Gateway("a", [], ENCODER, "tiny").train(model, Instruction(1, "tiny"))
    with pytest.raises(InputError, match="is for the head"):
        told = Instruction(1, "tiny", LocalConfig(noise=1.0))
        gateway.Gateway("a", _records(), ENCODER, "tiny").train(model, told)
