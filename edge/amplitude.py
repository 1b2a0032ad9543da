"""Whether a record's millivolts can be right: a wrong unit is a thousand times too much or less.

Of 259 recordings of CinC 2017, PTB-XL, LUDB and MIT-BIH the usual second swings by 0.26 to 4.0 mV.
"""

from __future__ import annotations

import numpy as np

from .record import Record

SECONDS = 24  # that are looked at
LEAST_MV, MOST_MV = 0.02, 30.0  # of the usual second, from its lowest to its highest sample
NO_GAIN = "the file gives no gain: millivolts are a guess"


def amplitude_doubt(record: Record) -> str:
    """Why millivolts may be wrong, as a clause; empty where nothing speaks against them."""
    if not record.has_gain:
        return NO_GAIN
    swing_mv = usual_swing_mv(record)
    if swing_mv is None or swing_mv == 0 or LEAST_MV <= swing_mv <= MOST_MV:
        return ""
    return f"a second swings by {swing_mv:.3g} mV, as no ECG does: is the unit right?"


def usual_swing_mv(record: Record) -> float | None:
    """Median over seconds all along the record of highest less lowest sample; None without any."""
    second = max(round(record.rate_hz), 1)
    starts = np.linspace(0, max(record.samples - second, 0), SECONDS).astype(int).tolist()
    parts = [record.read(start, start + second) for start in starts]
    swings = [float(np.ptp(known)) for part in parts if len(known := part[np.isfinite(part)])]
    return float(np.median(swings)) if swings else None
