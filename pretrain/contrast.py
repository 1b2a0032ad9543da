"""NT-Xent: each view finds its partner among all views of the batch, on all machines.

Chen et al. 2020 (SimCLR), equation 1: with the 2N views' cosine similarities s and temperature t,
l(i, j) = -log( exp(s_ij / t) / sum_{k != i} exp(s_ik / t) ); the loss is the mean of l over both
orders of every pair.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from .collectives import gathered, own_rank


def nt_xent(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    """The loss of N pairs of embeddings (N, d); row k of `first` belongs to row k of `second`.

    Under `torch.distributed` the other ranks' views are negatives too. A rank's loss is the mean
    over its own rows, so that the mean over ranks, which DDP's gradients are of, is the loss of the
    joint batch.
    """
    own = len(first)
    first, second = functional.normalize(first, dim=1), functional.normalize(second, dim=1)
    all_first, all_second, rank = gathered(first), gathered(second), own_rank()
    everyone = torch.cat([all_first, all_second])
    similarity = _products(torch.cat([first, second]), everyone) / temperature
    row = torch.arange(own, device=first.device) + rank * own
    itself = torch.cat([row, row + len(all_first)])
    partner = torch.cat([row + len(all_first), row])
    similarity = similarity.scatter(1, itself[:, None], float("-inf"))
    return functional.cross_entropy(similarity, partner)


def info_nce(queries: Tensor, keys: Tensor) -> Tensor:
    """Each query (n, d) finds its own key (n, d) among all ranks' keys, by the plain dot product.

    van den Oord et al. 2018 (CPC), equation 4.
    """
    row = torch.arange(len(queries), device=queries.device) + own_rank() * len(queries)
    return functional.cross_entropy(_products(queries, gathered(keys)), row)


def _products(rows: Tensor, columns: Tensor) -> Tensor:
    """All scalar products (n, m) in float32: bfloat16 would round away what tells views apart."""
    with torch.autocast(rows.device.type, enabled=False):
        return rows.float() @ columns.float().T
