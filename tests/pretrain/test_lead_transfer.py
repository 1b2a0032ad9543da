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
    loss, _ = method(views[0], views[1:])
    loss.backward()  # type: ignore[no-untyped-call]
    assert len(method.embedders) == (3 if separate else 1) and len(method.heads) == 3
    for name, parameter in method.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().sum() > 0 or "bias" in name, name
    assert method.encoder is method.embedders[0].encoder


def test_partners_come_from_their_group_and_from_what_a_record_has() -> None:
    config = LeadTransferConfig()
    present = [{"i", "ii", "v1", "v6"}, {"i", "avr", "v2", "v3", "v4"}]
    rng = np.random.default_rng(0)
    drawn = [draw_partners(config, present, rng) for _ in range(20)]
    assert {tuple(d[0]) for d in drawn} == {("ii", "avr")}  # never lead I itself
    assert {d[1][0] for d in drawn} == {"v1"} and {d[1][1] for d in drawn} == {"v2", "v3"}
    assert all(d[2] == ["v6", "v4"] for d in drawn)
    assert all(config.fits(leads) for leads in present)
    assert not config.fits({"i", "ii", "v1"}) and not config.fits({"ii", "v1", "v6"})


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
