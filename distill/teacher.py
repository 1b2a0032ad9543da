"""A teacher's opinion as targets: what annotators left open is told by a larger network.

Teachers are trained by `leadone finetune` with a wider `[encoder]` and `causal = false`: they see
what follows a wave, never stream and are never shipped. Their probabilities become soft targets
(Hinton, Vinyals and Dean 2015, section 2) for leads without labels, and for the stretches and edges
of labelled ones that their annotators did not mark. What is annotated stays as it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from rich.console import Console
from rich.progress import track
from torch import Tensor, nn

from ..edge.errors import InputError
from ..edge.frontend import network_input
from ..edge.labels import BEATS, QRS
from ..edge.timing import (
    BEAT_FRAME_SAMPLES,
    HOP_SAMPLES,
    LOOKAHEAD_SAMPLES,
    WAVE_FRAME_SAMPLES,
)
from .datasets import LabelledLead
from .finetune import Multitask, load_run
from .records import LabelledRecord
from .targets import FULL, Bytes, dense_targets

Floats = npt.NDArray[np.float32]

CERTAIN_BEAT = 0.9
BEAT_REACH_FRAMES = 1  # each side of a QRS' middle
UNLABELLED = "unlabelled"  # the dataset of leads that a teacher alone has labelled


@dataclass(frozen=True)
class Opinion:
    """Probabilities of waves (4, n / 2) and of beats (4, n / 8)."""

    waves: Floats
    beats: Floats


class Teacher:
    """One network, or the mean of several; `temperature` above 1 makes them less sure."""

    def __init__(self, models: Sequence[Multitask], temperature: float = 1.0) -> None:
        """Networks in evaluation mode."""
        self._models, self._temperature = models, temperature

    @classmethod
    def load(cls, runs: Sequence[Path], fold: int | None, temperature: float) -> Teacher:
        """From runs of `leadone finetune`; InputError for one that has seen the fold left out."""
        models = []
        for run in runs:
            model, config = load_run(run)
            if fold is not None and config.fold != fold:
                raise InputError(
                    f"teacher {run} was trained on fold {fold}, which this run leaves out; train "
                    f"one with --fold {fold}"
                )
            models.append(model)
        return cls(models, temperature)

    def read(self, filtered_mv: Floats) -> Opinion:
        """What it says of a whole filtered lead at 250 Hz."""
        n = len(filtered_mv)
        padding = LOOKAHEAD_SAMPLES + -(n + LOOKAHEAD_SAMPLES) % HOP_SAMPLES
        held = np.concatenate([filtered_mv, np.repeat(filtered_mv[-1:], padding)])
        x = torch.from_numpy(network_input(held)[None, :, None])
        sums: list[Tensor] = []
        with torch.no_grad():
            for model in self._models:
                told = [torch.softmax(y / self._temperature, 1) for y in model.network(x)[:2]]
                sums = [a + b for a, b in zip(sums, told, strict=True)] if sums else told
        waves, beats = (total[0, :, 0] / len(self._models) for total in sums)
        first_wave = LOOKAHEAD_SAMPLES // WAVE_FRAME_SAMPLES
        first_beat = LOOKAHEAD_SAMPLES // BEAT_FRAME_SAMPLES
        return Opinion(
            waves[:, first_wave:][:, : -(-n // WAVE_FRAME_SAMPLES)].numpy(),
            beats[:, first_beat:][:, : -(-n // BEAT_FRAME_SAMPLES)].numpy(),
        )

    def targets(
        self, leads: Sequence[LabelledLead], records: Sequence[LabelledRecord]
    ) -> tuple[list[LabelledLead], list[Bytes]]:
        """The leads and the readable records, each with dense targets (5, n) where none is open."""
        readable = [record for record in records if record.is_readable]
        beats_of = {record.group: record.beats for record in readable}
        unlabelled = [unlabelled_lead(record) for record in readable]
        everything, rendered = [], []
        for lead in track([*leads, *unlabelled], "teacher", console=Console(stderr=True)):
            dense = dense_targets(lead)
            if not dense[4].all():
                opinion = self.read(lead.filtered_mv)
                fill_open(dense, opinion.waves, lead.unreadable)
                if lead.dataset == UNLABELLED:
                    told = certain_beats(opinion, beats_of[lead.group])
                    lead = replace(lead, beats=tuple(told))
            everything.append(lead)
            rendered.append(dense)
        return everything, rendered


def weights_hash(models: Iterable[nn.Module]) -> str:
    """SHA-256 over the teachers' weights, in order; of numbers, since headers are in any order."""
    digest = hashlib.sha256()
    for model in models:
        for tensor in model.state_dict().values():
            digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()


def fill_open(dense: Bytes, waves: Floats, unreadable: Sequence[tuple[float, float]] = ()) -> None:
    """Put probabilities (4, n / 2) where `dense` (5, n) is open, among what is possible there."""
    told = np.repeat(waves, WAVE_FRAME_SAMPLES, 1)[:, : dense.shape[1]]
    told = np.where(dense[:4] > FULL // 2, told, 0.0)
    total = told.sum(0)
    to_fill = (dense[4] == 0) & (total > 0.01)  # where it contradicts what is known, open it stays
    for start, end in unreadable:
        to_fill[int(start) : int(end)] = False
    dense[:4, to_fill] = np.round(FULL * told[:, to_fill] / total[to_fill])
    dense[4, to_fill] = FULL


def certain_beats(opinion: Opinion, possible: str = "".join(BEATS)) -> list[tuple[float, str]]:
    """Position (250 Hz samples) and class of each QRS that is one class with `CERTAIN_BEAT`.

    `possible` are the classes that the record's label leaves: where nobody saw an ectopic beat, a
    QRS as wide as a ventricular one is a bundle branch block.
    """
    is_qrs = np.concatenate([[False], opinion.waves.argmax(0) == QRS, [False]])
    first, last = np.flatnonzero(np.diff(is_qrs.astype(np.int8))).reshape(-1, 2).T
    is_possible = np.array([name in possible for name in BEATS])
    beats = []
    for position in (first + last) / 2 * WAVE_FRAME_SAMPLES:
        frame = int(position // BEAT_FRAME_SAMPLES)
        around = slice(max(frame - BEAT_REACH_FRAMES, 0), frame + BEAT_REACH_FRAMES + 1)
        probability = opinion.beats[:, around].mean(1) * is_possible
        if probability.max() >= CERTAIN_BEAT * probability.sum():
            beats.append((float(position), BEATS[int(probability.argmax())]))
    return beats


def unlabelled_lead(record: LabelledRecord) -> LabelledLead:
    """A whole record as a lead without labels; where its rhythm is AF, without P waves."""
    everywhere = ((0.0, float(len(record.filtered_mv))),)
    return LabelledLead(
        record.group,
        UNLABELLED,
        "i",
        record.filtered_mv,
        (),
        (),
        (),
        False,
        without_p=everywhere if record.without_p else (),
    )
