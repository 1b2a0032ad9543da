"""Supervised training of the delineator: one loop, resumable, the same on every run of a seed."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..edge.errors import InputError
from ..edge.files import make_folder
from ..pretrain.augment import AugmentConfig, load_noise
from ..pretrain.checkpoint import (
    Basis,
    append_log,
    load_weights,
    resume_run,
    save_run,
    save_weights,
)
from ..pretrain.config import check_counts
from ..pretrain.encoder import EncoderConfig
from ..pretrain.pretraining import load_encoder
from .average import follow
from .crops import Batch, CropSource, EpochPlan
from .datasets import LOADERS, LabelledLead, fold_of
from .delineator import Delineator, work_of
from .machine import CPU, Machine, moved
from .record_heads import RhythmHead
from .records import (
    LabelledRecord,
    RecordBatch,
    RecordPlan,
    RecordSource,
    check_rhythms,
    load_rhythms,
    load_unlabelled,
)
from .replay import Replay
from .rhythm_loss import rhythm_loss
from .schedule import one_cycle
from .steps import epoch_seed, in_order
from .targets import NO_BEAT, Bytes, wave_loss
from .training_data import training_data

Floats = npt.NDArray[np.float32]
WEIGHTS = "model.safetensors"


@dataclass(frozen=True)
class FinetuneConfig:
    """Everything a run depends on besides the data; stored in each checkpoint."""

    epochs: int = 60
    batch: int = 48
    learning_rate: float = 5e-3
    weight_decay: float = 0.02
    beat_weight: float = 0.2
    rhythm_weight: float = 0.2
    ema: float = 0.998
    seed: int = 0
    fold: int | None = None  # records of this fold are left out; None trains on all
    pretrained: str = ""  # SHA-256 of the encoder that training starts from; none by default
    teacher: str = ""  # SHA-256 of the teachers' weights; none by default
    rhythm_teacher: str = ""  # of those that tell rhythms
    temperature: float = 1.0  # of the teachers' probabilities
    teacher_share: float = 0.5  # of a rhythm's target, beside its label
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    plan: EpochPlan = field(default_factory=EpochPlan)
    records: RecordPlan = field(default_factory=RecordPlan)

    def __post_init__(self) -> None:
        """Refuse what no run can be made of."""
        check_counts(epochs=self.epochs, batch=self.batch, seed=self.seed)


class WaveLabels(Protocol):
    """What a teacher adds to the annotators' labels; see `teacher.Teacher`."""

    def targets(
        self, leads: Sequence[LabelledLead], records: Sequence[LabelledRecord]
    ) -> tuple[list[LabelledLead], list[Bytes]]:
        """Leads and records with dense targets."""


class RhythmLabels(Protocol):
    """What teachers add to the label of a rhythm; see `rhythm_teacher.RhythmTeachers`."""

    def soften(self, records: Sequence[LabelledRecord], share: float) -> list[LabelledRecord]:
        """Records with softer targets."""


def finetune(
    config: FinetuneConfig,
    data: Path,
    run: Path,
    encoder: Path | None = None,
    waves: WaveLabels | None = None,
    rhythm: RhythmLabels | None = None,
    machine: Machine = CPU,
) -> Path:
    """Train on LUDB, QTDB, MIT-BIH and CinC 2017 below `data`; returns the weights' path.

    `encoder` is a pretrained one to start from, of the same widths; `waves` and `rhythm` are what
    teachers say, of PTB-XL's lead I as well.
    `run` holds `checkpoint.safetensors` (written each epoch, resumed from), `log.jsonl` and at the
    end `model.safetensors`. `machine` is no part of what is learnt, but for rounding.
    """
    torch.manual_seed(config.seed)
    if encoder is not None:
        config = replace(config, pretrained=hashlib.sha256(encoder.read_bytes()).hexdigest())
    noises = load_noise(data / "nstdb", config.augment.train_share_of_noise)
    leads, dense = training_leads(data, config.fold), None
    rhythms, unlabelled = training_rhythms(data, config), []
    if waves is not None and (data / "ptbxl").is_dir():
        unlabelled = load_unlabelled(data)
    basis = Basis(config, training_data(leads, [*rhythms, *unlabelled], noises))
    if waves is not None:
        leads, dense = waves.targets(leads, [*rhythms, *unlabelled])
    if rhythm is not None:
        rhythms = rhythm.soften(rhythms, config.teacher_share)
    source = CropSource(leads, noises, config.augment, config.plan, dense)
    records = rhythm_source(rhythms, config.records, noises)
    per_epoch = source.steps(config.batch)
    trainer = Trainer(config, per_epoch, machine.device)
    if encoder is not None:
        trainer.start_from(encoder)
    make_folder(run)
    first = trainer.resume(run, basis)

    def make(step: int) -> tuple[Batch, RecordBatch | None]:
        rhythm_batch = records.batch(config.seed, step) if records else None
        return source.batch(config.batch, config.seed, step), rhythm_batch

    steps = in_order(make, first * per_epoch, config.epochs * per_epoch, machine.workers)
    for epoch in range(first, config.epochs):
        started = time.monotonic()
        torch.manual_seed(epoch_seed(config.seed, epoch))  # dropout, also of a resumed run
        losses = [trainer.step(*step) for step in islice(steps, per_epoch)]
        entry: dict[str, float] = {"epoch": epoch}
        for name in losses[0]:
            entry[name] = round(float(torch.stack([step[name] for step in losses]).mean()), 5)
        entry["seconds"] = round(time.monotonic() - started, 1)
        trainer.save(run, basis, epoch + 1)
        append_log(run, entry)
        print(json.dumps(entry), flush=True)
    trainer.averaged.cpu()
    parameters, macs = work_of(trainer.averaged.network)
    weights = run / WEIGHTS
    save_weights(weights, trainer.averaged, config, parameters=str(parameters), macs=str(macs))
    return weights


def training_rhythms(data: Path, config: FinetuneConfig) -> list[LabelledRecord]:
    """Rhythms, without the fold left out; none where the loss weighs nothing."""
    if not (data / "cinc2017").is_dir() or config.rhythm_weight == 0:
        return []
    records = load_rhythms(data / "cinc2017")
    chosen = [record for record in records if fold_of(record.group) != config.fold]
    check_rhythms(chosen)
    return chosen


def rhythm_source(
    rhythms: list[LabelledRecord], plan: RecordPlan, noises: list[Floats]
) -> RecordSource | None:
    """Where batches of rhythms come from; None where there are no records."""
    if not rhythms:
        return None
    return RecordSource(rhythms, plan.rhythm_s, plan.rhythm_batch, noises, plan.augment)


def training_leads(data: Path, fold: int | None) -> list[LabelledLead]:
    """Every labelled lead below `data`, without the source records of `fold`."""
    present = [name for name in LOADERS if (data / name).is_dir()]
    if not present:
        raise InputError(f"{data} has none of {', '.join(LOADERS)}; see `leadone data get`")
    leads = [lead for name in present for lead in LOADERS[name](data / name)]
    return without_fold(leads, fold)


def without_fold(leads: Sequence[LabelledLead], fold: int | None) -> list[LabelledLead]:
    """The leads whose source records are in no test of this fold; all of them for None."""
    return [lead for lead in leads if fold is None or fold_of(lead.group) != fold]


class Multitask(nn.Module):
    """The network, and the head of whole records on its deepest features."""

    def __init__(self, config: EncoderConfig) -> None:
        """Everything that one training trains."""
        super().__init__()
        self.network = Delineator(config)
        self.head = RhythmHead(config.channels[3])

    def rhythms(self, batch: RecordBatch) -> Tensor:
        """Rhythm logits of a batch of records; the decoder is not needed."""
        logits: Tensor = self.head(self.network.encoder(batch.x)[-1], batch.samples)
        return logits


class Trainer:
    """Model, optimiser, schedule and the running average of the weights."""

    def __init__(
        self, config: FinetuneConfig, steps_per_epoch: int, device: str = CPU.device
    ) -> None:
        """A fresh start; `resume` overrides it."""
        self.config, self._device = config, torch.device(device)
        self.model = Multitask(config.encoder).to(self._device)
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.averaged = Multitask(config.encoder).to(self._device)
        self.averaged.load_state_dict(self.model.state_dict())
        self._modules: dict[str, nn.Module] = {"model": self.model, "average": self.averaged}
        self._optimizer = torch.optim.AdamW(
            self.model.parameters(), config.learning_rate, weight_decay=config.weight_decay
        )
        is_gpu = self._device.type == "cuda"
        self._backward = Replay(self._gradients) if is_gpu else self._gradients
        self._total = max(config.epochs * steps_per_epoch, 1)
        self._schedule = one_cycle(self._optimizer, config.learning_rate, self._total)

    def start_from(self, path: Path) -> None:
        """Take a pretrained encoder's weights; InputError where its widths are others."""
        embedder = load_encoder(path)
        if embedder.config != self.config.encoder:
            raise InputError(
                f"{path} has other widths than this run; give it the same [encoder] in --config"
            )
        for model in (self.model, self.averaged):
            model.network.encoder.load_state_dict(embedder.encoder.state_dict())

    def step(self, batch: Batch, rhythms: RecordBatch | None) -> dict[str, Tensor]:
        """One update; returns the losses."""
        self.model.train()
        of_records = moved(rhythms, self._device) if rhythms else None
        losses = self._backward(moved(batch, self._device), of_records)
        self._optimizer.step()
        self._schedule.step()
        self._average()
        return losses

    def _gradients(self, batch: Batch, rhythms: RecordBatch | None) -> dict[str, Tensor]:
        """The losses; clipped gradients of their weighted sum are left behind."""
        self._optimizer.zero_grad(set_to_none=True)
        waves, beats, _ = self.model.network(batch.x)
        losses = {
            "wave_loss": wave_loss(waves.squeeze(2), batch.coverage, batch.complete),
            "beat_loss": beat_loss(beats.squeeze(2), batch.beat),
        }
        if rhythms is not None:
            losses["rhythm_loss"] = rhythm_loss(self.model.rhythms(rhythms), rhythms.target)
        weights = {
            "wave_loss": 1.0,
            "beat_loss": self.config.beat_weight,
            "rhythm_loss": self.config.rhythm_weight,
        }
        total = torch.stack([weights[name] * loss for name, loss in losses.items()]).sum()
        total.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        return {name: loss.detach() for name, loss in losses.items()}

    def save(self, run: Path, basis: Basis, epochs_done: int) -> None:
        """Checkpoint: weights, average, moments, and what they belong to."""
        save_run(run, basis, epochs_done, self._modules, self._optimizer)

    def resume(self, run: Path, basis: Basis) -> int:
        """Load the run's checkpoint if there is one; returns the epochs already done."""
        done = resume_run(run, basis, self._modules, self._optimizer)
        if done:
            steps = done * self._total // max(self.config.epochs, 1)
            rate = self.config.learning_rate
            self._schedule = one_cycle(self._optimizer, rate, self._total, steps)
        return done

    def _average(self) -> None:
        """Exponential average of weights and batch-norm statistics, started gently."""
        step = self._schedule.last_epoch
        decay = min(self.config.ema, (1 + step) / (10 + step))
        follow(self.averaged, self.model, decay)


def beat_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy over the frames around R peaks."""
    total = functional.cross_entropy(logits, target, ignore_index=NO_BEAT, reduction="sum")
    return total / (target != NO_BEAT).sum().clamp(min=1)


def weights_of(run: Path) -> Path:
    """The weights of a finished run, or the file itself; InputError where there are none."""
    weights = run / WEIGHTS if run.is_dir() else run
    if not weights.is_file():
        raise InputError(f"{run} holds no {WEIGHTS}; let `leadone finetune` end first")
    return weights


def load_run(run: Path) -> tuple[Multitask, FinetuneConfig]:
    """A trained network with its heads, in evaluation mode, and its configuration."""
    path = weights_of(run)
    config, tensors = load_weights(path, FinetuneConfig)
    model = Multitask(config.encoder)
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise InputError(f"{path} does not hold weights of leadone; train again") from error
    return model.eval(), config
