"""The page's heart-rate variability against Python's, on beats as no record here has them."""

from __future__ import annotations

import json
import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leadone.edge.beat_store import BeatStore
from leadone.edge.events import Beat, Quality, Rhythm
from leadone.edge.stretches import Stretches
from leadone.edge.variability import variability_of

MODULE = Path(__file__).parents[3] / "edge" / "web" / "variability.mjs"
PROGRAM = (
    f"import {{ variability }} from '{MODULE.as_uri()}'; import {{ readFileSync }} from 'node:fs';"
    "const told = JSON.parse(readFileSync(0, 'utf8'))"
    ".map(({ beats, quality, rhythms }) => variability(beats, quality, rhythms));"
    "console.log(JSON.stringify(told));"
)
Told = tuple[list[Beat], list[Quality], list[Rhythm]]


def made(seed: int) -> Told:
    """Two to six minutes with a few beats of each class, missed ones, noise and AF."""
    rng = np.random.default_rng(seed)
    rr_s = 0.8 + 0.05 * rng.standard_normal(rng.integers(100, 400))
    rr_s[rng.random(len(rr_s)) < 0.03] *= rng.choice([0.5, 2, 5])
    times = 1 + np.cumsum(rr_s)
    labels = rng.choice(list("NSVQ"), len(times), p=[0.94, 0.02, 0.03, 0.01])
    beats = [
        Beat(t, t - 0.05, t + 0.05, label=label)
        for t, label in zip(times.tolist(), labels.tolist(), strict=True)
    ]
    edges = np.unique(np.round(rng.uniform(0, times[-1], 8), 1)).tolist()
    states = rng.choice(["good", "good", "noisy", "lead_off"], 9).tolist()
    quality = [
        Quality(start_s, end_s, state)
        for start_s, end_s, state in zip([0.0, *edges], [*edges, times[-1]], states, strict=False)
    ]
    ends = np.arange(30.0, times[-1], 10).tolist()
    kinds = np.repeat(rng.choice(["normal", "af", "other"], len(ends), p=[0.8, 0.1, 0.1]), 3)
    rhythms = [
        Rhythm(end_s - 30, end_s, kind) for end_s, kind in zip(ends, kinds.tolist(), strict=False)
    ]
    return beats, quality, rhythms


def by_python(told: Told) -> dict[str, Any]:
    beats, quality, rhythms = told
    stretches = Stretches()
    for window in rhythms:
        stretches.add(window)
    return asdict(variability_of(BeatStore(beats), quality, stretches.finish()))


def test_the_page_s_variability_is_python_s(node: str) -> None:
    cases = [made(seed) for seed in range(60)] + [([], [], [])]
    asked = [
        {"beats": [*map(asdict, b)], "quality": [*map(asdict, q)], "rhythms": [*map(asdict, r)]}
        for b, q, r in cases
    ]
    command = [node, "--input-type=module", "-e", PROGRAM]
    done = subprocess.run(
        command, input=json.dumps(asked), capture_output=True, text=True, check=True
    )
    expected = [by_python(case) for case in cases]
    for k, (mine, theirs) in enumerate(zip(json.loads(done.stdout), expected, strict=True)):
        assert mine == pytest.approx(theirs, abs=1e-9), k
    told = sum(one["sdnn_ms"] is not None for one in expected)
    assert 10 < told < 50
