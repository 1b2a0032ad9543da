"""Alerts: a table of detectors over the stream of beats, and what rhythm and quality add.

| kind | begins | ends | source |
|---|---|---|---|
| bradycardia | mean of 8 RR below 50 /min, for 10 s | above 55 /min | ACC/AHA/HRS 2018: < 50 |
| tachycardia | mean of 8 RR above 100 /min, for 10 s | below 95 /min | ACC/AHA/HRS 2015: > 100 |
| pause | no beat for 3 s on a steady, readable signal | next beat | ACC/AHA/HRS 2018: > 3 s |
| af_suspected | P(af) >= .8 in 3 windows of 30 s, see `fibrillation` | < .4 | ESC 2020: >= 30 s |
| pr_long | PR above 200 ms in 16 of 20 beats | in 8 of 20 | AHA/ACCF/HRS 2009: > 200 ms |
| dropped_beats | 2 P waves in time without QRS in 60 s | none for 60 s | ACC/AHA/HRS 2018 |
| qtc_long | QTc above 500 ms in 16 of 20 beats | in 8 of 20 | ESC 2022: >= 500 ms |
| v_couplet | 2 V beats in a row | the second | EC57: couplet |
| v_run | 3 V beats in a row | 2 other beats in a row | AHA/ACC/HRS 2017: >= 3 |
| v_bigeminy | an other beat and a V, 3 times | 2 V or 2 other beats in a row | EC57 |
| v_frequent | 6 V beats in 60 s | fewer than 3 | Lown 1971: more than 5 a minute |
| lead_off | 3 s without signal | signal back | - |
| reversed_hands | lead I upside down, see `polarity` | upright again | Surawicz & Knilans |

Every limit is in `AlertLimits`. Beats that can't be read reach no detector and break what is being
counted; an alert carries its last RR intervals and how sure it is.
"""

from __future__ import annotations

from typing import Protocol

from .alert_limits import AlertLimits
from .conduction import ConductionAlerts
from .episodes import Episodes
from .events import Beat
from .rates import RateAlerts
from .ventricular import VentricularAlerts


class Detector(Protocol):
    """One idea of what beats may show; it opens and closes episodes."""

    def beat(self, beat: Beat) -> None:
        """One beat further."""

    def forget(self, at_s: float) -> None:
        """Beats may have gone unseen."""

    def lose(self, at_s: float) -> None:
        """The signal was lost."""


def detectors(limits: AlertLimits, episodes: Episodes) -> tuple[Detector, ...]:
    """Those of one record, in the order in which they tell."""
    return tuple(
        make(limits, episodes) for make in (RateAlerts, ConductionAlerts, VentricularAlerts)
    )
