"""Signal quality, second by second: good, noisy or lead_off, each with its reason.

Missing, flat and clipped are read off the raw samples; noise off the filtered signal (muscle) and
off the network's own certainty: a network that can't tell a wave from none is looking at noise.
Where it sees no QRS for 3 s, a swing is an electrode that comes off and hiss is noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .errors import InputError
from .filters import RATE_HZ
from .timing import WAVE_FRAME_S

Floats = npt.NDArray[np.float32]

WINDOW_S = 1.0
AROUND_S = 1.0  # certainty and beats count in the window and this much on each side
LEAD_OFF = ("missing", "flat")  # reasons that mean that there is no signal at all
BEAT_LASTS_S = 0.6  # from R peak to the end of T
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
    hiss_mv: float = 0.03  # the same where no QRS is seen; 99 % of CinC 2017's seconds lie below
    swing_mv: float = 0.8  # peak to peak of the filtered signal where no QRS is seen
    certainty: float = 0.79

    @classmethod
    def from_manifest(cls, values: dict[str, float]) -> QualityLimits:
        """The limits in a bundle's manifest; InputError for one that this code does not know."""
        try:
            return cls(**values)
        except TypeError:
            raise InputError(
                "the bundle's quality limits are not of this leadone; get the bundle again"
            ) from None


class QualityTracker:
    """Collects what each second shows; `push` gives (window, state, reason) once decided."""

    def __init__(self, rate_hz: float, limits: QualityLimits) -> None:
        """For one device rate in Hz."""
        self._limits, self._rate_hz = limits, rate_hz
        self._raw = np.empty(0, np.float32)
        self._recent = np.empty(0, np.float32)
        self._received = 0
        self._filtered = np.empty(0, np.float32)
        self._recent_filtered = np.empty(0, np.float32)
        self._filtered_received = 0
        self._frames = np.empty((2, 0), np.float32)  # certainty, whether QRS is the likeliest
        self._frames_forgotten = 0  # dropped from the front of _frames
        self._raw_windows = self._filtered_windows = 0
        # By window, forgotten once no verdict needs them:
        self._raw_reasons: dict[int, str] = {}
        self._muscle_mv: dict[int, float] = {}
        self._ranges: dict[int, tuple[float, float]] = {}  # of the filtered signal
        self._decided = 0

    def push(self, raw: Floats, filtered: Floats, frames: Floats) -> list[tuple[int, str, str]]:
        """Take raw samples, filtered ones at 250 Hz and `Delineation.take_frames` as they come."""
        self._forget(round((self._decided - RECENT_S) * WINDOW_S / WAVE_FRAME_S))
        self._raw = np.concatenate([self._raw, raw])
        self._recent = np.concatenate([self._recent[-round(RECENT_S * self._rate_hz) :], raw])
        self._received += len(raw)
        self._filtered = np.concatenate([self._filtered, filtered])
        self._recent_filtered = np.concatenate(
            [self._recent_filtered[-round(RECENT_S * RATE_HZ) :], filtered]
        )
        self._filtered_received += len(filtered)
        self._frames = np.concatenate([self._frames, frames], 1)
        while len(self._raw) >= (n := self._raw_window_length()):
            self._end_raw_window(self._raw[:n])
            self._raw = self._raw[n:]
        n = round(WINDOW_S * RATE_HZ)
        while len(self._filtered) >= n:
            self._end_filtered_window(self._filtered[:n])
            self._filtered = self._filtered[n:]
        return self._decide(final=False)

    def is_on(self, at_s: float) -> bool:
        """Whether there is a signal around a time in the recent past: present and not flat."""
        return self._raw_is_on(at_s - BEAT_NEEDS_S, at_s + BEAT_NEEDS_S)

    def is_readable(self, start_s: float, end_s: float) -> bool:
        """Whether a recent stretch without a beat could not hide one, nor be a lost electrode."""
        certainty = self._frames_between(start_s, end_s)[0]
        certain = len(certainty) > 0 and float(certainty.mean()) >= self._limits.certainty
        halves = np.arange(start_s, end_s, 2 * BEAT_NEEDS_S)
        on = all(self.is_on(at + BEAT_NEEDS_S) for at in halves[:-1])
        oldest = self._filtered_received - len(self._recent_filtered)
        first, last = (round(at * RATE_HZ) - oldest for at in (start_s + BEAT_LASTS_S, end_s))
        after_beat = self._recent_filtered[max(first, 0) : max(last, 1)]
        quiet = _muscle_mv(after_beat) <= self._limits.hiss_mv
        steady = float(np.ptp(after_beat)) <= self._limits.swing_mv
        return certain and on and quiet and steady

    def _raw_is_on(self, start_s: float, end_s: float) -> bool:
        return not self._why_off(self._raw_between(start_s, end_s))

    def _raw_between(self, start_s: float, end_s: float) -> Floats:
        """Recent raw samples of a stretch; at least one."""
        oldest = self._received - len(self._recent)
        first, last = (round(t * self._rate_hz) - oldest for t in (start_s, end_s))
        return self._recent[max(first, 0) : max(last, 1)]

    def finish(self) -> list[tuple[int, str, str]]:
        """Decide the remaining whole windows, and a last part of at least half a window."""
        if len(self._raw) >= self._raw_window_length() / 2:
            self._end_raw_window(self._raw)
        if len(self._filtered) >= WINDOW_S * RATE_HZ / 2:
            self._end_filtered_window(self._filtered)
        return self._decide(final=True)

    def _frames_between(self, start_s: float, end_s: float) -> Floats:
        first = round(start_s / WAVE_FRAME_S) - self._frames_forgotten
        last = round(end_s / WAVE_FRAME_S) - self._frames_forgotten
        return self._frames[:, max(first, 0) : max(last, 1)]

    def _end_raw_window(self, raw: Floats) -> None:
        self._raw_reasons[self._raw_windows] = self._raw_defect(raw)
        self._raw_windows += 1

    def _end_filtered_window(self, filtered: Floats) -> None:
        self._muscle_mv[self._filtered_windows] = _muscle_mv(filtered)
        self._ranges[self._filtered_windows] = float(filtered.min()), float(filtered.max())
        self._filtered_windows += 1

    def _raw_window_length(self) -> int:
        """Samples of the next window: fractional rates alternate, so that no drift builds up."""
        k = self._raw_windows
        return round((k + 1) * WINDOW_S * self._rate_hz) - round(k * WINDOW_S * self._rate_hz)

    def _raw_defect(self, raw: Floats) -> str:
        off = self._why_off(raw)
        valid = raw if off else raw[np.isfinite(raw)]
        return off or ("clipped" if self._is_clipped(valid) else "")

    def _why_off(self, raw: Floats) -> str:
        """`missing`, `flat` or empty."""
        valid = raw[np.isfinite(raw)]
        if len(valid) == 0 or len(valid) < (1 - self._limits.missing_share) * len(raw):
            return "missing"
        return "flat" if valid.max() - valid.min() < self._limits.flat_mv else ""

    def _is_clipped(self, valid: Floats) -> bool:
        low, high = valid.min(), valid.max()
        at_least = self._limits.plateau_s * self._rate_hz
        return bool(high - low > self._limits.plateau_above_mv) and any(
            _longest_run(valid == extreme) >= at_least for extreme in (low, high)
        )

    def _decide(self, *, final: bool) -> list[tuple[int, str, str]]:
        decided = []
        while self._decided < self._raw_windows:
            k = self._decided
            start_s, end_s = (k - AROUND_S) * WINDOW_S, (k + 1 + AROUND_S) * WINDOW_S
            known = self._frames_forgotten + self._frames.shape[1]
            if not final and (
                known < round(end_s / WAVE_FRAME_S) or self._filtered_windows < k + 2
            ):
                break
            decided.append((k, *self._verdict(k, self._frames_between(start_s, end_s))))
            self._decided += 1
            for known_of in (self._raw_reasons, self._muscle_mv, self._ranges):
                known_of.pop(k - 1, None)
        return decided

    def _verdict(self, k: int, frames: Floats) -> tuple[str, str]:
        reason, limits = self._raw_reasons[k], self._limits
        if reason in LEAD_OFF:
            return "lead_off", reason
        certainty, is_qrs = frames
        no_beat = not is_qrs.any()
        around = [self._ranges[j] for j in (k - 1, k, k + 1) if j in self._ranges]
        swing = max(high for _, high in around) - min(low for low, _ in around) if around else 0.0
        if no_beat and swing > limits.swing_mv:
            return "lead_off", "drifting"
        if reason:
            return "noisy", reason
        muscle_mv = self._muscle_mv.get(k, 0.0)
        if muscle_mv > limits.muscle_mv:
            return "noisy", "muscle"
        hissing = no_beat and muscle_mv > limits.hiss_mv
        if hissing or (len(certainty) and float(certainty.mean()) < limits.certainty):
            return "noisy", "unreadable"
        return "good", ""

    def _forget(self, frame: int) -> None:
        drop = frame - self._frames_forgotten
        if drop > 0:
            self._frames = self._frames[:, drop:]
            self._frames_forgotten = frame


def _muscle_mv(filtered_mv: Floats) -> float:
    """Median deflection from the mean of the neighbours 12 ms away: muscle, not QRS."""
    return float(np.median(np.abs(filtered_mv[6:] + filtered_mv[:-6] - 2 * filtered_mv[3:-3]))) / 2


def _longest_run(is_extreme: npt.NDArray[np.bool_]) -> int:
    """Samples in the longest run of true ones."""
    at = np.flatnonzero(is_extreme)
    if len(at) < 2:
        return len(at)
    breaks = np.flatnonzero(np.diff(at) > 1)
    return int(np.diff(np.concatenate([[-1], breaks, [len(at) - 1]])).max())
