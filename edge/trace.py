"""The scrolling picture of a stream: a braille trace, its waves in colour, and what was found."""

from __future__ import annotations

from itertools import groupby

import numpy as np
import numpy.typing as npt
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from .events import Alert, Beat, Event, Quality, Rhythm
from .intervals import heart_rate_bpm, median_intervals_ms
from .names import STATE_NAMES
from .record import FloatArray, Record

SPAN_S = 6.0
RECENT_BEATS = 8  # for the heart rate and intervals of the moment
RHYTHM_NAMES = {
    "normal": "normal",
    "af": "suspicious of AF",
    "other": "other",
    "noise": "unreadable",
}

# Okabe-Ito hues, in tones that carry on black and on white terminals.
WAVE_STYLES = {"P": "#3a9bdc", "QRS": "#e0692a", "T": "#1fa37c"}
BEAT_STYLES = {"N": "default", "S": "bold #c9599f", "V": "bold #e0692a", "Q": "bold #b8962a"}

_DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])  # of a braille cell
_BLANK = 0x2800


def braille(
    samples: npt.NDArray[np.floating], low: float, high: float, columns: int, rows: int
) -> list[str]:
    """Samples as lines of braille cells, low at the bottom; NaN leaves a gap."""
    bottom, top = _column_extremes(samples, 2 * columns)
    steps = 4 * rows - 1
    first = np.clip(np.round((high - top) / (high - low) * steps), 0, steps)
    last = np.clip(np.round((high - bottom) / (high - low) * steps), 0, steps)
    level = np.arange(4 * rows)[:, None]
    dots = (level >= first) & (level <= last)  # NaN compares false
    cells = (dots.reshape(rows, 4, columns, 2) * _DOTS[None, :, None, :]).sum((1, 3))
    return ["".join(chr(_BLANK + code) for code in row) for row in cells.tolist()]


def _column_extremes(
    samples: npt.NDArray[np.floating], columns: int
) -> tuple[npt.NDArray[np.floating], npt.NDArray[np.floating]]:
    """Lowest and highest value of each dot column, joined to the next so that lines close."""
    if len(samples) < 4 * columns:
        at = np.linspace(0, len(samples) - 1, 4 * columns)
        samples = np.interp(at, np.arange(len(samples)), samples)
    starts = np.linspace(0, len(samples), columns, endpoint=False).astype(int)
    following = np.append(samples[starts[1:]], np.nan)
    low = np.fmin.reduceat(samples, starts)
    high = np.fmax.reduceat(samples, starts)
    gap = np.isnan(low)
    return (
        np.where(gap, np.nan, np.fmin(low, following)),
        np.where(gap, np.nan, np.fmax(high, following)),
    )


class LiveView:
    """What a stream has said so far, drawn as one panel."""

    def __init__(self, record: Record, speed: float | None) -> None:
        """An empty view on a record."""
        self._record = record
        self._speed = "as fast as possible" if speed is None else f"{speed:g}x"
        self._now_s = 0.0
        self._beats: list[Beat] = []
        self._rhythm = "not yet known"
        self._quality: list[Quality] = []
        self._signal: Quality | None = None
        self._alert: Alert | None = None
        self._counts: dict[str, int] = {}

    def advance(self, now_s: float, events: list[Event], signal_now: Quality | None = None) -> None:
        """Take the stream's next events, and the stretch of quality that goes on."""
        self._now_s, self._signal = now_s, signal_now
        for event in events:
            if isinstance(event, Beat):
                self._beats.append(event)
                self._counts[event.label] = self._counts.get(event.label, 0) + 1
            elif isinstance(event, Rhythm):
                self._rhythm = RHYTHM_NAMES.get(event.label, event.label)
            elif isinstance(event, Quality):
                self._quality.append(event)
            elif isinstance(event, Alert):
                self._alert = event
        seen_from = now_s - SPAN_S - 3.0
        old = sum(beat.r_s < seen_from for beat in self._beats)
        del self._beats[: max(min(old, len(self._beats) - RECENT_BEATS), 0)]
        needed_s = self._beats[0].r_s if self._beats else now_s
        self._quality = [q for q in self._quality if q.end_s > needed_s]

    def render(self, width: int, height: int) -> RenderableType:
        """The panel for a terminal of this size."""
        columns, rows = max(width - 4, 20), min(max(height - 9, 3), 12)
        body = Group(
            self._header(columns),
            *self._picture(columns, rows),
            self._figures(),
            self._state(),
            self._alert_line(),
        )
        note = "research use, not a medical device"
        return Panel(body, title="leadone", subtitle=note, border_style="dim", width=columns + 4)

    def _header(self, columns: int) -> Table:
        record, share = self._record, min(self._now_s / max(self._record.duration_s, 1e-9), 1.0)
        done = round(share * (bar := max(min(columns - 60, 30), 6)))
        left = Text(record_title(record), style="bold", overflow="ellipsis", no_wrap=True)
        left.append(f"  lead {record.lead}  {record.rate_hz:g} Hz", style="dim")
        right = Text(f"{clock(self._now_s)} / {clock(record.duration_s)} ", no_wrap=True)
        right.append("━" * done, style="#3a9bdc").append("━" * (bar - done), style="dim")
        right.append(f"  {self._speed}", style="dim")
        line = Table.grid(expand=True)
        line.add_column(ratio=1, no_wrap=True)
        line.add_column(justify="right", no_wrap=True)
        line.add_row(left, right)
        return line

    def _picture(self, columns: int, rows: int) -> list[Text]:
        """Beat labels, the trace and the row of waves, on columns that move with the signal."""
        column_s = SPAN_S / columns
        first = int(self._now_s / column_s) - columns
        samples = self._samples(first * column_s, (first + columns) * column_s)
        labels, waves = self._marks(first, columns)
        styles = [WAVE_STYLES.get(name, "default") for name in waves]
        blocks = [f"bold white on {WAVE_STYLES[name]}" if name else "" for name in waves]
        lines = braille(samples, *_range_mv(samples), columns, rows)
        return [
            _styled([label or " " for label in labels], [BEAT_STYLES.get(x, "") for x in labels]),
            *(_styled(list(line), styles) for line in lines),
            _styled(_wave_names(waves), blocks),
        ]

    def _marks(self, first: int, columns: int) -> tuple[list[str], list[str]]:
        """Beat label and wave of each column from column `first` of the record on."""
        labels, waves = [""] * columns, [""] * columns
        column_s = SPAN_S / columns
        for beat in self._beats:
            for name, onset_s, offset_s in beat_waves(beat):
                start = int(onset_s / column_s + (0.0 if name == "QRS" else 0.5)) - first
                stop = int(offset_s / column_s + (1.0 if name == "QRS" else 0.5)) - first
                for column in range(max(start, 0), min(max(stop, start + 1), columns)):
                    waves[column] = name
            if 0 <= (at := int(beat.r_s / column_s) - first) < columns:
                labels[at] = beat.label
        return labels, waves

    def _samples(self, start_s: float, end_s: float) -> FloatArray:
        """The signal between two times, NaN before the record's start."""
        rate_hz = self._record.rate_hz
        start, end = round(start_s * rate_hz), round(end_s * rate_hz)
        known = self._record.signal_mv[max(start, 0) : max(end, 0)]
        samples = np.full(end - start, np.nan, np.float32)
        missing_first = min(max(-start, 0), len(samples))
        samples[missing_first : missing_first + len(known)] = known
        return samples

    def _figures(self) -> Text:
        recent = self._beats[-RECENT_BEATS:]
        quality = [*self._quality, *([self._signal] if self._signal else [])]
        rate_bpm, medians = heart_rate_bpm(recent, quality), median_intervals_ms(recent, quality)
        line = Text("♥ ", style="#e0692a", no_wrap=True, overflow="crop")
        line.append(f"{whole_number(rate_bpm):>3} /min  ", style="bold default")
        for name, key in (("PR", "pr"), ("QRS", "qrs"), ("QT", "qt"), ("QTcF", "qtc")):
            line.append(f" {name} ", style="dim default").append(
                f"{whole_number(medians[key]):>3}", style="default"
            )
        return line.append(" ms", style="dim default")

    def _state(self) -> Text:
        counts = "  ".join(f"{self._counts.get(label, 0)} {label}" for label in BEAT_STYLES)
        line = Text("beats ", style="dim", no_wrap=True, overflow="crop")
        line.append(counts, style="not dim default").append("   rhythm ")
        line.append(self._rhythm, style="not dim default").append("   signal ")
        is_bad = self._signal is not None and self._signal.state != "good"
        return line.append(
            _quality_words(self._signal), style=f"not dim {'#b8962a' if is_bad else 'default'}"
        )

    def _alert_line(self) -> Text:
        line = Text(style="dim", no_wrap=True, overflow="ellipsis")
        if self._alert is None:
            return line.append("no alert")
        text = f"{clock(self._alert.start_s)} {self._alert.text}"
        style = "bold #b8962a" if self._alert.end_s is None else "default"
        ended = "" if self._alert.end_s is None else f", ended {clock(self._alert.end_s)}"
        return line.append(text + ended, style=f"not dim {style}")


def beat_waves(beat: Beat) -> list[tuple[str, float, float]]:
    """The waves that a beat has, by name with onset and offset; the QRS last, on top."""
    waves = [("P", onset_s, offset_s) for onset_s, offset_s in beat.blocked_p_s]
    if beat.p_on_s is not None and beat.p_off_s is not None:
        waves.append(("P", beat.p_on_s, beat.p_off_s))
    if beat.t_on_s is not None and beat.t_off_s is not None:
        waves.append(("T", beat.t_on_s, beat.t_off_s))
    return [*waves, ("QRS", beat.qrs_on_s, beat.qrs_off_s)]


def record_title(record: Record) -> str:
    """What a record is called where there is no name."""
    return record.name or "record"


def clock(seconds: float) -> str:
    """Minutes and seconds, with hours where there are any."""
    whole = int(seconds)
    minutes = f"{whole // 60 % 60:02d}:{whole % 60:02d}"
    return f"{whole // 3600}:{minutes}" if whole >= 3600 else minutes.removeprefix("0")


def _quality_words(signal: Quality | None) -> str:
    if signal is None:
        return "-"
    return STATE_NAMES[signal.state] + (f", {signal.reason}" if signal.reason else "")


def _range_mv(samples: FloatArray) -> tuple[float, float]:
    """Lowest and highest mV to draw, in steps of 0.5 mV so that the picture does not tremble."""
    valid = samples[np.isfinite(samples)]
    if not len(valid):
        return -0.5, 0.5
    low, high = np.percentile(valid, [0.2, 99.8]).tolist()
    low, high = np.floor(low * 2) / 2, np.ceil(high * 2) / 2
    return (low, high) if high - low >= 1 else (low - 0.5, low + 0.5)


def _wave_names(waves: list[str]) -> list[str]:
    """One letter in the middle of each wave's run of columns."""
    cells: list[str] = []
    for name, run in groupby(waves):
        width = len(list(run))
        cells += (
            list(name[:width].center(width)) if name != "QRS" or width > 2 else ["R", " "][:width]
        )
    return cells


def _styled(cells: list[str], styles: list[str]) -> Text:
    text, at = Text(no_wrap=True, overflow="crop", end="\n"), 0
    for style, run in groupby(styles):
        width = len(list(run))
        text.append("".join(cells[at : at + width]), style=style)
        at += width
    return text


def whole_number(value: float | None) -> str:
    """A rounded figure, or a dash where there is none."""
    return "-" if value is None else str(round(value))
