"""WFDB records: one lead in mV out of any WFDB file, read from the local disk only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..lead_names import choose_lead, find_lead, lead_key
from ..record import NOTHING, DiskRecord, FloatArray, Record
from . import wfdb_format16
from .wfdb_headers import (
    Channel,
    Layout,
    Segment,
    check_frame_rate,
    check_length,
    empty,
    fault,
    read_layout,
    reason,
    record_stem,
)

BLOCK_FRAMES = 1 << 20  # read at a time: 24 h of 12 leads never lie in memory at once
# Bytes for each sample as (numerator, denominator): three bytes for two samples in format 212.
BYTES_PER_SAMPLE = {
    **dict.fromkeys(("8", "80"), (1, 1)),
    **dict.fromkeys(("16", "61", "160"), (2, 1)),
    **{"24": (3, 1), "32": (4, 1), "212": (3, 2), "310": (4, 3), "311": (4, 3)},
}
FLAC_FORMATS = ("508", "516", "524")


def read_record(path: str | Path, lead: str | None = None) -> Record:
    """One lead of a WFDB record in mV; `path` with or without .hea, .dat or .mat.

    Default: lead I in any spelling, else the first ECG channel. A channel sampled faster than the
    record's frames keeps its own rate. `has_gain` is False where gain or unit is missing.
    """
    with _disk_errors(path):
        layout = read_layout(record_stem(path))
        return _read_channels(layout, [_choose(layout, lead)])[0]


def open_record(path: str | Path, lead: str | None = None) -> Record:
    """The same lead as `read_record` gives, left on disk where its format lets parts be read."""
    with _disk_errors(path):
        layout = read_layout(record_stem(path))
        channel = _choose(layout, lead)
        spans = _spans(layout, channel)
        if spans is None:
            return _read_channels(layout, [channel])[0]
        rate_hz = layout.frame_rate_hz * channel.samples_per_frame
        check_frame_rate(layout.stem, rate_hz)
        has_gain = all(span.channel is None or span.channel.has_gain for span in spans)
        facts = (rate_hz, channel.name, layout.start_time, str(layout.stem), has_gain)

    def decode(start: int, stop: int) -> FloatArray:
        with _disk_errors(path):
            parts = [span.read(start, stop) for span in spans if span.holds(start, stop)]
        return np.concatenate([NOTHING, *parts])

    samples = spans[-1].first + spans[-1].samples if spans else 0
    if not samples:
        raise empty(layout.stem)
    return DiskRecord(Record(NOTHING, *facts), samples, decode)


@dataclass(frozen=True)
class _Span:
    """A segment's place in the record, in samples of the chosen channel; without one, a gap."""

    first: int
    samples: int
    segment: Segment | None
    channel: Channel | None

    def holds(self, start: int, stop: int) -> bool:
        return start < self.first + self.samples and stop > self.first

    def read(self, start: int, stop: int) -> FloatArray:
        """Its samples between two places of the record."""
        start = max(start - self.first, 0)
        stop = min(stop - self.first, self.samples)
        if self.segment is None or self.channel is None:
            return np.full(stop - start, np.nan, np.float32)
        wide, frames = self.channel.samples_per_frame, self.segment.frames or 0
        at = start // wide + self.channel.skew
        until = -(-stop // wide) + self.channel.skew
        pieces = [NOTHING]
        for begin in range(min(at, frames), min(until, frames), BLOCK_FRAMES):
            end = min(begin + BLOCK_FRAMES, until, frames)
            pieces += _decode(self.segment, [self.channel], begin, end)
        decoded = np.concatenate(pieces)
        late = np.full((until - at) * wide - len(decoded), np.nan, np.float32)  # skewed beyond it
        skipped = start % wide
        return np.concatenate([decoded, late])[skipped : skipped + stop - start]


def _spans(layout: Layout, channel: Channel) -> list[_Span] | None:
    """The channel's segments, their files checked; None where only a whole can be decoded."""
    spans: list[_Span] = []
    first = 0
    for segment, frames in layout.parts:
        part = None if segment is None else _part_channel(layout, segment, channel)
        if segment is not None and part is not None:
            if frames is None or part.format == "8":  # of no told length, or of differences
                return None
            _check_files(segment, part)
        samples = (frames or 0) * channel.samples_per_frame
        spans.append(_Span(first, samples, segment, part))
        first += samples
    return spans


def read_leads(path: str | Path, leads: Sequence[str]) -> dict[str, Record]:
    """Those of `leads` that a WFDB record has, each as `read_record` gives it, decoded at once.

    Raises InputError where two channels are one of them: which one is meant, nobody can say.
    """
    with _disk_errors(path):
        layout = read_layout(record_stem(path))
        names = [channel.name for channel in layout.channels]
        found = {lead: at for lead in leads if (at := find_lead(names, lead)) is not None}
        keys = Counter(map(lead_key, names))
        for lead, at in found.items():
            if keys[lead_key(names[at])] > 1:
                raise fault(layout.stem, f"two channels are lead {lead}; export it with one")
        records = _read_channels(layout, [layout.channels[at] for at in found.values()])
    return dict(zip(found, records, strict=True))


def list_leads(path: str | Path) -> list[str]:
    """The record's channel names as its header spells them, ECG or not."""
    with _disk_errors(path):
        return [channel.name for channel in read_layout(record_stem(path)).channels]


def _choose(layout: Layout, lead: str | None) -> Channel:
    names = [channel.name for channel in layout.channels]
    try:
        return layout.channels[choose_lead(names, [c.unit for c in layout.channels], lead)]
    except InputError as error:
        raise fault(layout.stem, str(error)) from None


def _part_channel(layout: Layout, segment: Segment, channel: Channel) -> Channel | None:
    """The chosen channel in one segment, None where a variable layout leaves it out."""
    for part in segment.channels:
        same = part.name == channel.name if layout.by_name else part.index == channel.index
        if same and part.samples_per_frame != channel.samples_per_frame:
            raise fault(segment.stem, "this segment has another sampling rate; read it alone")
        if same:
            return part
    return None


def _read_channels(layout: Layout, channels: Sequence[Channel]) -> list[Record]:
    """Each channel as a Record; all are decoded in one pass over the files."""
    rates_hz = [layout.frame_rate_hz * channel.samples_per_frame for channel in channels]
    for rate_hz in rates_hz:
        check_frame_rate(layout.stem, rate_hz)
    blocks: list[list[FloatArray]] = [[np.empty(0, np.float32)] for _ in channels]
    has_gain = [True] * len(channels)
    for segment, frames in layout.parts:
        present: dict[int, Channel] = {}
        if segment is not None:
            parts = (_part_channel(layout, segment, channel) for channel in channels)
            present = {at: part for at, part in enumerate(parts) if part is not None}
        if segment is not None and present:
            signals = _decode_segment(segment, list(present.values()))
            for (at, part), signal in zip(present.items(), signals, strict=True):
                blocks[at].append(signal)
                has_gain[at] &= part.has_gain
        for at in set(range(len(channels))) - set(present):
            missing = (frames or 0) * channels[at].samples_per_frame
            blocks[at].append(np.full(missing, np.nan, np.float32))
    whole = [np.concatenate(of_channel) for of_channel in blocks]
    if not all(map(len, whole)):
        raise empty(layout.stem)
    start, source = layout.start_time, str(layout.stem)
    rows = zip(whole, rates_hz, channels, has_gain, strict=True)
    return [Record(mv, rate, c.name, start, source, gain) for mv, rate, c, gain in rows]


def _decode_segment(segment: Segment, channels: Sequence[Channel]) -> list[FloatArray]:
    for channel in channels:
        _check_files(segment, channel)
    frames = segment.frames
    # Length unknown, or differences from the start on: in one go.
    at_once = frames is None or any(channel.format == "8" for channel in channels)
    starts = [0] if at_once or frames is None else range(0, frames, BLOCK_FRAMES)
    stops = [frames if at_once or frames is None else min(s + BLOCK_FRAMES, frames) for s in starts]
    decoded = [_decode(segment, channels, *span) for span in zip(starts, stops, strict=True)]
    signals = (np.concatenate(of_channel) for of_channel in zip(*decoded, strict=True))
    return [_aligned(mv, channel) for mv, channel in zip(signals, channels, strict=True)]


def _aligned(signal_mv: FloatArray, channel: Channel) -> FloatArray:
    """Undo the skew between channels here: wfdb fails at it for FLAC and for fast channels."""
    late = min(channel.skew * channel.samples_per_frame, len(signal_mv))
    if not late:
        return signal_mv
    return np.concatenate([signal_mv[late:], np.full(late, np.nan, np.float32)])


def _decode(
    segment: Segment, channels: Sequence[Channel], start: int, stop: int | None
) -> list[FloatArray]:
    if stop is not None and all(channel.format == wfdb_format16.FORMAT for channel in channels):
        return _decode_format16(segment, channels, start, stop)
    import wfdb

    try:
        record = wfdb.rdrecord(
            str(segment.stem.absolute()),
            sampfrom=start,
            sampto=stop,
            channels=[channel.index for channel in channels],
            smooth_frames=False,
            ignore_skew=True,
        )
    except Exception as error:  # soundfile, numpy and wfdb each raise their own
        raise fault(
            segment.stem,
            f"{channels[0].file_name} can't be decoded ({reason(error)}); download it again",
        ) from error
    pairs = zip(record.e_p_signal, channels, strict=True)
    return [wfdb_format16.in_mv(np.asarray(samples), c) for samples, c in pairs]


def _decode_format16(
    segment: Segment, channels: Sequence[Channel], start: int, stop: int
) -> list[FloatArray]:
    signals: dict[int, FloatArray] = {}
    for name in dict.fromkeys(channel.file_name for channel in channels):
        sharing = [channel for channel in segment.channels if channel.file_name == name]
        chosen = [channel for channel in channels if channel.file_name == name]
        path = segment.stem.with_name(name)
        read = wfdb_format16.read_channels(path, sharing, chosen, start, stop)
        signals |= dict(zip((channel.index for channel in chosen), read, strict=True))
    return [signals[channel.index] for channel in channels]


def _check_files(segment: Segment, channel: Channel) -> None:
    """The signal file holds what the header promises: nothing is allocated on its word."""
    stem, frames = segment.stem, segment.frames
    path = stem.with_name(channel.file_name)
    if not path.is_file():
        raise fault(stem, f"the signal file {path.name} is missing; copy it beside the header")
    sharing = [c for c in segment.channels if c.file_name == channel.file_name]
    if sharing[-1].index - sharing[0].index + 1 != len(sharing):
        raise fault(stem, f"the header lists the signals of {path.name} apart; export it again")
    if frames == 0:
        raise empty(stem)
    if channel.format in FLAC_FORMATS:
        return _check_flac(segment, channel, path)
    if channel.format not in BYTES_PER_SAMPLE:
        raise fault(stem, f"WFDB format {channel.format} is unknown; convert it to format 16")
    if frames is None:
        return None
    samples = frames * sum(c.samples_per_frame for c in sharing)
    numerator, denominator = BYTES_PER_SAMPLE[channel.format]
    expected = sharing[0].byte_offset - (-samples * numerator // denominator)
    found = path.stat().st_size
    if found < expected:
        raise fault(
            stem,
            f"{path.name} is truncated: {expected} bytes expected, {found} found; "
            "download it again",
        )
    return check_length(stem, frames * channel.samples_per_frame)


def _check_flac(segment: Segment, channel: Channel, path: Path) -> None:
    with path.open("rb") as file:
        start = file.read(26)
    if len(start) < 26 or start[:4] != b"fLaC":
        raise fault(segment.stem, f"{path.name} can't be decoded (not FLAC); download it again")
    if segment.frames is None:
        raise fault(segment.stem, "the header gives no length for its FLAC signal; add it")
    # RFC 9639, section 8.2: the low 36 bits here are the samples of each channel, 0 if unknown.
    found = int.from_bytes(start[18:26], "big") & ((1 << 36) - 1)
    expected = channel.byte_offset + segment.frames * channel.samples_per_frame
    if 0 < found < expected:
        raise fault(
            segment.stem,
            f"{path.name} is truncated: {expected} samples expected, {found} found; "
            "download it again",
        )
    check_length(segment.stem, segment.frames * channel.samples_per_frame)


@contextmanager
def _disk_errors(path: str | Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{path} can't be read ({error.strerror or error}); check the path and its permissions"
        ) from error
