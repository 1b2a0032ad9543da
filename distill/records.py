"""Whole records: rhythms of CinC 2017, and lead I of PTB-XL with its findings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..edge.errors import InputError
from ..edge.filters import RATE_HZ
from ..edge.formats.wfdb_records import read_record
from ..edge.frontend import filter_record, network_input
from ..edge.labels import BEATS, RHYTHMS
from ..edge.record import Record
from ..edge.timing import HOP_SAMPLES
from ..pretrain.archive import entries
from ..pretrain.augment import AugmentConfig, corrupt, draw_speed
from .datasets import CINC_CLASSES, CINC_TEST_FOLD, CINC_VALIDATION_FOLD, fold_of, read_cinc2017
from .ptbxl import TEST_FOLDS, VALIDATION_FOLD, Label, read_labels

Floats = npt.NDArray[np.float32]
CLASS_OF_REFERENCE = {name: k for k, name in enumerate(CINC_CLASSES)}
# What a label says of beats: none is ectopic in a normal rhythm, none atrial in fibrillation.
BEATS_OF_RHYTHM = {"N": "N", "A": "NV"}
RMS_MV = 0.15  # of lead I where a copy of PTB-XL has no unit
PTBXL_FOLDERS = ("ptbxl_mv", "ptbxl")
# Of CinC 2017, for training: one more is for testing, and one for fitting and choosing.
RHYTHM_FOLDS = tuple(k for k in range(5) if k not in (CINC_TEST_FOLD, CINC_VALIDATION_FOLD))


@dataclass(frozen=True)
class LabelledRecord:
    """Lead I filtered at 250 Hz, and what its label says of all of it."""

    group: str
    filtered_mv: Floats
    target: npt.NDArray[np.float32]  # probabilities of the rhythms (4,); (0,) where none is named
    beats: str = "".join(BEATS)  # the classes that its label leaves to its beats
    without_p: bool = False
    is_readable: bool = True


@dataclass(frozen=True)
class GentleConfig(AugmentConfig):
    """What happens to whole records: little, for noise and speed are among what is told."""

    warp: float = 1.08
    gain: float = 2.5
    noise_share: float = 0.3
    noise_snr_db: tuple[float, float] = (12.0, 30.0)
    band_share: float = 0.2


@dataclass(frozen=True)
class RecordPlan:
    """How many records a step sees, and how much of each."""

    rhythm_batch: int = 16
    rhythm_s: float = 20.0
    augment: GentleConfig = field(default_factory=GentleConfig)


def load_rhythms(folder: Path, folds: Sequence[int] = RHYTHM_FOLDS) -> list[LabelledRecord]:
    """CinC 2017's records of these folds."""
    records = []
    for path, kind in read_cinc2017(folder):
        group = f"cinc2017/{path.name}"
        if fold_of(group) in folds:
            record = read_record(path)
            target = np.eye(len(RHYTHMS), dtype=np.float32)[CLASS_OF_REFERENCE[kind]]
            filtered, _ = filter_record(record.signal_mv, record.rate_hz)
            beats = BEATS_OF_RHYTHM.get(kind, "".join(BEATS))
            records.append(LabelledRecord(group, filtered, target, beats, kind == "A", kind != "~"))
    return records


def check_rhythms(records: Sequence[LabelledRecord]) -> None:
    """InputError where nothing could be told apart: fewer than two rhythms."""
    kinds = {int(record.target.argmax()) for record in records}
    if len(kinds) < 2:
        only = f"only {RHYTHMS[kinds.pop()]!r}" if kinds else "no rhythm"
        raise InputError(
            f"the records of cinc2017 to train on have {only}: nothing could be told apart; bring "
            "others, or leave the folder out"
        )


def ptbxl_records(data: Path) -> list[tuple[Path, str, Label]]:
    """Path, identity and label of each record of PTB-XL below `data`, both its copies.

    InputError for a record that the table does not name; it may name more than are here.
    """
    folders = [data / name for name in PTBXL_FOLDERS if (data / name).is_dir()]
    labels = read_labels(data / "ptbxl")
    found = [(Path(e.path), e.identity) for e in entries(folders)]
    for path, identity in found:
        if identity not in labels:
            raise InputError(f"{path} has no label in the table of {data / 'ptbxl'}; take it out")
    return [(path, identity, labels[identity]) for path, identity in found]


def load_unlabelled(data: Path) -> list[LabelledRecord]:
    """Lead I of PTB-XL's folds 1 to 7, for teachers: its findings teach no network."""
    kept = (VALIDATION_FOLD, *TEST_FOLDS)
    records = []
    for path, identity, label in ptbxl_records(data):
        if label.fold not in kept:
            lead_one = read_lead(path)
            filtered, _ = filter_record(lead_one.signal_mv, lead_one.rate_hz)
            filtered *= np.float32(RMS_MV / (filtered.std() + 1e-6))  # both copies alike
            records.append(LabelledRecord(identity, filtered, np.empty(0, np.float32)))
    return records


def seen_records(data: Path, fold: int | None) -> set[str]:
    """The records of both sets that training, thresholds or the rhythm's regression have seen."""
    folds = {k for k in range(5) if k not in (CINC_TEST_FOLD, fold)}
    return _rhythm_groups(data, folds) | _finding_groups(data)


def fitted_records(data: Path) -> set[str]:
    """The records of both sets that thresholds and the rhythm's regression are fitted on."""
    return _rhythm_groups(data, {CINC_VALIDATION_FOLD}) | _finding_groups(data)


def _rhythm_groups(data: Path, folds: set[int]) -> set[str]:
    if not (data / "cinc2017").is_dir():
        return set()
    groups = {f"cinc2017/{path.name}" for path, _ in read_cinc2017(data / "cinc2017")}
    return {group for group in groups if fold_of(group) in folds}


def _finding_groups(data: Path) -> set[str]:
    if not (data / "ptbxl").is_dir():
        return set()
    rows = ptbxl_records(data)
    return {identity for _, identity, label in rows if label.fold not in TEST_FOLDS}


def read_lead(path: str | Path, lead: str = "I") -> Record:
    """A lead of a record as its device gave it; at `RMS_MV` where the file names no unit."""
    record = read_record(path, lead)
    if record.has_gain:
        return record
    spread = float(np.nanstd(record.signal_mv)) + 1e-6
    return replace(record, signal_mv=np.float32(RMS_MV / spread) * record.signal_mv)


@dataclass(frozen=True)
class RecordBatch:
    """Input (b, 2, 1, n), how many samples of each are signal (b,), and targets (b, k)."""

    x: Tensor
    samples: Tensor
    target: Tensor


class RecordSource:
    """Seeded batches by number, without end."""

    def __init__(
        self,
        records: list[LabelledRecord],
        seconds: float,
        batch: int,
        noises: list[Floats],
        augment: AugmentConfig,
    ) -> None:
        """Windows of up to `seconds`, at random places."""
        self._records, self._batch = records, batch
        self._samples = int(seconds * RATE_HZ) // HOP_SAMPLES * HOP_SAMPLES
        self._noises, self._augment = noises, augment
        self._order = lru_cache(2)(self._ordered)

    def batch(self, seed: int, step: int) -> RecordBatch:
        """The batch of step `step`: all records once before any comes again."""
        turn, k = divmod(step, max(len(self._records) // self._batch, 1))
        chosen = self._order(seed, turn)[k * self._batch : (k + 1) * self._batch]
        return self._made(chosen, np.random.default_rng((seed, turn, k, self._samples)))

    def _ordered(self, seed: int, turn: int) -> npt.NDArray[np.int64]:
        return np.random.default_rng((seed, turn, self._samples)).permutation(len(self._records))

    def _made(self, chosen: npt.NDArray[np.int64], rng: np.random.Generator) -> RecordBatch:
        windows = np.zeros((len(chosen), self._samples), np.float32)
        samples = np.zeros(len(chosen), np.int64)
        for row, k in enumerate(chosen):
            window = self._window(self._records[k].filtered_mv, rng)
            samples[row] = len(window)
            windows[row, : len(window)] = window
        x = torch.from_numpy(network_input(windows)[:, :, None])
        target = np.stack([self._records[k].target for k in chosen])
        return RecordBatch(
            x.contiguous(memory_format=torch.channels_last),
            torch.from_numpy(samples),
            torch.from_numpy(target),
        )

    def _window(self, signal_mv: Floats, rng: np.random.Generator) -> Floats:
        step = draw_speed(self._augment, rng)
        samples = min(int(len(signal_mv) / step) // HOP_SAMPLES * HOP_SAMPLES, self._samples)
        start = rng.uniform(0, len(signal_mv) - samples * step)
        at = start + step * np.arange(samples)
        drawn = np.interp(at, np.arange(len(signal_mv)), signal_mv).astype(np.float32)
        return corrupt(drawn, self._noises, self._augment, rng)
