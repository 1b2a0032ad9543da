"""The device's part: its recordings never leave it, and it never loads torch.

The shipped int8 encoder turns each recording into 120 numbers once; what is trained is the head.
Labels come from the wearer, a clinician, or the teacher: a larger model on the same device or its
gateway. The memory that a round takes is the features' (0.5 kB a recording) and a few copies of the
head (2.7 kB to 13 kB); the process with numpy and onnxruntime is what counts, see
`benchmarks/federated.py client`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..edge.bundle import Bundle, load_bundle
from ..edge.errors import InputError
from ..edge.labels import RHYTHMS
from ..edge.network import StreamingNetwork
from ..edge.record import Record
from ..edge.record_features import pooled_features
from ..edge.record_head import RecordHead
from .arrays import Arrays, difference
from .compression import Feedback
from .config import Instruction
from .head import CONSTANT, train_head
from .labelled import UNKNOWN, Labelled

WEARER, CLINICIAN, TEACHER = "wearer", "clinician", "teacher"
SOURCES = (WEARER, CLINICIAN, TEACHER)
LEAST_KINDS = 2
TEACHER_SURE = 0.8  # of its probability, for a label of its own


@dataclass(frozen=True)
class LocalLabel:
    """What somebody said of one recording; None where nobody did. `findings` are those present."""

    rhythm: str | None
    findings: frozenset[str] | None
    by: str = WEARER


class Client:
    """One device in the federation; `train` is its round, and all that the server ever gets."""

    def __init__(
        self, name: str, data: Labelled, encoder: str, least_kinds: int = LEAST_KINDS
    ) -> None:
        """`encoder` is the sha256 of the network that made the features."""
        self.name, self.data, self.encoder = name, data, encoder
        self.least_kinds = least_kinds
        self.personal: Arrays = {}
        self._feedback: Feedback | None = None

    def train(self, model: Arrays, told: Instruction, seed: int = 0) -> Arrays:
        """This round's update, packed; InputError where this device can't take part."""
        self._check(told)
        start = {**model, **self.personal}
        local = (seed, *map(ord, self.name), told.round)
        after = train_head(start, self.data, told.local, local)
        self.personal = {n: after[n] for n in after if n.startswith(told.personal)}
        update = difference(after, {n: start[n] for n in shared_names(model, told.personal)})
        if self._feedback is None or self._feedback.kind != told.compression:
            self._feedback = Feedback(told.compression, told.top_k_share)
        return self._feedback.pack(update)

    def state(self) -> Arrays:
        """What outlives a restart."""
        kept = {f"personal/{n}": v for n, v in self.personal.items()}
        if self._feedback is not None:
            kept |= {f"left/{n}": v for n, v in self._feedback.left.items()}
            kept["packing"] = np.array([self._feedback.kind, str(self._feedback.share)])
        return kept

    def restore(self, kept: Arrays) -> None:
        """Put it back."""
        for name, value in kept.items():
            kind, _, key = name.partition("/")
            if kind == "personal":
                self.personal[key] = value
            elif kind == "packing":
                self._feedback = Feedback(str(value[0]), float(value[1]))
        if self._feedback is not None:
            self._feedback.left = {
                name.removeprefix("left/"): v for name, v in kept.items() if name[:5] == "left/"
            }

    def _check(self, told: Instruction) -> None:
        if told.encoder != self.encoder:
            raise InputError(
                f"the server's model is of encoder {told.encoder[:8]}, this device has "
                f"{self.encoder[:8]}; update one of them"
            )
        if not len(self.data):
            raise InputError("this device has no labelled recordings; it takes part when it has")
        kinds = self.data.targets().any(0).sum() + (self.data.findings == 0).any()
        if kinds < self.least_kinds:
            raise InputError(
                "all labels of this device are one and the same; it has to see another"
            )


def shared_names(model: Arrays, personal: tuple[str, ...] = ()) -> list[str]:
    """The arrays that an update holds: neither the server's constants nor personal ones."""
    return [n for n in model if n not in CONSTANT and not n.startswith(personal)]


def encoder_of(bundle: Bundle) -> str:
    """The sha256 of a bundle's network."""
    return str(bundle.manifest["files"][bundle.manifest["network"]])


def from_recordings(
    recordings: Iterable[tuple[Record, LocalLabel]],
    codes: tuple[str, ...],
    bundle: Bundle,
    teacher: Bundle | None = None,
) -> Labelled:
    """Features and labels of recordings, one at a time; `teacher` labels those that nobody did."""
    network = StreamingNetwork(bundle.files[bundle.manifest["network"]])
    judge = _Teacher(teacher) if teacher is not None else None
    features, rhythm, findings, names = [], [], [], []
    for record, label in recordings:
        if label.by == TEACHER:
            label = judge.label(record) if judge is not None else LocalLabel(None, None, TEACHER)
        if label.rhythm is None and label.findings is None:
            continue
        features.append(pooled_features(record, network))
        rhythm.append(UNKNOWN if label.rhythm is None else RHYTHMS.index(label.rhythm))
        held = label.findings
        findings.append([np.nan if held is None else float(code in held) for code in codes])
        names.append(record.name)
    width = 3 * 40 if not features else len(features[0])
    return Labelled(
        np.array(features, np.float32).reshape(-1, width),
        np.array(rhythm, np.int64),
        np.array(findings, np.float32).reshape(len(features), len(codes)),
        np.array(names, dtype=str),
    )


def read_labels(path: Path, codes: tuple[str, ...]) -> dict[str, LocalLabel]:
    """A CSV of `record,rhythm,findings,by`; findings joined by `;`, `-` for none of them."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return {row["record"]: _label(row, codes, path) for row in rows}
    except (KeyError, OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is no table of record,rhythm,findings,by ({error!r})") from error


def load_teacher(model: str) -> Bundle:
    """The bundle that labels what nobody did."""
    return load_bundle(model)


def _label(row: dict[str, str], codes: tuple[str, ...], path: Path) -> LocalLabel:
    rhythm, listed, by = ((row.get(key) or "").strip() for key in ("rhythm", "findings", "by"))
    by = by or WEARER
    held = None if not listed else frozenset(listed.split(";")) - {"-"}
    if (rhythm and rhythm not in RHYTHMS) or by not in SOURCES or (held and held - set(codes)):
        raise InputError(
            f"{path} says {rhythm or '-'}, {listed or '-'} by {by} of {row['record']}; known are "
            f"{', '.join(RHYTHMS)}, {', '.join(codes) or 'no findings'}, by {', '.join(SOURCES)}"
        )
    return LocalLabel(rhythm or None, held, by)


class _Teacher:
    """A larger model's surest opinions, from its own head on its own features."""

    def __init__(self, bundle: Bundle) -> None:
        self._network = StreamingNetwork(bundle.files[bundle.manifest["network"]])
        self._head = RecordHead.from_manifest(bundle.manifest["record_head"])

    def label(self, record: Record) -> LocalLabel:
        """The rhythm where it is sure enough, else nothing."""
        out = self._head.rhythm_logits(pooled_features(record, self._network))
        grown = np.exp(out - out.max())
        shares = grown / grown.sum()
        best = int(shares.argmax())
        return LocalLabel(RHYTHMS[best] if shares[best] >= TEACHER_SURE else None, None, TEACHER)
