"""Score the alerts on MIT-BIH: episodes told against annotated ones, by the rules of EC57.

From minute 5 on, first channel, paced records left out. Nothing is exempt for being unreadable: an
episode that is annotated where the signal is withheld counts as missed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from ..edge.alert_limits import AlertLimits
from ..edge.analysis import Analysis
from ..edge.analyze import analyze
from ..edge.bundle import Bundle, load_bundle
from .alert_reference import KINDS, alert_reference, without
from .datasets import group_of, read_channel
from .episodes import EpisodeCounts, EpisodeScore, count_episodes, score_episodes
from .evaluate import (
    Run,
    known_run,
    plain_dict,
    run_of,
    seen_by,
    unpaced_records,
    with_progress,
)
from .metrics import Spans

DETECTED_S = 0.15  # a told episode of beats may begin and end that far from the annotated ones


@dataclass(frozen=True)
class AlertResult:
    """Each kind's figures, and its counts a record in the run's order."""

    run: Run
    scores: dict[str, EpisodeScore]
    counts: dict[str, tuple[EpisodeCounts, ...]] = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; a figure that nothing defines is null."""
        per_record = [
            {"record": name, **{kind: asdict(rows[k]) for kind, rows in self.counts.items()}}
            for k, name in enumerate(self.run.records)
        ]
        scores = {kind: asdict(score) for kind, score in self.scores.items()}
        return plain_dict({**asdict(self.run), "alerts": scores, "per_record": per_record})


def evaluate_alerts(
    data: Path,
    model: str | Path | Bundle,
    fold: int | None = None,
    *,
    records: Sequence[str] | None = None,
) -> AlertResult:
    """Score a bundle on the records of MIT-BIH below `data`, of a fold or by name."""
    bundle = model if isinstance(model, Bundle) else load_bundle(model)
    folder = data / "mitdb" if (data / "mitdb").is_dir() else data
    names = unpaced_records(folder, fold, records)
    analyses, counts = list[Analysis](), list[dict[str, EpisodeCounts]]()
    for name in with_progress(names):
        analysis = analyze(read_channel(folder / name, 0), bundle)
        counts.append(count_alerts(folder / name, analysis))
        analyses.append(analysis)
    run = run_of("alerts", "channel 0", "atr", names, analyses)
    by_kind = {kind: tuple(one[kind] for one in counts) for kind in KINDS}
    scores = {kind: score_episodes(rows) for kind, rows in by_kind.items()}
    return AlertResult(
        known_run(run, fold, seen_by(bundle, partial(group_of, "mitdb"))), scores, by_kind
    )


def count_alerts(path: Path, analysis: Analysis) -> dict[str, EpisodeCounts]:
    """One record's episodes of every kind that its annotations define."""
    annotated, exempt = alert_reference(path, AlertLimits())
    end_s = analysis.record.duration_s
    return {
        kind: count_episodes(annotated[kind], _told(analysis, kind, annotated, exempt), end_s)
        for kind in KINDS
    }


def _told(
    analysis: Analysis, kind: str, annotated: dict[str, Spans], exempt: dict[str, Spans]
) -> Spans:
    """The told episodes, without those that only what is exempt explains."""
    spans = tuple(
        (one.start_s - DETECTED_S, one.end_s + DETECTED_S)
        for one in analysis.episodes
        if one.kind == kind
    )
    wrong = set(without(spans, annotated[kind]))
    kept = set(without(tuple(wrong), exempt[kind]))
    return tuple(one for one in spans if one not in wrong or one in kept)
