"""NT-Xent against its formula, by hand and across processes."""

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor, distributed, multiprocessing

from leadone.pretrain.contrast import nt_xent


def restated(first: Tensor, second: Tensor, temperature: float) -> float:
    """The formula of the paper, view by view, in float64."""
    views = [row / row.norm() for row in torch.cat([first, second]).double()]
    n, total = len(first), 0.0
    for i in range(2 * n):
        similar = [math.exp(float(views[i] @ view) / temperature) for view in views]
        others = sum(similar[k] for k in range(2 * n) if k != i)
        total -= math.log(similar[(i + n) % (2 * n)] / others)
    return total / (2 * n)


@pytest.mark.parametrize(("n", "d", "temperature"), [(1, 4, 0.5), (5, 8, 0.2), (16, 3, 1.0)])
def test_it_is_the_formula(n: int, d: int, temperature: float) -> None:
    generator = torch.Generator().manual_seed(n)
    a, b = (torch.randn(n, d, generator=generator) for _ in range(2))
    assert float(nt_xent(a, b, temperature)) == pytest.approx(restated(a, b, temperature), rel=1e-5)


def test_mixed_precision_does_not_touch_the_products() -> None:
    a, b = torch.randn(2, 16, 8, generator=torch.Generator().manual_seed(3))
    exact = nt_xent(a, b, 0.1)
    with torch.autocast("cpu", torch.bfloat16):
        assert float(nt_xent(a, b, 0.1)) == pytest.approx(float(exact), rel=1e-6)


def test_two_orthogonal_pairs_by_hand() -> None:
    """Partners have cosine 1 and all others 0: l = -log(e^2 / (e^2 + 1 + 1)) at temperature 1/2."""
    a = torch.tensor([[3.0, 0.0], [0.0, 0.1]])
    b = torch.tensor([[1.0, 0.0], [0.0, 7.0]])
    assert float(nt_xent(a, b, 0.5)) == pytest.approx(-math.log(math.e**2 / (math.e**2 + 2)))


def test_the_scale_of_a_view_does_not_matter_and_its_partner_does() -> None:
    generator = torch.Generator().manual_seed(0)
    a = torch.randn(8, 16, generator=generator)
    b = a + 0.1 * torch.randn(8, 16, generator=generator)
    assert float(nt_xent(9 * a, b, 0.2)) == pytest.approx(float(nt_xent(a, b, 0.2)), rel=1e-5)
    assert float(nt_xent(a, b, 0.2)) < 0.5 < float(nt_xent(a, b.roll(1, 0), 0.2))


def _on_rank(rank: int, ranks: int, store: str, views: Tensor, out: str) -> None:
    distributed.init_process_group(
        "gloo", init_method=f"file://{store}", rank=rank, world_size=ranks
    )
    own = views.chunk(ranks, 1)[rank].clone().requires_grad_()
    loss = nt_xent(own[0], own[1], 0.2)
    loss.backward()
    torch.save({"loss": loss.detach(), "gradient": own.grad}, f"{out}{rank}.pt")
    distributed.destroy_process_group()


def test_two_processes_are_one_joint_batch(tmp_path: Path) -> None:
    """Mean loss over ranks, and gradients averaged as DDP does, are those of all pairs together."""
    views = torch.randn(2, 12, 5, generator=torch.Generator().manual_seed(1))
    joint = views.clone().requires_grad_()
    loss = nt_xent(joint[0], joint[1], 0.2)
    loss.backward()
    arguments = (2, str(tmp_path / "store"), views, str(tmp_path / "rank"))
    multiprocessing.spawn(_on_rank, arguments, nprocs=2)
    ranks = [torch.load(tmp_path / f"rank{rank}.pt", weights_only=True) for rank in (0, 1)]
    mean = (ranks[0]["loss"] + ranks[1]["loss"]) / 2
    assert float(mean) == pytest.approx(float(loss.detach()), rel=1e-6)
    gradient = torch.cat([rank["gradient"] for rank in ranks], 1) / 2
    torch.testing.assert_close(gradient, joint.grad)
