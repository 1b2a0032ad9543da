"""From per-frame wave probabilities to waves: runs of one class with boundaries between frames.

A boundary lies where the two neighbouring classes are equally likely, interpolated between frame
centres on their log-odds, so that 8 ms frames give boundaries finer than 8 ms.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from .labels import NONE, QRS, P, T
from .timing import WAVE_FRAME_SAMPLES

Floats = npt.NDArray[np.float32]

# Shorter runs are flicker, in 8 ms frames: 24 ms of P or QRS, 40 ms of T, 32 ms of nothing.
MIN_FRAMES = {NONE: 4, P: 3, QRS: 3, T: 5}
# No wave lasts .8 s, and no flicker of .4 s hides the rest of one: beyond these it is noise, and a
# device need not remember it.
LONGEST_FRAMES = 100
HOLD_SAMPLES = 100.0
CERTAINTY_STEPS = 32768  # whole numbers of them add up to the same sum in any order


@dataclass(frozen=True)
class WaveRun:
    """Frames of one class; edges in samples at 250 Hz, `confidence` the mean probability."""

    kind: int
    onset: float
    offset: float
    confidence: float
    frames: int


class RunEncoder:
    """Logits in, completed runs out; the chunks in which logits arrive do not matter."""

    def __init__(self) -> None:
        """Nothing seen yet."""
        self._frame = 0
        self._kind = -1
        self._onset = 0.0
        self._sum = 0.0
        self._count = 0
        self._previous: Floats | None = None

    @property
    def position(self) -> float:
        """Samples at 250 Hz that have been read."""
        return self._frame * WAVE_FRAME_SAMPLES - 0.5

    def push(self, logits: Floats, certainty: Floats) -> list[WaveRun]:
        """Take logits (4, frames) and the probability of each frame's winner (frames,).

        Gives the runs that they complete, `none` runs included.
        """
        if logits.shape[1] == 0:
            return []
        kinds = logits.argmax(0)
        before = self._kind if self._previous is not None else kinds[0]
        starts = np.flatnonzero(np.diff(kinds, prepend=before))
        edges = self._boundaries(logits, kinds, starts)
        if self._previous is None:
            self._kind, self._onset = int(kinds[0]), -0.5
        runs = []
        bounds = [0, *starts.tolist(), len(kinds)]
        for k, (a, b) in enumerate(pairwise(bounds)):
            if k:
                runs.append(self._close(edges[k - 1]))
                self._kind, self._onset = int(kinds[a]), edges[k - 1]
            for cut in self._cuts(a, b):
                self._add(certainty[a:cut])
                edge = (self._frame + cut) * WAVE_FRAME_SAMPLES - 0.5
                runs.append(self._close(edge))
                self._onset, a = edge, cut
            self._add(certainty[a:b])
        self._frame += len(kinds)
        self._previous = logits[:, -1]
        return runs

    def open_run(self) -> WaveRun | None:
        """The run still going on, as far as it has been read."""
        if self._previous is None:
            return None
        confidence = self._sum / max(self._count, 1)
        return WaveRun(self._kind, self._onset, self.position, confidence, self._count)

    def finish(self) -> list[WaveRun]:
        """The run that the end of the record cuts."""
        return [self._close(self.position)] if self._previous is not None else []

    def _cuts(self, a: int, b: int) -> list[int]:
        """Where, of frames a to b that go on with the open run, it becomes too long for a wave."""
        if self._kind == NONE:
            return []
        return list(range(a + LONGEST_FRAMES - self._count, b, LONGEST_FRAMES))

    def _add(self, certainty: Floats) -> None:
        self._sum += float(certainty.sum(dtype=np.float64))
        self._count += len(certainty)

    def _close(self, offset: float) -> WaveRun:
        run = WaveRun(self._kind, self._onset, offset, self._sum / max(self._count, 1), self._count)
        self._sum, self._count = 0.0, 0
        return run

    def _boundaries(
        self, logits: Floats, kinds: npt.NDArray[np.intp], starts: npt.NDArray[np.intp]
    ) -> list[float]:
        """Where, in samples, the class before each start and the class after it are equal."""
        if len(starts) == 0:
            return []
        previous = self._previous if self._previous is not None else logits[:, 0]
        with_previous = np.concatenate([previous[:, None], logits], 1).astype(np.float64)
        first = kinds[0] if self._previous is None else self._kind
        classes = np.concatenate([[first], kinds])
        a, b = classes[starts], classes[starts + 1]
        lead_before = with_previous[a, starts] - with_previous[b, starts]
        lead_after = with_previous[b, starts + 1] - with_previous[a, starts + 1]
        share = lead_before / np.maximum(lead_before + lead_after, 1e-9)
        centre_before = (self._frame + starts - 1 + 0.5) * WAVE_FRAME_SAMPLES - 0.5
        boundaries: list[float] = (centre_before + share * WAVE_FRAME_SAMPLES).tolist()
        return boundaries


class RunSmoother:
    """Drops flicker: a short run vanishes, and two runs of one class around it become one."""

    def __init__(self) -> None:
        """Nothing held."""
        self.held: WaveRun | None = None

    def push(self, run: WaveRun) -> WaveRun | None:
        """Take the next completed run; give the run before it once nothing can extend that."""
        done = None
        if self.held is not None and run.onset - self.held.offset > HOLD_SAMPLES:
            done, self.held = self.held, None
        if run.frames < MIN_FRAMES[run.kind]:
            return done
        if self.held is not None and _may_join(self.held, run):
            self.held = _joined(self.held, run)
            return None
        done, self.held = self.held or done, run
        return done

    def release(self, open_run: WaveRun | None) -> WaveRun | None:
        """Give the held run early when the open run is already long enough to end it."""
        if self.held is None or open_run is None:
            return None
        solid = open_run.frames >= MIN_FRAMES[open_run.kind]
        if not solid or _may_join(self.held, open_run):
            return None
        done, self.held = self.held, None
        return done

    def finish(self) -> WaveRun | None:
        """The last run."""
        done, self.held = self.held, None
        return done


def _may_join(a: WaveRun, b: WaveRun) -> bool:
    return a.kind == b.kind and (a.kind == NONE or a.frames + b.frames <= LONGEST_FRAMES)


def _joined(a: WaveRun, b: WaveRun) -> WaveRun:
    frames = a.frames + b.frames
    confidence = (a.confidence * a.frames + b.confidence * b.frames) / frames
    return WaveRun(a.kind, a.onset, b.offset, confidence, frames)


def winning_probability(logits: Floats) -> Floats:
    """Softmax probability of each frame's likeliest class, (frames,) from logits (4, frames)."""
    probability = 1.0 / np.exp(logits - logits.max(0, initial=-np.inf)).sum(0)
    return np.asarray(np.rint(probability * CERTAINTY_STEPS) / CERTAINTY_STEPS, np.float32)
