"""The lead-transfer loss against its formulas, written out again."""

import numpy as np
import pytest
import torch

from leadone.edge.errors import InputError
from leadone.pretrain.contrast import nt_xent
from leadone.pretrain.encoder import EncoderConfig
from leadone.pretrain.methods.lead_transfer import (
    LeadTransfer,
    LeadTransferConfig,
    draw_partners,
    lead_transfer_loss,
)
from leadone.pretrain.shards import Row
from leadone.pretrain.twelve_leads import LEADS
from leadone.pretrain.windows import windows_of

SMALL = EncoderConfig(channels=(2, 4, 4, 4), blocks=(0, 0, 0), dilations=(1,), expansion=1)


def test_the_sum_of_the_formulas() -> None:
    generator = torch.Generator().manual_seed(0)
    h_i = [torch.randn(6, 8, generator=generator) for _ in range(3)]
    h_m = [torch.randn(6, 8, generator=generator) for _ in range(3)]
    config = LeadTransferConfig(
        main_and_helper_weights=(1.0, 0.3, 0.7), entity_weights=(0.2, 0.9), temperature=0.1
    )
    total, parts = lead_transfer_loss(h_i, h_m, config)
    expected = (
        1.0 * nt_xent(h_i[0], h_m[0], 0.1)
        + 0.3 * nt_xent(h_i[1], h_m[1], 0.1)
        + 0.7 * nt_xent(h_i[2], h_m[2], 0.1)
        + 0.2 * nt_xent(h_i[0], h_m[1], 0.1)
        + 0.9 * nt_xent(h_i[0], h_m[2], 0.1)
    )
    assert float(total) == pytest.approx(float(expected), rel=1e-6)
    assert set(parts) == {"main", "helper2", "helper3", "entity2", "entity3"}


def test_one_group_is_its_main_loss() -> None:
    config = LeadTransferConfig((("I", "II"),), (2.0,), ())
    a, b = torch.eye(3), torch.eye(3)
    total, parts = lead_transfer_loss([a], [b], config)
    assert float(total) == pytest.approx(2 * float(nt_xent(a, b, 0.2))) and set(parts) == {"main"}


@pytest.mark.parametrize("separate", [False, True])
def test_every_network_learns_and_the_main_one_is_kept(separate: bool) -> None:
    torch.manual_seed(0)
    method = LeadTransfer(SMALL, LeadTransferConfig(separate_encoders=separate))
    views = [torch.randn(4, 2, 1, 320) for _ in range(4)]
    loss, _ = method(*views)
    loss.backward()
    assert len(method.helpers) == (2 if separate else 0) and len(method.heads) == 3
    for name, parameter in method.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().sum() > 0 or "bias" in name, name
    first, second = method.paired(views[0], views[3])
    network = method.helpers[1] if separate else method.embedder
    torch.testing.assert_close(first, method.heads[0](method.embedder(views[0])))
    torch.testing.assert_close(second, method.heads[2](network(views[3])))


def test_partners_come_from_their_group_and_from_what_a_record_has() -> None:
    config = LeadTransferConfig()
    present = [
        ("i", "ii", "v1", "v6"),
        ("i", "avr", "v2", "v3", "v4"),
        ("i", "ii", "v1"),
        ("ii", "v1", "v6"),
    ]
    windows = windows_of(Row(f"x/{k}", None, 0.0, leads) for k, leads in enumerate(present))
    assert LeadTransfer.fits(windows, config).tolist() == [True, True, False, False]
    rng = np.random.default_rng(0)
    drawn = [draw_partners(config, windows.has_lead[:2], rng) for _ in range(30)]
    names = [[[LEADS[place] for place in group] for group in one] for one in drawn]
    assert {tuple(one[0]) for one in names} == {("ii", "avr")}  # never lead I itself
    assert {one[1][0] for one in names} == {"v1"} and {one[1][1] for one in names} == {"v2", "v3"}
    assert all(one[2] == ["v6", "v4"] for one in names)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"groups": (("II", "V1"), ("V2",), ("V3",))}, "must hold lead I"),
        ({"groups": (("I", "II"), ("ii", "V1"), ("V3",))}, "two groups"),
        ({"groups": (("I",), ("V1",), ("V3",))}, "besides lead I"),
        ({"entity_weights": (1.0,)}, "entity_weights"),
        ({"main_and_helper_weights": (1.0,)}, "main_and_helper_weights"),
        ({"temperature": 0.0}, "temperature"),
    ],
)
def test_a_configuration_without_meaning_is_refused(values: dict[str, object], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        LeadTransferConfig(**values)  # type: ignore[arg-type]
