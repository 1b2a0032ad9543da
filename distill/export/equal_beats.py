"""How far two readings of one signal agree: beats and waves that both have, edges within 8 ms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...edge.beats import DraftBeat
from ...edge.events import Beat
from ...edge.filters import RATE_HZ
from ...edge.waves import WaveRun

SAME_S = 0.008
Edges = tuple[float, float] | None  # seconds


@dataclass(frozen=True)
class Seen:
    """A beat: its R peak in seconds, its label, the edges of P, QRS and T."""

    r_s: float
    label: str
    waves: tuple[Edges, Edges, Edges]


@dataclass(frozen=True)
class Equal:
    """Beats that agree in R peak and label, and their waves, of `beats_of` and `waves_of`."""

    beats: int
    beats_of: int
    waves: int
    waves_of: int

    def __add__(self, other: Equal) -> Equal:
        """Of both together."""
        return Equal(
            self.beats + other.beats,
            self.beats_of + other.beats_of,
            self.waves + other.waves,
            self.waves_of + other.waves_of,
        )

    @property
    def beat_share(self) -> float:
        """0 to 1; 1 where there is no beat."""
        return self.beats / self.beats_of if self.beats_of else 1.0

    @property
    def wave_share(self) -> float:
        """0 to 1; a wave that both lack is equal."""
        return self.waves / self.waves_of if self.waves_of else 1.0


def seen(beats: Sequence[Beat]) -> list[Seen]:
    """Beats as events."""
    return [
        Seen(
            b.r_s,
            b.label,
            (
                _edges(b.p_on_s, b.p_off_s),
                _edges(b.qrs_on_s, b.qrs_off_s),
                _edges(b.t_on_s, b.t_off_s),
            ),
        )
        for b in beats
    ]


def seen_drafts(beats: Sequence[DraftBeat]) -> list[Seen]:
    """Beats as `Delineation` gives them."""
    return [Seen(b.r / RATE_HZ, b.label, (_run(b.p), _run(b.qrs), _run(b.t))) for b in beats]


def equal_beats(expected: Sequence[Seen], found: Sequence[Seen]) -> Equal:
    """Each expected beat beside the nearest found; a beat that only one has is not equal."""
    of = max(len(expected), len(found))
    if not expected or not found:
        return Equal(0, of, 0, 3 * of)
    at = np.array([beat.r_s for beat in found])
    pairs = [(beat, found[int(np.abs(at - beat.r_s).argmin())]) for beat in expected]
    beats = sum(_near(a.r_s, b.r_s) and a.label == b.label for a, b in pairs)
    waves = sum(_same(*edges) for a, b in pairs for edges in zip(a.waves, b.waves, strict=True))
    return Equal(beats, of, waves, 3 * of)


def _edges(onset: float | None, offset: float | None) -> Edges:
    return None if onset is None or offset is None else (onset, offset)


def _run(run: WaveRun | None) -> Edges:
    return None if run is None else (run.onset / RATE_HZ, run.offset / RATE_HZ)


def _same(a: Edges, b: Edges) -> bool:
    if a is None or b is None:
        return a is b
    return _near(a[0], b[0]) and _near(a[1], b[1])


def _near(a: float, b: float) -> bool:
    return abs(a - b) <= SAME_S + 1e-9
