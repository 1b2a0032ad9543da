"""The noise stress test: which of the beats told under noise are there, and what is withheld.

Beats count in the noisy minutes of `noise_stress` alone, matched within 150 ms. Noise is the part
of NSTDB's that training never sees; the records are the first 15 minutes of MIT-BIH's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..edge.analyze import analyze
from ..edge.bundle import Bundle, load_bundle
from ..pretrain.nstdb import NOISES
from .datasets import group_of, read_beats, read_channel, rhythm_spans
from .evaluate import (
    Run,
    known_run,
    plain_dict,
    run_of,
    seen_by,
    unpaced_records,
    with_progress,
)
from .metrics import MATCH_WINDOW_S, Interval, bootstrap_weights, interval
from .noise_stress import CLEAN_S, TURN_S, is_noisy, load_test_noise, with_noise
from .peer_detectors import installed_peers

SNRS_DB = (24.0, 18.0, 12.0, 6.0, 0.0, -6.0)
RECORD_S = 900.0


@dataclass(frozen=True)
class NoiseScore:
    """One detector under one noise at one ratio; `withheld` is a share of the noisy minutes."""

    detector: str
    noise: str
    snr_db: float
    ppv: Interval
    sensitivity: Interval
    withheld: Interval


@dataclass(frozen=True)
class NoiseResult:
    """Every detector, noise and ratio."""

    run: Run
    scores: tuple[NoiseScore, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        scores = [asdict(score) for score in self.scores]
        return plain_dict({**asdict(self.run), "scores": scores})


def evaluate_noise(
    data: Path,
    model: str | Path | Bundle,
    fold: int | None = None,
    *,
    peers: bool = False,
    records: Sequence[str] | None = None,
    snrs_db: Sequence[float] = SNRS_DB,
) -> NoiseResult:
    """Score a bundle, and installed peers, on MIT-BIH below `data` with NSTDB's noise."""
    bundle = model if isinstance(model, Bundle) else load_bundle(model)
    folder, noises = data / "mitdb", load_test_noise(data / "nstdb")
    names = unpaced_records(folder, fold, records)
    others = installed_peers() if peers else {}
    counts: dict[tuple[str, str, float], list[tuple[float, ...]]] = {}
    analyses = []
    for name in with_progress(names):
        record = read_channel(folder / name, 0)
        record = replace(record, signal_mv=record.signal_mv[: round(RECORD_S * record.rate_hz)])
        clean = record.signal_mv.astype(np.float64)
        annotated = read_beats(folder / name, 1 / record.rate_hz)
        r_s = [at for at, label in annotated if label in "NSV"]
        scored = np.array([at for at, _ in annotated])
        scored = scored[scored < record.duration_s]
        flutter = rhythm_spans(folder / name, 1 / record.rate_hz)[0]
        for noise in NOISES:
            for snr_db in snrs_db:
                noisy = with_noise(clean, noises[noise], r_s, record.rate_hz, snr_db)
                heard = replace(record, signal_mv=noisy)
                analysis = analyze(heard, bundle)
                analyses.append(analysis)
                off = [(q.start_s, q.end_s) for q in analysis.quality if q.state != "good"]
                told = [beat.r_s for beat in analysis.beats]
                row = (*count_beats(told, scored, flutter), *_seconds(off, record.duration_s))
                counts.setdefault(("leadone", noise, snr_db), []).append(row)
                for peer, detect in others.items():
                    row = (*count_beats(detect(heard), scored, flutter), 0.0, 1.0)
                    counts.setdefault((peer, noise, snr_db), []).append(row)
    run = run_of("noise", "channel 0", "atr", names, analyses)
    scores = tuple(_score(*key, rows) for key, rows in counts.items())
    return NoiseResult(known_run(run, fold, seen_by(bundle, partial(group_of, "mitdb"))), scores)


def count_beats(
    told_s: Sequence[float],
    reference_s: npt.NDArray[np.float64],
    excluded: Sequence[tuple[float, float]] = (),
) -> tuple[int, int, int]:
    """Found, false and missed beats in the noisy minutes, each reference matched once."""

    def counts(at_s: float) -> bool:
        return bool(is_noisy(at_s)) and not any(a <= at_s <= b for a, b in excluded)

    free = np.ones(len(reference_s), bool)
    found = false = 0
    for at_s in sorted(told_s):
        near = np.flatnonzero(free & (np.abs(reference_s - at_s) <= MATCH_WINDOW_S))
        if len(near):
            best = near[np.abs(reference_s[near] - at_s).argmin()]
            free[best] = False
            found += counts(reference_s[best])
        else:
            false += counts(at_s)
    return found, false, sum(counts(at_s) for at_s in reference_s[free].tolist())


def _seconds(spans: Sequence[tuple[float, float]], end_s: float) -> tuple[float, float]:
    """Withheld, and all, of the noisy minutes."""
    starts = np.arange(CLEAN_S, end_s, 2 * TURN_S)
    turns = [(float(start), min(float(start) + TURN_S, end_s)) for start in starts]
    withheld = sum(max(min(b, end) - max(a, start), 0.0) for a, b in spans for start, end in turns)
    return withheld, sum(end - start for start, end in turns)


def _score(
    detector: str, noise: str, snr_db: float, rows: Sequence[tuple[float, ...]]
) -> NoiseScore:
    table = np.array(rows, np.float64)
    weights = bootstrap_weights(len(table))

    def share(part: int, whole: tuple[int, ...]) -> Interval:
        def figure(sums: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
            below = sums[..., list(whole)].sum(-1)
            value: npt.NDArray[np.float64] = np.where(
                below > 0, sums[..., part] / np.where(below > 0, below, 1.0), np.nan
            )
            return value

        return interval(table, figure, weights)

    found, false, missed, withheld, seconds = range(5)
    return NoiseScore(
        detector,
        noise,
        snr_db,
        share(found, (found, false)),
        share(found, (found, missed)),
        share(withheld, (seconds,)),
    )
