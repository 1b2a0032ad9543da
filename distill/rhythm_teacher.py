"""Teachers of rhythms alone: networks that see a whole record both ways, and are never shipped.

The encoder's features go through a recurrent layer in both directions and attention over time
(Bahdanau, Cho and Bengio 2015, in its additive form), so that a few odd beats in a long record are
not averaged away. Each run leaves a fold of CinC 2017 out; what a student learns of a record is the
opinion of the runs that did not see it (cross-fitting): on records that it was trained on, a large
network only repeats the label, doubtful ones included.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..edge.errors import InputError
from ..edge.files import make_folder
from ..edge.frontend import network_input
from ..edge.labels import RHYTHMS
from ..edge.timing import HOP_SAMPLES
from ..pretrain.augment import load_noise
from ..pretrain.checkpoint import (
    Basis,
    append_log,
    load_weights,
    resume_run,
    save_run,
    save_weights,
)
from ..pretrain.config import check_counts
from ..pretrain.encoder import Encoder, EncoderConfig
from .average import follow
from .datasets import CINC_TEST_FOLD, fold_of
from .machine import CPU, Machine, moved
from .record_heads import pooled
from .records import (
    GentleConfig,
    LabelledRecord,
    RecordBatch,
    RecordSource,
    check_rhythms,
    load_rhythms,
)
from .replay import Replay
from .rhythm_loss import rhythm_loss
from .schedule import one_cycle
from .steps import epoch_seed, in_order
from .training_data import training_data

Floats = npt.NDArray[np.float32]
WEIGHTS = "rhythm.safetensors"
FOLDS = (1, 2, 3, 4)  # of CinC 2017; `CINC_TEST_FOLD` teaches nothing
MERGED = 4  # frames of the encoder that the recurrent layer sees as one: 3.9 a second
assert CINC_TEST_FOLD not in FOLDS


@dataclass(frozen=True)
class RhythmTeacherConfig:
    """Everything a run depends on besides the data; stored in each checkpoint."""

    epochs: int = 25
    batch: int = 32
    seconds: float = 30.0  # of a record, at a random place
    learning_rate: float = 3e-3
    weight_decay: float = 0.05
    dropout: float = 0.3
    hidden: int = 64  # of the recurrent layer, each way
    ema: float = 0.998
    seed: int = 0
    fold: int | None = None  # left out
    encoder: EncoderConfig = field(
        default_factory=lambda: EncoderConfig(
            channels=(16, 32, 64, 96),
            blocks=(1, 1, 2),
            dilations=(1, 2, 4, 8, 1, 2, 4, 8),
            causal=False,
        )
    )
    augment: GentleConfig = field(default_factory=GentleConfig)

    def __post_init__(self) -> None:
        """Refuse what no run can be made of, and a fold that would leave nothing out."""
        check_counts(epochs=self.epochs, batch=self.batch, seed=self.seed)
        if self.fold is not None and self.fold not in FOLDS:
            raise InputError(
                f"a teacher of rhythms has never seen fold {self.fold}, which is for testing; "
                f"leave out one of {', '.join(map(str, FOLDS))}"
            )


class RhythmTeacher(nn.Module):
    """Logits (b, 4) of records (b, 2, 1, n) of which the first `samples` (b,) are signal."""

    def __init__(self, config: RhythmTeacherConfig) -> None:
        """Build it from random weights."""
        super().__init__()
        wide = config.encoder.channels[3]
        self.encoder = Encoder(config.encoder)
        self.recurrent = nn.GRU(wide, config.hidden, batch_first=True, bidirectional=True)
        self.attention = nn.Sequential(
            nn.Linear(2 * config.hidden, config.hidden), nn.Tanh(), nn.Linear(config.hidden, 1)
        )
        size = 3 * wide + 2 * config.hidden
        self.norm = nn.BatchNorm1d(size, affine=False)
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(size, len(RHYTHMS))

    def forward(self, x: Tensor, samples: Tensor) -> Tensor:
        """The pooled features of the encoder, and what attention picks from the recurrent layer."""
        deep = self.encoder(x)[-1].squeeze(2)  # (b, c, n / 16)
        frames = samples // HOP_SAMPLES
        merged = functional.avg_pool1d(deep, MERGED, ceil_mode=True).transpose(1, 2)
        told, _ = self.recurrent(self.dropout(merged))  # (b, n / 64, 2 * hidden)
        beyond = torch.arange(told.shape[1], device=x.device) >= -(-frames // MERGED)[:, None]
        weight = self.attention(told).squeeze(2).masked_fill(beyond, -torch.inf).softmax(1)
        picked = (weight[..., None] * told).sum(1)
        features = self.norm(torch.cat([pooled(deep, frames), picked], 1))
        logits: Tensor = self.head(self.dropout(features))
        return logits


def train_rhythm_teacher(
    config: RhythmTeacherConfig, data: Path, run: Path, machine: Machine = CPU
) -> Path:
    """Train on CinC 2017 below `data`, resumably; returns the weights' path.

    `run` holds the same files as one of `finetune`.
    """
    torch.manual_seed(config.seed)
    chosen = tuple(fold for fold in FOLDS if fold != config.fold)
    records = load_rhythms(data / "cinc2017", chosen)
    check_rhythms(records)
    noises = load_noise(data / "nstdb", config.augment.train_share_of_noise)
    source = RecordSource(records, config.seconds, config.batch, noises, config.augment)
    per_epoch = max(len(records) // config.batch, 1)
    device = torch.device(machine.device)
    model, averaged = (RhythmTeacher(config).to(device) for _ in range(2))
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    averaged.load_state_dict(model.state_dict())
    optimizer = torch.optim.AdamW(
        model.parameters(), config.learning_rate, weight_decay=config.weight_decay
    )
    total = config.epochs * per_epoch
    make_folder(run)
    modules: dict[str, nn.Module] = {"model": model, "average": averaged}
    basis = Basis(config, training_data((), records, noises))
    first = resume_run(run, basis, modules, optimizer)
    schedule = one_cycle(optimizer, config.learning_rate, total, first * per_epoch)

    def gradients(batch: RecordBatch) -> dict[str, Tensor]:
        optimizer.zero_grad(set_to_none=True)
        loss = rhythm_loss(model(batch.x, batch.samples), batch.target)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        return {"rhythm_loss": loss.detach()}

    backward = Replay(gradients) if device.type == "cuda" else gradients
    steps = in_order(
        lambda k: source.batch(config.seed, k), first * per_epoch, total, machine.workers
    )
    for epoch in range(first, config.epochs):
        started, losses = time.monotonic(), []
        torch.manual_seed(epoch_seed(config.seed, epoch))
        model.train()
        for k, made in enumerate(islice(steps, per_epoch)):
            losses.append(backward(moved(made, device))["rhythm_loss"])
            optimizer.step()
            schedule.step()
            step = epoch * per_epoch + k
            follow(averaged, model, min(config.ema, (1 + step) / (10 + step)))
        entry = {"epoch": epoch, "rhythm_loss": round(float(torch.stack(losses).mean()), 5)}
        save_run(run, basis, epoch + 1, modules, optimizer)
        append_log(run, {**entry, "seconds": round(time.monotonic() - started, 1)})
        print(json.dumps(entry), flush=True)
    save_weights(run / WEIGHTS, averaged.cpu(), config)
    return run / WEIGHTS


class RhythmTeachers:
    """Runs that each left a fold out: a record is told by those that have not seen it."""

    def __init__(self, models: Sequence[tuple[RhythmTeacher, int | None]]) -> None:
        """Networks in evaluation mode, each with the fold that it has not seen."""
        self._models = models

    @property
    def models(self) -> list[RhythmTeacher]:
        """The networks."""
        return [model for model, _ in self._models]

    @classmethod
    def load(cls, runs: Sequence[Path]) -> RhythmTeachers:
        """From the folders of `train_rhythm_teacher`; InputError where one has not ended."""
        models = []
        for run in runs:
            if not (run / WEIGHTS).is_file():
                raise InputError(f"{run} holds no {WEIGHTS}; let its training end first")
            config, tensors = load_weights(run / WEIGHTS, RhythmTeacherConfig)
            model = RhythmTeacher(config)
            model.load_state_dict(tensors)
            models.append((model.eval(), config.fold))
        return cls(models)

    def tell(self, record: LabelledRecord) -> Floats:
        """Probabilities (4,); InputError where every run has seen the record."""
        unseeing = [model for model, fold in self._models if fold == fold_of(record.group)]
        if not unseeing:
            raise InputError(
                f"every teacher of rhythms has seen {record.group}; train one with --fold "
                f"{fold_of(record.group)}"
            )
        whole = len(record.filtered_mv) // HOP_SAMPLES * HOP_SAMPLES
        x = torch.from_numpy(network_input(record.filtered_mv[:whole])[None, :, None])
        with torch.no_grad():
            told = [model(x, torch.tensor([whole])).softmax(1)[0] for model in unseeing]
        probabilities: Floats = torch.stack(told).mean(0).numpy()
        return probabilities

    def soften(self, records: Sequence[LabelledRecord], share: float) -> list[LabelledRecord]:
        """The records with `share` of their target by the teachers."""
        return [
            replace(r, target=((1 - share) * r.target + share * self.tell(r)).astype(np.float32))
            for r in records
        ]
