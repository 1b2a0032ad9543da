"""The loop on synthetic records: learns, resumes to the same encoder, says what is wrong."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file

from leadone.cli import cli
from leadone.edge.errors import InputError
from leadone.pretrain import pretraining
from leadone.pretrain.archive import entries
from leadone.pretrain.encoder import EncoderConfig
from leadone.pretrain.health import health_of
from leadone.pretrain.pretraining import PretrainConfig, load_encoder, pretrain, split
from leadone.pretrain.shards import Row, Shards, build_shards
from leadone.pretrain.views import ViewConfig, as_input, draw_views

SMALL = PretrainConfig(
    epochs=3,
    batch=4,
    held_out=0.3,
    encoder=EncoderConfig(channels=(2, 4, 4, 4), blocks=(0, 0, 0), dilations=(1,), expansion=1),
)


@pytest.fixture
def built(
    tmp_path: Path,
    heart: Callable[..., dict[str, np.ndarray]],
    write: Callable[..., Path],
) -> Shards:
    rng = np.random.default_rng(0)
    (tmp_path / "archive").mkdir()
    for k in range(16):
        leads = heart()
        for chest in range(1, 7):
            leads[f"V{chest}"] = leads[f"V{chest}"] * rng.normal()
        write(tmp_path / "archive" / f"{k:02}", leads)
    build_shards(entries([tmp_path / "archive"]), tmp_path / "shards")
    return Shards(tmp_path / "shards")


def test_a_broken_run_ends_as_an_unbroken_one(
    built: Shards, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = list(pretrain(SMALL, built, tmp_path / "whole"))
    assert [entry["epoch"] for entry in log] == [0, 1, 2]
    assert {"loss", "main", "helper2", "entity3", "retrieval", "uniformity"} <= set(log[0])
    step, steps = pretraining.Trainer.step, []

    def killed(self: pretraining.Trainer, *views: object) -> dict[str, float]:
        steps.append(1)
        if len(steps) == 3:  # within the second epoch
            raise KeyboardInterrupt
        return step(self, *views)  # type: ignore[arg-type]

    monkeypatch.setattr(pretraining.Trainer, "step", killed)
    with pytest.raises(KeyboardInterrupt):
        list(pretrain(SMALL, built, tmp_path / "broken"))
    list(pretrain(SMALL, built, tmp_path / "broken"))
    whole, broken = (
        load_file(tmp_path / run / "encoder.safetensors") for run in ("whole", "broken")
    )
    assert whole.keys() == broken.keys()
    assert all(torch.equal(whole[key], broken[key]) for key in whole)
    embedder = load_encoder(tmp_path / "whole" / "encoder.safetensors")
    assert embedder(torch.zeros(3, 2, 1, 320)).shape == (3, embedder.size)
    lines = (tmp_path / "broken" / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [0, 1, 2]


def test_the_command_leaves_out_what_is_kept_for_testing(built: Shards, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(
        "epochs = 1\nbatch = 4\nheld_out = 0.0\n[encoder]\nchannels = [2, 4, 4, 4]\n"
        "blocks = [0, 0, 0]\ndilations = [1]\n"
        "[lead_transfer]\ngroups = [['I', 'II'], ['V1', 'V2']]\n"
        "main_and_helper_weights = [1, 0.5]\nentity_weights = [0.5]\n"
    )
    (tmp_path / "kept.txt").write_text("archive/03\narchive/07\n")
    words = ["pretrain", "--data", str(tmp_path / "archive"), "--shards", str(tmp_path / "s")]
    words += ["--out", str(tmp_path / "run"), "--config", str(tmp_path / "c.toml")]
    words += ["--leave-out", str(tmp_path / "kept.txt")]
    done = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert done.exit_code == 0 and "encoder in" in done.output
    identities = {row.identity for row in Shards(tmp_path / "s").rows()}
    assert len(identities) == 14 and not identities & {"archive/03", "archive/07"}
    (tmp_path / "kept.txt").write_text("archive/99\n")
    with pytest.raises(InputError, match="archive/99"):
        CliRunner().invoke(cli, words, catch_exceptions=False)


def test_what_cannot_be_trained_on_is_said(built: Shards, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="smaller batch"):
        list(pretrain(replace(SMALL, batch=64), built, tmp_path / "r"))
    assert not (tmp_path / "r").exists()
    list(pretrain(replace(SMALL, epochs=1), built, tmp_path / "r"))
    with pytest.raises(InputError, match="another configuration"):
        list(pretrain(SMALL, built, tmp_path / "r"))


def test_a_patient_is_on_one_side_only() -> None:
    rows = [Row(f"x/{k}", f"patient{k // 3}", 0.0) for k in range(300)]
    training, held_out = split(iter(rows), SMALL)
    sides = [{rows[number].patient for number, _ in side} for side in (training, held_out)]
    assert not sides[0] & sides[1] and 0.15 < len(held_out) / 300 < 0.45
    without_chest = Row("x/0", None, 0.0, ("i", "ii", "iii"))
    assert split(iter([without_chest]), SMALL) == ([], [])


def test_views_differ_in_speed_and_height_and_never_leave_the_signal() -> None:
    rng = np.random.default_rng(0)
    t = np.arange(2500) / 250
    signal = np.tile(np.sin(2 * np.pi * 5 * t), (64, 1)).astype(np.float32)
    signal[1::2, 1500:] = np.nan
    config = ViewConfig(noise=0.0, wander=0.0)
    views = draw_views(signal, config, rng)
    assert views.shape == (64, 2, 1, 1408) and views.isfinite().all()
    wide = views[:, 0, 0].numpy() * 5.0
    hz = (np.diff(np.sign(wide), axis=1) != 0).sum(1) / 2 / (1408 / 250)
    assert hz[::2].max() / hz[::2].min() > 1.5 and hz.min() > 5 / 1.45 and hz.max() < 5 * 1.45
    rms = np.sqrt((wide**2).mean(1))
    assert rms.max() / rms.min() > 1.8 and rms.min() > 0.1 and rms.max() < 0.4
    torch.testing.assert_close(as_input(wide)[:, 0, 0] * 5.0, torch.from_numpy(wide))


def test_health_by_hand() -> None:
    same = health_of(torch.eye(4), torch.eye(4))
    assert same.retrieval == 1 and same.alignment == 0 and not same.has_collapsed
    one = torch.ones(4, 3) + 1e-3 * torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    assert health_of(one, one.roll(1, 0)).has_collapsed
    turned = health_of(torch.eye(2), torch.eye(2).flip(0))
    assert turned.retrieval == 0 and turned.alignment == pytest.approx(2)
