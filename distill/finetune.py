"""Supervised training of the delineator: one loop, resumable, the same on every run of a seed."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..edge.errors import InputError
from ..edge.files import make_folder
from ..pretrain.augment import AugmentConfig, load_noise
from ..pretrain.checkpoint import append_log, load_weights, resume_run, save_run, save_weights
from ..pretrain.encoder import EncoderConfig
from ..pretrain.pretraining import load_encoder
from .crops import Batch, CropSource, EpochPlan
from .datasets import LOADERS, LabelledLead, fold_of
from .delineator import Delineator, work_of
from .targets import NO_BEAT, wave_loss

WEIGHTS = "model.safetensors"


@dataclass(frozen=True)
class FinetuneConfig:
    """Everything a run depends on besides the data; stored in each checkpoint."""

    epochs: int = 40
    batch: int = 48
    learning_rate: float = 5e-3
    weight_decay: float = 0.02
    beat_weight: float = 0.2
    ema: float = 0.998
    seed: int = 0
    fold: int | None = None  # records of this fold are left out; None trains on all
    pretrained: str = ""  # SHA-256 of the encoder that training starts from; none by default
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    plan: EpochPlan = field(default_factory=EpochPlan)


def finetune(config: FinetuneConfig, data: Path, run: Path, encoder: Path | None = None) -> Path:
    """Train on LUDB, QTDB and MIT-BIH below `data`; returns the final weights' path.

    `encoder` is a pretrained one to start from, of the configuration's widths. `run` holds
    `checkpoint.safetensors` (written each epoch, resumed from), `log.jsonl` and at the end
    `model.safetensors`.
    """
    torch.manual_seed(config.seed)
    if encoder is not None:
        config = replace(config, pretrained=hashlib.sha256(encoder.read_bytes()).hexdigest())
    source = CropSource(
        training_leads(data, config.fold),
        load_noise(data / "nstdb", config.augment.train_share_of_noise),
        config.augment,
        config.plan,
    )
    trainer = Trainer(config, source.steps(config.batch))
    if encoder is not None:
        trainer.start_from(encoder)
    make_folder(run)
    first = trainer.resume(run)
    for epoch in range(first, config.epochs):
        started = time.monotonic()
        losses = [trainer.step(b) for b in source.batches(config.batch, config.seed, epoch)]
        trainer.save(run, epoch + 1)
        wave, beat = np.mean(losses, 0)
        entry: dict[str, float] = {
            "epoch": epoch,
            "wave_loss": round(float(wave), 5),
            "beat_loss": round(float(beat), 5),
        }
        entry["seconds"] = round(time.monotonic() - started, 1)
        append_log(run, entry)
        print(json.dumps(entry), flush=True)
    parameters, macs = work_of(trainer.averaged)
    weights = run / WEIGHTS
    save_weights(weights, trainer.averaged, config, parameters=str(parameters), macs=str(macs))
    return weights


def training_leads(data: Path, fold: int | None) -> list[LabelledLead]:
    """Every labelled lead below `data`, without the source records of `fold`."""
    present = [name for name in LOADERS if (data / name).is_dir()]
    if not present:
        raise InputError(f"{data} has none of {', '.join(LOADERS)}; see `leadone data get`")
    leads = [lead for name in present for lead in LOADERS[name](data / name)]
    return [lead for lead in leads if fold is None or fold_of(lead.group) != fold]


class Trainer:
    """Model, optimiser, schedule and the running average of the weights."""

    def __init__(self, config: FinetuneConfig, steps_per_epoch: int) -> None:
        """A fresh start; `resume` overrides it."""
        self.config = config
        self.model = Delineator(config.encoder)
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.averaged = Delineator(config.encoder)
        self.averaged.load_state_dict(self.model.state_dict())
        self._modules: dict[str, nn.Module] = {"model": self.model, "average": self.averaged}
        self._optimizer = torch.optim.AdamW(
            self.model.parameters(), config.learning_rate, weight_decay=config.weight_decay
        )
        self._total = max(config.epochs * steps_per_epoch, 1)
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimizer, config.learning_rate, total_steps=self._total, pct_start=0.15
        )

    def start_from(self, path: Path) -> None:
        """Take a pretrained encoder's weights; InputError where its widths are others."""
        embedder = load_encoder(path)
        if embedder.config != self.config.encoder:
            raise InputError(
                f"{path} has other widths than this run; give it the same [encoder] in --config"
            )
        for model in (self.model, self.averaged):
            model.encoder.load_state_dict(embedder.encoder.state_dict())

    def step(self, batch: Batch) -> tuple[float, float]:
        """One update; returns wave and beat loss."""
        self.model.train()
        waves, beats = self.model(batch.x)
        wave = wave_loss(waves.squeeze(2), batch.coverage, batch.complete)
        beat = beat_loss(beats.squeeze(2), batch.beat)
        self._optimizer.zero_grad(set_to_none=True)
        (wave + self.config.beat_weight * beat).backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self._optimizer.step()
        self._schedule.step()
        self._average()
        return float(wave.detach()), float(beat.detach())

    def save(self, run: Path, epochs_done: int) -> None:
        """Checkpoint: weights, average, moments, and what they belong to."""
        save_run(run, self.config, epochs_done, self._modules, self._optimizer)

    def resume(self, run: Path) -> int:
        """Load the run's checkpoint if there is one; returns the epochs already done."""
        done = resume_run(run, self.config, self._modules, self._optimizer)
        if done:
            steps = done * self._total // max(self.config.epochs, 1)
            schedule = {"last_epoch": steps - 1, "_step_count": steps + 1}
            self._schedule.load_state_dict({**self._schedule.state_dict(), **schedule})
            self._schedule.step()  # the rate of a one-cycle schedule depends on its position alone
        return done

    def _average(self) -> None:
        """Exponential average of weights and batch-norm statistics, started gently."""
        step = self._schedule.last_epoch
        decay = min(self.config.ema, (1 + step) / (10 + step))
        current = self.model.state_dict()
        with torch.no_grad():
            for key, value in self.averaged.state_dict().items():
                if value.dtype.is_floating_point:
                    value.lerp_(current[key], 1 - decay)
                else:
                    value.copy_(current[key])


def beat_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy over the frames around R peaks."""
    total = functional.cross_entropy(logits, target, ignore_index=NO_BEAT, reduction="sum")
    return total / (target != NO_BEAT).sum().clamp(min=1)


def load_delineator(path: Path) -> tuple[Delineator, FinetuneConfig]:
    """A trained delineator, in evaluation mode, and its configuration."""
    config, tensors = load_weights(path, FinetuneConfig)
    model = Delineator(config.encoder)
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise InputError(f"{path} does not hold weights of leadone; train again") from error
    return model.eval(), config
