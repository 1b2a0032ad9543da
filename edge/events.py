"""What a stream says: frozen events, seconds from the record's start."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Beat:
    """One heartbeat with its waves; an absent wave is None, never invented.

    `label` is N, S, V or Q (ANSI/AAMI EC57; Q also stands for paced); `confidence` (0..1) is the
    network's mean probability over the QRS. `blocked_p_s` holds (onset, offset) of P waves since
    the beat before that no QRS answered, as in AV block.
    """

    r_s: float
    qrs_on_s: float
    qrs_off_s: float
    p_on_s: float | None = None
    p_off_s: float | None = None
    t_on_s: float | None = None
    t_off_s: float | None = None
    label: str = "N"
    confidence: float = 1.0
    blocked_p_s: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Rhythm:
    """The rhythm of one stretch: normal, af, other or noise, with a probability for each.

    `findings` are probabilities of diagnoses by their SCP codes (`CRBBB`, `1AVB`, ...), each for
    itself; empty where the stretch can't be read. `evidence` is what the rhythm was told from, in
    the order of `edge.rhythm.FEATURES`.
    """

    start_s: float
    end_s: float
    label: str
    probabilities: dict[str, float] = field(default_factory=dict)
    findings: dict[str, float] = field(default_factory=dict)
    evidence: tuple[float, ...] = ()


@dataclass(frozen=True)
class Alert:
    """Something a wearer or clinician should look at: known at `at_s`, begun at `start_s`.

    It stands on the last beats: `rr_s` are their RR intervals, up to eight, the last one ending at
    the last beat before `at_s`; `confidence` (0..1) is the mean of those beats', the probability
    of a rhythm, or the share of beats that show the thing.
    """

    kind: str
    at_s: float
    start_s: float
    text: str
    end_s: float | None = None  # set on the event that closes an episode
    confidence: float = 1.0
    rr_s: tuple[float, ...] = ()


@dataclass(frozen=True)
class Quality:
    """A stretch of signal as good, noisy or lead_off, with the reason."""

    start_s: float
    end_s: float
    state: str
    reason: str = ""


Event = Beat | Rhythm | Alert | Quality
