"""The loop on synthetic records: learns, resumes to the same encoder, says what is wrong."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file
from torch import multiprocessing

from leadone.cli import cli
from leadone.edge.errors import InputError
from leadone.pretrain.archive import entries
from leadone.pretrain.checkpoint import read_log
from leadone.pretrain.config import load_config
from leadone.pretrain.encoder import EncoderConfig
from leadone.pretrain.health import health_of
from leadone.pretrain.pretraining import (
    PretrainConfig,
    load_encoder,
    load_method,
    pretrain,
    usable,
)
from leadone.pretrain.ranks import Ranks, joined_ranks
from leadone.pretrain.shards import Row, Shards, build_shards
from leadone.pretrain.views import ViewConfig, Views
from leadone.pretrain.windows import windows_of

SMALL = PretrainConfig(
    epochs=3,
    batch=8,
    held_out=0.3,
    views=ViewConfig(samples=640),
    encoder=EncoderConfig(channels=(2, 4, 4, 4), blocks=(0, 0, 0), dilations=(1,), expansion=1),
)


def silent(done: int, total: int, windows_per_s: float) -> None:
    pass


def run_all(
    config: PretrainConfig,
    shards: Shards,
    run: Path,
    on_step: Callable[[int, int, float], None] = silent,
    ranks: Ranks | None = None,
) -> list[dict[str, float]]:
    views = Views(shards, config.views)
    windows = windows_of(shards.rows())
    return list(pretrain(config, views, windows, run, ranks or Ranks(), on_step))


def weights(run: Path) -> dict[str, torch.Tensor]:
    return load_file(run / "encoder.safetensors")


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def test_a_broken_run_ends_as_an_unbroken_one(built: Shards, tmp_path: Path) -> None:
    log = run_all(SMALL, built, tmp_path / "whole")
    assert [entry["epoch"] for entry in log] == [0, 1, 2]
    assert {"loss", "main", "helper2", "entity3", "retrieval", "uniformity"} <= set(log[0])
    assert 0 < log[0]["loading_s"] < log[0]["seconds"]

    def breaking(done: int, total: int, windows_per_s: float) -> None:
        if done == total // 3 + 1:  # within the second epoch
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_all(SMALL, built, tmp_path / "broken", breaking)
    assert len(read_log(tmp_path / "broken")) == 1
    run_all(SMALL, built, tmp_path / "broken")
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "broken"))
    embedder = load_encoder(tmp_path / "whole" / "encoder.safetensors")
    assert embedder(torch.zeros(3, 2, 1, 320)).shape == (3, embedder.size)
    losses = [[e["loss"] for e in read_log(tmp_path / run)] for run in ("whole", "broken")]
    assert losses[0] == losses[1] and len(losses[0]) == 3
    method, config = load_method(tmp_path / "whole")
    assert config == SMALL and same(
        weights(tmp_path / "whole"), method.embedder.encoder.state_dict()
    )
    run_all(replace(SMALL, seed=1), built, tmp_path / "other")
    assert not same(weights(tmp_path / "whole"), weights(tmp_path / "other"))


def test_a_run_goes_on_with_the_shards_that_it_was_begun_on(
    built: Shards, write: Callable[..., Path], heart: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    config, run = replace(SMALL, epochs=1), tmp_path / "run"
    run_all(config, built, run)
    write(tmp_path / "archive" / "00", heart(9.0))  # the same names, another signal
    build_shards(entries([tmp_path / "archive"]), tmp_path / "others")
    with pytest.raises(InputError, match="run was begun on other data: 24 windows, here are 24"):
        run_all(config, Shards(tmp_path / "others"), run)
    noisy = Views(built, config.views, {"ma": [np.zeros(9000, np.float32)]})
    with pytest.raises(InputError, match="begun on other data"):
        list(pretrain(config, noisy, windows_of(built.rows()), run, Ranks(), silent))
    (tmp_path / "shards").rename(tmp_path / "elsewhere")
    run_all(config, Shards(tmp_path / "elsewhere"), run)


def test_kill_9_within_an_epoch_loses_that_epoch_alone(built: Shards, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(
        "epochs = 6\nbatch = 8\nheld_out = 0.0\n[encoder]\nchannels = [2, 4, 4, 4]\n"
        "blocks = [0, 0, 0]\ndilations = [1]\n"
    )
    words = [sys.executable, "-m", "leadone.cli", "pretrain", "--shards", str(tmp_path / "shards")]
    words += ["--config", str(tmp_path / "c.toml"), "--out"]
    subprocess.run([*words, str(tmp_path / "whole")], check=True, capture_output=True)
    log = tmp_path / "broken" / "log.jsonl"
    with subprocess.Popen([*words, str(tmp_path / "broken")], stdout=subprocess.DEVNULL) as running:
        deadline = time.monotonic() + 60
        while not (log.exists() and log.stat().st_size) and time.monotonic() < deadline:
            time.sleep(0.001)
        os.kill(running.pid, signal.SIGKILL)
    assert running.returncode == -signal.SIGKILL
    assert 1 <= len(read_log(tmp_path / "broken")) < 6, "it was not killed while it ran"
    assert not (tmp_path / "broken" / "encoder.safetensors").exists()
    subprocess.run([*words, str(tmp_path / "broken")], check=True, capture_output=True)
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "broken"))
    whole, broken = (read_log(tmp_path / run)[-1]["loss"] for run in ("whole", "broken"))
    assert whole == broken


def _on_rank(rank: int, port: str, config: PretrainConfig, shards: str, run: str) -> None:
    torch.set_num_threads(1)
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_RANK": str(rank)}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    with joined_ranks() as ranks:
        run_all(config, Shards(shards), Path(run), silent, ranks)


METHOD_PARTS = {
    "lead-transfer": ("main", "helper2", "helper3", "entity2", "entity3"),
    "ts-tcc": ("strong", "weak", "contextual"),
    "masked": (),
}


@pytest.mark.parametrize("method", METHOD_PARTS)
def test_two_processes_are_one_with_the_joint_batch(
    method: str, built: Shards, tmp_path: Path
) -> None:
    """Losses of four epochs, which hang on gathered gradients and batch norm's statistics."""
    config = replace(SMALL, method=method, batch=16, epochs=4, held_out=0.3, learning_rate=1e-3)
    one = run_all(config, built, tmp_path / "one")
    port = str(20000 + os.getpid() % 20000)
    arguments = (port, config, str(tmp_path / "shards"), str(tmp_path / "two"))
    multiprocessing.spawn(_on_rank, arguments, nprocs=2)
    two = read_log(tmp_path / "two")
    assert len(two) == len(one) == 4
    for of_one, of_two in zip(one, two, strict=True):
        for key in {"loss", *METHOD_PARTS[method]}:
            assert of_two[key] == pytest.approx(of_one[key], rel=5e-3), key
    x = torch.randn(8, 2, 1, 640, generator=torch.Generator().manual_seed(0))
    joint, spread = (load_encoder(tmp_path / n / "encoder.safetensors") for n in ("one", "two"))
    torch.testing.assert_close(spread(x), joint(x), rtol=1e-2, atol=1e-2)


def test_the_command_leaves_out_what_is_kept_for_testing(built: Shards, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(
        "epochs = 1\nbatch = 8\nheld_out = 0.0\n[encoder]\nchannels = [2, 4, 4, 4]\n"
        "blocks = [0, 0, 0]\ndilations = [1]\n"
        "[lead_transfer]\ngroups = [['I', 'II'], ['V1', 'V2']]\n"
        "main_and_helper_weights = [1, 0.5]\nentity_weights = [0.5]\n"
    )
    (tmp_path / "kept.txt").write_text("archive/03\narchive/07\n")
    words = ["pretrain", "--data", str(tmp_path / "archive"), "--out", str(tmp_path / "run")]
    words += ["--config", str(tmp_path / "c.toml"), "--leave-out", str(tmp_path / "kept.txt")]
    done = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert done.exit_code == 0 and "encoder in" in done.output
    assert (tmp_path / "run" / "curves.png").read_bytes().startswith(b"\x89PNG")
    identities = {row.identity for row in Shards(tmp_path / "run" / "shards").rows()}
    assert len(identities) == 22 and not identities & {"archive/03", "archive/07"}
    (tmp_path / "kept.txt").write_text("archive/99\n")
    with pytest.raises(InputError, match="archive/99"):
        CliRunner().invoke(cli, words, catch_exceptions=False)


def test_mixed_precision_learns_as_well(built: Shards, tmp_path: Path) -> None:
    config = replace(SMALL, epochs=4, learning_rate=1e-2)
    whole = run_all(config, built, tmp_path / "whole")
    mixed = run_all(replace(config, bfloat16=True), built, tmp_path / "mixed")
    assert mixed[0]["loss"] != whole[0]["loss"], "it was not mixed"
    for of_whole, of_mixed in zip(whole, mixed, strict=True):
        assert of_mixed["loss"] == pytest.approx(of_whole["loss"], rel=0.1)
    assert weights(tmp_path / "mixed")["level0.0.conv.weight"].dtype == torch.float32


def test_the_command_draws_the_augmentations_and_trains_nothing(
    built: Shards, tmp_path: Path
) -> None:
    picture = tmp_path / "a.png"
    words = ["pretrain", "--shards", str(tmp_path / "shards"), "--show-augmentations", str(picture)]
    done = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert done.exit_code == 0 and picture.read_bytes().startswith(b"\x89PNG")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.png", "archive", "shards"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("method = 'byol'", "no method 'byol'"),
        ("methods = 'simclr'", "unknown key 'methods'"),
        ("[simclr]\ntau = 1.0", "unknown key 'tau'"),
        ("batch = 12", "multiple of 8"),
    ],
)
def test_a_configuration_with_a_mistake_is_refused(
    text: str, reason: str, built: Shards, tmp_path: Path
) -> None:
    (tmp_path / "c.toml").write_text(text)
    words = ["pretrain", "--shards", str(tmp_path / "shards"), "--out", str(tmp_path / "run")]
    with pytest.raises(InputError, match=reason):
        CliRunner().invoke(
            cli, [*words, "--config", str(tmp_path / "c.toml")], catch_exceptions=False
        )
    assert not (tmp_path / "run").exists()


def test_what_cannot_be_trained_on_is_said(built: Shards, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="smaller batch"):
        run_all(replace(SMALL, batch=64), built, tmp_path / "r")
    with pytest.raises(InputError, match="to 3 processes; choose a multiple of 24"):
        run_all(SMALL, built, tmp_path / "r", ranks=Ranks(0, 3))
    assert not (tmp_path / "r").exists()
    run_all(replace(SMALL, epochs=1), built, tmp_path / "r")
    with pytest.raises(InputError, match="another configuration"):
        run_all(SMALL, built, tmp_path / "r")
    with pytest.raises(InputError, match="not finite"):
        run_all(replace(SMALL, learning_rate=1e30), built, tmp_path / "n")
    (tmp_path / "encoder.safetensors").write_bytes(b"not one")
    with pytest.raises(InputError, match="does not hold weights"):
        load_encoder(tmp_path / "encoder.safetensors")


def test_a_record_without_the_leads_of_a_method_is_not_used() -> None:
    limb = [Row(f"x/{k}", None, 0.0, ("i", "ii", "iii")) for k in range(40)]
    windows = windows_of(limb)
    with pytest.raises(InputError, match="0 windows for training have lead I and a lead of each"):
        usable(windows, replace(SMALL, batch=8))
    training, held_out = usable(windows, replace(SMALL, batch=8, method="simclr"))
    assert len(training) + len(held_out) == 40


def test_health_by_hand() -> None:
    same = health_of(torch.eye(4), torch.eye(4))
    assert same.retrieval == 1 and same.alignment == 0 and not same.has_collapsed
    one = torch.ones(4, 3) + 1e-3 * torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    assert health_of(one, one.roll(1, 0)).has_collapsed
    turned = health_of(torch.eye(2), torch.eye(2).flip(0))
    assert turned.retrieval == 0 and turned.alignment == pytest.approx(2)


def test_the_example_in_docs_is_the_default() -> None:
    example = Path(__file__).parents[2] / "docs" / "pretrain.toml"
    assert load_config(example, PretrainConfig) == PretrainConfig()
