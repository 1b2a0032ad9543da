"""What ranks give each other inside a loss, with the gradients going back to each."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, autograd, distributed


def gathered(own: Tensor) -> Tensor:
    """The rows of all ranks in the order of ranks; as they are where there is one process."""
    return _Gather.apply(own) if is_distributed() else own  # type: ignore[no-untyped-call]


def summed(x: Tensor) -> Tensor:
    """The sum over ranks of a tensor of one shape; as it is where there is one process."""
    return _Sum.apply(x) if is_distributed() else x  # type: ignore[no-untyped-call]


def is_distributed() -> bool:
    """Whether several processes have joined."""
    return distributed.is_available() and distributed.is_initialized()


def own_rank() -> int:
    """This process among them, 0 where it is alone."""
    return distributed.get_rank() if is_distributed() else 0


class _Sum(autograd.Function):
    """Every rank uses the sum, so that its gradient is the sum of theirs."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        total = x.contiguous().clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].contiguous().clone()
        distributed.all_reduce(total)
        return total


class _Gather(autograd.Function):
    """A rank's rows get what all ranks' losses want of them."""

    @staticmethod
    def forward(ctx: Any, own: Tensor) -> Tensor:
        parts = [torch.empty_like(own) for _ in range(distributed.get_world_size())]
        distributed.all_gather(parts, own.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].contiguous().clone()
        distributed.all_reduce(total)
        return total.chunk(distributed.get_world_size())[distributed.get_rank()]
