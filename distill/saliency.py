"""Integrated gradients: how much each sample of the lead adds to what the network says.

Sundararajan, Taly, Yan: Axiomatic attribution for deep networks, ICML 2017, equation 1: the
attributions of a lead sum to f(lead) - f(baseline). The path is straight; its points lie closer
at the baseline (share u ** 3, u at midpoints), where the network changes its mind fastest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..edge.frontend import INPUT_RANGES_MV
from .export.float_run import run_differentiably
from .export.graph import Graph

Floats = npt.NDArray[np.float32]

# What is explained: the network's outputs by name, (batch, channels, 1, frames), to (batch,).
Target = Callable[[dict[str, Tensor]], Tensor]

STEPS = 128
BATCH = 16  # points of the path at a time


@dataclass(frozen=True)
class Attribution:
    """What each sample adds, (n,), and the target at the lead and at the baseline."""

    values: Floats
    at_lead: float
    at_baseline: float

    @property
    def change(self) -> float:
        """What the lead adds to the target over the baseline."""
        return self.at_lead - self.at_baseline

    @property
    def gap(self) -> float:
        """What the sum misses of the change, as a share of it; 0 with endless steps."""
        return abs(float(self.values.sum()) - self.change) / max(abs(self.change), 1e-9)


def integrated_gradients(
    graph: Graph,
    filtered_mv: Floats,
    baseline_mv: Floats,
    target: Target,
    steps: int = STEPS,
) -> Attribution:
    """What each sample of the filtered lead (n,), n whole hops, adds to the target."""
    lead, baseline = (torch.from_numpy(np.array(x, np.float32)) for x in (filtered_mv, baseline_mv))
    u = (torch.arange(steps) + 0.5) / steps
    mean_slope = torch.zeros_like(lead)
    for first in range(0, steps, BATCH):
        part = u[first : first + BATCH, None]
        points = (baseline + part**3 * (lead - baseline)).requires_grad_()
        (slopes,) = torch.autograd.grad(evaluate(graph, points, target).sum(), points)
        mean_slope += (slopes * 3 * part**2 / steps).sum(0)
    with torch.no_grad():
        ends = evaluate(graph, torch.stack([lead, baseline]), target)
    return Attribution(((lead - baseline) * mean_slope).numpy(), float(ends[0]), float(ends[1]))


def evaluate(graph: Graph, filtered_mv: Tensor, target: Target) -> Tensor:
    """The target (batch,) of filtered leads (batch, n)."""
    return target(named_outputs(graph, filtered_mv))


def named_outputs(graph: Graph, filtered_mv: Tensor) -> dict[str, Tensor]:
    """The network's outputs by name for filtered leads (batch, n)."""
    values = run_differentiably(graph, network_input(filtered_mv))
    return {name: values[name] for name in graph.outputs}


def network_input(filtered_mv: Tensor) -> Tensor:
    """`edge.frontend.network_input` with gradients: (batch, n) to (batch, 2, 1, n) in -1..1."""
    scaled = [(filtered_mv / mv).clamp(-1.0, 1.0) for mv in INPUT_RANGES_MV]
    return torch.stack(scaled, -2)[:, :, None]
