"""Annotated beats as the product sees them: the evidence of each, with its class and weight.

Both channels of a record count; in each of them a class counts by the square root of its beats, so
that no record with a thousand ventricular beats speaks for all hearts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..edge.beat_context import FEATURES
from ..edge.beat_model import CLASSES
from ..edge.delineation import Delineation
from ..edge.frontend import filter_record
from ..edge.network import StreamingNetwork
from ..edge.record import Record
from .datasets import fold_of, group_of, read_beats, read_channel, record_names, rhythm_spans
from .metrics import pair_beats

Doubles = npt.NDArray[np.float64]
RATE_HZ = 250.0
MATCH_SAMPLES = 37  # 150 ms
LEAST = 30.0  # beats of a class in a lead: fewer count as if they were so many


@dataclass(frozen=True)
class BeatData:
    """Evidence (n, k), class, weight, record and time in s of each beat."""

    features: Doubles
    classes: npt.NDArray[np.int64]
    weights: Doubles
    records: npt.NDArray[np.str_]
    at_s: Doubles

    def __getitem__(self, chosen: npt.NDArray[np.bool_]) -> BeatData:
        """The beats of a mask."""
        return BeatData(
            self.features[chosen],
            self.classes[chosen],
            self.weights[chosen],
            self.records[chosen],
            self.at_s[chosen],
        )


def joined(parts: Sequence[BeatData]) -> BeatData:
    """Several sets of beats as one."""
    columns = zip(*(vars(part).values() for part in parts), strict=True)
    features, classes, weights, records, at_s = (np.concatenate(column) for column in columns)
    return BeatData(features, classes, weights, records, at_s)


def collect_beats(
    folder: Path,
    network_of: Mapping[int | None, bytes],
    left_out: int | None = None,
    progress: Callable[[float], None] | None = None,
    channels: Sequence[int] = (0, 1),
) -> BeatData:
    """Every annotated beat of N, S or V in a folder of mitdb or qtdb as read here, without flutter.

    QTDB's excerpts of MIT-BIH records are left to mitdb. `network_of` gives the network for each
    fold that has one of its own, and at None for the rest; the records of the fold `left_out` are
    not read.
    """
    fold_by_name = {
        name: fold_of(group)
        for name in record_names(folder)
        if (folder / f"{name}.atr").is_file()
        and (group := group_of(folder.name, name)).startswith(f"{folder.name}/")
        and fold_of(group) != left_out
    }
    parts = []
    for k, (name, fold) in enumerate(fold_by_name.items()):
        network = StreamingNetwork(network_of.get(fold, network_of[None]))
        parts += [read_lead(folder / name, channel, network) for channel in channels]
        if progress is not None:
            progress((k + 1) / len(fold_by_name))
    return joined(parts)


def read_lead(path: Path, channel: int, network: StreamingNetwork) -> BeatData:
    """The annotated beats (`.atr`) of one channel."""
    record = read_channel(path, channel)
    positions, evidence = read_evidence(record, network)
    scale = RATE_HZ / record.rate_hz
    reference = read_beats(path, scale)
    flutter, _ = rhythm_spans(path, scale)
    at = np.round([position for position, _ in reference]).astype(np.int64)
    rows, classes, times = [], [], []
    for r, t in pair_beats(at, np.round(positions).astype(np.int64), MATCH_SAMPLES):
        if r is None or t is None or reference[r][1] not in CLASSES:
            continue
        if not any(start <= positions[t] <= end for start, end in flutter):
            rows.append(evidence[t])
            classes.append(CLASSES.index(reference[r][1]))
            times.append(positions[t] / RATE_HZ)
    y = np.array(classes, np.int64)
    counts = np.maximum(np.bincount(y, minlength=len(CLASSES)), LEAST)
    features = np.array(rows).reshape(-1, len(FEATURES))
    names = np.full(len(y), path.name)
    return BeatData(features, y, counts[y] ** -0.5, names, np.array(times))


def read_evidence(
    record: Record, network: StreamingNetwork
) -> tuple[Doubles, list[tuple[float, ...]]]:
    """R peaks (n,) of a lead in samples at 250 Hz, and the `FEATURES` of each beat."""
    filtered, _ = filter_record(record.signal_mv, record.rate_hz)
    network.reset()
    delineation = Delineation(network)
    block = int(30 * RATE_HZ)
    drafts = [
        draft
        for start in range(0, len(filtered), block)
        for draft in delineation.push(filtered[start : start + block])
    ]
    drafts += delineation.finish()
    return np.array([draft.r for draft in drafts]), [draft.evidence for draft in drafts]
