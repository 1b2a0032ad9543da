"""`BeatStore`: the beats of days, in a scratch file but for the latest, read as a sequence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from . import scratch
from .events import Beat
from .labels import BEATS
from .scratch import ScratchFile, ScratchList

TIMES = ("r_s", "qrs_on_s", "qrs_off_s", "p_on_s", "p_off_s", "t_on_s", "t_off_s")
ROW = np.dtype(
    [("times_s", "f8", len(TIMES)), ("confidence", "f8"), ("label", "i4"), ("blocked", "i4")]
)
SPAN = np.dtype("(2,)f8")

Rows = npt.NDArray[np.void]
Floats = npt.NDArray[np.float64]


class BeatStore(ScratchList[Beat]):
    """Beats as they were appended, to the last bit; memory does not grow with their number."""

    def __init__(self, beats: Iterable[Beat] = ()) -> None:
        """`beats` are the first ones."""
        super().__init__()
        self._rows, self._blocked = ScratchFile(), ScratchFile()
        self._blocked_ends = [0]  # in bytes: P waves that no QRS answered, after each chunk
        for beat in beats:
            self.append(beat)

    def columns(self) -> Iterator[tuple[Floats, npt.NDArray[np.int32]]]:
        """Times in s as (beat, `TIMES`), NaN where absent, and labels by their place in `BEATS`."""
        for k in range(self._chunks):
            rows = self._rows_of(k)
            yield rows["times_s"], rows["label"]
        rows, _ = _packed(self._latest)
        yield rows["times_s"], rows["label"]

    def _put(self, chunk: Sequence[Beat]) -> None:
        rows, blocked = _packed(chunk)
        self._rows.add(rows.tobytes())
        self._blocked.add(blocked.tobytes())
        self._blocked_ends.append(self._blocked.size)

    def _get(self, k: int) -> list[Beat]:
        start, end = self._blocked_ends[k : k + 2]
        return _beats(self._rows_of(k), np.frombuffer(self._blocked.read(start, end - start), SPAN))

    def _rows_of(self, k: int) -> Rows:
        size = scratch.CHUNK * ROW.itemsize
        return np.frombuffer(self._rows.read(k * size, size), ROW)


def _packed(beats: Sequence[Beat]) -> tuple[Rows, npt.NDArray[Any]]:
    rows = np.empty(len(beats), ROW)
    if beats:
        rows["times_s"] = [  # None becomes NaN
            (b.r_s, b.qrs_on_s, b.qrs_off_s, b.p_on_s, b.p_off_s, b.t_on_s, b.t_off_s)
            for b in beats
        ]
        rows["confidence"] = [beat.confidence for beat in beats]
        rows["label"] = [BEATS.index(beat.label) for beat in beats]
        rows["blocked"] = [len(beat.blocked_p_s) for beat in beats]
    blocked = [span for beat in beats for span in beat.blocked_p_s]
    return rows, np.array(blocked, np.float64).reshape(-1, 2)


def _beats(rows: Rows, blocked: npt.NDArray[Any]) -> list[Beat]:
    spans = iter(map(tuple, blocked.tolist()))
    times = rows["times_s"].astype(object)
    times[np.isnan(rows["times_s"])] = None
    facts = (rows[name].tolist() for name in ("label", "confidence", "blocked"))
    return [
        Beat(
            **dict(zip(TIMES, row, strict=True)),
            label=BEATS[label],
            confidence=confidence,
            blocked_p_s=tuple(next(spans) for _ in range(count)),
        )
        for row, label, confidence, count in zip(times.tolist(), *facts, strict=True)
    ]


def stored(beats: Sequence[Beat]) -> BeatStore:
    """Beats as a store, which they may be already."""
    return beats if isinstance(beats, BeatStore) else BeatStore(beats)
