"""WFDB headers: what a record holds and where, checked before anything is read on their word."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..record import check_rate
from .units import MV_PER_UNIT
from .wfdb_plain_header import read_plain

SUFFIXES = (".hea", ".dat", ".mat")
MAX_SAMPLES = 1 << 30  # 24 days at 500 Hz; a header beyond that is damaged or hostile
MAX_HEADER_BYTES = 10_000_000
GAP = "~"  # WFDB's name for a segment or signal without samples


@dataclass(frozen=True)
class Channel:
    """One signal line of a header."""

    index: int
    name: str
    file_name: str
    format: str
    samples_per_frame: int
    skew: int
    byte_offset: int
    unit: str
    gain_given: bool
    gain: float  # codes a unit
    baseline: int  # code of 0

    @property
    def has_gain(self) -> bool:
        """Whether samples are known in mV, not in units of a default gain."""
        return self.gain_given and self.unit in MV_PER_UNIT


@dataclass(frozen=True)
class Segment:
    """One single-segment header; `frames` None where it gives no length."""

    stem: Path
    frame_rate_hz: float
    frames: int | None
    channels: tuple[Channel, ...]


@dataclass(frozen=True)
class Layout:
    """A record as a row of (segment or gap, frames); a plain record is a row of one."""

    stem: Path
    frame_rate_hz: float
    channels: tuple[Channel, ...]
    parts: tuple[tuple[Segment | None, int | None], ...]
    by_name: bool  # a variable layout: each segment has its own choice of signals
    start_time: datetime | None


def record_stem(path: str | Path) -> Path:
    """The record's path without suffix, once its header is there; else InputError."""
    text = str(path)
    if re.match(r"[A-Za-z][\w+.-]+:/", text) or "::" in str(Path(text).absolute()):
        raise InputError(f"{text} is a network address; download the record and give its path")
    if "\0" in text:
        raise InputError(f"{text!r} holds a null character; give the path of a record")
    given = Path(text)
    plain = given.with_suffix("") if given.suffix in SUFFIXES else given
    for stem in (given, plain):
        if stem.name and _header(stem).is_file():
            return stem
    if given.is_dir():
        raise InputError(f"{given} is a folder; name a record in it, such as {_example(given)}")
    if given.is_file():
        raise InputError(f"{given} has no header {_header(plain).name} beside it; copy it there")
    raise InputError(f"{_header(plain)} does not exist; check the path to the record")


def _example(folder: Path) -> Path:
    headers = sorted(folder.glob("*.hea"))
    return headers[0].with_suffix("") if headers else folder / "100"


def _header(stem: Path) -> Path:
    return stem.with_name(f"{stem.name}.hea")


def read_layout(stem: Path) -> Layout:
    """What the header at `stem` describes, its segments included."""
    lines = _header_lines(stem)
    header = read_plain(lines) or _parse(stem)
    if getattr(header, "seg_name", None) is not None:
        return _segmented_layout(stem, header)
    segment = _segment(stem, lines, header)
    parts = ((segment, segment.frames),)
    rate_hz, channels = segment.frame_rate_hz, segment.channels
    return Layout(stem, rate_hz, channels, parts, False, header.base_datetime)


def _segmented_layout(stem: Path, header: Any) -> Layout:
    segments = tuple(_segments(stem, header))
    first = next((segment for segment, _ in segments if segment is not None), None)
    if first is None:
        raise fault(stem, "every segment is a gap, without any signal; choose another record")
    samples = sum(frames for _, frames in segments)
    check_length(stem, samples * max(c.samples_per_frame for c in first.channels))
    # A segment of length 0 leads a variable layout: it only names the signals.
    parts = tuple((segment, frames) for segment, frames in segments if frames)
    by_name = header.layout == "variable"
    return Layout(stem, float(header.fs), first.channels, parts, by_name, header.base_datetime)


def _segments(stem: Path, header: Any) -> Iterator[tuple[Segment | None, int]]:
    if len(header.seg_name) != header.n_seg:
        raise fault(
            stem,
            f"the header says {header.n_seg} segments but lists {len(header.seg_name)}; "
            "download it again",
        )
    for name, frames in zip(header.seg_name, header.seg_len, strict=True):
        if name == GAP:
            yield None, frames
            continue
        segment = _read_segment(stem.with_name(name))
        if segment.frames != frames or segment.frame_rate_hz != header.fs:
            raise fault(
                stem,
                f"segment {name} has another length or rate than the header says; read it alone",
            )
        yield segment, frames


def _read_segment(stem: Path) -> Segment:
    if not _header(stem).is_file():
        raise fault(stem, f"the segment's header {_header(stem).name} is missing; copy it there")
    lines = _header_lines(stem)
    header = read_plain(lines) or _parse(stem)
    if getattr(header, "seg_name", None) is not None:
        raise fault(stem, "a segment made of segments is not WFDB; read the inner record instead")
    return _segment(stem, lines, header)


def _header_lines(stem: Path) -> list[str]:
    """The header's lines as wfdb sees them, checked for what wfdb would guess or follow."""
    path = _header(stem)
    if path.stat().st_size > MAX_HEADER_BYTES:
        raise fault(stem, f"{path.name} is too large for a WFDB header; check the path")
    content = path.read_bytes()
    for micro in (b"\xc2\xb5", b"\xce\xbc", b"\xb5"):  # wfdb drops the micro sign: uV would be V
        content = content.replace(micro, b"u")
    lines = [line.strip() for line in content.decode("ascii", "ignore").splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    if not lines:
        raise fault(stem, f"{path.name} is empty; download or export the record again")
    for name in (line.split()[0] for line in lines[1:]):
        if re.search(r"[/\\:]", name) or name == "..":
            raise fault(
                stem,
                f"the header names {name[:80]!r}, outside the record's folder, and is refused as "
                "hostile; get the record from a source you trust",
            )
    _check_record_line(stem, lines[0])
    return lines


def _check_record_line(stem: Path, line: str) -> None:
    """Refuse a rate or length that wfdb would silently replace by its default."""
    for value, what in zip(line.split()[2:4], ("sampling rate", "length"), strict=False):
        if not re.match(r"\d*\.?\d+(?![\w.+-])|\d+\.(?![\w.+-])", value):
            raise fault(
                stem, f"the header's {what} {value[:40]!r} is not a number; correct the header"
            )


def _parse(stem: Path) -> Any:
    import wfdb  # pulls pandas: seconds that a stream must not wait for

    try:
        return wfdb.rdheader(str(stem.absolute()))
    except Exception as error:  # wfdb raises whatever its parser stumbles over
        raise fault(
            stem, f"{_header(stem).name} is not a WFDB header ({reason(error)}); export it again"
        ) from error


def _segment(stem: Path, lines: list[str], header: Any) -> Segment:
    described = len(lines) - 1
    if not described or not header.n_sig:
        raise fault(stem, "the header describes no signals; choose a record with an ECG in it")
    if described != header.n_sig:
        raise fault(
            stem,
            f"the header says {header.n_sig} signals but describes {described}; download it again",
        )
    channels = tuple(_channel(i, line, header) for i, line in enumerate(lines[1:]))
    check_frame_rate(stem, float(header.fs) * max(c.samples_per_frame for c in channels))
    return Segment(stem, float(header.fs), header.sig_len, channels)


def _channel(index: int, line: str, header: Any) -> Channel:
    # Gain and unit from the line itself: wfdb hides a gain of 0 or none behind its default 200.
    gain, _, unit = (line.split() + [""] * 3)[2].partition("/")
    number = re.match(r"-?\d*\.?\d*(?:e[+-]?\d+)?", gain)
    return Channel(
        index=index,
        name=(header.sig_name[index] or f"signal {index + 1}").strip(),
        file_name=header.file_name[index],
        format=header.fmt[index],
        samples_per_frame=header.samps_per_frame[index] or 1,
        skew=header.skew[index] or 0,
        byte_offset=header.byte_offset[index] or 0,
        unit=unit.casefold() or "mv",
        gain_given=_is_gain(number[0] if number else ""),
        gain=header.adc_gain[index],
        baseline=header.baseline[index],
    )


def _is_gain(text: str) -> bool:
    try:
        return math.isfinite(float(text)) and float(text) != 0
    except ValueError:
        return False


def check_length(stem: Path, samples: int) -> None:
    """Refuse a length that only a damaged or hostile header gives."""
    if samples > MAX_SAMPLES:
        raise fault(stem, f"the header says {samples} samples, beyond {MAX_SAMPLES}; split it")


def check_frame_rate(stem: Path, rate_hz: float) -> None:
    """Refuse a rate that no ECG has, naming the record."""
    try:
        check_rate(rate_hz)
    except InputError as error:
        raise fault(stem, str(error)) from None


def empty(stem: Path) -> InputError:
    """The error of a record without samples."""
    return fault(stem, "the record is empty (0 samples); export or download it again")


def fault(stem: Path, sentence: str) -> InputError:
    """An error that begins with the record."""
    return InputError(f"{stem}: {sentence}")


def reason(error: Exception) -> str:
    """The first line of what a library raised, short enough for one sentence."""
    text = str(error).strip().rstrip(".").split("\n")[0][:120]
    return text or type(error).__name__
