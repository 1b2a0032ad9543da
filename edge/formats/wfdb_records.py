"""WFDB records: one lead in mV out of any WFDB file, read from the local disk only."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..record import FloatArray, Record, check_rate

SUFFIXES = (".hea", ".dat", ".mat")
BLOCK_FRAMES = 1 << 20  # read at a time: 24 h of 12 leads never lie in memory at once
MAX_SAMPLES = 1 << 30  # 24 days at 500 Hz; a header beyond that is damaged or hostile
MAX_HEADER_BYTES = 10_000_000
GAP = "~"  # WFDB's name for a segment or signal without samples

MV_PER_UNIT = {
    **dict.fromkeys(("mv", "millivolt", "millivolts"), 1.0),
    **dict.fromkeys(("uv", "microvolt", "microvolts"), 1e-3),
    **dict.fromkeys(("v", "volt", "volts"), 1e3),
    "nv": 1e-6,
}
# Bytes for each sample as (numerator, denominator): three bytes for two samples in format 212.
BYTES_PER_SAMPLE = {
    **dict.fromkeys(("8", "80"), (1, 1)),
    **dict.fromkeys(("16", "61", "160"), (2, 1)),
    **{"24": (3, 1), "32": (4, 1), "212": (3, 2), "310": (4, 3), "311": (4, 3)},
}
FLAC_FORMATS = ("508", "516", "524")

LEAD_WORDS = re.compile(r"(?:mdc)?(?:ecg|ekg)?(lead|ableitung|elecpotl)?(.+)")
DIGIT_LEADS = {"1": "i", "2": "ii", "3": "iii"}
ECG_NAME = re.compile(
    r"(?:ecg|ekg)(?!.*resp)|(?:mdcecg|lead|ableitung)|-?(?:m?cl?|ml)?(?:i{1,3}|av[rlf]|v[1-9]?[rl]?)$"
    r"|(?:mcl|cm|cc|cb)\d$|(?:es|as|ai)$"
)
OTHER_NAME = re.compile(
    r"resp|pleth|ppg|spo2|sao2|^a?bp|^art|^cvp|^pap|^icp|^nbp|press|eda|gsr|emg|eog|eeg|acc|gyro"
    r"|^mag[xyz]|temp|mark|event|trigger|annot|status|stim|co2|flow|thor|abdo|snor|scg|pcg|icg|imp"
    r"|^hr$|pulse|motion|batt"
)
OTHER_UNIT = re.compile(r"mmhg|bpm|%|deg|celsius|siemens|^us$|ohm|^g$|m/s|^l(/min)?$|^pm$")


@dataclass(frozen=True)
class _Channel:
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

    @property
    def has_gain(self) -> bool:
        return self.gain_given and self.unit in MV_PER_UNIT


@dataclass(frozen=True)
class _Segment:
    """One single-segment header; `frames` None where it gives no length."""

    stem: Path
    frame_rate_hz: float
    frames: int | None
    channels: tuple[_Channel, ...]


@dataclass(frozen=True)
class _Layout:
    """A record as a row of (segment or gap, frames); a plain record is a row of one."""

    stem: Path
    frame_rate_hz: float
    channels: tuple[_Channel, ...]
    parts: tuple[tuple[_Segment | None, int | None], ...]
    by_name: bool  # a variable layout: each segment has its own choice of signals
    start_time: datetime | None


def read_record(path: str | Path, lead: str | None = None) -> Record:
    """One lead of a WFDB record in mV; `path` with or without .hea, .dat or .mat.

    Default: lead I in any spelling, else the first ECG channel. A channel sampled faster than the
    record's frames keeps its own rate. `has_gain` is False where gain or unit is missing.
    """
    with _disk_errors(path):
        layout = _read_layout(_record_stem(path))
        channel = _choose(layout, lead)
        rate_hz = layout.frame_rate_hz * channel.samples_per_frame
        _check_rate(layout.stem, rate_hz)
        signal_mv, has_gain = _read_signal(layout, channel)
    source = str(layout.stem)
    return Record(signal_mv, rate_hz, channel.name, layout.start_time, source, has_gain)


def list_leads(path: str | Path) -> list[str]:
    """The record's channel names as its header spells them, ECG or not."""
    with _disk_errors(path):
        return [channel.name for channel in _read_layout(_record_stem(path)).channels]


def lead_key(name: str) -> str:
    """A lead name without its spelling: "ECG I", "Lead 1", "MDC_ECG_LEAD_I" and "i" are all "i"."""
    text = name.strip().casefold()
    sign = "-" if text.startswith("-") else ""  # -aVR is another lead than aVR
    match = LEAD_WORDS.fullmatch(re.sub(r"[\s_\-.:]+", "", text))
    if match is None:
        return text
    core = match[2]
    if match[1]:
        core = DIGIT_LEADS.get(core, core)
    if re.fullmatch(r"d(i{1,3}|[123])", core):  # DI, D1: the Latin spelling
        core = DIGIT_LEADS.get(core[1:], core[1:])
    return sign + core


# --- which channel ---


def _choose(layout: _Layout, lead: str | None) -> _Channel:
    found = _find(layout.channels, "I" if lead is None else lead)
    if found is not None:
        return found
    present = ", ".join(channel.name for channel in layout.channels)
    if lead is not None:
        raise _fault(layout.stem, f"there is no lead {lead!r}; choose one of {present}")
    candidates = [c for c in layout.channels if not _is_other(c)]
    named = [c for c in candidates if ECG_NAME.match(_plain(c.name))]
    for channel in (*named, *candidates):
        return channel
    raise _fault(
        layout.stem, f"no channel looks like an ECG; if one is, name it with --lead: {present}"
    )


def _find(channels: tuple[_Channel, ...], lead: str) -> _Channel | None:
    """By the very name, by the lead it means, then modified limb leads (MLII) for the plain."""
    key = lead_key(lead)
    tests: tuple[Callable[[str], bool], ...] = (
        lambda name: name.strip().casefold() == lead.strip().casefold(),
        lambda name: lead_key(name) == key,
        lambda name: lead_key(name).removeprefix("ml") == key.removeprefix("ml"),
    )
    for test in tests:
        for channel in channels:
            if test(channel.name):
                return channel
    return None


def _is_other(channel: _Channel) -> bool:
    name = _plain(channel.name)
    is_ecg = ECG_NAME.match(name) is not None
    return not is_ecg and bool(OTHER_NAME.search(name) or OTHER_UNIT.search(channel.unit))


def _plain(name: str) -> str:
    text = name.strip().casefold()
    return ("-" if text.startswith("-") else "") + re.sub(r"[\s_\-.:]+", "", text)


def _part_channel(layout: _Layout, segment: _Segment, channel: _Channel) -> _Channel | None:
    """The chosen channel in one segment, None where a variable layout leaves it out."""
    for part in segment.channels:
        same = part.name == channel.name if layout.by_name else part.index == channel.index
        if same and part.samples_per_frame != channel.samples_per_frame:
            raise _fault(segment.stem, "this segment has another sampling rate; read it alone")
        if same:
            return part
    return None


# --- headers ---


def _record_stem(path: str | Path) -> Path:
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


def _read_layout(stem: Path) -> _Layout:
    lines, header = _header_lines(stem), _parse(stem)
    if getattr(header, "seg_name", None) is not None:
        return _segmented_layout(stem, header)
    segment = _segment(stem, lines, header)
    parts = ((segment, segment.frames),)
    rate_hz, channels = segment.frame_rate_hz, segment.channels
    return _Layout(stem, rate_hz, channels, parts, False, header.base_datetime)


def _segmented_layout(stem: Path, header: Any) -> _Layout:
    segments = tuple(_segments(stem, header))
    first = next((segment for segment, _ in segments if segment is not None), None)
    if first is None:
        raise _fault(stem, "every segment is a gap, without any signal; choose another record")
    samples = sum(frames for _, frames in segments)
    _check_length(stem, samples * max(c.samples_per_frame for c in first.channels))
    # A segment of length 0 leads a variable layout: it only names the signals.
    parts = tuple((segment, frames) for segment, frames in segments if frames)
    by_name = header.layout == "variable"
    return _Layout(stem, float(header.fs), first.channels, parts, by_name, header.base_datetime)


def _segments(stem: Path, header: Any) -> Iterator[tuple[_Segment | None, int]]:
    if len(header.seg_name) != header.n_seg:
        raise _fault(
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
            raise _fault(
                stem,
                f"segment {name} has another length or rate than the header says; read it alone",
            )
        yield segment, frames


def _read_segment(stem: Path) -> _Segment:
    if not _header(stem).is_file():
        raise _fault(stem, f"the segment's header {_header(stem).name} is missing; copy it there")
    lines, header = _header_lines(stem), _parse(stem)
    if getattr(header, "seg_name", None) is not None:
        raise _fault(stem, "a segment made of segments is not WFDB; read the inner record instead")
    return _segment(stem, lines, header)


def _header_lines(stem: Path) -> list[str]:
    """The header's lines as wfdb sees them, checked for what wfdb would guess or follow."""
    path = _header(stem)
    if path.stat().st_size > MAX_HEADER_BYTES:
        raise _fault(stem, f"{path.name} is too large for a WFDB header; check the path")
    content = path.read_bytes()
    for micro in (b"\xc2\xb5", b"\xce\xbc", b"\xb5"):  # wfdb drops the micro sign: uV would be V
        content = content.replace(micro, b"u")
    lines = [line.strip() for line in content.decode("ascii", "ignore").splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    if not lines:
        raise _fault(stem, f"{path.name} is empty; download or export the record again")
    for name in (line.split()[0] for line in lines[1:]):
        if re.search(r"[/\\:]", name) or name == "..":
            raise _fault(
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
            raise _fault(
                stem, f"the header's {what} {value[:40]!r} is not a number; correct the header"
            )


def _parse(stem: Path) -> Any:
    import wfdb  # pulls pandas: seconds that a stream must not wait for

    try:
        return wfdb.rdheader(str(stem.absolute()))
    except Exception as error:  # wfdb raises whatever its parser stumbles over
        raise _fault(
            stem, f"{_header(stem).name} is not a WFDB header ({_reason(error)}); export it again"
        ) from error


def _segment(stem: Path, lines: list[str], header: Any) -> _Segment:
    described = len(lines) - 1
    if not described or not header.n_sig:
        raise _fault(stem, "the header describes no signals; choose a record with an ECG in it")
    if described != header.n_sig:
        raise _fault(
            stem,
            f"the header says {header.n_sig} signals but describes {described}; download it again",
        )
    channels = tuple(_channel(i, line, header) for i, line in enumerate(lines[1:]))
    _check_rate(stem, float(header.fs) * max(c.samples_per_frame for c in channels))
    return _Segment(stem, float(header.fs), header.sig_len, channels)


def _channel(index: int, line: str, header: Any) -> _Channel:
    # Gain and unit from the line itself: wfdb hides a gain of 0 or none behind its default 200.
    gain, _, unit = (line.split() + [""] * 3)[2].partition("/")
    number = re.match(r"-?\d*\.?\d*(?:e[+-]?\d+)?", gain)
    return _Channel(
        index=index,
        name=(header.sig_name[index] or f"signal {index + 1}").strip(),
        file_name=header.file_name[index],
        format=header.fmt[index],
        samples_per_frame=header.samps_per_frame[index] or 1,
        skew=header.skew[index] or 0,
        byte_offset=header.byte_offset[index] or 0,
        unit=unit.casefold() or "mv",
        gain_given=_is_gain(number[0] if number else ""),
    )


def _is_gain(text: str) -> bool:
    try:
        return math.isfinite(float(text)) and float(text) != 0
    except ValueError:
        return False


# --- samples ---


def _read_signal(layout: _Layout, channel: _Channel) -> tuple[FloatArray, bool]:
    blocks: list[FloatArray] = [np.empty(0, np.float32)]
    has_gain = True
    for segment, frames in layout.parts:
        part = None if segment is None else _part_channel(layout, segment, channel)
        if segment is None or part is None:
            blocks.append(np.full((frames or 0) * channel.samples_per_frame, np.nan, np.float32))
            continue
        has_gain &= part.has_gain
        signal = _blocks(segment, part)
        blocks.extend([_aligned(np.concatenate([*signal]), part)] if part.skew else signal)
    signal_mv = np.concatenate(blocks)
    if not len(signal_mv):
        raise _empty(layout.stem)
    return signal_mv, has_gain


def _blocks(segment: _Segment, channel: _Channel) -> Iterator[FloatArray]:
    _check_files(segment, channel)
    frames = segment.frames
    if frames is None or channel.format == "8":  # length unknown; differences from the start on
        yield _decode(segment, channel, 0, frames)
        return
    for start in range(0, frames, BLOCK_FRAMES):
        yield _decode(segment, channel, start, min(start + BLOCK_FRAMES, frames))


def _aligned(signal_mv: FloatArray, channel: _Channel) -> FloatArray:
    """Undo the skew between channels here: wfdb fails at it for FLAC and for fast channels."""
    late = min(channel.skew * channel.samples_per_frame, len(signal_mv))
    return np.concatenate([signal_mv[late:], np.full(late, np.nan, np.float32)])


def _decode(segment: _Segment, channel: _Channel, start: int, stop: int | None) -> FloatArray:
    import wfdb

    try:
        record = wfdb.rdrecord(
            str(segment.stem.absolute()),
            sampfrom=start,
            sampto=stop,
            channels=[channel.index],
            smooth_frames=False,
            ignore_skew=True,
        )
    except Exception as error:  # soundfile, numpy and wfdb each raise their own
        raise _fault(
            segment.stem,
            f"{channel.file_name} can't be decoded ({_reason(error)}); download it again",
        ) from error
    signal = record.e_p_signal[0] * MV_PER_UNIT.get(channel.unit, 1.0)
    return np.asarray(signal, np.float32)


def _check_files(segment: _Segment, channel: _Channel) -> None:
    """The signal file holds what the header promises: nothing is allocated on its word."""
    stem, frames = segment.stem, segment.frames
    path = stem.with_name(channel.file_name)
    if not path.is_file():
        raise _fault(stem, f"the signal file {path.name} is missing; copy it beside the header")
    sharing = [c for c in segment.channels if c.file_name == channel.file_name]
    if sharing[-1].index - sharing[0].index + 1 != len(sharing):
        raise _fault(stem, f"the header lists the signals of {path.name} apart; export it again")
    if frames == 0:
        raise _empty(stem)
    if channel.format in FLAC_FORMATS:
        return _check_flac(segment, channel, path)
    if channel.format not in BYTES_PER_SAMPLE:
        raise _fault(stem, f"WFDB format {channel.format} is unknown; convert it to format 16")
    if frames is None:
        return None
    samples = frames * sum(c.samples_per_frame for c in sharing)
    numerator, denominator = BYTES_PER_SAMPLE[channel.format]
    expected = sharing[0].byte_offset - (-samples * numerator // denominator)
    found = path.stat().st_size
    if found < expected:
        raise _fault(
            stem,
            f"{path.name} is truncated: {expected} bytes expected, {found} found; "
            "download it again",
        )
    return _check_length(stem, frames * channel.samples_per_frame)


def _check_flac(segment: _Segment, channel: _Channel, path: Path) -> None:
    with path.open("rb") as file:
        start = file.read(26)
    if len(start) < 26 or start[:4] != b"fLaC":
        raise _fault(segment.stem, f"{path.name} can't be decoded (not FLAC); download it again")
    if segment.frames is None:
        raise _fault(segment.stem, "the header gives no length for its FLAC signal; add it")
    # RFC 9639, section 8.2: the low 36 bits here are the samples of each channel, 0 if unknown.
    found = int.from_bytes(start[18:26], "big") & ((1 << 36) - 1)
    expected = channel.byte_offset + segment.frames * channel.samples_per_frame
    if 0 < found < expected:
        raise _fault(
            segment.stem,
            f"{path.name} is truncated: {expected} samples expected, {found} found; "
            "download it again",
        )
    _check_length(segment.stem, segment.frames * channel.samples_per_frame)


def _check_length(stem: Path, samples: int) -> None:
    if samples > MAX_SAMPLES:
        raise _fault(stem, f"the header says {samples} samples, beyond {MAX_SAMPLES}; split it")


def _check_rate(stem: Path, rate_hz: float) -> None:
    try:
        check_rate(rate_hz)
    except InputError as error:
        raise _fault(stem, str(error)) from None


# --- errors ---


@contextmanager
def _disk_errors(path: str | Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{path} can't be read ({error.strerror or error}); check the path and its permissions"
        ) from error


def _empty(stem: Path) -> InputError:
    return _fault(stem, "the record is empty (0 samples); export or download it again")


def _fault(stem: Path, sentence: str) -> InputError:
    return InputError(f"{stem}: {sentence}")


def _reason(error: Exception) -> str:
    text = str(error).strip().rstrip(".").split("\n")[0][:120]
    return text or type(error).__name__
