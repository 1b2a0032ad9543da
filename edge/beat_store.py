"""`BeatStore`: the beats of days, in a scratch file but for the latest, read as a sequence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from tempfile import TemporaryFile
from typing import IO, Any, overload

import numpy as np
import numpy.typing as npt

from .events import Beat
from .labels import BEATS

CHUNK = 4096  # beats in memory, about an hour
TIMES = ("r_s", "qrs_on_s", "qrs_off_s", "p_on_s", "p_off_s", "t_on_s", "t_off_s")
ROW = np.dtype(
    [("times_s", "f8", len(TIMES)), ("confidence", "f8"), ("label", "i4"), ("blocked", "i4")]
)
SPAN = np.dtype("(2,)f8")

Rows = npt.NDArray[np.void]
Floats = npt.NDArray[np.float64]


class BeatStore(Sequence[Beat]):
    """Beats as they were appended, to the last bit; memory does not grow with their number."""

    def __init__(self, beats: Iterable[Beat] = ()) -> None:
        """`beats` are the first ones."""
        self._latest: list[Beat] = []
        self._rows, self._blocked = _Scratch(ROW), _Scratch(SPAN)
        self._blocked_before = [0]  # P waves that no QRS answered, before each chunk
        self._near: tuple[int, list[Beat]] = (-1, [])
        for beat in beats:
            self.append(beat)

    def append(self, beat: Beat) -> None:
        """Take the next beat."""
        self._latest.append(beat)
        if len(self._latest) == CHUNK:
            rows, blocked = _packed(self._latest)
            self._rows.add(rows)
            self._blocked.add(blocked)
            self._blocked_before.append(self._blocked_before[-1] + len(blocked))
            self._latest = []

    def __len__(self) -> int:
        """How many beats."""
        return self._rows.count + len(self._latest)

    def __iter__(self) -> Iterator[Beat]:
        """Beats in order, a chunk at a time."""
        for k in range(self._chunks):
            yield from self._chunk(k)
        yield from self._latest

    @overload
    def __getitem__(self, at: int) -> Beat: ...
    @overload
    def __getitem__(self, at: slice) -> list[Beat]: ...
    def __getitem__(self, at: int | slice) -> Beat | list[Beat]:
        """A beat, or some."""
        if isinstance(at, slice):
            return [self[k] for k in range(*at.indices(len(self)))]
        at = at + len(self) if at < 0 else at
        if not 0 <= at < len(self):
            raise IndexError(at)
        if at >= self._rows.count:
            return self._latest[at - self._rows.count]
        if self._near[0] != at // CHUNK:
            self._near = (at // CHUNK, self._chunk(at // CHUNK))
        return self._near[1][at % CHUNK]

    def columns(self) -> Iterator[tuple[Floats, npt.NDArray[np.int32]]]:
        """Times in s as (beat, `TIMES`), NaN where absent, and labels by their place in `BEATS`."""
        for k in range(self._chunks):
            rows = self._rows.part(k * CHUNK, CHUNK)
            yield rows["times_s"], rows["label"]
        rows, _ = _packed(self._latest)
        yield rows["times_s"], rows["label"]

    @property
    def _chunks(self) -> int:
        return self._rows.count // CHUNK

    def _chunk(self, k: int) -> list[Beat]:
        first, last = self._blocked_before[k : k + 2]
        return _beats(self._rows.part(k * CHUNK, CHUNK), self._blocked.part(first, last - first))


class _Scratch:
    """Rows of one type in a file without a name, which is gone with the process."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self._dtype, self.count = dtype, 0
        self._file: IO[bytes] | None = None

    def add(self, rows: npt.NDArray[Any]) -> None:
        if len(rows) == 0:
            return
        if self._file is None:
            self._file = TemporaryFile(prefix="leadone-")  # noqa: SIM115
        self._file.seek(0, 2)
        self._file.write(rows.tobytes())
        self.count += len(rows)

    def part(self, first: int, count: int) -> npt.NDArray[Any]:
        if self._file is None or count == 0:
            return np.empty(0, self._dtype)
        self._file.seek(first * self._dtype.itemsize)
        return np.frombuffer(self._file.read(count * self._dtype.itemsize), self._dtype)


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
