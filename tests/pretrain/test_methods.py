"""Every other method: its formula written out again, and that it learns from real shards' views."""

import math
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from leadone.edge.errors import InputError
from leadone.pretrain.contrast import info_nce, nt_xent
from leadone.pretrain.encoder import EncoderConfig
from leadone.pretrain.methods import METHODS, Method
from leadone.pretrain.methods.denoising import Denoising, DenoisingConfig
from leadone.pretrain.methods.masked import Masked, MaskedConfig, draw_mask
from leadone.pretrain.methods.pcl import PCL, PCLConfig
from leadone.pretrain.methods.segment_shuffling import (
    SegmentShuffling,
    SegmentShufflingConfig,
    distant_orders,
)
from leadone.pretrain.methods.segments import shuffled
from leadone.pretrain.methods.tf_c import TFC, TFCConfig, changed, magnitudes
from leadone.pretrain.methods.ts_tcc import TSTCC, TSTCCConfig
from leadone.pretrain.pretraining import PretrainConfig
from leadone.pretrain.shards import Row, Shards
from leadone.pretrain.views import Views
from leadone.pretrain.windows import Windows, windows_of

SMALL = EncoderConfig(channels=(4, 8, 8, 8), blocks=(0, 0, 0), dilations=(1,), expansion=1)


@pytest.fixture
def windows(built: Shards) -> Windows:
    return windows_of(built.rows())


def seeded(kind: type[Method], config: Any) -> Any:
    torch.manual_seed(0)
    return kind(SMALL, config)


@pytest.mark.parametrize("name", METHODS)
def test_it_learns_and_the_encoder_takes_part(name: str, views: Views, windows: Windows) -> None:
    config = PretrainConfig(method=name, encoder=SMALL)
    torch.manual_seed(0)
    method = config.new_method()
    optimizer = torch.optim.AdamW(method.parameters(), 5e-3)
    before = {key: value.clone() for key, value in method.embedder.state_dict().items()}
    losses = []
    for step in range(40):
        rng = np.random.default_rng(step % 4)
        torch.manual_seed(step % 4)
        drawn = method.draw(views, windows, method.order(windows, rng)[:16], rng)
        assert all(len(part) == 16 for part in drawn)
        loss, parts = method(*drawn)
        assert set(parts).isdisjoint({"loss"})
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert np.mean(losses[-4:]) < np.mean(losses[:4]) - 0.02 * abs(np.mean(losses[:4]))
    after = method.embedder.state_dict()
    assert any(not torch.equal(before[key], after[key]) for key in before if "conv" in key)
    method.eval()
    first, second = method.paired(drawn[0], drawn[0].flip(0))
    assert first.shape == second.shape == (16, first.shape[1]) and first.std(0).max() > 0
    if name != "lead-transfer":  # which looks at the two through different heads
        torch.testing.assert_close(first.flip(0), second, rtol=1e-3, atol=1e-3)


def test_pcl_pairs_records_of_a_patient(built: Shards, views: Views) -> None:
    rows = [Row(f"x/{k}", f"patient{k // 2}", 0.0) for k in range(24)]
    windows = windows_of(rows)
    method = seeded(PCL, PCLConfig())
    order = method.order(windows, np.random.default_rng(0))
    assert len(order) == 12 and len(set(windows.patient[order])) == 12
    asked: list[list[int]] = []

    class Listening(Views):
        def draw(self, numbers: Any, leads: Any, rng: np.random.Generator) -> Tensor:
            asked.append(numbers.tolist())
            return super().draw(numbers, leads, rng)

    listening = Listening(built, views.config)
    method.draw(listening, windows, order, np.random.default_rng(0))
    assert [k ^ 1 for k in asked[0]] == asked[1]  # 2k and 2k + 1 are one patient's


def test_info_nce_by_hand() -> None:
    queries, keys = torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.tensor([[3.0, 0.0], [1.0, 1.0]])
    first = -math.log(math.exp(3) / (math.exp(3) + math.exp(1)))
    second = -math.log(math.exp(2) / (math.exp(0) + math.exp(2)))
    assert float(info_nce(queries, keys)) == pytest.approx((first + second) / 2, rel=1e-6)


def test_ts_tcc_is_its_equations() -> None:
    method = seeded(TSTCC, TSTCCConfig(steps_ahead=2, contextual_weight=0.7))
    weak, strong = torch.randn(2, 5, 2, 1, 640, generator=torch.Generator().manual_seed(1))
    torch.manual_seed(3)
    loss, parts = method(weak, strong)
    parts = {name: part.detach() for name, part in parts.items()}
    torch.manual_seed(3)
    features = method.embedder.encoder(torch.cat([weak, strong]))[-1].squeeze(2)
    z = features.unfold(2, 4, 4).mean(3).transpose(1, 2)  # (10, 10, channels)
    t = int(torch.randint(1, z.shape[1] - 2 + 1, ()))
    tokens = torch.cat([method.token.expand(10, -1, -1), method.inward(z[:, :t])], 1)
    c = method.context(tokens)[:, 0]
    total = {"strong": 0.0, "weak": 0.0}
    for name, context, future in (("strong", c[5:], z[:5]), ("weak", c[:5], z[5:])):
        for k in (1, 2):
            predicted = method.ahead[k - 1](context)
            for i in range(5):
                scores = (predicted[i] @ future[:, t + k - 1].T).tolist()
                log_sum = math.log(sum(math.exp(s) for s in scores))
                total[name] += (log_sum - scores[i]) / 5 / 2
        assert float(parts[name]) == pytest.approx(total[name], rel=1e-4)
    heads = method.head(c)
    contextual = float(nt_xent(heads[:5], heads[5:], 0.2).detach())
    assert float(parts["contextual"]) == pytest.approx(contextual, rel=1e-4)
    expected = total["strong"] + total["weak"] + 0.7 * contextual
    assert float(loss) == pytest.approx(expected, rel=1e-4)


def test_tf_c_of_the_paper_and_as_released_differ_in_what_they_say() -> None:
    method = seeded(TFC, TFCConfig(weight=0.3, margin=0.7)).eval()
    released = seeded(TFC, TFCConfig(variant="released")).eval()
    generator = torch.Generator().manual_seed(1)
    drawn = [0.3 * torch.randn(6, 2, 1, n, generator=generator) for n in (320, 320, 160, 160)]
    h = [method.embedder(x) for x in drawn[:2]] + [method.of_spectrum(x) for x in drawn[2:]]
    heads = [method.time_head] * 2 + [method.frequency_head] * 2
    t, t2, f, f2 = (head(x) for head, x in zip(heads, h, strict=True))
    within = nt_xent(h[0], h[1], 0.2) + nt_xent(h[2], h[3], 0.2)
    s = nt_xent(t, f, 0.2)
    pairs = [nt_xent(t2, f, 0.2), nt_xent(t, f2, 0.2), nt_xent(t2, f2, 0.2)]
    paper = 0.3 * within + 0.7 * sum(s - pair + 0.7 for pair in pairs)
    assert float(method(*drawn)[0]) == pytest.approx(float(paper), rel=1e-4)
    assert float(released(*drawn)[0]) == pytest.approx(float(0.2 * within + s), rel=1e-4)
    with pytest.raises(InputError, match="paper or released"):
        TFCConfig(variant="both")


def test_the_spectrum_shows_the_tone_and_is_changed_where_it_says() -> None:
    t = np.arange(1408) / 250
    tone = np.sin(2 * np.pi * 20 * t).astype(np.float32)[None]
    spectrum = magnitudes(tone)
    assert spectrum.shape == (1, 704) and abs(spectrum.argmax() * 250 / 1408 - 20) < 0.2
    ones = np.ones((50, 704), np.float32)
    altered = changed(ones, 0.1, np.random.default_rng(0))
    assert 0.06 < (altered < 1).mean() < 0.12 and 0.06 < (altered > 1).mean() < 0.12
    assert altered.max() <= 1.1


def test_only_what_was_masked_counts() -> None:
    method = seeded(Masked, MaskedConfig(share=0.5, patch=40))
    mask = torch.from_numpy(draw_mask((4, 320), method.config, np.random.default_rng(0)))
    assert mask.reshape(4, 8, 40).all(2).sum(1).tolist() == [4] * 4
    assert mask.reshape(4, 8, 40).any(2).sum(1).tolist() == [4] * 4
    x, whole = torch.randn(4, 2, 1, 320), torch.randn(4, 320)
    loss = float(method(x, whole, mask)[0])
    elsewhere = torch.where(mask, whole, whole + 100)
    assert float(method(x, elsewhere, mask)[0]) == pytest.approx(loss, rel=1e-5)
    told = method.decoder(method.embedder.encoder(x))
    assert loss == pytest.approx(float(((told - whole)[mask] ** 2).mean()), rel=1e-5)


def test_the_mask_hides_the_signal_and_noise_has_its_ratio(views: Views, windows: Windows) -> None:
    rng = np.random.default_rng(0)
    masked, _, mask = seeded(Masked, MaskedConfig()).draw(views, windows, np.arange(16), rng)
    assert float(masked[:, 0, 0][mask].abs().max()) == 0 < float(masked.abs().max())
    config = DenoisingConfig(snr_db=(6.0, 6.0))
    noisy, clean = seeded(Denoising, config).draw(views, windows, np.arange(16), rng)
    told = noisy[:, 0, 0]
    gain = (told * clean).sum(1, keepdim=True) / (clean**2).sum(1, keepdim=True)
    noise_power = ((told / gain - clean) ** 2).mean(1)
    assert 10 * math.log10(1 / float(noise_power.median())) == pytest.approx(6.0, abs=1.5)


def test_orders_are_far_apart_and_segments_go_where_they_say() -> None:
    orders = distant_orders(4, 12)
    assert orders[0].tolist() == [0, 1, 2, 3] and len({tuple(o) for o in orders}) == 12
    assert (orders[1] != orders[0]).all()
    x = np.arange(12, dtype=np.float32)[None]
    assert shuffled(x, np.array([[2, 0, 1, 3]])).tolist() == [
        [6, 7, 8, 0, 1, 2, 3, 4, 5, 9, 10, 11]
    ]
    with pytest.raises(InputError, match="don't have 30 orders"):
        SegmentShufflingConfig(orders=30)


def test_shuffling_is_scored_against_the_order_applied(views: Views, windows: Windows) -> None:
    method = seeded(SegmentShuffling, SegmentShufflingConfig())
    x, which = method.draw(views, windows, np.arange(24), np.random.default_rng(0))
    loss, parts = method.eval()(x, which)
    told = method.head(method.embedder(x))
    assert float(loss) == pytest.approx(float(functional.cross_entropy(told, which)), rel=1e-5)
    assert float(parts["right"]) == pytest.approx(float((told.argmax(1) == which).float().mean()))
    assert len(set(which.tolist())) > 6


def test_every_section_of_the_configuration_is_a_method() -> None:
    config = asdict(PretrainConfig())
    assert all(name.replace("-", "_") in config for name in METHODS)
    with pytest.raises(InputError, match="no method 'byol'; take lead-transfer, simclr"):
        PretrainConfig(method="byol")
