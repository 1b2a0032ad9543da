"""Signal quality, second by second: good, noisy or lead_off, each with its reason.

Missing, flat and clipped are read off the raw samples; noise off the filtered signal (muscle) and
off the network's own certainty: a network that can't tell a wave from none is looking at noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .filters import RATE_HZ
from .timing import WAVE_FRAME_S

Floats = npt.NDArray[np.float32]

WINDOW_S = 1.0
CERTAINTY_AROUND_S = 1.0  # certainty is averaged over the window and this much on each side
LEAD_OFF = ("missing", "flat")  # reasons that mean that there is no signal at all
BEAT_LASTS_S = 0.6  # from R peak to the end of T
STEADY_MV = 1.0  # a signal without beats that moves further is an electrode's, not a heart's
BEAT_NEEDS_S = 0.3  # of signal on each side of an R peak
RECENT_S = 10.0  # of raw samples kept to ask about
KNOWN_AFTER_S = 3.0  # a window's verdict is known at most this long after its end


@dataclass(frozen=True)
class QualityLimits:
    """Thresholds; the certainty belongs to a model and may come from its bundle."""

    missing_share: float = 0.2
    flat_mv: float = 0.003  # peak to peak in a second
    plateau_s: float = 0.04  # at the window's extreme
    plateau_above_mv: float = 1.0  # peak to peak above which a plateau means clipping
    muscle_mv: float = 0.15  # median high-frequency deflection
    certainty: float = 0.79


class QualityTracker:
    """Collects what each second shows; `push` gives (window, state, reason) once decided."""

    def __init__(self, rate_hz: float, limits: QualityLimits) -> None:
        """For one device rate in Hz."""
        self._limits, self._rate_hz = limits, rate_hz
        self._raw = np.empty(0, np.float32)
        self._recent = np.empty(0, np.float32)
        self._received = 0
        self._filtered = np.empty(0, np.float32)
        self._certainty = np.empty(0, np.float32)
        self._raw_reasons: list[str] = []
        self._muscle: list[bool] = []
        self._decided = 0
        self._certain_frames = 0  # frames dropped from the front of _certainty

    def push(self, raw: Floats, filtered: Floats, certainty: Floats) -> list[tuple[int, str, str]]:
        """Take raw samples, filtered samples at 250 Hz and frame certainties as they come."""
        self._forget(round((self._decided - RECENT_S) * WINDOW_S / WAVE_FRAME_S))
        self._raw = np.concatenate([self._raw, raw])
        self._recent = np.concatenate([self._recent[-round(RECENT_S * self._rate_hz) :], raw])
        self._received += len(raw)
        self._filtered = np.concatenate([self._filtered, filtered])
        self._certainty = np.concatenate([self._certainty, certainty])
        while len(self._raw) >= (n := self._raw_window_length()):
            self._raw_reasons.append(self._raw_defect(self._raw[:n]))
            self._raw = self._raw[n:]
        n = round(WINDOW_S * RATE_HZ)
        while len(self._filtered) >= n:
            self._muscle.append(_muscle_mv(self._filtered[:n]) > self._limits.muscle_mv)
            self._filtered = self._filtered[n:]
        return self._decide(final=False)

    def is_on(self, at_s: float) -> bool:
        """Whether there is a signal around a time in the recent past: present and not flat."""
        return self._raw_is_on(at_s - BEAT_NEEDS_S, at_s + BEAT_NEEDS_S)

    def is_readable(self, start_s: float, end_s: float) -> bool:
        """Whether a recent stretch, already decoded, has a signal that the network can read."""
        first = round(start_s / WAVE_FRAME_S) - self._certain_frames
        last = round(end_s / WAVE_FRAME_S) - self._certain_frames
        certainty = self._certainty[max(first, 0) : max(last, 1)]
        certain = len(certainty) > 0 and float(certainty.mean()) >= self._limits.certainty
        halves = np.arange(start_s, end_s, 2 * BEAT_NEEDS_S)
        on = all(self.is_on(at + BEAT_NEEDS_S) for at in halves[:-1])
        return certain and on and self._is_steady(start_s + BEAT_LASTS_S, end_s)

    def _is_steady(self, start_s: float, end_s: float) -> bool:
        """No swing such as an electrode makes that comes off: a smooth curve without beats."""
        raw = self._raw_between(start_s, end_s)
        raw = raw[np.isfinite(raw)]
        return len(raw) > 0 and float(raw.max() - raw.min()) < STEADY_MV

    def _raw_is_on(self, start_s: float, end_s: float) -> bool:
        return self._raw_defect(self._raw_between(start_s, end_s)) not in LEAD_OFF

    def _raw_between(self, start_s: float, end_s: float) -> Floats:
        """Recent raw samples of a stretch; at least one."""
        oldest = self._received - len(self._recent)
        first, last = (round(t * self._rate_hz) - oldest for t in (start_s, end_s))
        return self._recent[max(first, 0) : max(last, 1)]

    def finish(self) -> list[tuple[int, str, str]]:
        """Decide the remaining whole windows, and a last part of at least half a window."""
        if len(self._raw) >= self._raw_window_length() / 2:
            self._raw_reasons.append(self._raw_defect(self._raw))
        if len(self._filtered) >= WINDOW_S * RATE_HZ / 2:
            self._muscle.append(_muscle_mv(self._filtered) > self._limits.muscle_mv)
        return self._decide(final=True)

    def _raw_window_length(self) -> int:
        """Samples of the next window: fractional rates alternate, so that no drift builds up."""
        k = len(self._raw_reasons)
        return round((k + 1) * WINDOW_S * self._rate_hz) - round(k * WINDOW_S * self._rate_hz)

    def _raw_defect(self, raw: Floats) -> str:
        valid = raw[np.isfinite(raw)]
        if len(valid) == 0 or len(valid) < (1 - self._limits.missing_share) * len(raw):
            return "missing"
        span = float(valid.max() - valid.min())
        if span < self._limits.flat_mv:
            return "flat"
        at_least = self._limits.plateau_s * self._rate_hz
        if span > self._limits.plateau_above_mv and _longest_plateau(valid) >= at_least:
            return "clipped"
        return ""

    def _decide(self, *, final: bool) -> list[tuple[int, str, str]]:
        decided = []
        while self._decided < len(self._raw_reasons):
            k = self._decided
            first = round((k - CERTAINTY_AROUND_S) * WINDOW_S / WAVE_FRAME_S)
            last = round((k + 1 + CERTAINTY_AROUND_S) * WINDOW_S / WAVE_FRAME_S)
            known = self._certain_frames + len(self._certainty)
            if not final and (known < last or len(self._muscle) <= k):
                break
            around = self._certainty[
                max(first, 0) - self._certain_frames : last - self._certain_frames
            ]
            decided.append((k, *self._verdict(k, float(around.mean()) if len(around) else 1.0)))
            self._decided += 1
        return decided

    def _verdict(self, k: int, certainty: float) -> tuple[str, str]:
        reason = self._raw_reasons[k]
        if reason in LEAD_OFF:
            return "lead_off", reason
        if reason:
            return "noisy", reason
        if k < len(self._muscle) and self._muscle[k]:
            return "noisy", "muscle"
        if certainty < self._limits.certainty:
            return "noisy", "unreadable"
        return "good", ""

    def _forget(self, frame: int) -> None:
        drop = frame - self._certain_frames
        if drop > 0:
            self._certainty = self._certainty[drop:]
            self._certain_frames = frame


def _muscle_mv(filtered_mv: Floats) -> float:
    """Median deflection from the mean of the neighbours 12 ms away: muscle, not QRS."""
    return float(np.median(np.abs(filtered_mv[6:] + filtered_mv[:-6] - 2 * filtered_mv[3:-3]))) / 2


def _longest_plateau(raw: Floats) -> int:
    """Samples in the longest run at exactly the largest or the smallest value."""
    longest = 0
    for extreme in (raw.max(), raw.min()):
        at = np.flatnonzero(raw == extreme)
        if len(at) > longest:
            breaks = np.flatnonzero(np.diff(at) > 1)
            ends = np.concatenate([[-1], breaks, [len(at) - 1]])
            longest = max(longest, int(np.diff(ends).max()))
    return longest
