"""One 12-lead record as training sees it: leads by name, at 250 Hz, through the device's filters.

Any two of I, II and III give the other four limb leads (Einthoven: III = II - I; Goldberger:
aVR = -(I + II) / 2, aVL = I - II / 2, aVF = II - I / 2), so what is missing is derived and what is
there is checked. Swapped names break the equations. Swapped electrodes do not: with the arms
reversed, what is called I is -I, II is III, aVR is aVL and the other way round, and all agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..edge.errors import InputError
from ..edge.filters import RATE_HZ
from ..edge.formats.wfdb_records import read_leads
from ..edge.frontend import filter_record
from ..edge.record import Record

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

LEADS = ("i", "ii", "iii", "avr", "avl", "avf", "v1", "v2", "v3", "v4", "v5", "v6")
LIMB = ("i", "ii", "iii", "avr", "avl", "avf")
# Each limb lead as a I + b II.
OF_I_AND_II = np.array([[1, 0], [0, 1], [-1, 1], [-0.5, -0.5], [1, -0.5], [-0.5, 1]])
# As a share of the limb leads' rms. Noise of its own in each lead gives up to .15 in LUDB; two limb
# leads swapped give .1 to .7, half of the pairs more than .3.
TOLERANCE = 0.16
ROUNDING_MV = 0.02
LEAST_COMMON_S = 1.0  # of limb leads, to hold them against each other
GAP_S = 0.1  # shorter ones are bridged, longer ones marked
# A value that never moves is no skin: in LUDB's lowest resolution an ECG rests for .6 s at most.
STILL_S = 2.0


@dataclass(frozen=True)
class TwelveLeads:
    """`signal_mv` (12, n) at 250 Hz in the order of `LEADS`, NaN where a lead is missing.

    A lead is missing for as long as its samples are, or do not move, as with an electrode off.
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
        """The leads that are there throughout, derived ones included."""
        return frozenset(
            lead for lead, x in zip(LEADS, self.signal_mv, strict=True) if np.isfinite(x).all()
        )

    @property
    def limb_leads_agree(self) -> bool | None:
        """Whether the limb leads obey their equations: one under another's name does not.

        True says nothing of the electrodes: reversed arms, or all leads upside down, agree as well.
        """
        return None if self.limb_error is None else self.limb_error <= TOLERANCE


def read_twelve_leads(path: str | Path) -> TwelveLeads:
    """Read a WFDB record; raises InputError where it has none of the twelve leads."""
    records = read_leads(path, LEADS)
    if not records:
        raise InputError(f"{path} has none of the twelve leads; choose 12-lead records")
    source = next(iter(records.values())).source
    if len({record.rate_hz for record in records.values()}) > 1:
        raise InputError(f"{source} has leads of different rates; read them one by one")
    filtered = {lead: _filtered(record) for lead, record in records.items()}
    n = max((len(x) for x in filtered.values()), default=0)
    signal = np.full((len(LEADS), n), np.nan, np.float32)
    for lead, x in filtered.items():
        signal[LEADS.index(lead)] = x
    common_gain = all(record.has_gain for record in records.values())
    error = _limb_error(signal) if common_gain else None
    derived = _derive(signal) if common_gain else ()
    return TwelveLeads(signal, derived, error, source)


def _filtered(record: Record) -> Floats:
    """A lead through the device's front end, NaN where nothing was recorded."""
    signal_mv, rate_hz = record.signal_mv, record.rate_hz
    missing = _lasting(~np.isfinite(signal_mv), GAP_S * rate_hz)
    n_still = min(STILL_S * rate_hz, len(signal_mv) - 1)
    still = _lasting(signal_mv[1:] == signal_mv[:-1], n_still)
    missing[1:] |= still
    missing[:-1] |= still
    filtered, output_hz = filter_record(signal_mv, rate_hz)
    if missing.any():
        nearest = np.rint(np.arange(len(filtered)) * rate_hz / output_hz).astype(np.int64)
        filtered[missing[np.minimum(nearest, len(missing) - 1)]] = np.nan
    return filtered


def _lasting(mask: Mask, samples: float) -> Mask:
    """The runs of a mask (n,) that are so long."""
    edges = np.flatnonzero(np.diff(mask, prepend=False, append=False)).reshape(-1, 2)
    lasting = np.zeros_like(mask)
    for start, stop in edges[edges[:, 1] - edges[:, 0] >= samples]:
        lasting[start:stop] = True
    return lasting


def _limb_error(signal_mv: Floats) -> float | None:
    """The rms residual of the best I and II behind the limb leads, by their rms."""
    given, common = _limb_given(signal_mv)
    if given.sum() < 3 or common.sum() < LEAST_COMMON_S * RATE_HZ:
        return None
    limb, weights = _limb(signal_mv, given, common), OF_I_AND_II[given]
    limb -= limb.mean(1, keepdims=True)
    fitted, *_ = np.linalg.lstsq(weights, limb, rcond=None)
    residual = float(np.sqrt(np.mean((limb - weights @ fitted) ** 2)))
    rms = float(np.sqrt(np.mean(limb**2)))
    return max(residual - ROUNDING_MV, 0.0) / max(rms, 1e-9)


def _derive(signal_mv: Floats) -> tuple[str, ...]:
    """Fill the limb leads that are missing, where the others are there; their names."""
    given, common = _limb_given(signal_mv)
    if given.all() or given.sum() < 2:
        return ()
    fitted, *_ = np.linalg.lstsq(OF_I_AND_II[given], _limb(signal_mv, given, common), rcond=None)
    missing = np.flatnonzero(~given)
    signal_mv[np.ix_(missing, np.flatnonzero(common))] = OF_I_AND_II[missing] @ fitted
    return tuple(LIMB[at] for at in missing)


def _limb_given(signal_mv: Floats) -> tuple[Mask, Mask]:
    """Which limb leads (6,) are there at all, and the samples (n,) that all of those have."""
    finite: Mask = np.isfinite(signal_mv[: len(LIMB)])
    given: Mask = np.any(finite, axis=1)
    common: Mask = np.all(finite[given], axis=0)
    return given, common


def _limb(signal_mv: Floats, given: Mask, common: Mask) -> npt.NDArray[np.float64]:
    limb = signal_mv[: len(LIMB)][given].astype(np.float64)
    return limb if common.all() else np.ascontiguousarray(limb[:, common])
