"""Which windows a run trains on: numbers, leads and patients in a few bytes each.

A million windows take 28 MB: training never holds a list of names.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from .shards import Row
from .twelve_leads import LEADS

Whole = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Windows:
    """Windows of shards: number (n,), leads present (n, 12) in the order of LEADS, patient (n,)."""

    number: Whole
    has_lead: npt.NDArray[np.bool_]
    patient: Whole

    def __len__(self) -> int:
        """Windows."""
        return len(self.number)

    def take(self, chosen: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> Windows:
        """Those chosen by index or by mask."""
        return Windows(self.number[chosen], self.has_lead[chosen], self.patient[chosen])

    def one_of_each_patient(self, rng: np.random.Generator) -> Whole:
        """Indices of one window of each patient, in random order."""
        order = rng.permutation(len(self))
        _, first = np.unique(self.patient[order], return_index=True)
        drawn: Whole = rng.permutation(order[first])
        return drawn

    def another_of_patient(self, chosen: Whole, rng: np.random.Generator) -> Whole:
        """For each chosen index another of its patient; itself where that is the only one."""
        order, patients = self._by_patient
        first = np.searchsorted(patients, self.patient[chosen], "left")
        count = np.searchsorted(patients, self.patient[chosen], "right") - first
        place = self._place[chosen] - first
        step = 1 + np.floor(rng.random(len(chosen)) * np.maximum(count - 1, 0)).astype(np.int64)
        other: Whole = order[first + (place + np.where(count > 1, step, 0)) % count]
        return other

    @cached_property
    def _by_patient(self) -> tuple[Whole, Whole]:
        order = np.argsort(self.patient, kind="stable")
        return order, self.patient[order]

    @cached_property
    def _place(self) -> Whole:
        """Where each window stands in the order by patient."""
        place = np.empty(len(self), np.int64)
        place[self._by_patient[0]] = np.arange(len(self))
        return place


def windows_of(rows: Iterable[Row]) -> Windows:
    """All windows of shards, in order."""
    leads, patients = bytearray(), bytearray()
    for row in rows:
        leads += bytes(lead in row.leads for lead in LEADS)
        patients += _number_of(row.patient or row.identity).to_bytes(8, "little")
    patient = np.frombuffer(bytes(patients), "<i8").astype(np.int64)
    has_lead = np.frombuffer(bytes(leads), np.bool_).reshape(-1, len(LEADS))
    return Windows(np.arange(len(patient)), has_lead, patient)


def split(windows: Windows, held_out: float) -> tuple[Windows, Windows]:
    """Windows for training, and those of a share of the patients: the same ones in every run."""
    is_held_out = windows.patient < held_out * 2.0**63
    return windows.take(~is_held_out), windows.take(is_held_out)


def _number_of(name: str) -> int:
    """A whole number below 2^63 that a name always gets."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") >> 1
