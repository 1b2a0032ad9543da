"""Which beats are told: those that are sure enough beside the beats before them.

In noise the network's QRS are unsure one after the other; an odd beat on a clean signal stands
alone. A quarter of a beat's own confidence and three quarters of what is usual have to reach a
limit; what is usual follows by an eighth a beat, in whole steps, so that a device counts the same.
"""

from __future__ import annotations

from .rhythm import CONFIDENCE_STEPS

FIRST = 0.95  # what is taken as usual before the first beat
USUAL = 3  # times the weight of the beat's own
FRACTION_BITS, FOLLOWS_BITS = 4, 3


class Trust:
    """The usual confidence of one stream's beats."""

    def __init__(self, limit: float) -> None:
        """`limit` (0..1) belongs to a model: `QualityLimits.trust`."""
        self._limit = int((1 + USUAL) * limit * CONFIDENCE_STEPS)
        self._usual = round(FIRST * CONFIDENCE_STEPS) << FRACTION_BITS

    def hear(self, confidence: float) -> bool:
        """Whether the next beat is told."""
        own = round(confidence * CONFIDENCE_STEPS)
        is_told = own + USUAL * (self._usual >> FRACTION_BITS) >= self._limit
        self._usual += ((own << FRACTION_BITS) - self._usual) >> FOLLOWS_BITS
        return is_told
