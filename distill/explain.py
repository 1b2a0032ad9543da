"""`explain`: which samples and beats of a record made the network name a class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..edge.analysis import Analysis
from ..edge.analyze import check_readable, gather
from ..edge.bundle import Bundle
from ..edge.errors import InputError
from ..edge.events import Beat, Quality, Rhythm
from ..edge.frontend import filter_record
from ..edge.labels import BEATS, RHYTHMS, WAVES
from ..edge.monitor import Monitor
from ..edge.record import Record
from ..edge.record_head import RecordHead
from ..edge.timing import HOP_SAMPLES, LOOKAHEAD_SAMPLES, WAVE_FRAME_SAMPLES
from ..edge.trace import beat_waves
from .export.graph import Graph
from .export.onnx_reader import read_graph
from .record_heads import pooled
from .saliency import Target, integrated_gradients, named_outputs
from .saliency_baseline import without_waves
from .saliency_targets import (
    BEATS_OUTPUT,
    DEEP_OUTPUT,
    WAVES_OUTPUT,
    beat_frames,
    beat_target,
    wave_target,
    window_odds,
    window_target,
)

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

DURATION_S, WINDOW_S = 10.0, 30.0  # of beats and waves; of rhythms and findings
LIMITS_S = (2.0, 30.0)
BEFORE_S = 6.0  # read in front of what is shown: the network looks back 5.2 s
AFTER_S = 1.2  # and behind it: the look-ahead and a T wave that begins inside
EDGE_S, ROOM_IN_FRONT = 0.1, 0.6  # of a picture whose place is free: least, and share
MOST_ABNORMAL_FIRST = ("V", "S", "N", "Q")


@dataclass(frozen=True)
class Explanation:
    """A stretch of a record, and what each sample and beat of it adds to one class.

    `lead_mv` is what the network reads, NaN where the record has no sample; `attribution` is in
    log-odds a sample. `shares` are the beats' parts of all absolute attribution, that outside the
    stretch included. `probability` is (times, values): of each beat, of each wave frame, or of a
    rhythm or finding by what was seen from the start until then. `change` is what the waves add to
    the log-odds, `gap` the share of it that the attributions miss: large where they add nothing.
    """

    record: Record
    model: dict[str, str]
    name: str
    start_s: float
    end_s: float
    t_s: Doubles
    lead_mv: Floats
    attribution: Floats
    beats: tuple[Beat, ...]
    shares: tuple[float, ...]
    probability: tuple[Doubles, Doubles]
    rhythms: tuple[Rhythm, ...]
    quality: tuple[Quality, ...]
    change: float
    gap: float

    @property
    def is_wave(self) -> bool:
        """Whether the class is a wave."""
        return self.name in WAVES

    @property
    def is_beat(self) -> bool:
        """Whether the class is of beats; of the whole window where it is no wave either."""
        return self.name in BEATS


def explain(
    record: Record,
    bundle: Bundle,
    *,
    name: str | None = None,
    start_s: float | None = None,
    duration_s: float | None = None,
) -> Explanation:
    """Explain a class (default: the most abnormal beats) where the record has the most of it.

    A rhythm or a finding is explained as the network's own opinion of the window, whatever it is.
    Raises InputError where the record can't be read, or the beats or waves are not there.
    """
    check_readable(record)
    head = RecordHead.from_manifest(bundle.manifest["record_head"])
    classes = (*BEATS, *WAVES[1:], *RHYTHMS, *head.findings)
    if name is not None and name not in classes:
        raise InputError(f"there is no class {name!r}; choose one of {', '.join(classes)}")
    of_window = name in RHYTHMS or name in head.findings
    duration = _duration(record, start_s, duration_s, WINDOW_S if of_window else DURATION_S)
    analysis, rhythms = _read(record, bundle)
    name = name or _most_abnormal(_inside(analysis.beats, start_s, duration), record)
    if of_window:
        start_s = _likeliest(rhythms, name, duration, record) if start_s is None else start_s
    else:
        times = class_times(analysis.beats, name)
        start_s = _busiest(times, duration, record.duration_s) if start_s is None else start_s
        if not any(start_s <= at < start_s + duration for at in times):
            raise _absent(name, record, start_s, start_s + duration, times)
    graph = read_graph(bundle.files[bundle.manifest["network"]])
    stretch = _Stretch(record, start_s, start_s + duration, name, analysis, head)
    return _explain_stretch(stretch, graph, rhythms)


def class_times(beats: Sequence[Beat], name: str) -> list[float]:
    """When a record's beats or waves of a class are, in order, in seconds."""
    if name in BEATS:
        return [beat.r_s for beat in beats if beat.label == name]
    return sorted(onset_s for onset_s, _ in _waves(beats, name))


def _explain_stretch(stretch: _Stretch, graph: Graph, rhythms: list[Rhythm]) -> Explanation:
    beats, t_s = stretch.analysis.beats, stretch.t_s
    baseline = without_waves(stretch.filtered_mv, t_s, beats)
    found = integrated_gradients(graph, stretch.filtered_mv, baseline, stretch.target())
    inside = (t_s >= stretch.start_s) & (t_s < stretch.end_s)
    with torch.no_grad():
        outputs = named_outputs(graph, torch.from_numpy(stretch.filtered_mv)[None])
    return Explanation(
        record=stretch.record,
        model=stretch.analysis.model,
        name=stretch.name,
        start_s=stretch.start_s,
        end_s=stretch.end_s,
        t_s=t_s[inside],
        lead_mv=np.where(stretch.is_missing, np.nan, stretch.filtered_mv)[inside],
        attribution=found.values[inside],
        beats=stretch.shown,
        shares=beat_shares(found.values, t_s, beats, stretch.shown),
        probability=stretch.probability(outputs),
        rhythms=tuple(rhythms),
        quality=tuple(stretch.analysis.quality),
        change=found.change,
        gap=found.gap,
    )


class _Stretch:
    """The filtered lead (n,), n whole hops, around what is shown, on the stream's own clock."""

    def __init__(
        self,
        record: Record,
        start_s: float,
        end_s: float,
        name: str,
        analysis: Analysis,
        head: RecordHead,
    ) -> None:
        self.record, self.start_s, self.end_s = record, start_s, end_s
        self.name, self.analysis, self._head = name, analysis, head
        self.shown = tuple(beat for beat in analysis.beats if start_s <= beat.r_s < end_s)
        until = round((end_s + AFTER_S) * record.rate_hz) + 1
        filtered, self._rate_hz = filter_record(record.signal_mv[:until], record.rate_hz)
        first = max(int((start_s - BEFORE_S) * self._rate_hz), 0)
        self._first = first // HOP_SAMPLES * HOP_SAMPLES
        lead = filtered[self._first :]
        padding = LOOKAHEAD_SAMPLES + -(len(lead) + LOOKAHEAD_SAMPLES) % HOP_SAMPLES
        self.filtered_mv = np.pad(lead, (0, padding), mode="edge")
        at = self._first + np.arange(len(self.filtered_mv))
        self.t_s: Doubles = at / self._rate_hz
        raw = np.clip(np.round(self.t_s * record.rate_hz), 0, len(record.signal_mv) - 1)
        self.is_missing = ~np.isfinite(record.signal_mv[raw.astype(int)])

    def target(self) -> Target:
        """The log-odds of the window, or of the beats or waves that begin in what is shown."""
        name, beats = self.name, self.analysis.beats
        if name in BEATS:
            r_s = class_times(beats, name)
            return beat_target(name, self._samples([at for at in r_s if self._shows(at)]))
        if name in WAVES:
            waves = [self._samples(wave) for wave in _waves(beats, name) if self._shows(wave[0])]
            return wave_target(name, [(a, b) for a, b in waves])
        return window_target(name, self._head, self._frames())

    def probability(self, outputs: dict[str, Tensor]) -> tuple[Doubles, Doubles]:
        """The class' probability of each beat, in each wave frame, or of the window until then."""
        if self.name in BEATS:
            r_s: Doubles = np.array([beat.r_s for beat in self.shown], np.float64)
            classes = outputs[BEATS_OUTPUT].softmax(1)[0, :, 0].numpy()
            of_class = classes[BEATS.index(self.name)]
            frames = np.minimum(beat_frames(self._samples(r_s.tolist())), len(of_class) - 1)
            return r_s, np.asarray(of_class[frames].mean(1), np.float64)
        if self.name in WAVES:
            frames_of = outputs[WAVES_OUTPUT].softmax(1)[0, WAVES.index(self.name), 0].numpy()
            delayed = frames_of[LOOKAHEAD_SAMPLES // WAVE_FRAME_SAMPLES :]
            frame = np.arange(len(delayed), dtype=np.float64)
            centre: Doubles = self._first + (frame + 0.5) * WAVE_FRAME_SAMPLES - 0.5
            return centre / self._rate_hz, delayed.astype(np.float64)
        deep = outputs[DEEP_OUTPUT][:, :, 0, self._frames()]
        until = torch.arange(1, deep.shape[2] + 1)
        features = torch.cat([pooled(deep, n[None]) for n in until])
        seen_s = self.start_s + until.numpy() * HOP_SAMPLES / self._rate_hz
        return seen_s, window_odds(features, self.name, self._head).sigmoid().double().numpy()

    def _samples(self, times_s: Sequence[float]) -> Doubles:
        """Times as samples of `filtered_mv`."""
        return np.asarray(times_s, np.float64) * self._rate_hz - self._first

    def _shows(self, at_s: float) -> bool:
        return self.start_s <= at_s < self.end_s

    def _frames(self) -> slice:
        """The deepest features of the window, a frame a hop."""
        first, last = (self._samples([self.start_s, self.end_s]) / HOP_SAMPLES).astype(int)
        return slice(int(first), max(int(last), int(first) + 1))


def beat_shares(
    attribution: Floats, t_s: Doubles, beats: Sequence[Beat], shown: Sequence[Beat]
) -> tuple[float, ...]:
    """Each shown beat's part of the absolute attribution, 0 to 1.

    A beat owns the time from its P onset (or QRS onset) to that of the next.
    """
    starts = [b.qrs_on_s if b.p_on_s is None else min(b.p_on_s, b.qrs_on_s) for b in beats]
    edges = np.searchsorted(t_s, [*starts, np.inf])
    sizes = np.abs(attribution.astype(np.float64))
    total = max(float(sizes.sum()), 1e-12)
    of_beat = {b.r_s: sizes[edges[k] : edges[k + 1]].sum() / total for k, b in enumerate(beats)}
    return tuple(float(of_beat[beat.r_s]) for beat in shown)


def _read(record: Record, bundle: Bundle) -> tuple[Analysis, list[Rhythm]]:
    monitor = Monitor(bundle, record.lead)
    events = monitor.push(record.signal_mv, record.rate_hz) + monitor.finish()
    return gather(record, bundle, events), [e for e in events if isinstance(e, Rhythm)]


def _duration(
    record: Record, start_s: float | None, duration_s: float | None, usual_s: float
) -> float:
    low, high = LIMITS_S
    if duration_s is not None and not low <= duration_s <= high:
        raise InputError(f"--duration takes {low:g} to {high:g} s, not {duration_s:g}")
    left_s = record.duration_s - (start_s or 0.0)
    if not (start_s or 0.0) >= 0 or not left_s >= low:
        raise InputError(
            f"{record.name or 'the record'} lasts {record.duration_s:.1f} s; --from takes 0 to "
            f"{record.duration_s - low:.1f}"
        )
    return min(duration_s or usual_s, left_s)


def _inside(beats: Sequence[Beat], start_s: float | None, duration_s: float) -> list[Beat]:
    """The beats of the stretch if its place is given, else all."""
    return [b for b in beats if start_s is None or start_s <= b.r_s < start_s + duration_s]


def _most_abnormal(beats: list[Beat], record: Record) -> str:
    found = {beat.label for beat in beats}
    for name in MOST_ABNORMAL_FIRST:
        if name in found:
            return name
    raise InputError(
        f"lead {record.lead} of {record.name or 'the record'} shows no beat there; choose another "
        "lead or --from"
    )


def _busiest(times: list[float], duration_s: float, record_s: float) -> float:
    """The start of the stretch with most of a class, the earliest; 0 where there is none.

    Most of the room that is left goes in front: what came before a beat is part of the reason.
    """
    if not times:
        return 0.0
    at = np.array(times)
    starts = at - EDGE_S
    counts = np.searchsorted(at, starts + duration_s) - np.arange(len(at))
    first = int(np.argmax(counts))
    room = duration_s - EDGE_S - float(at[first + counts[first] - 1] - at[first])
    start = float(at[first]) - max(ROOM_IN_FRONT * room, EDGE_S)
    return round(float(np.clip(start, 0.0, record_s - duration_s)), 2)


def _likeliest(rhythms: list[Rhythm], name: str, duration_s: float, record: Record) -> float:
    """The start of the window of which the class was most probable, the earliest; 0 for none."""
    said = {r.start_s: {**r.probabilities, **r.findings}.get(name, 0.0) for r in rhythms}
    start_s = max(said, key=lambda start: said[start], default=0.0)
    return round(float(np.clip(start_s, 0.0, record.duration_s - duration_s)), 2)


def _absent(
    name: str, record: Record, start_s: float, end_s: float, times: list[float]
) -> InputError:
    kind = "beat" if name in BEATS else "wave"
    where = record.name or "the record"
    if not times:
        return InputError(f"{where} has no {name} {kind} that could be explained; drop --class")
    return InputError(
        f"{where} has no {name} {kind} from {start_s:g} to {end_s:g} s; the first is at "
        f"{times[0]:.1f} s: drop --from"
    )


def _waves(beats: Sequence[Beat], name: str) -> list[tuple[float, float]]:
    return [(a, b) for beat in beats for wave, a, b in beat_waves(beat) if wave == name]
