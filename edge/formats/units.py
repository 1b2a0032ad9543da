"""Units of voltage and what they are in mV."""

from __future__ import annotations

MV_PER_UNIT = {
    **dict.fromkeys(("mv", "millivolt", "millivolts"), 1.0),
    **dict.fromkeys(("uv", "microvolt", "microvolts"), 1e-3),
    **dict.fromkeys(("nv", "nanovolt", "nanovolts"), 1e-6),
    **dict.fromkeys(("v", "volt", "volts"), 1e3),
}


def mv_per_unit(unit: str) -> float | None:
    """mV in one `unit`, in any spelling (µV with either micro sign); None if it is no voltage."""
    return MV_PER_UNIT.get(unit.strip().casefold().replace("μ", "u"))  # casefold maps µ to μ
