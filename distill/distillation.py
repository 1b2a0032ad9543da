"""Distillation: the training of `finetune`, with teachers' opinions beside annotators' labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from .finetune import FinetuneConfig, finetune, load_run
from .machine import CPU, Machine
from .rhythm_teacher import RhythmTeachers
from .teacher import Teacher, weights_hash


def distill(
    config: FinetuneConfig,
    data: Path,
    run: Path,
    teachers: Sequence[Path],
    encoder: Path | None = None,
    *,
    rhythm_teachers: Sequence[Path] = (),
    machine: Machine = CPU,
) -> Path:
    """Train a student; returns the weights' path.

    `teachers` are runs of `finetune`, which tell waves and beats; `rhythm_teachers` those of
    `train_rhythm_teacher`. Raises InputError where a teacher was trained on the fold that the
    student leaves out, or every teacher of rhythms on a record.
    """
    waves = Teacher.load(teachers, config.fold, config.temperature) if teachers else None
    rhythm = RhythmTeachers.load(rhythm_teachers) if rhythm_teachers else None
    taught = replace(
        config,
        teacher=weights_hash(load_run(run)[0] for run in teachers) if teachers else "",
        rhythm_teacher=weights_hash(rhythm.models) if rhythm else "",
    )
    return finetune(taught, data, run, encoder, waves, rhythm, machine)
