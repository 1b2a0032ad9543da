"""The loop: shards in, an encoder out. Resumable, the same on every run of a seed."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..edge.errors import InputError
from ..edge.files import make_folder
from .checkpoint import Basis, append_log, load_weights, resume_run, save_run, save_weights
from .config import check_counts
from .embedding import Embedder
from .encoder import EncoderConfig
from .fingerprint import Fingerprint, fingerprint_of
from .health import Health, health_of
from .methods import METHODS, Method
from .methods.denoising import DenoisingConfig
from .methods.lead_transfer import LeadTransferConfig
from .methods.masked import MaskedConfig
from .methods.method import MAIN
from .methods.pcl import PCLConfig
from .methods.segment_shuffling import SegmentShufflingConfig
from .methods.simclr import SimCLRConfig
from .methods.tf_c import TFCConfig
from .methods.ts_tcc import TSTCCConfig
from .ranks import Ranks, join_norms
from .twelve_leads import LEADS
from .views import ViewConfig, Views
from .windows import Whole, Windows, split

ENCODER = "encoder.safetensors"
BLOCK = 8  # windows drawn by one generator: a batch is the same however many ranks share it
CHEST = [LEADS.index(lead) for lead in ("v5", "v4", "v6", "v3", "v2", "v1")]  # first one present

Progress = Callable[[int, int, float], None]  # steps done, steps in all, windows a second


@dataclass(frozen=True)
class PretrainConfig:
    """Everything a run depends on besides the data; stored in each checkpoint."""

    method: str = "lead-transfer"
    epochs: int = 40
    batch: int = 64  # of all ranks together
    learning_rate: float = 3e-3
    weight_decay: float = 0.01
    warm_up: float = 0.05  # share of the steps
    bfloat16: bool = False  # mixed precision: faster on GPUs and on CPUs that have its instructions
    held_out: float = 0.1  # share of the patients that only health is measured on
    retrieval_among: int = 256
    seed: int = 0
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    views: ViewConfig = field(default_factory=ViewConfig)
    lead_transfer: LeadTransferConfig = field(default_factory=LeadTransferConfig)
    simclr: SimCLRConfig = field(default_factory=SimCLRConfig)
    pcl: PCLConfig = field(default_factory=PCLConfig)
    ts_tcc: TSTCCConfig = field(default_factory=TSTCCConfig)
    tf_c: TFCConfig = field(default_factory=TFCConfig)
    masked: MaskedConfig = field(default_factory=MaskedConfig)
    denoising: DenoisingConfig = field(default_factory=DenoisingConfig)
    segment_shuffling: SegmentShufflingConfig = field(default_factory=SegmentShufflingConfig)

    def __post_init__(self) -> None:
        """Refuse an unknown method and a batch that blocks don't fill."""
        check_counts(epochs=self.epochs, batch=self.batch, seed=self.seed)
        if self.method not in METHODS:
            raise InputError(f"there is no method {self.method!r}; take {', '.join(METHODS)}")
        if self.batch < BLOCK or self.batch % BLOCK:
            raise InputError(f"the batch must be a multiple of {BLOCK}, not {self.batch}")

    @property
    def of_method(self) -> Any:
        """The section of the chosen method."""
        return getattr(self, self.method.replace("-", "_"))

    def new_method(self) -> Method:
        """The chosen method with fresh weights."""
        return METHODS[self.method](self.encoder, self.of_method)


def pretrain(
    config: PretrainConfig,
    views: Views,
    windows: Windows,
    run: Path,
    ranks: Ranks,
    on_step: Progress,
) -> Iterator[dict[str, float]]:
    """Train; gives each epoch's loss, its parts and the health on patients held out.

    `run` holds `checkpoint.safetensors` (written each epoch, resumed from), `log.jsonl` and at the
    end `encoder.safetensors`: the main encoder. With several ranks the first one writes.
    """
    if config.batch % (BLOCK * ranks.count):
        raise InputError(
            f"a batch of {config.batch} does not go in blocks of {BLOCK} to {ranks.count} "
            f"processes; choose a multiple of {BLOCK * ranks.count}"
        )
    torch.manual_seed(config.seed)
    training, held_out = usable(windows, config)
    trainer = Trainer(config, views, training, ranks)
    make_folder(run)
    basis = Basis(config, data_of(views, windows))
    for epoch in range(trainer.resume(run, basis), config.epochs):
        entry = trainer.epoch(epoch, on_step)
        if health := trainer.health(held_out):
            entry |= {**asdict(health), "collapsed": float(health.has_collapsed)}
        if ranks.is_first:
            trainer.save(run, basis, epoch + 1)
            append_log(run, {key: round(value, 5) for key, value in entry.items()})
        ranks.wait()
        yield entry
    if ranks.is_first:
        save_weights(run / ENCODER, trainer.method.embedder.encoder, config)


def usable(windows: Windows, config: PretrainConfig) -> tuple[Windows, Windows]:
    """Windows for training and for health; InputError where there is not one batch."""
    kind = METHODS[config.method]
    training, held_out = split(windows.take(kind.fits(windows, config.of_method)), config.held_out)
    if len(training) < config.batch:
        raise InputError(
            f"{len(training)} windows for training have {kind.needs}; a batch is {config.batch}: "
            "add data or choose a smaller batch"
        )
    return training, held_out


def data_of(views: Views, windows: Windows) -> Fingerprint:
    """What a run trains on: the shards' hashes, whose windows they are, the noises."""
    shards = [(shard["windows"], shard["sha256"]) for shard in views.shards.manifest["shards"]]
    whose = hashlib.sha256(windows.number.tobytes() + windows.patient.tobytes()).hexdigest()
    noises = [(kind, [len(noise) for noise in views.noises[kind]]) for kind in views.noises]
    return fingerprint_of(f"{len(windows)} windows", [shards, whose, noises])


def load_encoder(path: Path) -> Embedder:
    """A pretrained encoder with its pooling, in evaluation mode."""
    config, tensors = load_weights(path, PretrainConfig)
    embedder = Embedder(config.encoder)
    try:
        embedder.encoder.load_state_dict(tensors)
    except RuntimeError as error:
        raise InputError(f"{path} does not hold an encoder of leadone; pretrain again") from error
    return embedder.eval()


def load_method(run: Path) -> tuple[Method, PretrainConfig]:
    """The method of a finished run as its last checkpoint has it, in evaluation mode."""
    config, _ = load_weights(run / ENCODER, PretrainConfig)
    method = config.new_method()
    resume_run(run, Basis(config), {"method": method}, torch.optim.AdamW(method.parameters()))
    return method.eval(), config


class Trainer:
    """Method, optimiser and schedule over one set of windows."""

    def __init__(
        self, config: PretrainConfig, views: Views, training: Windows, ranks: Ranks
    ) -> None:
        """A fresh start; `resume` overrides it."""
        self._config, self._views, self._training, self._ranks = config, views, training, ranks
        self.method = config.new_method().to(ranks.device)
        if ranks.count > 1:
            join_norms(self.method)
        self._network = ranks.wrapped(self.method)
        self._modules: dict[str, nn.Module] = {"method": self.method}
        self._optimizer = torch.optim.AdamW(
            self.method.parameters(), config.learning_rate, weight_decay=config.weight_decay
        )
        first = self._order(0)
        self._steps_an_epoch = len(first) // config.batch
        if not self._steps_an_epoch:
            raise InputError(
                f"an epoch has {len(first)} windows, one a patient; a batch is {config.batch}: "
                "add data or choose a smaller batch"
            )

    def epoch(self, epoch: int, on_step: Progress) -> dict[str, float]:
        """All whole batches once; means of the loss and its parts, and the time that it took."""
        torch.manual_seed(self._config.seed + 7919 * (epoch + 1))
        self.method.train()
        order = self._order(epoch)
        sums: dict[str, float] = {}
        started, loading_s = time.monotonic(), 0.0
        for step in range(self._steps_an_epoch):
            before = time.monotonic()
            batch = self._draw(order, epoch, step)
            loading_s += time.monotonic() - before
            for key, value in self._update(batch, epoch * self._steps_an_epoch + step).items():
                sums[key] = sums.get(key, 0.0) + value
            speed = (step + 1) * self._config.batch / (time.monotonic() - started)
            on_step(
                epoch * self._steps_an_epoch + step + 1,
                self._config.epochs * self._steps_an_epoch,
                speed,
            )
        means = self._ranks.mean([value / self._steps_an_epoch for value in sums.values()])
        return {
            "epoch": float(epoch),
            **dict(zip(sums, means, strict=True)),
            "seconds": time.monotonic() - started,
            "loading_s": loading_s,
        }

    def health(self, windows: Windows) -> Health | None:
        """Lead I against a chest lead of windows never trained on, None where there are too few."""
        among = windows.take(np.arange(min(len(windows), self._config.retrieval_among)))
        among = among.take(np.flatnonzero(among.has_lead[:, CHEST].any(1)))
        if len(among) < 2:
            return None
        rng = np.random.default_rng(self._config.seed)
        chest = np.array(CHEST)[among.has_lead[:, CHEST].argmax(1)]
        self.method.eval()
        with torch.no_grad():
            views = [self._views.draw(among.number, lead, rng) for lead in (MAIN, chest)]
            return health_of(*self.method.paired(*[v.to(self._ranks.device) for v in views]))

    def save(self, run: Path, basis: Basis, epochs_done: int) -> None:
        """Checkpoint."""
        save_run(run, basis, epochs_done, self._modules, self._optimizer)

    def resume(self, run: Path, basis: Basis) -> int:
        """Load the run's checkpoint if there is one; returns the epochs already done."""
        return resume_run(run, basis, self._modules, self._optimizer)

    def _order(self, epoch: int) -> Whole:
        rng = np.random.default_rng((self._config.seed, epoch))
        return self.method.order(self._training, rng)

    def _draw(self, order: Whole, epoch: int, step: int) -> tuple[Tensor, ...]:
        """This rank's rows of a batch, block by block."""
        size = self._config.batch
        blocks = order[step * size : (step + 1) * size].reshape(-1, BLOCK)
        drawn = []
        for block in range(len(blocks))[self._ranks.own(len(blocks))]:
            rng = np.random.default_rng((self._config.seed, epoch, step, block))
            drawn.append(self.method.draw(self._views, self._training, blocks[block], rng))
        return tuple(torch.cat(rows).to(self._ranks.device) for rows in zip(*drawn, strict=True))

    def _update(self, batch: tuple[Tensor, ...], step: int) -> dict[str, float]:
        """One step of the optimiser; the loss and its parts."""
        for group in self._optimizer.param_groups:
            group["lr"] = self._config.learning_rate * self._rate(step)
        kind = self._ranks.device.type
        with torch.autocast(kind, torch.bfloat16, enabled=self._config.bfloat16):
            loss, parts = self._network(*batch)
        if not torch.isfinite(loss):
            raise InputError(f"the loss is not finite at step {step}; lower the learning_rate")
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._optimizer.step()
        return {"loss": float(loss.detach())} | {k: float(v.detach()) for k, v in parts.items()}

    def _rate(self, step: int) -> float:
        """Linear warm-up, then half a cosine down to nothing."""
        total = self._steps_an_epoch * self._config.epochs
        warm_up = max(round(total * self._config.warm_up), 1)
        if step < warm_up:
            return (step + 1) / warm_up
        return 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(total - warm_up, 1)))
