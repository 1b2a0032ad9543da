"""The taps of a device that samples at one rate: firmware/ports/phases.c takes its own from here.

The core reads taps for any rate from a table of four kilobytes, and computes at boot what the rate
comes to. A firmware knows its rate when it is built: where outputs stand at few different places
between the inputs, a row of taps for each of these phases takes less.
"""

from __future__ import annotations

import numpy as np

from ..edge.resampler import KNOTS, ZERO_CROSSINGS, Resampler, gain_of, integer_taps

TAP_BYTES = 4
TABLE_BYTES = TAP_BYTES * (ZERO_CROSSINGS * KNOTS + 2)  # of the core, for every rate
SOURCE = """enum {{ UP = {up}, DOWN = {down}, HALF = {half}, GAIN = {gain} }};
enum {{ BEFORE = {before}, TAPS = {taps} }};
static const double rate_hz = {rate_hz!r}, seconds_per_output = {seconds_per_output!r};
static const int32_t rows[UP][TAPS] = {{
{rows}}};
"""


def phases_source(rate_hz: float) -> str | None:
    """Tables for a rate, as C; None where the core's own take less."""
    ratio = Resampler(rate_hz)
    up, half = ratio.up, ratio.half
    taps = integer_taps(ratio.units, half, up)
    # Of an output k / up behind an input: the taps of inputs from `half` - 1 before that one on.
    rows = np.stack([taps[(2 * half - 1) * up + k :: -up][: 2 * half] for k in range(up)])
    used = np.flatnonzero(rows.any(0))
    rows = rows[:, used[0] : used[-1] + 1]
    if rows.size * TAP_BYTES > TABLE_BYTES:
        return None
    return SOURCE.format(
        up=up,
        down=ratio.down,
        half=half,
        gain=gain_of(ratio.units),
        before=half - 1 - used[0],
        taps=rows.shape[1],
        rate_hz=rate_hz,
        seconds_per_output=ratio.seconds_per_output,
        rows="".join(f"    {{{', '.join(map(str, row))}}},\n" for row in rows.tolist()),
    )
