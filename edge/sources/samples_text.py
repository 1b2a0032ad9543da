"""Samples as lines of text or as bare int16: what a pipe or a simple device sends.

A line is `value` or `seconds,value`; nan is a missing sample, and so is an empty line between
values (not beside times, which tell what is missing). Lines with # may say `rate=250 unit=uV
lead=I`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..formats.text import MINUS, MISSING, hints, is_hint, number, rate_said
from ..formats.units import mv_per_unit
from ..record import check_rate
from .chunk import Chunk, Format
from .timeline import MAX_DRIFT

MAX_LINE = 4096
TWO_WHOLE = re.compile(r"[+-]?\d+,\d+", re.ASCII)  # two in a row are no seconds of an ECG
INT16_MISSING = -32768


@dataclass
class Given:
    """What the caller says of a stream that does not say it itself."""

    rate_hz: float | None = None
    unit: str | None = None
    lead: str | None = None
    gain: float = 1.0  # int16 steps a unit


class LineDecoder:
    """Lines in any pieces in, chunks out."""

    def __init__(self, given: Given) -> None:
        """What the stream says in a comment counts where the caller says nothing."""
        self._given, self._rest, self._line = given, b"", 0
        self.format: Format | None = None
        self._scale_mv = 1.0
        self._are_bare = False  # the last sample came without a time
        self._was_whole = False

    def push(self, data: bytes) -> list[Chunk]:
        """Take bytes; give the lines that they complete."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MAX_LINE:
            raise InputError("the stream has no lines of numbers; name its --encoding")
        return self._chunks(lines)

    def finish(self) -> list[Chunk]:
        """A last line without its end."""
        lines, self._rest = [self._rest] if self._rest.strip() else [], b""
        return self._chunks(lines)

    def _chunks(self, lines: list[bytes]) -> list[Chunk]:
        """One chunk for lines without times, one for each line with its time."""
        chunks: list[Chunk] = []
        plain: list[float] = []
        for raw in lines:
            self._line += 1
            text = raw.decode("utf-8", "replace").translate(MINUS).strip("\ufeff\r\n\t ")
            if text.startswith("#"):
                self._hint(text)
                continue
            if not text and not self._are_bare:
                continue
            second, value = self._numbers(text)
            self._are_bare = second is None
            if self.format is None:
                self._settle()
            value *= self._scale_mv
            if second is None:
                plain.append(value)
                continue
            if plain:
                chunks.append(Chunk(np.array(plain, np.float32)))
                plain = []
            chunks.append(Chunk(np.array([value], np.float32), second))
        if plain:
            chunks.append(Chunk(np.array(plain, np.float32)))
        return chunks

    def _numbers(self, text: str) -> tuple[float | None, float]:
        cells = re.split(r"[,;\t ]+", text)
        value = number(cells[-1])
        second = number(cells[0]) if len(cells) == 2 else None
        is_known = value is not None or cells[-1].casefold() in MISSING
        if not is_known or len(cells) > 2 or (len(cells) == 2 and second is None):
            heading = "; leave a heading away" if self.format is None else ""
            raise InputError(
                f"line {self._line} of the stream is {text[:40]!r}, no sample; a line is a value, "
                f"or seconds and a value{heading}"
            )
        is_whole = TWO_WHOLE.fullmatch(text) is not None
        if is_whole and self._was_whole:
            raise InputError(
                f"line {self._line} of the stream is {text[:40]!r}: a decimal comma, or a time not "
                "in seconds; send decimal points, times in seconds"
            )
        self._was_whole = is_whole
        return second, np.nan if value is None else value

    def _hint(self, text: str) -> None:
        told, rate_hz, given = hints(text), rate_said(text), self._given
        if is_hint(text):
            self._check_the_same(rate_hz, told.get("unit"))
        self._given = Given(
            given.rate_hz or rate_hz,
            given.unit or told.get("unit"),
            given.lead or told.get("lead"),
            given.gain,
        )

    def _check_the_same(self, rate_hz: float | None, unit: str | None) -> None:
        """Refuse a rate or a unit that is not the one said before, by the caller or the stream."""
        before_hz, before = self._given.rate_hz, self._given.unit
        if rate_hz and before_hz and abs(rate_hz / before_hz - 1) > MAX_DRIFT:
            raise self._another("rate", f"{rate_hz:g} Hz", f"{before_hz:g} Hz")
        if unit and before and mv_per_unit(unit) not in (None, mv_per_unit(before)):
            raise self._another("unit", unit, before)

    def _another(self, what: str, told: str, before: str) -> InputError:
        return InputError(
            f"line {self._line} of the stream says {told}, the {what} said before is {before}; "
            "correct one, or start anew where it changes"
        )

    def _settle(self) -> None:
        self.format, self._scale_mv = settled(self._given)


class Int16Decoder:
    """Bare little-endian int16 in any pieces in, chunks out."""

    def __init__(self, given: Given) -> None:
        """Rate and unit must be given: the stream says nothing."""
        self.format: Format | None
        self.format, unit_mv = settled(given)
        self._step_mv, self._rest = unit_mv / given.gain, b""

    def push(self, data: bytes) -> list[Chunk]:
        """Take bytes; an odd one waits for its other half."""
        data = self._rest + data
        whole = len(data) & ~1
        self._rest = data[whole:]
        codes = np.frombuffer(data[:whole], "<i2")
        samples = np.where(codes == INT16_MISSING, np.nan, codes * self._step_mv)
        return [Chunk(samples.astype(np.float32))] if whole else []

    def finish(self) -> list[Chunk]:
        """Half a sample is none."""
        return []


def settled(given: Given) -> tuple[Format, float]:
    """Format and mV in a unit; InputError for what nobody said."""
    if given.rate_hz is None and given.unit is None:
        raise InputError(
            "the stream says neither rate nor unit; give --rate in Hz and --unit mV, uV, V or nV"
        )
    if given.rate_hz is None:
        raise InputError("the stream does not say its rate; give it in Hz by --rate")
    scale = mv_per_unit(given.unit or "")
    if scale is None:
        raise InputError("the stream does not say its unit; give --unit mV, uV, V or nV")
    if not given.gain > 0:
        raise InputError(f"gain {given.gain:g} must be above 0; correct --gain")
    check_rate(given.rate_hz)
    return Format(given.rate_hz, given.lead or "I"), scale
