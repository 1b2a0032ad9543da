"""Episodes of a rhythm: told against annotated, as `epicmp` (Moody, WFDB) and EC57 count them.

An annotated episode is found if any told one overlaps it; a told one is true if it overlaps any
annotated one. Durations are compared second for second. Neither counts before `start_s`, and what
goes on there is cut off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .metrics import LEARNING_S, RESAMPLES, Floats, Interval, Spans, bootstrap_weights, interval

DAY_S = 86400.0


@dataclass(frozen=True)
class EpisodeCounts:
    """One record: episodes found and missed, told rightly and falsely, and durations in s."""

    found: int
    missed: int
    true: int
    false: int
    annotated_s: float
    told_s: float
    both_s: float
    without_s: float  # of the record without annotated episodes


@dataclass(frozen=True)
class EpisodeScore:
    """Gross figures of a set; `false_per_day` is false episodes in 24 h without annotated ones."""

    episode_sensitivity: Interval
    episode_ppv: Interval
    duration_sensitivity: Interval
    duration_ppv: Interval
    false_per_day: Interval


def count_episodes(
    annotated: Spans, told: Spans, end_s: float, start_s: float = LEARNING_S
) -> EpisodeCounts:
    """Compare spans in s of one record that ends at `end_s`."""
    reference = _clipped(annotated, start_s, end_s)
    test = _clipped(told, start_s, end_s)
    found = sum(any(_overlap(one, other) > 0 for other in test) for one in reference)
    true = sum(any(_overlap(one, other) > 0 for other in reference) for one in test)
    annotated_s = sum(end - start for start, end in reference)
    return EpisodeCounts(
        found,
        len(reference) - found,
        true,
        len(test) - true,
        annotated_s,
        sum(end - start for start, end in test),
        sum(_overlap(one, other) for one in reference for other in test),
        max(end_s - start_s, 0.0) - annotated_s,
    )


def score_episodes(
    records: Sequence[EpisodeCounts], *, resamples: int = RESAMPLES, seed: int = 0
) -> EpisodeScore:
    """Gross figures with 95 % intervals over records; NaN where nothing defines one."""
    fields = [tuple(vars(record).values()) for record in records]
    table = np.array(fields, np.float64).reshape(-1, 8)
    weights = bootstrap_weights(len(records), resamples, seed)

    def share(top: list[int], bottom: list[int], scale: float = 1.0) -> Interval:
        return interval(table, lambda sums: _quotient(sums, top, bottom, scale), weights)

    found, missed, true, false, annotated_s, told_s, both_s, without_s = range(8)
    return EpisodeScore(
        share([found], [found, missed]),
        share([true], [true, false]),
        share([both_s], [annotated_s]),
        share([both_s], [told_s]),
        share([false], [without_s], DAY_S),
    )


def _quotient(sums: Floats, top: list[int], bottom: list[int], scale: float) -> Floats:
    above, below = sums[..., top].sum(-1), sums[..., bottom].sum(-1)
    quotient: Floats = np.where(below > 0, scale * above / np.where(below > 0, below, 1.0), np.nan)
    return quotient


def _clipped(spans: Spans, start_s: float, end_s: float) -> Spans:
    """The spans' parts inside the record's scored time, those that meet made one."""
    inside = sorted((max(a, start_s), min(b, end_s)) for a, b in spans)
    joined: list[tuple[float, float]] = []
    for a, b in inside:
        if b <= a:
            continue
        if joined and a <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(b, joined[-1][1])
        else:
            joined.append((a, b))
    return tuple(joined)


def _overlap(one: tuple[float, float], other: tuple[float, float]) -> float:
    return max(min(one[1], other[1]) - max(one[0], other[0]), 0.0)
