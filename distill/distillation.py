"""Distillation: the training of `finetune`, with a teacher's opinion where annotators gave none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from .finetune import FinetuneConfig, finetune
from .teacher import Teacher, weights_hash


def distill(
    config: FinetuneConfig,
    data: Path,
    run: Path,
    teachers: Sequence[Path],
    encoder: Path | None = None,
) -> Path:
    """Train a student; returns the weights' path. `teachers` are runs of `finetune`.

    Raises InputError where a teacher was trained on the fold that the student leaves out.
    """
    teacher = Teacher.load(teachers, config.fold, config.temperature)
    taught = replace(config, teacher=weights_hash(teachers))
    return finetune(taught, data, run, encoder, teacher)
