"""The header that nearly every record has, read without wfdb, which takes 5 ms for twelve signals.

header(5) of the WFDB manual: one segment, no date, every field of a signal given. Anything else is
left to wfdb.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

RECORD_LINE = re.compile(r"[\w-]+ +(\d{1,9}) +(\d{1,9}(?:\.\d{1,9})?) +(\d{1,15})")
SIGNAL_LINE = re.compile(
    r"(?P<file>[\w-]+\.\w+) +(?P<format>\d{1,3})(?:x(?P<fast>\d{1,9}))?(?::(?P<skew>\d{1,9}))?"
    r"(?:\+(?P<offset>\d{1,15}))? +(?P<gain>\d{1,15}(?:\.\d{1,15})?)"
    r"(?:\((?P<baseline>-?\d{1,15})\))?(?:/[A-Za-z]+)? +\d{1,9}"
    r" +(?P<zero>-?\d{1,15}) +-?\d{1,15} +-?\d{1,15} +\d{1,9} +(?P<name>[!-~][ -~]*)",
    re.ASCII,
)
DEFAULT_GAIN = 200.0  # what WFDB takes where a gain of 0 says that there is none


@dataclass(frozen=True)
class PlainHeader:
    """The fields that wfdb.rdheader gives of such a header, by the same names."""

    n_sig: int
    fs: float
    sig_len: int
    file_name: list[str]
    fmt: list[str]
    samps_per_frame: list[int]
    skew: list[int]
    byte_offset: list[int]
    adc_gain: list[float]
    baseline: list[int]
    sig_name: list[str]
    base_datetime: None = None


def read_plain(lines: Sequence[str]) -> PlainHeader | None:
    """A header's lines without comments; None where it is not of the usual kind."""
    record = RECORD_LINE.fullmatch(lines[0])
    signals = [match for line in lines[1:] if (match := SIGNAL_LINE.fullmatch(line))]
    if record is None or len(signals) != len(lines) - 1 or any("#" in line for line in lines):
        return None
    return PlainHeader(
        n_sig=int(record[1]),
        fs=float(record[2]),
        sig_len=int(record[3]),
        file_name=[signal["file"] for signal in signals],
        fmt=[signal["format"] for signal in signals],
        samps_per_frame=[int(signal["fast"] or 1) for signal in signals],
        skew=[int(signal["skew"] or 0) for signal in signals],
        byte_offset=[int(signal["offset"] or 0) for signal in signals],
        adc_gain=[float(signal["gain"]) or DEFAULT_GAIN for signal in signals],
        baseline=[int(signal["baseline"] or signal["zero"]) for signal in signals],
        sig_name=[signal["name"].strip() for signal in signals],
    )
