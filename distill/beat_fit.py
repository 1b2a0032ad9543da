"""Fit the beat classes on MIT-BIH: what tells S and V beats in the context of those before.

Each record's evidence should come from a network that has not seen it (`leadone quantize --cross`):
the QRS edges of its own training records are better than those of any other will be. Both channels
count; in each of them a class counts by the square root of its beats, so that no record with a
thousand ventricular beats speaks for all hearts.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from scipy.linalg import block_diag
from torch import nn
from torch.nn import functional

from ..edge.beat_context import FEATURES
from ..edge.beat_model import CLASSES, CLIP, BeatModel
from ..edge.delineation import Delineation
from ..edge.frontend import filter_record
from ..edge.network import StreamingNetwork
from ..edge.record import Record
from .datasets import fold_of, read_beats, read_channel, record_names, rhythm_spans
from .metrics import pair_beats

Doubles = npt.NDArray[np.float64]
RATE_HZ = 250.0
MATCH_SAMPLES = 37  # 150 ms
MEMBERS = 3
HIDDEN = 8
STEPS = 2000
BATCH = 512
LEAST = 30.0  # beats of a class in a lead: fewer count as if they were so many
NOISE, DROPPED, SMOOTHING = 0.3, 0.05, 0.02
RATE, DECAY, AVERAGE = 5e-3, 0.03, 0.995


@dataclass(frozen=True)
class BeatData:
    """Evidence (n, k), class, weight and record of each beat."""

    features: Doubles
    classes: npt.NDArray[np.int64]
    weights: Doubles
    records: npt.NDArray[np.str_]


def collect_beats(
    folder: Path,
    network_of: Mapping[int | None, bytes],
    left_out: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> BeatData:
    """Every annotated beat of N, S or V in MIT-BIH as it is read here, flutter excluded.

    `network_of` gives the network for each fold that has one of its own, and at None for the rest;
    the records of the fold `left_out` are not read.
    """
    names = [n for n in record_names(folder) if fold_of(f"mitdb/{n}") != left_out]
    parts = []
    for k, name in enumerate(names):
        network = StreamingNetwork(network_of.get(fold_of(f"mitdb/{name}"), network_of[None]))
        parts += [_lead(folder / name, channel, network) for channel in (0, 1)]
        if progress is not None:
            progress((k + 1) / len(names))
    columns = zip(*((p.features, p.classes, p.weights, p.records) for p in parts), strict=True)
    features, classes, weights, records = (np.concatenate(column) for column in columns)
    return BeatData(features, classes, weights, records)


def fit_beats(data: BeatData, seed: int = 0) -> BeatModel:
    """The mean of `MEMBERS` networks from different random weights, as one."""
    mean, scale = data.features.mean(0), data.features.std(0) + 1e-6
    z = np.clip((data.features - mean) / scale, -CLIP, CLIP)
    members = [_member(data, z, seed + k) for k in range(MEMBERS)]
    first, second, last = zip(*members, strict=True)
    layers = (
        (np.concatenate([w for w, _ in first]), np.concatenate([b for _, b in first])),
        (block_diag(*(w for w, _ in second)), np.concatenate([b for _, b in second])),
        (np.concatenate([w for w, _ in last], 1) / MEMBERS, np.mean([b for _, b in last], 0)),
    )
    return BeatModel(mean, scale, layers)


def _member(data: BeatData, z: Doubles, seed: int) -> list[tuple[Doubles, Doubles]]:
    """Weights and offsets of the layers of one network."""
    x, y = torch.tensor(z, dtype=torch.float32), torch.from_numpy(data.classes)
    chance = data.weights / data.weights.sum()
    torch.manual_seed(seed)
    net = nn.Sequential(
        nn.Linear(len(FEATURES), HIDDEN),
        nn.ReLU(),
        nn.Linear(HIDDEN, HIDDEN),
        nn.ReLU(),
        nn.Linear(HIDDEN, len(CLASSES)),
    )
    averaged = copy.deepcopy(net)
    optimizer = torch.optim.AdamW(net.parameters(), RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=STEPS)
    rng = np.random.default_rng(seed)
    for step in range(STEPS):
        chosen = rng.choice(len(x), BATCH, p=chance)
        seen = x[chosen] + NOISE * torch.randn(BATCH, x.shape[1])
        seen = seen * (torch.rand_like(seen) > DROPPED)
        loss = functional.cross_entropy(net(seen), y[chosen], label_smoothing=SMOOTHING)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        decay = min(AVERAGE, (1 + step) / (10 + step))
        with torch.no_grad():
            for kept, new in zip(averaged.parameters(), net.parameters(), strict=True):
                kept.lerp_(new, 1 - decay)
    layers = [layer for layer in averaged if isinstance(layer, nn.Linear)]
    return [(_plain(layer.weight), _plain(layer.bias)) for layer in layers]


def _lead(path: Path, channel: int, network: StreamingNetwork) -> BeatData:
    record = read_channel(path, channel)
    positions, evidence = _read(record, network)
    scale = RATE_HZ / record.rate_hz
    reference = read_beats(path, scale)
    flutter, _ = rhythm_spans(path, scale)
    at = np.round([position for position, _ in reference]).astype(np.int64)
    rows, classes = [], []
    for r, t in pair_beats(at, np.round(positions).astype(np.int64), MATCH_SAMPLES):
        if r is None or t is None or reference[r][1] not in CLASSES:
            continue
        if not any(start <= positions[t] <= end for start, end in flutter):
            rows.append(evidence[t])
            classes.append(CLASSES.index(reference[r][1]))
    y = np.array(classes, np.int64)
    counts = np.maximum(np.bincount(y, minlength=len(CLASSES)), LEAST)
    features = np.array(rows).reshape(-1, len(FEATURES))
    return BeatData(features, y, counts[y] ** -0.5, np.full(len(y), path.name))


def _read(record: Record, network: StreamingNetwork) -> tuple[Doubles, list[tuple[float, ...]]]:
    """R peaks in samples at 250 Hz and their evidence."""
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


def _plain(values: torch.Tensor) -> Doubles:
    plain: Doubles = values.detach().double().numpy()
    return plain
