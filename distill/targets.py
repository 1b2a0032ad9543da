"""Labels to per-frame targets: what is known is taught exactly, what is not is left open.

A frame carries four coverages (none, P, QRS, T) in 0..1. Where annotation is complete they sum to
one and the loss is a soft cross-entropy, so that a boundary inside a frame keeps its place. Else
they are the set of classes still possible and the loss is -log of their joint probability.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..edge.labels import BEATS, NONE, QRS, P, T
from .datasets import LabelledLead, Wave

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

FULL = 200  # the byte that stands for coverage 1
# QTDB's annotators place edges elsewhere than LUDB's (12 ms at the end of P, more at T), so QTDB
# teaches which waves are there and leaves this much (250 Hz samples) around each edge to LUDB.
OPEN_AROUND_EDGE = {P: 8, QRS: 6, T: 14}
CERTAIN_QRS_SAMPLES = 6  # each side of an R peak
POSSIBLE_QRS_SAMPLES = 36  # 144 ms: beyond it no beat is annotated, so no QRS is there
NO_BEAT = -1
EDGE_TEACHER = "ludb"


def dense_targets(lead: LabelledLead) -> Bytes:
    """(5, n) bytes at 250 Hz: coverage of the four classes, and whether labels are complete."""
    n = len(lead.filtered_mv)
    dense = np.full((5, n), FULL, np.uint8)
    dense[4] = 0
    if lead.beats_complete:
        _rule_out_qrs(dense, lead)
    for start, end in lead.without_p:
        dense[P, int(start) : int(end)] = 0
    for start, end in lead.spans:
        _paint_span(dense, lead, start, end)
    for start, end in lead.unreadable:
        dense[:4, int(start) : int(end)] = FULL
        dense[4, int(start) : int(end)] = 0
    return dense


def mixed_targets(a: Bytes, b: Bytes) -> Bytes:
    """Targets of a sum of two leads of one record: certain where both agree, open elsewhere."""
    mixed = np.maximum(a, b)
    mixed[4] = np.where((a == b).all(0), a[4], 0)
    return mixed


def frame_targets(dense: Bytes, start: float, step: float, frames: int) -> tuple[Floats, Floats]:
    """Coverages (4, frames) and completeness (frames,) of frames `step` source samples long.

    `start` is the left edge of frame 0; source sample i covers i-1/2 to i+1/2.
    """
    edges = start + 0.5 + step * np.arange(frames + 1)
    first, last = int(np.floor(edges[0])), int(np.ceil(edges[-1])) + 1
    inside = np.zeros((5, last - first), np.float32)
    a, b = max(first, 0), min(last, dense.shape[1])
    inside[:, a - first : b - first] = dense[:, a:b] / FULL
    outside = np.ones(last - first, bool)
    outside[a - first : b - first] = False
    inside[:4, outside] = 1.0
    total = np.concatenate([np.zeros((5, 1)), np.cumsum(inside, 1, dtype=np.float64)], 1)
    whole = np.clip((edges - first).astype(int), 0, last - first - 1)
    share = edges - first - whole
    at_edges = total[:, whole] * (1 - share) + total[:, whole + 1] * share
    coverage = (np.diff(at_edges, axis=1) / step).astype(np.float32)
    return coverage[:4], coverage[4]


def beat_targets(
    lead: LabelledLead, start: float, step: float, frames: int
) -> npt.NDArray[np.int64]:
    """Beat class per 31.25 Hz frame, `NO_BEAT` away from R peaks and for fusion beats."""
    target = np.full(frames, NO_BEAT, np.int64)
    for position, label in lead.beats:
        frame = int((position - start) // step)
        if 0 <= frame < frames and label in BEATS:
            target[max(frame - 1, 0) : frame + 2] = BEATS.index(label)
    return target


def wave_loss(logits: Tensor, coverage: Tensor, complete: Tensor) -> Tensor:
    """Soft cross-entropy where labels are complete, partial-label likelihood elsewhere.

    `logits` and `coverage` are (batch, 4, frames), `complete` (batch, frames). Frames about which
    nothing is known do not count.
    """
    log_p = torch.log_softmax(logits, 1)
    soft = -(coverage * log_p).sum(1)
    possible = coverage > 0.5
    partial = -torch.logsumexp(log_p.masked_fill(~possible, -30.0), 1)
    is_complete = complete > 0.99
    counts = is_complete | ~possible.all(1)
    return (torch.where(is_complete, soft, partial) * counts).sum() / counts.sum()


def _rule_out_qrs(dense: Bytes, lead: LabelledLead) -> None:
    peaks = np.array([position for position, _ in lead.beats])
    near = np.zeros(dense.shape[1], bool)
    for peak in peaks:
        near[max(int(peak) - POSSIBLE_QRS_SAMPLES, 0) : int(peak) + POSSIBLE_QRS_SAMPLES + 1] = True
    dense[QRS, ~near] = 0
    for peak in peaks:
        certain = slice(
            max(round(peak) - CERTAIN_QRS_SAMPLES, 0), round(peak) + CERTAIN_QRS_SAMPLES
        )
        dense[:4, certain] = 0
        dense[QRS, certain] = FULL


def _paint_span(dense: Bytes, lead: LabelledLead, start: float, end: float) -> None:
    span = slice(int(np.ceil(start)), int(np.floor(end)) + 1)
    dense[:4, span] = 0
    dense[NONE, span] = FULL
    dense[4, span] = FULL
    waves = [w for w in lead.waves if start - 1 <= w.peak <= end + 1]
    previous_end = start
    for wave in sorted(waves, key=lambda w: w.peak):
        previous_end = _paint_wave(dense, wave, previous_end)
    if lead.dataset != EDGE_TEACHER:
        for wave in waves:
            _open_edges(dense, wave)


def _paint_wave(dense: Bytes, wave: Wave, previous_end: float) -> float:
    """Paint one wave; an unknown edge leaves the stretch up to the neighbour open."""
    onset, offset = wave.onset, wave.offset
    if np.isnan(onset):
        _leave_open(dense, wave.kind, previous_end, wave.peak)
        onset = wave.peak
    if np.isnan(offset):
        _leave_open(dense, wave.kind, wave.peak, wave.peak + (60 if wave.kind == T else 15))
        offset = wave.peak
    first, last = max(int(onset), 0), int(offset) + 2
    sample = np.arange(first, min(last, dense.shape[1]))
    covered = np.clip(np.minimum(offset, sample + 0.5) - np.maximum(onset, sample - 0.5), 0, 1)
    dense[:4, sample] = np.round(dense[:4, sample] * (1 - covered))
    dense[wave.kind, sample] += np.round(FULL * covered).astype(np.uint8)
    return float(offset)


def _open_edges(dense: Bytes, wave: Wave) -> None:
    """Around an edge both the wave and what lies beside it are possible."""
    width = OPEN_AROUND_EDGE[wave.kind]
    for edge in (wave.onset, wave.offset):
        if np.isfinite(edge):
            around = slice(max(round(edge) - width, 0), round(edge) + width + 1)
            possible = dense[:4, around].max(1) > 0
            possible[[NONE, wave.kind]] = True
            dense[:4, around] = np.where(possible[:, None], FULL, 0)
            dense[4, around] = 0


def _leave_open(dense: Bytes, kind: int, start: float, end: float) -> None:
    stretch = slice(max(int(start), 0), int(end) + 1)
    dense[:4, stretch] = 0
    dense[NONE, stretch] = dense[kind, stretch] = FULL
    dense[4, stretch] = 0
