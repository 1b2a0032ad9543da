"""Signal quality, second by second: good, noisy or lead_off, each with its reason.

| state | reason | what it is read off |
|---|---|---|
| lead_off | missing, flat | the raw samples: none, or none that move |
| lead_off | drifting | no QRS for 3 s and the filtered signal swings: an electrode comes off |
| noisy | clipped | raw samples that stay at an extreme: the amplifier saturates |
| noisy | muscle | most filtered samples deflect from their neighbours |
| noisy | motion | the network is not certain, and the signal's lows and highs both wander |
| noisy | unreadable | the network is not certain, or a beat of this second was not told (`trust`) |
| good | powerline | 50 or 60 Hz that the notches take away, most of the time |

A network that can't tell a wave from none is looking at noise. Swapped hands, which quality can't
see, are an alert (`polarity`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .errors import InputError
from .fifths import Fifths
from .filters import RATE_HZ
from .timing import WAVE_FRAME_S

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

WINDOW_S = 1.0
AROUND_S = 1.0  # certainty and beats count in the window and this much on each side
LEAD_OFF = ("missing", "flat")  # reasons that mean that there is no signal at all
BEAT_LASTS_S = 0.6  # from R peak to the end of T
BEAT_NEEDS_S = 0.3  # of signal on each side of an R peak
KNOWN_AFTER_S = 3.0  # a window's verdict is known at most this long after its end
NEIGHBOUR_SAMPLES = 3  # a sample far from the mean of those 12 ms away is muscle, not QRS


@dataclass(frozen=True)
class QualityLimits:
    """Thresholds; the certainty belongs to a model and may come from its bundle."""

    missing_share: float = 0.2
    flat_mv: float = 0.003  # peak to peak in a second
    plateau_s: float = 0.04  # at the window's extreme
    plateau_above_mv: float = 1.0  # peak to peak above which a plateau means clipping
    muscle_mv: float = 0.15  # high-frequency deflection of more than half of the samples
    hiss_mv: float = 0.03  # the same where no QRS is seen; 99 % of CinC 2017's seconds lie below
    swing_mv: float = 0.8  # peak to peak of the filtered signal where no QRS is seen
    certainty: float = 0.79
    wander_mv: float = 0.6  # of a fifth's lowest and of its highest, in three seconds
    mains_mv: float = 0.05  # of what the notches take from most samples: .07 mV of a sine
    trust: float = 0.82  # of a beat beside those before it

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
        self.limits, self._rate_hz = limits, rate_hz
        extremes = (np.minimum, np.maximum)
        self._raw = Fifths(rate_hz, (*extremes, np.add, np.add))
        self._filtered = Fifths(RATE_HZ, (*extremes, *(np.add,) * 4))
        self._frames = Fifths(1 / WAVE_FRAME_S, (np.add, np.maximum, np.add))
        self._window = np.empty(0, np.float32)  # raw samples of the second that is not over
        self._tail = np.empty(0)  # filtered samples that the next ones are compared with
        self._raw_reasons: list[str] = []  # of whole seconds not yet decided
        self._decided = 0

    def push(
        self, raw: Floats, filtered: Floats, mains: Floats, frames: Floats
    ) -> list[tuple[int, str, str]]:
        """Take what comes: raw samples, filtered ones at 250 Hz and what the notches took from
        these, and `Delineation.take_frames`.
        """
        self._raw.push(_raw_facts(raw))
        self._filtered.push(self._filtered_facts(filtered.astype(np.float64), mains))
        self._frames.push(np.concatenate([frames, np.ones((1, frames.shape[1]))]))
        self._window = np.concatenate([self._window, raw])
        while len(self._window) >= (n := self._window_length()):
            self._raw_reasons.append(self._raw_defect(self._window[:n]))
            self._window = self._window[n:]
        return self._decide(final=False)

    def is_on(self, at_s: float) -> bool:
        """Whether there is a signal around a time in the recent past: present and not flat."""
        return not self._why_off(self._raw.between(at_s - BEAT_NEEDS_S, at_s + BEAT_NEEDS_S))

    def is_readable(self, start_s: float, end_s: float) -> bool:
        """Whether a recent stretch without a beat could not hide one, nor be a lost electrode."""
        parts = round((end_s - start_s) / (2 * BEAT_NEEDS_S)) - 1
        on = all(self.is_on(start_s + (2 * k + 1) * BEAT_NEEDS_S) for k in range(parts))
        certain = self._is_certain(self._frames.between(start_s, end_s))
        after_beat = self._filtered.between(start_s + BEAT_LASTS_S, end_s)
        steady = _swing_mv(after_beat) <= self.limits.swing_mv
        return certain and on and steady and not _most(after_beat, 2)

    def finish(self) -> list[tuple[int, str, str]]:
        """Decide the remaining whole windows, and a last part of at least half a window."""
        if len(self._window) >= self._window_length() / 2:
            self._raw_reasons.append(self._raw_defect(self._window))
        return self._decide(final=True)

    def _window_length(self) -> int:
        """Samples of the next window: fractional rates alternate, so that no drift builds up."""
        k = self._decided + len(self._raw_reasons)
        return round((k + 1) * WINDOW_S * self._rate_hz) - round(k * WINDOW_S * self._rate_hz)

    def _filtered_facts(self, filtered_mv: Doubles, mains_mv: Floats) -> Doubles:
        """Lowest, highest, hissing, muscle (by the deflection from neighbours), mains, count."""
        reach = 2 * NEIGHBOUR_SAMPLES
        behind = np.concatenate([self._tail, filtered_mv])
        self._tail = behind[-reach:]
        middle = behind[NEIGHBOUR_SAMPLES:-NEIGHBOUR_SAMPLES]
        deflection = np.zeros(len(filtered_mv))
        known = np.abs(behind[reach:] + behind[:-reach] - 2 * middle[: len(behind) - reach]) / 2
        deflection[len(filtered_mv) - len(known) :] = known
        over = [deflection > limit for limit in (self.limits.hiss_mv, self.limits.muscle_mv)]
        mains = np.abs(mains_mv) > self.limits.mains_mv
        return np.stack([filtered_mv, filtered_mv, *over, mains, np.ones(len(filtered_mv))])

    def _raw_defect(self, raw: Floats) -> str:
        valid = raw[np.isfinite(raw)]
        off = self._why_off(_raw_facts(raw))
        return off or ("clipped" if self._is_clipped(valid) else "")

    def _why_off(self, raw: Doubles) -> str:
        """`missing`, `flat` or empty, of fifths of a second or of samples."""
        valid, count = raw[2].sum(), raw[3].sum()
        if valid == 0 or valid < (1 - self.limits.missing_share) * count:
            return "missing"
        return "flat" if _swing_mv(raw) < self.limits.flat_mv else ""

    def _is_clipped(self, valid: Floats) -> bool:
        low, high = valid.min(), valid.max()
        at_least = self.limits.plateau_s * self._rate_hz
        return bool(high - low > self.limits.plateau_above_mv) and any(
            _longest_run(valid == extreme) >= at_least for extreme in (low, high)
        )

    def _decide(self, *, final: bool) -> list[tuple[int, str, str]]:
        decided = []
        while self._raw_reasons:
            k = self._decided
            end_s = (k + 1 + AROUND_S) * WINDOW_S
            known_s = min(self._frames.received * WAVE_FRAME_S, self._filtered.received / RATE_HZ)
            if not final and known_s < end_s:
                break
            decided.append((k, *self._verdict(k, self._raw_reasons.pop(0))))
            self._decided += 1
        return decided

    def _verdict(self, k: int, reason: str) -> tuple[str, str]:
        if reason in LEAD_OFF:
            return "lead_off", reason
        around = (k - AROUND_S) * WINDOW_S, (k + 1 + AROUND_S) * WINDOW_S
        frames, filtered = self._frames.between(*around), self._filtered.between(*around)
        second = self._filtered.between(k * WINDOW_S, (k + 1) * WINDOW_S)
        no_beat = not frames[1].any()
        if no_beat and _swing_mv(filtered) > self.limits.swing_mv:
            return "lead_off", "drifting"
        if reason:
            return "noisy", reason
        if _most(second, 3):
            return "noisy", "muscle"
        if not self._is_certain(frames):
            wanders = _wander_mv(filtered) > self.limits.wander_mv
            return "noisy", "motion" if wanders else "unreadable"
        if no_beat and _most(second, 2):
            return "noisy", "unreadable"
        return "good", "powerline" if _most(second, 4) else ""

    def _is_certain(self, frames: Doubles) -> bool:
        count = frames[2].sum()
        return bool(count > 0 and frames[0].sum() / count >= self.limits.certainty)


def _raw_facts(raw: Floats) -> Doubles:
    """Lowest, highest, whether valid, count of each sample."""
    valid = np.isfinite(raw)
    low, high = np.where(valid, raw, np.inf), np.where(valid, raw, -np.inf)
    return np.stack([low, high, valid, np.ones(len(raw))]).astype(np.float64)


def _swing_mv(facts: Doubles) -> float:
    """Highest less lowest, 0 where there is nothing."""
    return float(facts[1].max() - facts[0].min()) if facts.shape[1] else 0.0


def _wander_mv(facts: Doubles) -> float:
    """How far the fifths' lowest samples are apart, or their highest, whichever is less."""
    if not facts.shape[1]:
        return 0.0
    return float(min(np.ptp(facts[0]), np.ptp(facts[1])))


def _most(filtered: Doubles, row: int) -> bool:
    """Whether more than half of the samples hiss (row 2), are muscle (3) or mains (4)."""
    return bool(2 * filtered[row].sum() > filtered[5].sum())


def _longest_run(is_extreme: npt.NDArray[np.bool_]) -> int:
    """Samples in the longest run of true ones."""
    at = np.flatnonzero(is_extreme)
    if len(at) < 2:
        return len(at)
    breaks = np.flatnonzero(np.diff(at) > 1)
    return int(np.diff(np.concatenate([[-1], breaks, [len(at) - 1]])).max())
