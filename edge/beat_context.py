"""What tells an ectopic beat: how it differs in time and in shape from the beats before it.

Absolute widths and shapes differ from heart to heart and from lead to lead, so that each feature
is taken against the wearer's own recent beats: RR intervals, QRS widths and heights of the last
twelve, and a template that follows the beats that are neither early nor wide. Nothing after the
T wave is used: a label must not wait for the next beat.
"""

from __future__ import annotations

from collections import deque
from math import log

import numpy as np
import numpy.typing as npt

from .filters import STEPS_PER_MV
from .labels import BEATS
from .waves import WaveRun

Doubles = npt.NDArray[np.float64]

FEATURES = (
    "premature",  # ln(RR / median RR)
    "rr_change",  # ln(RR / RR before)
    "irregularity",  # ln(median |dRR| / RR + .01)
    "wider",  # ln(QRS duration / median)
    "likeness",  # correlation of the QRS with the template, best of five shifts
    "t_likeness",  # of the ST-T stretch
    "higher",  # ln(peak to peak / median)
    "has_p",
    "p_share",  # of the last twelve beats with a P wave
    "alike_share",  # of the last ten beats, those with a QRS like this one
    "width",  # ln(QRS duration in samples)
    "turned",  # (net deflection of the QRS - median) / median peak to peak
    "more_v",  # the network's log-odds of V against N and S, less their median
    "more_s",  # of S against N
)

RR_BEATS = 12
ALIKE_BEATS = 10
ALIKE = 0.9  # correlation
FIRST_RR = 200.0  # samples: of a beat that nothing precedes
LONGEST_RR = 500.0
LEAST_WIDTH, LEAST_MV = 3.0, 1e-3
QRS_WINDOW = (-25, 36)  # samples around the R peak
T_WINDOW = (25, 91)
SHIFTS = (-4, -2, 0, 2, 4)
UNSHIFTED = SHIFTS.index(0)
N, S, V = (BEATS.index(name) for name in "NSV")
# Places in the signal around an R peak: the QRS at each shift (shifts, n), and the ST-T stretch.
SHIFTED = np.array(SHIFTS)[:, None] - SHIFTS[0] + np.arange(QRS_WINDOW[1] - QRS_WINDOW[0])
T_PART = slice(*(at - QRS_WINDOW[0] - SHIFTS[0] for at in T_WINDOW))
SHAPE_STEPS = 127  # a shape of the past is kept in bytes
FOLLOWS = 0.15  # of each usual beat, into the template
EARLY, WIDE, UNLIKE = -0.12, 1.25, 0.6  # beyond these a beat is not usual
PATIENCE = 12  # unusual beats in a row until the template starts anew


class BeatContext:
    """The recent beats of one stream."""

    def __init__(self) -> None:
        """No beat yet."""
        self._last_r: float | None = None
        self._last_rr: float | None = None
        self._rr, self._changes = _Recent(RR_BEATS), _Recent(RR_BEATS)
        self._widths, self._heights = _Recent(RR_BEATS), _Recent(RR_BEATS)
        self._nets = _Recent(RR_BEATS)
        self._v, self._s = _Recent(RR_BEATS), _Recent(RR_BEATS)
        self._has_p = _Recent(RR_BEATS)
        self._shapes = np.zeros((ALIKE_BEATS, QRS_WINDOW[1] - QRS_WINDOW[0]))  # of length 127
        self._seen = 0
        self._template: tuple[Doubles, Doubles] | None = None  # QRS and ST-T
        self._unusual = 0

    def features(
        self, r: float, qrs: WaveRun, net_mv: float, has_p: bool, around: Doubles
    ) -> Doubles:
        """The `FEATURES` of the next beat up to "turned"; it then belongs to the past.

        `r` is its R peak, `net_mv` the highest plus the lowest deflection of its QRS, `around` the
        signal in mV from `first_sample(r)` to `last_sample(r)`.
        """
        rr = FIRST_RR if self._last_r is None else min(r - self._last_r, LONGEST_RR)
        usual_rr = self._rr.median(rr)
        width = max(qrs.offset - qrs.onset, LEAST_WIDTH)
        shapes, tail = around[SHIFTED], around[T_PART]
        shape, units = shapes[UNSHIFTED], _units(shapes)
        height = float(shape.max() - shape.min()) + LEAST_MV
        likeness, t_likeness = self._likeness(units, tail)
        usual_height = self._heights.median(height)
        premature, wider = log(rr / usual_rr), log(width / self._widths.median(width))
        known = min(self._seen, ALIKE_BEATS)
        alike = np.count_nonzero(self._shapes[:known] @ units[UNSHIFTED] > ALIKE * SHAPE_STEPS)
        found = np.array(
            [
                premature,
                log(rr / self._last_rr) if self._last_rr else 0.0,
                log(self._changes.median(0.0) + 0.01),
                wider,
                likeness,
                t_likeness,
                log(height / usual_height),
                float(has_p),
                self._has_p.mean(0.5),
                alike / known if known else 1.0,
                log(width),
                (net_mv - self._nets.median(net_mv)) / usual_height,
            ]
        )
        is_usual = premature > EARLY and wider <= log(WIDE) and likeness > UNLIKE
        self._remember_time(r, rr, usual_rr)
        self._remember_shape(shape, tail, is_usual)
        if is_usual or self._unusual > PATIENCE // 2:
            self._widths.push(width)
            self._heights.push(height)
            self._nets.push(net_mv)
        self._has_p.push(float(has_p))
        self._shapes[self._seen % ALIKE_BEATS] = np.rint(units[UNSHIFTED] * SHAPE_STEPS)
        self._seen += 1
        return found

    def opinion(self, logits: Doubles) -> Doubles:
        """The last two `FEATURES` of a beat, of the network's logits (4,) of `BEATS` at its R peak.

        Beats come here in their order too. What a heart's or a lead's usual beats look like to the
        network is in the median: the difference is what carries over to other hearts.
        """
        v, s = float(logits[V] - max(logits[N], logits[S])), float(logits[S] - logits[N])
        found = np.array([v - self._v.median(v), s - self._s.median(s)])
        self._v.push(v)
        self._s.push(s)
        return found

    def _likeness(self, units: Doubles, tail: Doubles) -> tuple[float, float]:
        if self._template is None:
            return 1.0, 1.0
        qrs, st_t = self._template
        tails = _units(np.stack([tail, st_t]))
        return float((units @ _units(qrs[None])[0]).max()), float(tails[0] @ tails[1])

    def _remember_time(self, r: float, rr: float, usual_rr: float) -> None:
        if self._last_r is not None:
            if self._last_rr is not None:
                self._changes.push(abs(rr - self._last_rr) / usual_rr)
            self._rr.push(rr)
            self._last_rr = rr
        self._last_r = r

    def _remember_shape(self, shape: Doubles, tail: Doubles, is_usual: bool) -> None:
        self._unusual = 0 if is_usual else self._unusual + 1
        if self._template is None or self._unusual > PATIENCE:
            self._template, self._unusual = (shape, tail), 0
        elif is_usual:
            qrs, st_t = self._template
            self._template = _followed(qrs, shape), _followed(st_t, tail)


def first_sample(r: float) -> int:
    """Of the signal around an R peak that `BeatContext.features` needs."""
    return round(r) + QRS_WINDOW[0] + SHIFTS[0]


def last_sample(r: float) -> int:
    """The sample after the last one needed."""
    return round(r) + T_WINDOW[1]


def _units(rows: Doubles) -> Doubles:
    """Each row centred and of length 1, so that a product of two is their correlation."""
    centred = rows - rows.sum(1, keepdims=True) / rows.shape[1]
    units: Doubles = centred / (np.sqrt(np.einsum("ij,ij->i", centred, centred)) + 1e-6)[:, None]
    return units


def _followed(template: Doubles, row: Doubles) -> Doubles:
    """The template a little nearer to a beat, in the signal's steps: a device keeps 16 bits."""
    followed: Doubles = np.rint((template + FOLLOWS * (row - template)) * STEPS_PER_MV)
    return followed / STEPS_PER_MV


class _Recent:
    """The last few values of something."""

    def __init__(self, count: int) -> None:
        self._values: deque[float] = deque(maxlen=count)

    def push(self, value: float) -> None:
        self._values.append(value)

    def median(self, otherwise: float) -> float:
        """`otherwise` where there is none yet."""
        if not self._values:
            return otherwise
        ordered = sorted(self._values)
        middle = len(ordered) // 2
        return ordered[middle] if len(ordered) % 2 else 0.5 * sum(ordered[middle - 1 : middle + 1])

    def mean(self, otherwise: float) -> float:
        return sum(self._values) / len(self._values) if self._values else otherwise
