"""The loop on a synthetic lead: learns, resumes to the same weights, refuses bad configurations."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from leadone.cli import cli
from leadone.distill import finetune as loop
from leadone.distill.crops import CropSource, EpochPlan
from leadone.distill.datasets import LabelledLead, Wave
from leadone.distill.finetune import FinetuneConfig, load_run
from leadone.distill.rhythm_teacher import RhythmTeacherConfig
from leadone.distill.steps import in_order
from leadone.edge.errors import InputError
from leadone.edge.labels import QRS
from leadone.pretrain.augment import AugmentConfig
from leadone.pretrain.checkpoint import Basis, save_weights
from leadone.pretrain.config import config_from, load_config
from leadone.pretrain.embedding import Embedder
from leadone.pretrain.encoder import EncoderConfig
from leadone.pretrain.pretraining import PretrainConfig

SMALL = FinetuneConfig(
    epochs=4,
    batch=8,
    encoder=EncoderConfig(channels=(4, 4, 8, 8), blocks=(1, 1, 1), dilations=(1,)),
)


def _leads() -> list[LabelledLead]:
    n, peaks = 2600, np.arange(150, 2500, 200)
    signal = np.random.default_rng(0).normal(0, 0.01, n).astype(np.float32)
    for peak in peaks:
        signal[peak - 8 : peak + 9] += np.hanning(17).astype(np.float32)
    waves = tuple(Wave(QRS, p - 8.0, float(p), p + 8.0) for p in peaks)
    span = (waves[0].onset, waves[-1].offset)
    return [
        LabelledLead(f"ludb/{k}", "ludb", "i", signal, waves, (span,), (), False) for k in (1, 2)
    ]


@pytest.fixture(autouse=True)
def synthetic(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "training_leads", lambda data, fold: _leads() * 8)
    monkeypatch.setattr(loop, "load_noise", lambda folder, share: [])


def _weights(path: Path) -> dict[str, torch.Tensor]:
    return load_run(path)[0].state_dict()


def test_it_learns_and_a_broken_run_ends_as_an_unbroken_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = loop.finetune(SMALL, tmp_path, tmp_path / "whole")
    log = (tmp_path / "whole" / "log.jsonl").read_text().splitlines()
    losses = [_wave_loss(line) for line in log]
    assert losses[-1] < 0.85 * losses[0]

    save, saves = loop.Trainer.save, []

    def killed_after_two(self: loop.Trainer, run: Path, basis: Basis, done: int) -> None:
        save(self, run, basis, done)
        saves.append(done)
        if saves == [1, 2]:
            raise KeyboardInterrupt

    monkeypatch.setattr(loop.Trainer, "save", killed_after_two)
    with pytest.raises(KeyboardInterrupt):
        loop.finetune(SMALL, tmp_path, tmp_path / "broken")
    resumed = loop.finetune(SMALL, tmp_path, tmp_path / "broken")
    for name, value in _weights(whole).items():
        assert torch.equal(value, _weights(resumed)[name]), name


def test_a_run_goes_on_with_the_data_that_it_was_begun_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    config, run = replace(SMALL, epochs=1), tmp_path / "run"
    loop.finetune(config, tmp_path, run)
    renamed = [replace(lead, group=f"ludb/{k}") for k, lead in enumerate(_leads() * 8)]
    relabelled = [replace(lead, waves=lead.waves[1:]) for lead in _leads() * 8]
    for leads, amount in ((_leads() * 9, 18), (renamed, 16), (relabelled, 16)):
        monkeypatch.setattr(loop, "training_leads", lambda data, fold, leads=leads: leads)
        sentence = f"begun on other data: 16 labelled leads .* here are {amount} labelled leads"
        with pytest.raises(InputError, match=sentence):
            loop.finetune(config, tmp_path, run)
    noise = [np.zeros(30000, np.float32)]
    monkeypatch.setattr(loop, "training_leads", lambda data, fold: _leads() * 8)
    loop.finetune(config, tmp_path, run)
    monkeypatch.setattr(loop, "load_noise", lambda folder, share: noise)
    with pytest.raises(InputError, match="begun on other data"):
        loop.finetune(config, tmp_path, run)

    _as_an_older_leadone_wrote_it(run / "checkpoint.safetensors")
    assert not caplog.messages
    loop.finetune(config, tmp_path, run)
    assert [message.split(" was ")[1] for message in caplog.messages] == [
        "begun by an older leadone, which did not note its data: going on with what is there now"
    ]


def _as_an_older_leadone_wrote_it(path: Path) -> None:
    with safe_open(path, "pt") as file:
        state = json.loads(file.metadata()["state"])
    del state["data"]
    save_file(load_file(path), path, {"state": json.dumps(state)})


def _wave_loss(line: str) -> float:
    return float(json.loads(line)["wave_loss"])


def test_an_epoch_is_the_same_on_every_run() -> None:
    source = CropSource(_leads() * 8, [], AugmentConfig(), EpochPlan())
    first, last = source.steps(8), 2 * source.steps(8)
    a, b = (
        list(in_order(lambda k: source.batch(8, 3, k), first, last, workers)) for workers in (0, 2)
    )
    other = source.batch(8, 3, last)
    assert all(torch.equal(p.x, q.x) for p, q in zip(a, b, strict=True))
    assert not torch.equal(a[0].x, other.x)


def test_unknown_keys_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text("epochs = 3\n[augment]\nflipp_share = 0.5\n")
    with pytest.raises(InputError, match="flipp_share"):
        load_config(tmp_path / "c.toml", FinetuneConfig)
    (tmp_path / "c.toml").write_text("epochs = 3\n[encoder]\nchannels = [4, 8, 8, 8]\n")
    config = load_config(tmp_path / "c.toml", FinetuneConfig, seed=7)
    assert (config.epochs, config.seed, config.encoder.channels) == (3, 7, (4, 8, 8, 8))


@pytest.mark.parametrize(
    ("toml", "sentence"),
    [
        ("seed = -1", "seed must be 0 or more, not -1"),
        ("batch = 0", "batch must be 1 or more, not 0"),
        ("[encoder]\nchannels = [8]", "four widths and three depths"),
    ],
)
def test_what_no_run_can_be_made_of_is_refused(tmp_path: Path, toml: str, sentence: str) -> None:
    (tmp_path / "c.toml").write_text(toml)
    for kind in (FinetuneConfig, RhythmTeacherConfig):
        with pytest.raises(InputError, match=sentence):
            load_config(tmp_path / "c.toml", kind)
    with pytest.raises(InputError, match="never seen fold 0"):
        RhythmTeacherConfig(fold=0)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (["distill", "--teacher", ".", "--tier", "rhythm"], "'rhythm' is not one of"),
        (["finetune", "--model", "phone"], "--model works with --person"),
        (["finetune", "--person", "x", "--epochs", "3"], "--epochs is for training"),
        (["finetune", "--person", "x", "--out", "/dev/null/x"], "/dev/null is no folder"),
        (["refit", "wrist", "--out", "/dev/null/x"], "/dev/null is no folder"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    tmp_path: Path, asked: list[str], sentence: str
) -> None:
    place = [] if "--out" in asked else ["--out", str(tmp_path / "r")]
    result = CliRunner().invoke(cli, [*asked, *place, "--data", str(tmp_path)])
    assert result.exit_code and sentence in f"{result.output}{result.exception}"


def test_it_starts_from_a_pretrained_encoder_of_its_widths(tmp_path: Path) -> None:
    pretrained = PretrainConfig(encoder=SMALL.encoder)
    torch.manual_seed(5)
    encoder = Embedder(SMALL.encoder).encoder
    save_weights(tmp_path / "encoder.safetensors", encoder, pretrained)
    trainer = loop.Trainer(SMALL, 4)
    trainer.start_from(tmp_path / "encoder.safetensors")
    for model in (trainer.model, trainer.averaged):
        for key, value in model.network.encoder.state_dict().items():
            assert torch.equal(value, encoder.state_dict()[key]), key
    one = replace(SMALL, epochs=1)
    with_it = loop.finetune(one, tmp_path, tmp_path / "with", tmp_path / "encoder.safetensors")
    without = loop.finetune(one, tmp_path, tmp_path / "without")
    assert load_run(with_it)[1].pretrained and not load_run(without)[1].pretrained
    assert not torch.equal(
        _weights(with_it)["network.wave_head.bias"], _weights(without)["network.wave_head.bias"]
    )
    with pytest.raises(InputError, match="another configuration"):
        loop.finetune(one, tmp_path, tmp_path / "with")
    with pytest.raises(InputError, match="other widths"):
        loop.Trainer(FinetuneConfig(), 4).start_from(tmp_path / "encoder.safetensors")


def test_a_run_of_another_configuration_is_not_continued(tmp_path: Path) -> None:
    loop.finetune(config_from({"epochs": 1, "batch": 8}, FinetuneConfig), tmp_path, tmp_path / "r")
    with pytest.raises(InputError, match="another configuration"):
        loop.finetune(SMALL, tmp_path, tmp_path / "r")
