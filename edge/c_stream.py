"""A record through the C core: samples in, the events of `events.py` out. See core/leadone.h."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from . import alert_limits
from .alert_limits import AlertLimits
from .episodes import texts
from .errors import InputError
from .events import Alert, Beat, Event, Quality, Rhythm
from .labels import BEATS, RHYTHMS

Floats = npt.NDArray[np.float32]

ALERTS = alert_limits.KINDS
REASONS = (
    *("", "missing", "flat", "drifting", "clipped", "muscle", "unreadable"),
    *("motion", "powerline"),
)
STATES = ("good", "noisy", "lead_off")
MOST_BLOCKED, MOST_FINDINGS, MOST_EVIDENCE, MOST_RR = 6, 16, 32, 8
ROOM = 512  # events a call

# The structs of leadone.h: numpy reads a block of events at once.
PARTS: dict[type[Event], list[Any]] = {
    Beat: [
        ("times_s", "f8", 7),
        ("blocked_p_s", "f8", (MOST_BLOCKED, 2)),
        ("confidence", "f4"),
        ("label", "i4"),
        ("blocked", "i4"),
    ],
    Rhythm: [
        ("span_s", "f8", 2),
        ("label", "i4"),
        ("findings_read", "i4"),
        ("evidence_read", "i4"),
        ("probabilities", "f4", len(RHYTHMS)),
        ("findings", "f4", MOST_FINDINGS),
        ("evidence", "f4", MOST_EVIDENCE),
    ],
    Alert: [
        ("times_s", "f8", 3),
        ("kind", "i4"),
        ("rr_read", "i4"),
        ("confidence", "f4"),
        ("rr_s", "f4", MOST_RR),
    ],
    Quality: [("span_s", "f8", 2), ("state", "i4"), ("reason", "i4")],
}
QUALITY = np.dtype(PARTS[Quality])
EVENT = np.dtype([("kind", "i4"), ("reserved", "i4"), ("of", "V240")])
KINDS = tuple(PARTS)  # 1, 2, ... in `leadone_kind`


def _filled_up(part: list[Any]) -> np.dtype[np.void]:
    """A part of the union in the union's size."""
    return np.dtype([*part, ("rest", f"V{EVENT['of'].itemsize - np.dtype(part).itemsize}")])


PART_TYPES = tuple(map(_filled_up, PARTS.values()))


C_TYPES: dict[type, Any] = {
    float: ctypes.c_double,
    int: ctypes.c_int32,
    tuple: ctypes.c_float * len(ALERTS),
}


class _Limits(ctypes.Structure):
    _fields_ = tuple((field.name, C_TYPES[type(field.default)]) for field in fields(AlertLimits))


class _Options(ctypes.Structure):
    _fields_ = (("is_other_lead", ctypes.c_bool), ("limits", ctypes.POINTER(_Limits)))


class CStream:
    """One record's state; `push` and `finish` as those of a `Monitor`'s stream."""

    def __init__(
        self,
        library: Path,
        rate_hz: float,
        findings: tuple[str, ...],
        is_lead_one: bool,
        limits: AlertLimits,
    ) -> None:
        """Begin a record; `findings` are the codes of the bundle's record head."""
        self._c = _loaded(library)
        self._findings, self._texts = findings, texts(limits)
        c_limits = _Limits(**asdict(limits))
        options = _Options(not is_lead_one, ctypes.pointer(c_limits))
        size = self._c.leadone_state_size(rate_hz)
        self._memory = np.zeros(-(-size // 8), np.float64)
        at = self._c.leadone_init(
            self._memory.ctypes.data, self._memory.nbytes, rate_hz, ctypes.byref(options)
        )
        if not at:
            raise InputError(f"backend c takes no sampling rate of {rate_hz:g} Hz")
        self._state = ctypes.c_void_p(at)
        self._events = np.zeros(ROOM, EVENT)

    def push(self, raw: Floats) -> list[Event]:
        """Take the next samples in mV; give the events they complete."""
        return self._take(np.ascontiguousarray(raw, np.float32)) if len(raw) else []

    def finish(self) -> list[Event]:
        """End the record: the events still open."""
        return self._take(None)

    @property
    def signal_now(self) -> Quality | None:
        """The stretch of quality that goes on, as far as it is judged; None at first."""
        stretch = np.zeros((), QUALITY)
        is_judged = self._c.leadone_signal_now(self._state, stretch.ctypes.data)
        return _quality(stretch.item()) if is_judged else None

    def _take(self, samples: Floats | None) -> list[Event]:
        """Events of these samples; None for those of the record's end."""
        events: list[Event] = []
        left, taken = 0 if samples is None else len(samples), ctypes.c_size_t()
        room = self._events.ctypes.data
        while True:
            at = None if samples is None else samples[len(samples) - left :].ctypes.data
            found = self._c.lo_push_block(self._state, at, left, room, ROOM, ctypes.byref(taken))
            left -= taken.value
            if found:
                events += self._read(self._events[:found])
            if left == 0 and found < ROOM:
                return events

    def _read(self, events: npt.NDArray[np.void]) -> list[Event]:
        kinds = events["kind"] - 1
        made: dict[int, Iterator[Event]] = {}
        for k in set(kinds.tolist()):
            chosen = np.frombuffer(events["of"][kinds == k].tobytes(), PART_TYPES[k])
            columns = [chosen[name].tolist() for name, *_ in PARTS[KINDS[k]]]
            made[k] = map(self._makers()[k], zip(*columns, strict=True))
        return [next(made[k]) for k in kinds.tolist()]

    def _makers(self) -> tuple[Callable[[Any], Event], ...]:
        return (_beat, self._rhythm, self._alert, _quality)

    def _rhythm(self, row: Any) -> Rhythm:
        span_s, label, n_findings, n_evidence, probabilities, findings, evidence = row
        start_s, end_s = span_s
        return Rhythm(
            start_s,
            end_s,
            RHYTHMS[label],
            dict(zip(RHYTHMS, probabilities, strict=True)),
            dict(zip(self._findings, findings[:n_findings], strict=False)) if n_findings else {},
            tuple(evidence[:n_evidence]),
        )

    def _alert(self, row: Any) -> Alert:
        (at_s, start_s, end_s), kind, count, confidence, rr_s = row
        name = ALERTS[kind]
        text, rr_read = self._texts[name], tuple(rr_s[:count])
        return Alert(name, at_s, start_s, text, _present(end_s), confidence, rr_read)


def _beat(row: Any) -> Beat:
    times_s, blocked_p_s, confidence, label, count = row
    r_s, qrs_on_s, qrs_off_s, *waves = times_s
    p_on_s, p_off_s, t_on_s, t_off_s = map(_present, waves)
    blocked = tuple((on_s, off_s) for on_s, off_s in blocked_p_s[:count])
    return Beat(
        r_s,
        qrs_on_s,
        qrs_off_s,
        p_on_s,
        p_off_s,
        t_on_s,
        t_off_s,
        BEATS[label],
        confidence,
        blocked,
    )


def _quality(row: Any) -> Quality:
    (start_s, end_s), state, reason = row
    return Quality(start_s, end_s, STATES[state], REASONS[reason])


def _present(at_s: float) -> float | None:
    return None if at_s < 0 else at_s


def _loaded(library: Path) -> ctypes.CDLL:
    c = ctypes.CDLL(str(library))
    pointer, size = ctypes.c_void_p, ctypes.c_size_t
    c.leadone_state_size.restype, c.leadone_state_size.argtypes = size, [ctypes.c_double]
    c.leadone_init.restype = pointer
    c.leadone_init.argtypes = [pointer, size, ctypes.c_double, pointer]
    c.leadone_signal_now.restype = ctypes.c_bool
    c.leadone_signal_now.argtypes = [pointer, pointer]
    c.lo_push_block.restype = size
    c.lo_push_block.argtypes = [pointer, pointer, size, pointer, size, pointer]
    return c
