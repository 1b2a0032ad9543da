"""How an embedding is doing: retrieval, alignment, uniformity, and whether it has collapsed.

Alignment and uniformity after Wang & Isola 2020: the mean squared distance of partners, and the log
of the mean Gaussian potential (kernel exp(-2 d^2)) of all pairs, on the unit sphere.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

COLLAPSED = 0.1  # of the spread that directions have when none is preferred


@dataclass(frozen=True)
class Health:
    """`retrieval` is the share of rows that find their partner nearest among all partners."""

    retrieval: float
    alignment: float
    uniformity: float
    spread: float  # 1 where no direction is preferred, 0 where all embeddings are one

    @property
    def has_collapsed(self) -> bool:
        """All records look the same to the network."""
        return self.spread < COLLAPSED


def health_of(first: Tensor, second: Tensor) -> Health:
    """Of partners' embeddings (n, d) each."""
    a, b = functional.normalize(first, dim=1), functional.normalize(second, dim=1)
    nearest = (a @ b.T).argmax(1)
    distances = torch.pdist(torch.cat([a, b])) ** 2
    joint = torch.cat([a, b])
    return Health(
        retrieval=float((nearest == torch.arange(len(a))).float().mean()),
        alignment=float(((a - b) ** 2).sum(1).mean()),
        uniformity=float(torch.exp(-2 * distances).mean().log()),
        spread=float(((joint - joint.mean(0)) ** 2).sum(1).mean()),
    )
