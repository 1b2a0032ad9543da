"""The loop: shards in, an encoder out. Resumable, the same on every run of a seed."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ..edge.errors import InputError
from ..edge.files import make_folder, whole_file
from .checkpoint import load_checkpoint, read_state, save_checkpoint
from .config import config_from
from .embedding import Embedder
from .encoder import EncoderConfig
from .health import Health, health_of
from .methods.lead_transfer import LeadTransfer, LeadTransferConfig, draw_partners
from .shards import Row, Shards
from .twelve_leads import LEADS
from .views import ViewConfig, draw_views

LOG = "log.jsonl"
CHECKPOINT = "checkpoint.safetensors"
ENCODER = "encoder.safetensors"
CHEST = LEADS.index("v5")


@dataclass(frozen=True)
class PretrainConfig:
    """Everything a run depends on besides the data; stored in each checkpoint."""

    epochs: int = 40
    batch: int = 128
    learning_rate: float = 3e-3
    weight_decay: float = 0.01
    warm_up: float = 0.05  # share of the steps
    held_out: float = 0.1  # share of the patients that only health is measured on
    retrieval_among: int = 256
    seed: int = 0
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    lead_transfer: LeadTransferConfig = field(default_factory=LeadTransferConfig)
    views: ViewConfig = field(default_factory=ViewConfig)


def pretrain(config: PretrainConfig, shards: Shards, run: Path) -> Iterator[dict[str, float]]:
    """Train; gives each epoch's loss, its parts and the health on patients held out.

    `run` holds `checkpoint.safetensors` (written each epoch, resumed from), `log.jsonl` and at the
    end `encoder.safetensors`: the main group's encoder.
    """
    torch.manual_seed(config.seed)
    training, held_out = split(shards.rows(), config)
    if len(training) < config.batch:
        raise InputError(
            f"{len(training)} windows have lead I and a lead of each group; a batch is "
            f"{config.batch}: add data or choose a smaller batch"
        )
    trainer = Trainer(config, len(training) // config.batch)
    make_folder(run)
    for epoch in range(trainer.resume(run), config.epochs):
        started = time.monotonic()
        rng = np.random.default_rng((config.seed, epoch))
        parts = [trainer.step(*batch) for batch in _batches(shards, training, config, rng)]
        means = {key: float(np.mean([part[key] for part in parts])) for key in parts[0]}
        health = trainer.health(shards, held_out)
        trainer.save(run, epoch + 1)
        figures = {**asdict(health), "collapsed": float(health.has_collapsed)} if health else {}
        entry = {"epoch": float(epoch), **means, **figures, "seconds": time.monotonic() - started}
        with (run / LOG).open("a") as log:
            log.write(json.dumps({key: round(value, 5) for key, value in entry.items()}) + "\n")
        yield entry
    trainer.save_encoder(run / ENCODER)


def load_encoder(path: Path) -> Embedder:
    """A pretrained encoder with its pooling, in evaluation mode."""
    try:
        with safe_open(path, "pt") as file:
            config = config_from(json.loads(file.metadata()["config"]), PretrainConfig)
        embedder = Embedder(config.encoder)
        embedder.encoder.load_state_dict(load_file(path))
    except (SafetensorError, KeyError, TypeError, RuntimeError) as error:
        raise InputError(f"{path} does not hold an encoder of leadone; pretrain again") from error
    return embedder.eval()


Windows = list[tuple[int, tuple[str, ...]]]  # number, leads present


def split(rows: Iterator[Row], config: PretrainConfig) -> tuple[Windows, Windows]:
    """Windows for training and for health, by patient; those that fit the groups alone."""
    training: Windows = []
    held_out: Windows = []
    for number, row in enumerate(rows):
        if config.lead_transfer.fits(row.leads):
            is_held_out = _share_of(row.patient or row.identity) < config.held_out
            (held_out if is_held_out else training).append((number, row.leads))
    return training, held_out


class Trainer:
    """Method, optimiser and schedule."""

    def __init__(self, config: PretrainConfig, steps_an_epoch: int) -> None:
        """A fresh start; `resume` overrides it."""
        self._config, self._steps_an_epoch = config, steps_an_epoch
        self.method = LeadTransfer(config.encoder, config.lead_transfer)
        self._modules: dict[str, nn.Module] = {"method": self.method}
        self._optimizer = torch.optim.AdamW(
            self.method.parameters(), config.learning_rate, weight_decay=config.weight_decay
        )
        self._step = 0

    def step(self, main: Tensor, others: Sequence[Tensor]) -> dict[str, float]:
        """One update; the loss and its parts."""
        for group in self._optimizer.param_groups:
            group["lr"] = self._config.learning_rate * self._rate()
        self.method.train()
        loss, parts = self.method(main, others)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._optimizer.step()
        self._step += 1
        return {"loss": float(loss.detach())} | {k: float(v.detach()) for k, v in parts.items()}

    def health(self, shards: Shards, windows: Windows) -> Health | None:
        """Lead I against V5 of windows never trained on, None where there are too few."""
        among = windows[: self._config.retrieval_among]
        if len(among) < 2:
            return None
        signal = shards.read([number for number, _ in among])
        rng = np.random.default_rng(self._config.seed)
        chest = [LEADS.index("v5") if "v5" in leads else _chest(leads) for _, leads in among]
        embedder = self.method.embedders[0].eval()
        with torch.no_grad():
            first = embedder(draw_views(signal[:, 0], self._config.views, rng))
            second = embedder(
                draw_views(signal[np.arange(len(among)), chest], self._config.views, rng)
            )
            heads = self.method.heads
            return health_of(heads[0](first), heads[-1](second))

    def save(self, run: Path, epochs_done: int) -> None:
        """Checkpoint."""
        state = {"epochs_done": epochs_done, "config": asdict(self._config)}
        save_checkpoint(run / CHECKPOINT, self._modules, self._optimizer, state)

    def resume(self, run: Path) -> int:
        """Load the run's checkpoint if there is one; returns the epochs already done."""
        path = run / CHECKPOINT
        if not path.exists():
            return 0
        state = read_state(path)
        if config_from(state["config"], PretrainConfig) != self._config:
            raise InputError(f"{run} holds a run of another configuration; choose another --out")
        load_checkpoint(path, self._modules, self._optimizer)
        done = int(state["epochs_done"])
        self._step = done * self._steps_an_epoch
        return done

    def save_encoder(self, path: Path) -> None:
        """The main group's encoder, with the run's configuration in its header."""
        tensors = {k: v.contiguous() for k, v in self.method.encoder.state_dict().items()}
        with whole_file(path) as unfinished:
            save_file(tensors, unfinished, {"config": json.dumps(asdict(self._config))})

    def _rate(self) -> float:
        """Linear warm-up, then half a cosine down to nothing."""
        total = self._steps_an_epoch * self._config.epochs
        warm_up = max(round(total * self._config.warm_up), 1)
        if self._step < warm_up:
            return (self._step + 1) / warm_up
        return 0.5 * (1 + math.cos(math.pi * (self._step - warm_up) / max(total - warm_up, 1)))


def _batches(
    shards: Shards, windows: Windows, config: PretrainConfig, rng: np.random.Generator
) -> Iterator[tuple[Tensor, list[Tensor]]]:
    """Views of lead I and of a drawn lead of each group, whole batches only."""
    order = rng.permutation(len(windows))
    for start in range(0, len(order) - config.batch + 1, config.batch):
        chosen = [windows[k] for k in order[start : start + config.batch]]
        signal = shards.read([number for number, _ in chosen])
        partners = draw_partners(config.lead_transfer, [leads for _, leads in chosen], rng)
        main = draw_views(signal[:, 0], config.views, rng)
        yield main, [draw_views(_leads(signal, names), config.views, rng) for names in partners]


def _leads(signal: npt.NDArray[np.float32], names: Sequence[str]) -> npt.NDArray[np.float32]:
    return signal[np.arange(len(names)), [LEADS.index(name) for name in names]]


def _chest(leads: Sequence[str]) -> int:
    return LEADS.index(next(lead for lead in leads if lead.startswith("v")))


def _share_of(name: str) -> float:
    """A number in 0..1 that a name always gets."""
    import hashlib

    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") / 2**32
