"""How far LUDB's annotators agree with themselves: what a model of their marks can hope for.

    python benchmarks/annotators.py --data DATA

Two spreads, in ms, for lead I. `beat to beat`: of a boundary's distance from the R peak within a
record, rhythm changes left out (records whose RR varies by more than 10 %, and beats that are not
within 40 ms of the record's median). `between leads`: of the same boundary of the same beat in
lead I and the median of the other leads.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from leadone.distill.datasets import LUDB_LEADS, Wave, record_names
from leadone.distill.evaluate import KIND_OF_WAVE, MS_PER_SAMPLE, ludb_reference
from leadone.edge.labels import QRS

SAME_BEAT_MS = 150.0
SAME_KIND_MS = 40.0  # from the record's median distance to the R peak
REGULAR = 0.1  # share of the median RR
MIN_BEATS = 4
MIN_LEADS = 5


def main() -> None:
    """Print a row a boundary."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    folder = parser.parse_args().data / "ludb"
    records = [
        {lead: ludb_reference(folder / name, lead)[0] for lead in LUDB_LEADS}
        for name in record_names(folder)
    ]
    print(f"{'boundary':<12}{'n':>6}{'beat to beat':>14}{'n':>8}{'between leads':>15}")
    for wave in KIND_OF_WAVE:
        for edge in ("onset", "offset"):
            own = np.concatenate([_beat_to_beat(leads["i"], wave, edge) for leads in records])
            other = np.concatenate([_between_leads(leads, wave, edge) for leads in records])
            print(
                f"{wave + ' ' + edge:<12}{len(own):>6}{own.std():>14.1f}"
                f"{len(other):>8}{other.std():>15.1f}"
            )


def _beat_to_beat(waves: Sequence[Wave], wave: str, edge: str) -> np.ndarray:
    r_peaks = np.array([w.peak for w in waves if w.kind == QRS])
    rr = np.diff(r_peaks)
    if len(rr) < MIN_BEATS or np.ptp(rr) > REGULAR * np.median(rr):
        return np.empty(0)
    at = _edges(waves, wave, edge)
    to_r = (at - r_peaks[np.abs(at[:, None] - r_peaks).argmin(1)]) * MS_PER_SAMPLE
    to_r = to_r[np.abs(to_r - np.median(to_r)) < SAME_KIND_MS] if len(to_r) else to_r
    return to_r - to_r.mean() if len(to_r) >= MIN_BEATS else np.empty(0)


def _between_leads(leads: dict[str, list[Wave]], wave: str, edge: str) -> np.ndarray:
    others = [_edges(leads[lead], wave, edge) for lead in LUDB_LEADS if lead != "i"]
    differences = []
    for at in _edges(leads["i"], wave, edge):
        nearest = [(other - at)[np.abs(other - at).argmin()] for other in others if len(other)]
        same = np.array(nearest) * MS_PER_SAMPLE
        same = same[np.abs(same) < SAME_BEAT_MS]
        if len(same) >= MIN_LEADS:
            differences.append(-np.median(same))
    return np.array(differences)


def _edges(waves: Sequence[Wave], wave: str, edge: str) -> np.ndarray:
    at: np.ndarray = np.array([getattr(w, edge) for w in waves if w.kind == KIND_OF_WAVE[wave]])
    known: np.ndarray = at[np.isfinite(at)]
    return known


if __name__ == "__main__":
    main()
