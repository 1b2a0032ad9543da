"""A step's forward and backward pass recorded once and replayed: one launch in place of thousands.

Networks of these sizes leave a GPU waiting for its next kernel; a CUDA graph (NVIDIA, CUDA C++
Programming Guide, 3.2.8.7) holds all of them. Shapes must not change from step to step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import torch
from torch import Tensor

WARM_UPS = 3  # cuDNN chooses its algorithms, and batch norm sees the first batch so often more


class Replay:
    """Calls `run` with dataclasses of tensors, or None; it returns named losses, on a GPU."""

    def __init__(self, run: Callable[..., dict[str, Tensor]]) -> None:
        """`run` leaves gradients behind, which stay where they are from call to call."""
        self._run = run
        self._graph: torch.cuda.CUDAGraph | None = None
        self._batches: tuple[Any, ...] = ()
        self._losses: dict[str, Tensor] = {}

    def __call__(self, *batches: Any) -> dict[str, Tensor]:
        """The losses of new batches of the same shapes."""
        if self._graph is None:
            self._graph = self._recorded(batches)
        for mine, theirs in zip(_tensors(self._batches), _tensors(batches), strict=True):
            mine.copy_(theirs, non_blocking=True)
        self._graph.replay()
        return {name: loss.clone() for name, loss in self._losses.items()}

    def _recorded(self, batches: tuple[Any, ...]) -> torch.cuda.CUDAGraph:
        self._batches = batches
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(WARM_UPS):
                self._run(*batches)
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._losses = self._run(*batches)
        return graph


def _tensors(batches: tuple[Any, ...]) -> list[Tensor]:
    return [getattr(batch, f.name) for batch in batches if batch is not None for f in fields(batch)]
