"""From waves to beats: each QRS with the P before it and the T after it, or without.

One state, one `step`. A beat is complete when its T wave has ended, when the next QRS begins, or
when no T wave has begun 500 ms after the QRS.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from .beat_context import BeatContext, first_sample, last_sample
from .beat_model import CLASSES, BeatModel
from .filters import RATE_HZ, STEPS_PER_MV
from .labels import BEATS, QRS, P, T
from .levels import Levels, levels_of
from .timing import BEAT_FRAME_SAMPLES
from .waves import WaveRun

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]


def _samples(ms: float) -> float:
    return ms * RATE_HZ / 1000


T_BEGINS_WITHIN = _samples(500)  # after the QRS offset
P_CONDUCTS_WITHIN = _samples(280)  # from P offset to QRS onset; PR up to about 400 ms
P_CONFIDENCE = 0.6  # mean probability; chosen on validation fold 0 of LUDB
REFRACTORY = _samples(200)  # no ventricle depolarises twice within 200 ms
MOST_P_WAVES = 6  # between two beats; of more the last
KEEP_SAMPLES = int(_samples(4000))  # of signal and beat logits behind the reading position


@dataclass(frozen=True)
class DraftBeat:
    """A beat in samples at 250 Hz."""

    r: float
    qrs: WaveRun
    p: WaveRun | None
    t: WaveRun | None
    label: str  # empty until the beat is complete
    qrs_mv: float  # net deflection: highest plus lowest, from the line between its edges
    p_mv: float | None  # mean deflection of the P wave
    levels: Levels  # around the R peak
    blocked_p: tuple[WaveRun, ...] = ()
    evidence: tuple[float, ...] = ()  # the FEATURES of beat_context; the last two when complete


class BeatAssembler:
    """Consumes wave runs in order; keeps the pending beat, the P waves since, and recent signal."""

    def __init__(self, model: BeatModel | None = None) -> None:
        """An empty history; without a model a beat is what the network alone calls it."""
        self._model, self._context = model, BeatContext()
        self._pending: DraftBeat | None = None
        self._last_r = -np.inf
        self._p_waves: deque[tuple[WaveRun, float]] = deque(maxlen=MOST_P_WAVES)  # deflection, mV
        self._signal = Recent(1)
        self._beat_logits = Recent(BEAT_FRAME_SAMPLES)

    def hear(self, filtered_mv: Floats, beat_logits: Floats) -> None:
        """Take the next filtered samples (n,) and beat logits (4, frames), ahead of their runs."""
        self._signal.push(filtered_mv[None])
        self._beat_logits.push(beat_logits)

    def step(self, run: WaveRun) -> list[DraftBeat]:
        """Take the next wave; give the beats that it completes, at most one."""
        if run.kind == QRS:
            return self._new_qrs(run)
        if run.kind == P:
            if run.confidence >= P_CONFIDENCE:
                deflection = self._deflection(run)
                self._p_waves.append((run, deflection.mean() / _per_mv(deflection)))
        elif run.kind == T and self._awaits(run):
            assert self._pending is not None
            return self._complete(replace(self._pending, t=run))
        return []

    def give_up_waiting(self, settled: float) -> list[DraftBeat]:
        """Complete the pending beat without a T wave when none can begin in time any more.

        `settled` is the sample up to which every wave has been stepped through.
        """
        if self._pending is not None and settled > self._pending.qrs.offset + T_BEGINS_WITHIN:
            return self._complete(self._pending)
        return []

    def finish(self) -> list[DraftBeat]:
        """The pending beat as it is."""
        return self._complete(self._pending) if self._pending is not None else []

    @property
    def pending_r(self) -> float:
        """R peak of the beat not yet given, infinity if there is none."""
        return self._pending.r if self._pending is not None else np.inf

    def trim(self, before: float) -> None:
        """Forget signal that no open wave needs."""
        keep_from = int(before) - KEEP_SAMPLES
        self._signal.drop_before(keep_from)
        self._beat_logits.drop_before(keep_from)

    def _awaits(self, t: WaveRun) -> bool:
        pending = self._pending
        return pending is not None and t.onset - pending.qrs.offset <= T_BEGINS_WITHIN

    def _new_qrs(self, qrs: WaveRun) -> list[DraftBeat]:
        r, qrs_mv = self._r_peak(qrs)
        if r - self._last_r < REFRACTORY:
            return []
        done = self._complete(self._pending) if self._pending is not None else []
        (conducted, p_mv), blocked = self._assign_p(qrs)
        around = self._signal.slice(first_sample(r), last_sample(r))[0].astype(np.float64)
        features = self._context.features(r, qrs, qrs_mv, conducted is not None, around)
        levels = levels_of(_steps(around), round(r) - first_sample(r))
        told = tuple(features.tolist())
        self._pending = DraftBeat(r, qrs, conducted, None, "", qrs_mv, p_mv, levels, blocked, told)
        self._last_r = r
        self._p_waves.clear()
        return done

    def _complete(self, beat: DraftBeat) -> list[DraftBeat]:
        self._pending = None
        logits = self._network_logits(beat.r)
        label, opinion = BEATS[int(logits.argmax())], self._context.opinion(logits)
        evidence = (*beat.evidence, *opinion.tolist())
        if self._model is not None and label != "Q":
            label = CLASSES[int(self._model.logits(np.array(evidence)).argmax())]
        return [replace(beat, label=label, evidence=evidence)]

    def _assign_p(
        self, qrs: WaveRun
    ) -> tuple[tuple[WaveRun, float] | tuple[None, None], tuple[WaveRun, ...]]:
        """The last P wave conducts if it is near enough; those before it did not."""
        waves = [wave for wave, _ in self._p_waves]
        if waves and qrs.onset - waves[-1].offset <= P_CONDUCTS_WITHIN:
            return self._p_waves[-1], tuple(waves[:-1])
        return (None, None), tuple(waves)

    def _r_peak(self, qrs: WaveRun) -> tuple[float, float]:
        """Where the largest deflection is, to a part of a sample, and the net deflection in mV.

        The positive one unless the negative one is 1.5 times as large: R peaks point up.
        """
        deflection = self._deflection(qrs)
        up, down = int(deflection.argmax()), int(deflection.argmin())
        peak = up if 3 * deflection[up] >= -2 * deflection[down] else down
        shift = _vertex(deflection, peak)
        net_mv = float(deflection[up] + deflection[down]) / _per_mv(deflection)
        return int(np.floor(qrs.onset)) + peak + shift, net_mv

    def _deflection(self, run: WaveRun) -> Integers:
        """The signal from onset to offset, less the line between those two, in `_per_mv` steps.

        Whole numbers: of two equal peaks the first is the larger one on every machine.
        """
        first, last = int(np.floor(run.onset)), int(np.ceil(run.offset)) + 1
        signal = _steps(self._signal.slice(first, last)[0])
        n = len(signal) - 1
        return np.asarray((signal - signal[0]) * n - (signal[-1] - signal[0]) * np.arange(n + 1))

    def _network_logits(self, r: float) -> npt.NDArray[np.float64]:
        """Mean over the frames around the R peak."""
        frame = int((r + 0.5) // BEAT_FRAME_SAMPLES)
        logits: npt.NDArray[np.float64] = self._beat_logits.slice(frame - 1, frame + 2).mean(
            1, dtype=np.float64
        )
        return logits


def _steps(signal_mv: npt.NDArray[np.floating]) -> Integers:
    steps: Integers = np.rint(signal_mv * np.float32(STEPS_PER_MV)).astype(np.int64)
    return steps


def _per_mv(deflection: Integers) -> int:
    return STEPS_PER_MV * max(len(deflection) - 1, 1)


def _vertex(values: Integers, peak: int) -> float:
    """The vertex of the parabola through a peak and its neighbours, -1/2 to 1/2 from the peak."""
    if not 0 < peak < len(values) - 1:
        return 0.0
    a, b, c = values[peak - 1 : peak + 2].tolist()
    curvature = a - 2 * b + c
    return min(max(0.5 * (a - c) / curvature, -0.5), 0.5) if curvature else 0.0


class Recent:
    """The recent columns of a stream, addressed by absolute position; outside them edges repeat."""

    def __init__(self, samples_per_column: int) -> None:
        """Start at position 0."""
        self._step = samples_per_column
        self._parts: list[Floats] = []
        self._first = 0
        self._count = 0

    def push(self, columns: Floats) -> None:
        """Append columns (rows, n)."""
        if columns.shape[1]:
            self._parts.append(columns)
            self._count += columns.shape[1]

    def slice(self, start: int, stop: int) -> Floats:
        """Columns start to stop; beyond the kept ones the nearest is repeated."""
        if len(self._parts) > 1:
            self._parts = [np.concatenate(self._parts, 1)]
        first, last = start - self._first, stop - self._first
        if first >= 0 and last <= self._count:
            return self._parts[0][:, first:last]
        index = np.clip(np.arange(start, stop) - self._first, 0, self._count - 1)
        return self._parts[0][:, index]

    def drop_before(self, sample: int) -> None:
        """Forget columns before a position in samples, in whole parts' worth."""
        drop = sample // self._step - self._first
        if drop > self._count // 2 and drop > 0:
            self._parts = [np.concatenate(self._parts, 1)[:, drop:]]
            self._first += drop
            self._count -= drop
