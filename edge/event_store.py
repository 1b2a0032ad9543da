"""`EventStore`: alerts, episodes and stretches of days, in a scratch file but for the latest."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, TypeVar

from .scratch import ScratchFile, ScratchList

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    T = TypeVar("T", bound=DataclassInstance)
else:
    T = TypeVar("T")


class EventStore(ScratchList[T]):
    """Dataclasses of one kind, of numbers, texts and tuples of these, to the last bit."""

    def __init__(self, kind: type[T]) -> None:
        """None of that kind yet."""
        super().__init__()
        self._kind, self._names = kind, tuple(field.name for field in fields(kind))
        self._file, self._ends = ScratchFile(), [0]

    def _put(self, chunk: Sequence[T]) -> None:
        rows = [[getattr(one, name) for name in self._names] for one in chunk]
        self._file.add(json.dumps(rows).encode())
        self._ends.append(self._file.size)

    def _get(self, k: int) -> list[T]:
        start, end = self._ends[k : k + 2]
        rows = json.loads(self._file.read(start, end - start))
        return [self._kind(*(tuple(v) if isinstance(v, list) else v for v in row)) for row in rows]
