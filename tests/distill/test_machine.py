"""Where a training runs: what is asked for is there, or refused in one sentence."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch

from leadone.distill.machine import Machine, find_machine, moved
from leadone.edge.errors import InputError


@dataclass(frozen=True)
class Pair:
    x: torch.Tensor
    name: str


def test_the_cpu_makes_its_own_batches_unless_told_otherwise() -> None:
    assert find_machine("cpu", None) == Machine("cpu", 0)
    assert find_machine("cpu", 3) == Machine("cpu", 3)


@pytest.mark.parametrize("device", ["cuda:99", "toaster", ""])
def test_a_device_that_is_not_here_is_refused(device: str) -> None:
    with pytest.raises(InputError, match=f"no device {device!r} here; take cpu"):
        find_machine(device, None)


def test_batches_move_whole() -> None:
    pair = Pair(torch.ones(3), "a")
    assert moved(pair, torch.device("cpu")) is pair
    there = moved(pair, torch.device("meta"))
    assert there.x.device.type == "meta" and there.x.shape == (3,) and there.name == "a"
