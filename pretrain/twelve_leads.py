"""One 12-lead record as training sees it: leads by name, at 250 Hz, through the device's filters.

Any two of I, II and III give the other four limb leads (Einthoven: III = II - I; Goldberger:
aVR = -(I + II) / 2, aVL = I - II / 2, aVF = II - I / 2), so what is missing is derived and what is
there is checked.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..edge.errors import InputError
from ..edge.formats.wfdb_records import read_leads
from ..edge.frontend import filter_record

Floats = npt.NDArray[np.float32]

LEADS = ("i", "ii", "iii", "avr", "avl", "avf", "v1", "v2", "v3", "v4", "v5", "v6")
LIMB = ("i", "ii", "iii", "avr", "avl", "avf")
# Each limb lead as a I + b II.
OF_I_AND_II = np.array([[1, 0], [0, 1], [-1, 1], [-0.5, -0.5], [1, -0.5], [-0.5, 1]])
# As a share of the limb leads' rms. Noise of its own in each lead gives up to .15 in LUDB; two limb
# leads swapped give .1 to .7, half of the pairs more than .3.
TOLERANCE = 0.16
ROUNDING_MV = 0.02


@dataclass(frozen=True)
class TwelveLeads:
    """`signal_mv` (12, n) at 250 Hz in the order of `LEADS`, NaN where a lead is missing.

    `limb_error` is the rms by which the limb leads given miss Einthoven's and Goldberger's
    equations, as a share of their rms; None where they can't be checked (fewer than three, or no
    common gain).
    """

    signal_mv: Floats
    derived: tuple[str, ...]
    limb_error: float | None
    source: str

    @property
    def present(self) -> frozenset[str]:
        """The leads that are there, derived ones included."""
        return frozenset(
            lead for lead, x in zip(LEADS, self.signal_mv, strict=True) if np.isfinite(x).all()
        )

    @property
    def limb_leads_agree(self) -> bool | None:
        """Whether the limb leads are the limb leads: a swapped or mislabelled one breaks this."""
        return None if self.limb_error is None else self.limb_error <= TOLERANCE


def read_twelve_leads(path: str | Path) -> TwelveLeads:
    """Read a WFDB record; raises InputError where it has none of the twelve leads."""
    records = read_leads(path, LEADS)
    if not records:
        raise InputError(f"{path} has none of the twelve leads; choose 12-lead records")
    source = next(iter(records.values())).source
    if len({record.rate_hz for record in records.values()}) > 1:
        raise InputError(f"{source} has leads of different rates; read them one by one")
    filtered = {
        lead: filter_record(record.signal_mv, record.rate_hz)[0]
        for lead, record in records.items()
        if np.isfinite(record.signal_mv).any() and np.nanmax(np.abs(record.signal_mv)) > 0
    }
    n = max((len(x) for x in filtered.values()), default=0)
    signal = np.full((len(LEADS), n), np.nan, np.float32)
    for lead, x in filtered.items():
        signal[LEADS.index(lead)] = x
    common_gain = all(record.has_gain for record in records.values())
    error = _limb_error(signal) if common_gain else None
    derived = _derive(signal) if common_gain else ()
    return TwelveLeads(signal, derived, error, source)


def _limb_error(signal_mv: Floats) -> float | None:
    """The rms residual of the best I and II behind the limb leads, by their rms."""
    given = np.isfinite(signal_mv[: len(LIMB)]).all(1)
    if given.sum() < 3:
        return None
    limb, weights = signal_mv[: len(LIMB)][given].astype(np.float64), OF_I_AND_II[given]
    limb -= limb.mean(1, keepdims=True)
    fitted, *_ = np.linalg.lstsq(weights, limb, rcond=None)
    residual = float(np.sqrt(np.mean((limb - weights @ fitted) ** 2)))
    rms = float(np.sqrt(np.mean(limb**2)))
    return max(residual - ROUNDING_MV, 0.0) / max(rms, 1e-9)


def _derive(signal_mv: Floats) -> tuple[str, ...]:
    """Fill the limb leads that are missing; their names."""
    given = np.isfinite(signal_mv[: len(LIMB)]).all(1)
    if given.all() or given.sum() < 2:
        return ()
    limb, weights = signal_mv[: len(LIMB)][given].astype(np.float64), OF_I_AND_II[given]
    fitted, *_ = np.linalg.lstsq(weights, limb, rcond=None)
    signal_mv[: len(LIMB)][~given] = OF_I_AND_II[~given] @ fitted
    return tuple(LIMB[at] for at in np.flatnonzero(~given))
