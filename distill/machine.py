"""Where a training runs: the device of its network, and the processes that make its batches."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TypeVar

import torch
from torch import Tensor

from ..edge.errors import InputError

Batch = TypeVar("Batch")
GPU_WORKERS = 2  # a GPU waits for batches that one core makes


@dataclass(frozen=True)
class Machine:
    """A device as torch names it, and how many processes make batches beside it."""

    device: str = "cpu"
    workers: int = 0


CPU = Machine()


def find_machine(device: str, workers: int | None) -> Machine:
    """The machine asked for; InputError where it has no such device."""
    try:
        kind = torch.device(device).type
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, ValueError) as error:
        raise InputError(f"no device {device!r} here; take cpu, or cuda on a GPU") from error
    return Machine(device, workers if workers is not None else GPU_WORKERS * (kind != "cpu"))


def moved(batch: Batch, device: torch.device) -> Batch:
    """A dataclass of tensors on a device."""
    if device.type == "cpu":
        return batch
    tensors = {f.name: getattr(batch, f.name) for f in fields(batch)}  # type: ignore[arg-type]
    on_device = {
        name: value.to(device, non_blocking=True) if isinstance(value, Tensor) else value
        for name, value in tensors.items()
    }
    return type(batch)(**on_device)
