"""Can teachers be taken at their word? Their probabilities against records that they never saw.

    python benchmarks/teacher_calibration.py --data DATA --teacher runs/teacher/1 \
        --rhythm-teacher runs/rhythm/2 --rhythm-teacher runs/rhythm/3 --rhythm-teacher runs/rhythm/4

Waves: each 8 ms that an annotator has told, of lead I of LUDB and of QTDB's channels, in the fold
that the teacher left out. Beats: each annotated N, S, V and Q of MIT-BIH's first channels, and what
`certain_beats` makes of these records. Rhythms: CinC 2017, each record by the run that left its
fold out. ECE is the mean of |probability - share right| in ten bins of the told class; below 1 a
temperature makes the teacher surer, above 1 less sure.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from leadone.distill.calibration import calibrate
from leadone.distill.datasets import (
    LabelledLead,
    fold_of,
    load_ludb,
    load_mitdb,
    load_qtdb,
)
from leadone.distill.evaluate import with_progress
from leadone.distill.finetune import load_run
from leadone.distill.records import load_rhythms
from leadone.distill.rhythm_teacher import RhythmTeachers
from leadone.distill.targets import FULL, dense_targets
from leadone.distill.teacher import BEAT_REACH_FRAMES, Opinion, Teacher, certain_beats
from leadone.edge.labels import BEATS
from leadone.edge.timing import BEAT_FRAME_SAMPLES, WAVE_FRAME_SAMPLES

TEMPERATURES = (0.8, 1.0, 1.25)
MATCH_SAMPLES = 37  # 150 ms
Told = tuple[np.ndarray, np.ndarray]  # probabilities (n, k) and classes (n,)


def main() -> None:
    """Print a row for each kind of opinion and temperature."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--teacher", type=Path, required=True)
    parser.add_argument("--rhythm-teacher", type=Path, action="append", default=[])
    options = parser.parse_args()
    _, config = load_run(options.teacher)
    if config.fold is None:
        parser.error(f"{options.teacher} has left no fold out: it has seen every record")
    table = Table(box=None)
    for column in ("opinion", "n", "temperature", "told rightly", "ECE", "Brier"):
        table.add_column(column, justify="left" if column == "opinion" else "right")
    waves = [
        lead
        for lead in chain(load_ludb(options.data / "ludb"), load_qtdb(options.data / "qtdb"))
        if fold_of(lead.group) == config.fold and (lead.dataset == "qtdb" or lead.lead == "i")
    ]
    beats = [
        lead
        for lead in load_mitdb(options.data / "mitdb")
        if fold_of(lead.group) == config.fold and lead.lead == "0"
    ]
    for temperature in TEMPERATURES:
        teacher = Teacher.load([options.teacher], config.fold, temperature)
        for name in ("ludb", "qtdb"):
            of_set = [lead for lead in waves if lead.dataset == name]
            _row(table, f"waves, {name}", temperature, _joined(_waves(teacher, of_set)))
        opinions = [teacher.read(lead.filtered_mv) for lead in with_progress(beats)]
        told = _joined(_beats(*pair) for pair in zip(opinions, beats, strict=True))
        _row(table, "beats, mitdb", temperature, told)
        if temperature == 1.0:
            certain = _certain(opinions, beats)
    if options.rhythm_teacher:
        _row(table, "rhythms, cinc2017", 1.0, _rhythms(options.data, options.rhythm_teacher))
    console = Console(width=110)
    console.print(table)
    console.print(certain)


def _row(table: Table, name: str, temperature: float, told: Told) -> None:
    found = calibrate(*told)
    right = 100 * found.accuracy_at["1"]
    cells = (f"{temperature:g}", f"{right:.1f} %", f"{found.ece:.3f}", f"{found.brier:.3f}")
    table.add_row(name, f"{len(told[1]):,}", *cells)


def _joined(parts: Iterable[Told]) -> Told:
    probabilities, classes = zip(*parts, strict=True)
    return np.concatenate(probabilities), np.concatenate(classes)


def _waves(teacher: Teacher, leads: Sequence[LabelledLead]) -> Iterator[Told]:
    """Frames that are one class throughout, as their annotators had them."""
    for lead in with_progress(leads):
        told = teacher.read(lead.filtered_mv).waves
        frames = len(lead.filtered_mv) // WAVE_FRAME_SAMPLES
        dense = dense_targets(lead)[:, : frames * WAVE_FRAME_SAMPLES]
        dense = dense.reshape(5, frames, WAVE_FRAME_SAMPLES)
        is_known = (dense[4] > 0).all(1) & (dense[:4] == FULL).all(2).any(0)
        yield told[:, :frames].T[is_known], dense[:4, is_known, 0].argmax(0)


def _beats(opinion: Opinion, lead: LabelledLead) -> Told:
    """What the frames around each annotated R peak say of its class."""
    named = [(at, BEATS.index(label)) for at, label in lead.beats if label in BEATS]
    probabilities = []
    for at, _ in named:
        frame = int(at // BEAT_FRAME_SAMPLES)
        around = slice(max(frame - BEAT_REACH_FRAMES, 0), frame + BEAT_REACH_FRAMES + 1)
        probabilities.append(opinion.beats[:, around].mean(1))
    return np.array(probabilities), np.array([label for _, label in named])


def _certain(opinions: Sequence[Opinion], leads: Sequence[LabelledLead]) -> str:
    """How many annotated beats a teacher is certain of, and how many of these it names rightly."""
    known = certain = right = stray = 0
    for opinion, lead in zip(opinions, leads, strict=True):
        at = np.array([position for position, _ in lead.beats])
        labels = [label for _, label in lead.beats]
        known += sum(label in BEATS for label in labels)
        for position, label in certain_beats(opinion):
            nearest = int(np.abs(at - position).argmin())
            if abs(at[nearest] - position) > MATCH_SAMPLES:
                stray += 1
            elif labels[nearest] in BEATS:
                certain += 1
                right += label == labels[nearest]
    share = (
        f"{100 * certain / known:.1f} % of {known:,} beats, of which {100 * right / certain:.2f} %"
    )
    return f"certain of {share} are right; and of {stray} where no beat is annotated"


def _rhythms(data: Path, runs: Sequence[Path]) -> Told:
    teachers = RhythmTeachers.load(runs)
    records = load_rhythms(data / "cinc2017")  # of the folds that one run each has left out
    told = np.array([teachers.tell(record) for record in with_progress(records)])
    return told, np.array([int(record.target.argmax()) for record in records])


if __name__ == "__main__":
    main()
