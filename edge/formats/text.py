"""Text of unknown encoding and numbers in the spellings of devices and locales."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..errors import InputError

NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?", re.ASCII)
MISSING = frozenset(("", "nan", "na", "n/a", "null", "none", "inf", "-inf", "+inf", "?"))
HINT = re.compile(r"\b(rate|unit|lead)\s*[=:]\s*([^\s,;]{1,32})", re.IGNORECASE)
RATE_HINT = re.compile(  # rate alone, or behind unit and lead: a heart has a rate too
    r"(?:sampl\w{0,20}[\s_]{0,4}(?:rate|freq\w{0,10})"
    r"|(?:^|[#%,;|({\['\x22]|\b(?:unit|lead)\s{0,4}[=:]\s{0,4}[^\s,;]{1,32}\s)[ \t]{0,20}"
    r"(?:rate(?:_hz)?|fs))\W{1,20}([\d.]+(?:e\d{1,2})?)",
    re.IGNORECASE | re.MULTILINE,
)
MINUS = str.maketrans({"\u2212": "-", "\u2013": "-", "\u00a0": " ", "\u202f": " "})

Floats = npt.NDArray[np.float64]


def decoded(content: bytes) -> str:
    """Text by its byte order mark, else UTF-8, else Latin-1 (which takes any byte)."""
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16")):
        if content.startswith(mark):
            return content.decode(encoding, "replace")
    if content.startswith(b"\xfe\xff"):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def number(text: str) -> float | None:
    """A finite number in `text`, decimal comma or point; None if it is none."""
    plain = text.translate(MINUS).strip()
    if "," in plain and "." not in plain:
        plain = plain.replace(",", ".")
    if not NUMBER.fullmatch(plain):
        return None
    value = float(plain)
    return value if math.isfinite(value) else None


def column(cells: Sequence[str], first_row: int, decimal_comma: bool = False) -> Floats:
    """Cells as numbers, NaN where a device writes that there is none.

    Raises InputError with the row (`first_row` counts from 1) of what is no number.
    """
    if decimal_comma:
        cells = [cell.replace(",", ".") for cell in cells]
    if not any("_" in cell for cell in cells):  # float() takes 1_000
        try:
            values = np.array(list(map(float, cells)))
            return np.where(np.isfinite(values), values, np.nan)
        except ValueError:
            pass
    values = np.full(len(cells), np.nan)
    for at, cell in enumerate(cells):
        plain = cell.translate(MINUS).strip()
        if NUMBER.fullmatch(plain):
            values[at] = float(plain)
        elif plain.casefold() not in MISSING:
            raise InputError(
                f"row {first_row + at} has {cell[:40]!r} where a number belongs; correct the file"
            )
    return np.where(np.isfinite(values), values, np.nan)


def rate_said(head: str) -> float | None:
    """The sampling rate in Hz that stands above samples."""
    rate = RATE_HINT.search(head)
    return number(rate[1]) if rate else None


def hints(comment: str) -> dict[str, str]:
    """What a comment says of the samples below it: rate, unit, lead."""
    return {key.casefold(): value for key, value in HINT.findall(comment)}


def is_hint(line: str) -> bool:
    """Whether a line is a comment that says this and nothing else."""
    return line.startswith("#") and bool(hints(line)) and not HINT.sub("", line).strip("#,; \t")


def clean(text: str, limit: int = 120) -> str:
    """One printable line: what a file says may be shown in a terminal."""
    return "".join(c if c.isprintable() else " " for c in text.strip())[:limit].strip()
