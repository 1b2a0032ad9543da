"""Read records with a trained run before it is a bundle: teachers, which can't stream, for one.

The network runs once over the whole record in float32; beats are made of its answers as the stream
makes them. No quality, rhythm or alerts: those belong to a bundle.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from ..edge.analysis import Analysis
from ..edge.delineation import Delineation
from ..edge.events import Rhythm
from ..edge.frontend import filter_record, network_input
from ..edge.monitor import beat_event
from ..edge.record import Record
from ..edge.timing import HOP_SAMPLES, LOOKAHEAD_SAMPLES
from .finetune import FinetuneConfig, Multitask, load_run

Floats = npt.NDArray[np.float32]


class Replay:
    """A network whose answers to a whole record are known: gives them hop by hop."""

    def __init__(self, model: Multitask, filtered_mv: Floats) -> None:
        """Answer what a `Delineation` will ask: the record, then its last value held."""
        padding = LOOKAHEAD_SAMPLES + -(len(filtered_mv) + LOOKAHEAD_SAMPLES) % HOP_SAMPLES
        held = np.concatenate([filtered_mv, np.repeat(filtered_mv[-1:], padding)])
        with torch.no_grad():
            outputs = model.network(torch.from_numpy(network_input(held)[None, :, None]))
        self._outputs = [output[0, :, 0].numpy() for output in outputs]
        self._samples, self._at = len(held), 0

    def push(self, x: Floats) -> tuple[Floats, Floats, Floats]:
        """The answers to the next (2, n)."""
        first, self._at = self._at, self._at + x.shape[1]
        waves, beats, deep = (
            y[:, first * y.shape[1] // self._samples : self._at * y.shape[1] // self._samples]
            for y in self._outputs
        )
        return waves, beats, deep


def offline_reader(run: Path) -> tuple[Callable[[Record], Analysis], FinetuneConfig]:
    """What reads a record with a run's float32 weights, and the run's configuration."""
    model, config = load_run(run)
    identity = {"name": run.name, "version": "float32, offline", "sha256": ""}

    def read(record: Record) -> Analysis:
        filtered, rate_hz = filter_record(record.signal_mv, record.rate_hz)
        delineation = Delineation(Replay(model, filtered))
        drafts = delineation.push(filtered) + delineation.finish()
        beats = [beat_event(draft, 1 / rate_hz, record.duration_s) for draft in drafts]
        inside = tuple(beat for beat in beats if beat.r_s < record.duration_s)
        rhythm = Rhythm(0.0, record.duration_s, "noise")
        return Analysis(record, identity, inside, rhythm, (), (), (), {}, None)

    return read, config
