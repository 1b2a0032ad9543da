"""The middle of the spine: filtered samples at 250 Hz in, beats in samples out."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from .beat_model import BeatModel
from .beats import BeatAssembler, DraftBeat
from .frontend import network_input
from .labels import NONE, QRS
from .pooling import Pool
from .timing import (
    BEAT_FRAME_SAMPLES,
    HOP_SAMPLES,
    LOOKAHEAD_SAMPLES,
    WAVE_FRAME_SAMPLES,
)
from .waves import RunEncoder, RunSmoother, WaveRun, winning_probability

Floats = npt.NDArray[np.float32]


class Network(Protocol):
    """Whole hops (2, n) to wave (4, n/2) and beat logits (4, n/8), features (c, n/16)."""

    def push(self, x: Floats) -> tuple[Floats, Floats, Floats]:
        """Run the next hops."""


class Delineation:
    """Holds samples until a hop is whole, runs the network, undoes its look-ahead."""

    def __init__(self, network: Network, beat_model: BeatModel | None = None) -> None:
        """A fresh stream through a network that has been reset."""
        self._network = network
        self.pool = Pool()
        self._waiting = np.empty(0, np.float32)
        self._last = np.zeros(1, np.float32)
        self._received = 0
        self._to_skip = LOOKAHEAD_SAMPLES
        self._runs = RunEncoder()
        self._smoother = RunSmoother()
        self._beats = BeatAssembler(beat_model)
        self._frames: list[Floats] = []

    def push(self, filtered_mv: Floats) -> list[DraftBeat]:
        """Take the next samples; give the beats that they complete."""
        self._received += len(filtered_mv)
        self._last = filtered_mv[-1:] if len(filtered_mv) else self._last
        waiting = np.concatenate([self._waiting, filtered_mv])
        whole = len(waiting) // HOP_SAMPLES * HOP_SAMPLES
        self._waiting = waiting[whole:]
        return self._run(waiting[:whole])

    def finish(self) -> list[DraftBeat]:
        """Hold the last value through the look-ahead, then complete what is open."""
        if self._received == 0:
            return []
        padding = LOOKAHEAD_SAMPLES + -(self._received + LOOKAHEAD_SAMPLES) % HOP_SAMPLES
        tail = np.concatenate([self._waiting, np.repeat(self._last, padding)])
        beats = self._run(tail)
        for run in self._runs.finish():
            beats += self._smooth(run)
        held = self._smoother.finish()
        if held is not None:
            beats += self._beats.step(held)
        return beats + self._beats.finish()

    def take_frames(self) -> Floats:
        """Certainty and QRS, (2, frames), of the frames (125 Hz) read since the last call.

        Certainty is the probability of the likeliest class; the second row is 1 where that is QRS.
        """
        taken, self._frames = self._frames, []
        return np.concatenate([np.empty((2, 0), np.float32), *taken], 1)

    @property
    def settled(self) -> float:
        """Every beat with its R peak before this sample has been given."""
        position = self._settled_runs()
        return min(position, self._beats.pending_r)

    def _run(self, filtered_mv: Floats) -> list[DraftBeat]:
        if len(filtered_mv) == 0:
            return []
        waves, beat_logits, deep = self._network.push(network_input(filtered_mv))
        self.pool.push(deep[:, : self._received // HOP_SAMPLES - self.pool.frames])
        skip = min(self._to_skip, len(filtered_mv))  # the look-ahead is whole hops
        self._to_skip -= skip
        self._beats.hear(filtered_mv, beat_logits[:, skip // BEAT_FRAME_SAMPLES :])
        waves = waves[:, skip // WAVE_FRAME_SAMPLES :]
        certainty = winning_probability(waves)
        self._frames.append(np.stack([certainty, (waves.argmax(0) == QRS).astype(np.float32)]))
        beats: list[DraftBeat] = []
        for run in self._runs.push(waves, certainty):
            beats += self._smooth(run)
        early = self._smoother.release(self._runs.open_run())
        if early is not None:
            beats += self._beats.step(early)
        settled = self._settled_runs()
        beats += self._beats.give_up_waiting(settled)
        self._beats.trim(settled)
        return beats

    def _smooth(self, run: WaveRun) -> list[DraftBeat]:
        done = self._smoother.push(run)
        return self._beats.step(done) if done is not None else []

    def _settled_runs(self) -> float:
        """Up to where no wave can change or appear any more."""
        held, open_run = self._smoother.held, self._runs.open_run()
        if open_run is None:
            return 0.0
        if held is not None and held.kind != NONE:
            return held.onset
        return open_run.onset if open_run.kind != NONE else open_run.offset
