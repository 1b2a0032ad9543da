"""The limits of the alerts: clinical defaults, and a wearer's own from TOML.

docs/alerts.toml has every key with its default and where that comes from.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from .errors import InputError
from .toml_file import read_toml

# The order of `leadone_alert_kind` in core/leadone.h.
KINDS = (
    "af_suspected",
    "bradycardia",
    "dropped_beats",
    "lead_off",
    "pause",
    "pr_long",
    "qtc_long",
    "reversed_hands",
    "tachycardia",
    "v_bigeminy",
    "v_couplet",
    "v_frequent",
    "v_run",
)
MOST_RATE_BEATS = 8  # a device keeps no more
MOST_FREQUENT_BEATS = 8
# Of minutes: told once a minute at most, and shaded on no page, for they would shade all there is.
SLOW_TRENDS = ("dropped_beats", "pr_long", "qtc_long", "v_frequent")
SHARES = ("af_on", "af_off", "share_on", "share_off")
REFRACTORY_S = tuple(60.0 if kind in SLOW_TRENDS else 0.0 for kind in KINDS)


@dataclass(frozen=True)
class AlertLimits:
    """Where each kind of alert begins and ends; `refractory_s` is in the order of `KINDS`.

    Shares are of the last 20 beats that can show the thing. An episode that begins less than its
    `refractory_s` after the end of one of its kind is not told.
    """

    bradycardia_on_bpm: float = 50.0
    bradycardia_off_bpm: float = 55.0
    tachycardia_on_bpm: float = 100.0
    tachycardia_off_bpm: float = 95.0
    rate_hold_s: float = 10.0
    pause_s: float = 3.0
    af_on: float = 0.8
    af_off: float = 0.4
    lead_off_s: float = 3.0
    pr_long_ms: float = 200.0
    qtc_long_ms: float = 500.0
    share_on: float = 0.8
    share_off: float = 0.4
    dropped_within_s: float = 60.0
    v_frequent_within_s: float = 60.0
    rate_beats: int = 8
    af_windows: int = 3
    v_frequent_beats: int = 6
    v_bigeminy_pairs: int = 3
    v_run_beats: int = 3
    refractory_s: tuple[float, ...] = REFRACTORY_S

    def __post_init__(self) -> None:
        """Refuse what no rule can be held to, in one sentence."""
        named = dict(vars(self))
        for kind, value in zip(KINDS, named.pop("refractory_s"), strict=True):
            named[f"refractory_s of {kind}"] = value
        for name, value in named.items():
            if not (math.isfinite(value) and value >= 0):
                raise InputError(f"alert limit {name} can't be {value!r}; take a number from 0 on")
        for name in SHARES:
            if getattr(self, name) > 1:
                raise InputError(f"alert limit {name} is a share from 0 to 1")
        ordered = (
            ("bradycardia_on_bpm", "bradycardia_off_bpm"),
            ("tachycardia_off_bpm", "tachycardia_on_bpm"),
            ("bradycardia_off_bpm", "tachycardia_on_bpm"),  # else one rate is both
            ("af_off", "af_on"),
            ("share_off", "share_on"),
        )
        for low, high in ordered:
            if getattr(self, low) > getattr(self, high):
                raise InputError(f"alert limit {low} must not be above {high}")
        counts = (
            ("rate_beats", 1, MOST_RATE_BEATS),
            ("af_windows", 1, 100),
            ("v_frequent_beats", 1, MOST_FREQUENT_BEATS),
            ("v_bigeminy_pairs", 2, 100),
            ("v_run_beats", 3, 100),
        )
        for name, least, most in counts:
            if not least <= getattr(self, name) <= most:
                raise InputError(f"alert limit {name} is a whole number from {least} to {most}")


def load_limits(path: Path) -> AlertLimits:
    """Limits from TOML; what it does not name stays at its default, unknown keys are refused."""
    return limits_from(read_toml(path))


def limits_from(values: Mapping[str, Any]) -> AlertLimits:
    """Limits from plain values; `refractory_s` is a table by kind."""
    defaults, given = AlertLimits(), dict(values)
    kinds = _known(given.pop("refractory_s", {}), dict(zip(KINDS, REFRACTORY_S, strict=True)))
    known = {field.name: getattr(defaults, field.name) for field in fields(defaults)}
    del known["refractory_s"]
    return replace(defaults, **_known(given, known), refractory_s=tuple(kinds.values()))


def _known(given: Any, known: dict[str, Any]) -> dict[str, Any]:
    """The known values, with those given in place of them."""
    if not isinstance(given, dict):
        raise InputError("alert limit refractory_s is a table: [refractory_s] and a line a kind")
    for name, value in given.items():
        if name not in known:
            raise InputError(f"unknown alert limit {name!r}; known are {', '.join(known)}")
        is_whole = isinstance(known[name], int)
        if isinstance(value, bool) or not isinstance(value, int if is_whole else int | float):
            kind = "a whole number" if is_whole else "a number"
            raise InputError(f"alert limit {name} can't be {value!r}; take {kind}")
    return {**known, **given}
