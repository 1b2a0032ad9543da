"""Several processes as one: what `torchrun` starts works on one joint batch.

Gradients are averaged by DistributedDataParallel, the contrast's negatives are gathered in
`contrast.py`, and batch norm takes its statistics over all ranks here, so that W processes with
b rows each do what one does with W * b rows.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from .collectives import is_distributed, summed

LONGEST_WAIT = timedelta(days=1)  # while the first rank makes shards of an archive


@dataclass(frozen=True)
class Ranks:
    """This process among all, and the device that it works on."""

    rank: int = 0
    count: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def is_first(self) -> bool:
        """The one that writes files and speaks."""
        return self.rank == 0

    def own(self, items: int) -> slice:
        """This rank's share of so many things, which must divide by the number of ranks."""
        each = items // self.count
        return slice(self.rank * each, (self.rank + 1) * each)

    def wait(self) -> None:
        """Until all ranks are here."""
        if self.count > 1:
            distributed.barrier()

    def mean(self, values: list[float]) -> list[float]:
        """Each value's mean over the ranks."""
        if self.count == 1:
            return values
        joint = torch.tensor(values, dtype=torch.float64, device=self.device)
        distributed.all_reduce(joint)
        means: list[float] = (joint / self.count).tolist()
        return means

    def wrapped(self, module: nn.Module) -> nn.Module:
        """The module with gradients averaged over the ranks; itself where there is one."""
        if self.count == 1:
            return module
        return DistributedDataParallel(module)


@contextmanager
def joined_ranks() -> Iterator[Ranks]:
    """The ranks that `torchrun` started (its environment says so), else one process.

    NCCL joins GPUs, gloo CPUs. A GPU is used where there is one.
    """
    has_gpu = torch.cuda.is_available()
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Ranks(device=torch.device("cuda" if has_gpu else "cpu"))
        return
    device = torch.device(f"cuda:{os.environ['LOCAL_RANK']}" if has_gpu else "cpu")
    if has_gpu:
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if has_gpu else "gloo", timeout=LONGEST_WAIT)
    try:
        yield Ranks(distributed.get_rank(), distributed.get_world_size(), device)
    finally:
        distributed.destroy_process_group()


def join_norms(module: nn.Module) -> None:
    """Let every batch norm in the module take its statistics over all ranks, in place."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm1d):
            part.__class__ = JointNorm1d
        elif isinstance(part, nn.BatchNorm2d):
            part.__class__ = JointNorm2d


class _JointNorm(nn.modules.batchnorm._BatchNorm):
    """Batch norm over the rows of all ranks; torch's own does this on GPUs only."""

    def forward(self, x: Tensor) -> Tensor:
        if not (self.training and is_distributed()):
            return super().forward(x)
        over = [0, *range(2, x.dim())]
        moments = torch.stack([x.mean(over), (x * x).mean(over)])
        ranks = distributed.get_world_size()
        mean, square = summed(moments) / ranks
        variance = (square - mean * mean).clamp_min(0.0)
        self._keep(mean, variance, x.numel() // x.shape[1] * ranks)
        scale = self.weight * (variance + self.eps).rsqrt()
        shape = (1, -1, *[1] * (x.dim() - 2))
        normal: Tensor = x * scale.view(shape) + (self.bias - mean * scale).view(shape)
        return normal

    def _keep(self, mean: Tensor, variance: Tensor, n: int) -> None:
        """The running statistics, as torch has them: with the unbiased variance."""
        assert self.running_mean is not None and self.running_var is not None
        assert self.num_batches_tracked is not None
        momentum = self.momentum or 0.0
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, momentum)
            self.running_var.lerp_(variance * n / max(n - 1, 1), momentum)


class JointNorm1d(_JointNorm, nn.BatchNorm1d):
    """Of (b, c)."""


class JointNorm2d(_JointNorm, nn.BatchNorm2d):
    """Of (b, c, 1, t)."""
