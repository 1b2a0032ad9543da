"""What alerts should have been told of a record: the clinical rules, applied to annotated beats.

Rates: spans where every mean of eight RR is beyond the limit, for 10 s and more, without
hysteresis. Pauses: 3 s and more between annotated beats. Ventricular: V beats in a row (EC57: two
are a couplet, three and more a run), and another beat and a V, three times and more. AF: the rhythm
annotations (AFIB, AFL). Where ventricular flutter is annotated there are no beats to hold an alert
to; what is a row of V beats only with fusion beats (F) may be told or not, as EC57 has it of those.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..edge.alert_limits import AlertLimits
from .datasets import read_beats, read_rate, rhythm_spans
from .metrics import Spans

KINDS = (
    *("bradycardia", "tachycardia", "pause", "v_run", "v_couplet", "v_bigeminy"),
    "af_suspected",
)


def alert_reference(path: Path, limits: AlertLimits) -> tuple[dict[str, Spans], dict[str, Spans]]:
    """Annotated spans in s by kind; and by kind what is neither right nor wrong to tell."""
    scale = 1.0 / read_rate(path)
    flutter, fibrillation = rhythm_spans(path, scale)
    beats = read_beats(path, scale)
    r_s, labels = np.array([at for at, _ in beats]), "".join(label for _, label in beats)
    gaps = np.flatnonzero(np.diff(r_s) >= limits.pause_s)
    found = {
        "bradycardia": _rates(r_s, limits, 60 / limits.bradycardia_on_bpm, is_slow=True),
        "tachycardia": _rates(r_s, limits, 60 / limits.tachycardia_on_bpm, is_slow=False),
        "pause": tuple((float(r_s[k]), float(r_s[k + 1])) for k in gaps),
        "v_run": _spans(r_s, _rows(labels, limits.v_run_beats, len(labels))),
        "v_couplet": _spans(r_s, _rows(labels, 2, 2)),
        "v_bigeminy": _spans(r_s, _bigeminy(labels, limits.v_bigeminy_pairs)),
        "af_suspected": fibrillation,
    }
    exempt = {kind: (*flutter, *spans) for kind, spans in _fusion(r_s, labels, limits).items()}
    found = {kind: without(spans, flutter) for kind, spans in found.items()}
    return found, {kind: exempt.get(kind, flutter) for kind in KINDS}


def _fusion(r_s: npt.NDArray[np.float64], labels: str, limits: AlertLimits) -> dict[str, Spans]:
    """Rows that are ventricular only if fusion beats are: EC57 lets these be called V."""
    either = labels.replace("F", "V")
    return {
        "v_run": _spans(r_s, _rows(either, limits.v_run_beats, len(labels))),
        "v_couplet": _spans(r_s, _rows(either, 2, len(labels))),
        "v_bigeminy": _spans(r_s, _bigeminy(either, limits.v_bigeminy_pairs)),
    }


def without(spans: Spans, excluded: Spans) -> Spans:
    """The spans that touch none of those excluded."""
    return tuple(one for one in spans if not any(one[0] < b and a < one[1] for a, b in excluded))


def _rates(
    r_s: npt.NDArray[np.float64], limits: AlertLimits, limit_s: float, *, is_slow: bool
) -> Spans:
    n = limits.rate_beats
    mean_s = (r_s[n:] - r_s[:-n]) / n
    gaps = np.convolve(np.diff(r_s) > limits.pause_s, np.ones(n))[n - 1 : len(r_s) - 1] > 0
    beyond = ((mean_s > limit_s) if is_slow else (mean_s < limit_s)) & ~gaps
    edges = np.flatnonzero(np.diff(np.concatenate([[False], beyond, [False]]).astype(int)))
    return tuple(
        (float(r_s[first]), float(r_s[last - 1 + n]))
        for first, last in edges.reshape(-1, 2).tolist()
        if r_s[last - 1 + n] - r_s[first + n] >= limits.rate_hold_s
    )


def _rows(labels: str, least: int, most: int) -> Iterator[tuple[int, int]]:
    """First and last beat of each row of V beats."""
    first = 0
    while first < len(labels):
        last = first
        while last < len(labels) and labels[last] == "V":
            last += 1
        if least <= last - first <= most:
            yield first, last - 1
        first = max(last, first + 1)


def _bigeminy(labels: str, pairs: int) -> Iterator[tuple[int, int]]:
    """First and last V beat of pairs, each another beat and a V, one after the other."""
    paired = [k for k in range(len(labels)) if labels[k] == "V" and labels[k - 1 : k] != "V"]
    row: list[int] = []
    for k in [*paired, len(labels) + 9]:
        if row and k - row[-1] != 2:
            if len(row) >= pairs:
                yield row[0], row[-1]
            row = []
        row.append(k)


def _spans(r_s: npt.NDArray[np.float64], rows: Iterator[tuple[int, int]]) -> Spans:
    return tuple((float(r_s[first]), float(r_s[last])) for first, last in rows)
