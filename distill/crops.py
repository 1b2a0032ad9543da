"""Training crops: a stretch of a labelled lead, warped, corrupted, with its delayed targets."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..edge.frontend import network_input
from ..edge.labels import NONE, QRS, WAVES
from ..edge.timing import (
    BEAT_FRAME_SAMPLES,
    HOP_SAMPLES,
    LOOKAHEAD_SAMPLES,
    WAVE_FRAME_SAMPLES,
)
from ..pretrain.augment import (
    AugmentConfig,
    add_spikes,
    corrupt,
    draw_pause,
    draw_speed,
    mix_weights,
    noise_alone,
    silence,
)
from .datasets import LabelledLead
from .targets import NO_BEAT, Bytes, beat_targets, dense_targets, frame_targets, mixed_targets

Floats = npt.NDArray[np.float32]

CROP_SAMPLES = 2560
TOTAL_SAMPLES = CROP_SAMPLES + LOOKAHEAD_SAMPLES
NOISE_ALONE = -1  # in place of a lead's index
PAUSE_MARGIN_SAMPLES = 40
assert TOTAL_SAMPLES % HOP_SAMPLES == 0


@dataclass(frozen=True)
class Batch:
    """Tensors of one step: input (b, 2, 1, n), coverage (b, 4, n/2), complete, beat (b, n/8)."""

    x: Tensor
    coverage: Tensor
    complete: Tensor
    beat: Tensor


@dataclass(frozen=True)
class EpochPlan:
    """How many crops of each set an epoch draws, and how often LUDB's lead I is repeated."""

    lead_one_repeats: int = 3
    qtdb_crops: int = 256
    mitdb_crops: int = 768
    cinc2017_crops: int = 256
    noise_crops: int = 128  # noise alone: no wave is to be found in it
    unlabelled_crops: int = 1024  # of leads that a teacher has labelled, where there is one
    ectopic_share: float = 0.5  # of the MIT-BIH crops, those centred on an S or V beat


class CropSource:
    """Seeded batches of augmented crops; epoch e of seed s is the same on every run."""

    def __init__(
        self,
        leads: list[LabelledLead],
        noises: list[Floats],
        augment: AugmentConfig,
        plan: EpochPlan,
        dense: list[Bytes] | None = None,
    ) -> None:
        """Each lead's dense targets are rendered once, unless a teacher has: `dense`."""
        self._leads = leads
        self._dense = dense if dense is not None else [dense_targets(lead) for lead in leads]
        self._noises, self._augment, self._plan = noises, augment, plan
        self._order = lru_cache(2)(self._ordered)
        self._siblings: dict[str, list[int]] = {}
        for k, lead in enumerate(leads):
            self._siblings.setdefault(lead.group, []).append(k)
        self._of_set = {
            name: [k for k, lead in enumerate(leads) if lead.dataset == name]
            for name in ("ludb", "qtdb", "mitdb", "cinc2017", "unlabelled")
        }

    def batch(self, size: int, seed: int, step: int) -> Batch:
        """The batch of step `step`, of the epoch that it falls into."""
        epoch, k = divmod(step, self.steps(size))
        chosen = self._order(seed, epoch)[k * size : (k + 1) * size]
        return self._batch(chosen, np.random.default_rng((seed, epoch, k)))

    def steps(self, size: int) -> int:
        """Batches an epoch."""
        return len(self._order(0, 0)) // size

    def _ordered(self, seed: int, epoch: int) -> npt.NDArray[np.int64]:
        """The leads of an epoch, shuffled."""
        rng = np.random.default_rng((seed, epoch))
        return rng.permutation(self._draw_leads(rng))

    def _draw_leads(self, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        ludb = self._of_set["ludb"]
        first = [k for k in ludb if self._leads[k].lead == "i"]
        drawn = [np.array(ludb + first * (self._plan.lead_one_repeats - 1), np.int64)]
        plan = self._plan
        counts = {
            "qtdb": plan.qtdb_crops,
            "mitdb": plan.mitdb_crops,
            "cinc2017": plan.cinc2017_crops,
            "unlabelled": plan.unlabelled_crops,
        }
        for name, count in counts.items():
            if self._of_set[name]:
                drawn.append(rng.choice(self._of_set[name], count))
        if self._noises:
            drawn.append(np.full(plan.noise_crops, NOISE_ALONE))
        return np.concatenate(drawn)

    def _batch(self, chosen: npt.NDArray[np.int64], rng: np.random.Generator) -> Batch:
        crops = [self._crop(k, rng) if k != NOISE_ALONE else self._noise_crop(rng) for k in chosen]
        x, coverage, complete, beat = (np.stack(part) for part in zip(*crops, strict=True))
        return Batch(
            torch.from_numpy(x[:, :, None]).contiguous(memory_format=torch.channels_last),
            torch.from_numpy(coverage),
            torch.from_numpy(complete),
            torch.from_numpy(beat),
        )

    def _crop(
        self, index: int, rng: np.random.Generator
    ) -> tuple[Floats, Floats, Floats, npt.NDArray[np.int64]]:
        lead, dense = self._leads[index], self._dense[index]
        source_mv = lead.filtered_mv
        if lead.dataset == "ludb" and rng.random() < self._augment.mix_share:
            source_mv, dense = self._mixed(index, rng)
        if lead.waves and rng.random() < self._augment.spike_share:
            onsets = [w.onset for w in lead.waves if w.kind == QRS and np.isfinite(w.onset)]
            source_mv = add_spikes(source_mv, onsets, self._augment, rng)
        step = draw_speed(self._augment, rng)
        start = self._draw_start(lead, CROP_SAMPLES * step, rng)
        at = start + step * np.arange(TOTAL_SAMPLES)
        # Beyond the lead's end its last value is held, as `Monitor.finish` does.
        signal = np.interp(at, np.arange(len(source_mv)), source_mv)
        pause = draw_pause(self._augment, CROP_SAMPLES, rng)
        if pause is not None:
            signal = silence(signal, *pause)
        x = network_input(corrupt(signal.astype(np.float32), self._noises, self._augment, rng))
        first_edge = start - step * (LOOKAHEAD_SAMPLES + 0.5)
        frames = TOTAL_SAMPLES // WAVE_FRAME_SAMPLES
        coverage, complete = frame_targets(dense, first_edge, step * WAVE_FRAME_SAMPLES, frames)
        if pause is not None:
            _teach_pause(coverage, complete, *pause)
        unseen = LOOKAHEAD_SAMPLES // WAVE_FRAME_SAMPLES  # before the crop: nothing to know
        coverage[:, :unseen], complete[:unseen] = 1.0, 0.0
        frames = TOTAL_SAMPLES // BEAT_FRAME_SAMPLES
        beat = beat_targets(lead, first_edge, step * BEAT_FRAME_SAMPLES, frames)
        if pause is not None:
            beat[:] = NO_BEAT  # the beat before is another one now
        beat[: LOOKAHEAD_SAMPLES // BEAT_FRAME_SAMPLES + 1] = NO_BEAT
        return x, coverage, complete, beat

    def _noise_crop(
        self, rng: np.random.Generator
    ) -> tuple[Floats, Floats, Floats, npt.NDArray[np.int64]]:
        x = network_input(noise_alone(self._noises, TOTAL_SAMPLES, rng))
        frames = TOTAL_SAMPLES // WAVE_FRAME_SAMPLES
        coverage = np.zeros((len(WAVES), frames), np.float32)
        coverage[NONE] = 1.0
        beat = np.full(TOTAL_SAMPLES // BEAT_FRAME_SAMPLES, NO_BEAT, np.int64)
        return x, coverage, np.ones(frames, np.float32), beat

    def _mixed(self, index: int, rng: np.random.Generator) -> tuple[Floats, Bytes]:
        """Another lead of the same record added: a heart seen from a direction of its own."""
        other = int(rng.choice(self._siblings[self._leads[index].group]))
        a, b = mix_weights(rng)
        mixed = a * self._leads[index].filtered_mv + b * self._leads[other].filtered_mv
        return mixed.astype(np.float32), mixed_targets(self._dense[index], self._dense[other])

    def _draw_start(self, lead: LabelledLead, length: float, rng: np.random.Generator) -> float:
        slack = len(lead.filtered_mv) - length
        if slack <= 0:
            return 0.0
        if lead.dataset == "qtdb" and lead.spans:
            first, last = lead.spans[rng.integers(len(lead.spans))]
            centre = rng.uniform(first, last)
        elif lead.dataset == "mitdb" and rng.random() < self._plan.ectopic_share:
            ectopic = [position for position, label in lead.beats if label in "SV"]
            centre = rng.choice(ectopic) if ectopic else rng.uniform(0, len(lead.filtered_mv))
        else:
            return float(rng.uniform(0, slack))
        return float(np.clip(centre - rng.uniform(0.3, 0.9) * length, 0, slack))


def _teach_pause(coverage: Floats, complete: Floats, first: int, last: int) -> None:
    """No wave inside a silenced stretch; at its ends, where it cut into a beat, nothing is said."""
    start, end = ((at + LOOKAHEAD_SAMPLES) // WAVE_FRAME_SAMPLES for at in (first, last))
    margin = PAUSE_MARGIN_SAMPLES // WAVE_FRAME_SAMPLES
    for edge in (start, end):
        coverage[:, max(edge - margin, 0) : edge + margin] = 1.0
        complete[max(edge - margin, 0) : edge + margin] = 0.0
    coverage[:, start + margin : end - margin] = 0.0
    coverage[NONE, start + margin : end - margin] = 1.0
    complete[start + margin : end - margin] = 1.0
