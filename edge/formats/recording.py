"""`Recording`: the leads of one recording, each decoded only when it is the one asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ..lead_names import choose_lead
from ..record import NOTHING, DiskRecord, FloatArray, Record
from .blob import Blob
from .units import mv_per_unit

MAX_SAMPLES = 1 << 28  # of one lead in memory: 6 days at 500 Hz
MAX_ON_DISK = 1 << 30  # of one that is read in parts: 24 days
MAX_GAP_FACTOR = 10  # gaps may be this much longer than the signal in a file ...
MAX_GAPS = 500_000
FREE_GAP_SAMPLES = 5_000_000  # ... or this long; beyond, a damaged time stamp is likelier

Real = TypeVar("Real", bound=np.floating[Any])
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ReadOptions:
    """What the caller knows or wants.

    `lead` by name; `rate_hz` of plain text files and `unit` of any but WFDB that do not say them;
    names and birth dates are dropped unless `keep_identity`.
    """

    lead: str | None = None
    rate_hz: float | None = None
    unit: str | None = None
    keep_identity: bool = False


@dataclass(frozen=True)
class Lead:
    """One channel: `load` gives its samples in `unit`, NaN where missing.

    `unit` empty or no voltage: the samples are a guess in mV, and the record says so.
    """

    name: str
    rate_hz: float
    unit: str
    load: Callable[[], npt.NDArray[np.floating]]
    has_gain: bool = True
    parts: Callable[[], Parts] | None = None


@dataclass(frozen=True)
class Parts:
    """How a lead is read in parts: its length, and what decodes samples from start to stop."""

    samples: int
    load: Callable[[int, int], npt.NDArray[np.floating]]


@dataclass(frozen=True)
class Recording:
    """One recording of one person: its leads, when it began, what the file says about it.

    `identity` holds what names the person (patient_name, birth_date, patient_id): readers put it
    here and nowhere else, so that it can be dropped in one place.
    """

    leads: tuple[Lead, ...]
    start_time: datetime | None = None
    about: Mapping[str, str] = field(default_factory=dict)
    identity: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Entry:
    """One recording in a file, by name, not yet read; `read` gives one lead of it.

    `open` gives the same lead, left on disk where the format lets parts be read.
    """

    name: str
    read: Callable[[ReadOptions], Record]
    open: Callable[[ReadOptions], Record]


def entry(blob: Blob, load: Callable[[ReadOptions], Recording], name: str = "") -> Entry:
    """An entry whose record is called after its file, or `name` where a file holds several."""
    source = f"{blob.stem}/{name}" if name else blob.stem

    def guarded(options: ReadOptions, convert: Callable[..., Record]) -> Record:
        try:
            return convert(load(options), source, options)
        except InputError as error:
            text = str(error)
            raise error if text.startswith(blob.name) else blob.fault(text) from None

    return Entry(
        name or source.replace("\\", "/").rsplit("/", 1)[-1],
        lambda options: guarded(options, to_record),
        lambda options: guarded(options, to_disk_record),
    )


def to_record(recording: Recording, source: str, options: ReadOptions) -> Record:
    """The chosen lead as a Record in mV."""
    lead = _with_unit(_chosen(recording.leads, options.lead), options)
    with np.errstate(all="ignore"):  # what overflows is missing
        signal_mv = _in_mv(np.asarray(lead.load()), lead)
    if len(signal_mv) == 0:
        raise _empty()
    return _record(signal_mv, recording, lead, source, options)


def to_disk_record(recording: Recording, source: str, options: ReadOptions) -> Record:
    """The chosen lead left on disk where it can be read in parts, else as `to_record` has it."""
    lead = _with_unit(_chosen(recording.leads, options.lead), options)
    if lead.parts is None:
        return to_record(recording, source, options)
    parts = lead.parts()
    if parts.samples == 0:
        raise _empty()

    def decode(start: int, stop: int) -> FloatArray:
        with np.errstate(all="ignore"):
            return _in_mv(np.asarray(parts.load(start, stop)), lead)

    facts = _record(NOTHING, recording, lead, source, options)
    return DiskRecord(facts, parts.samples, decode)


def _empty() -> InputError:
    return InputError("the recording is empty (0 samples); export or download it again")


def _in_mv(samples: npt.NDArray[np.floating], lead: Lead) -> FloatArray:
    scale = mv_per_unit(lead.unit)
    with np.errstate(all="ignore"):
        signal_mv = np.asarray(samples * (1.0 if scale is None else scale), np.float32)
    signal_mv[~np.isfinite(signal_mv)] = np.nan
    return signal_mv


def _record(
    signal_mv: FloatArray, recording: Recording, lead: Lead, source: str, options: ReadOptions
) -> Record:
    about = {key: text for key, text in recording.about.items() if text}
    if options.keep_identity:
        about |= {key: text for key, text in recording.identity.items() if text}
    has_gain = lead.has_gain and mv_per_unit(lead.unit) is not None
    return Record(signal_mv, lead.rate_hz, lead.name, recording.start_time, source, has_gain, about)


def _chosen(leads: Sequence[Lead], name: str | None) -> Lead:
    if not leads:
        raise InputError("there is no ECG signal in it; choose another recording")
    if len(leads) == 1 and not leads[0].name:  # a nameless column is what the caller says it is
        only = leads[0]
        return replace(only, name=name or "signal 1")
    names = [lead.name or f"signal {at + 1}" for at, lead in enumerate(leads)]
    at = choose_lead(names, [lead.unit.strip().casefold() for lead in leads], name)
    return replace(leads[at], name=names[at])


def _with_unit(lead: Lead, options: ReadOptions) -> Lead:
    """A lead that says no voltage in the unit that the caller says."""
    is_said = options.unit is None or mv_per_unit(lead.unit) is not None
    return lead if is_said else replace(lead, unit=options.unit or "")


def with_gaps(
    samples: npt.NDArray[Real], at: npt.NDArray[np.int64], missing: npt.NDArray[np.int64]
) -> npt.NDArray[Real]:
    """Samples with `missing[k]` NaN before sample `at[k]`, for every k.

    Raises InputError where the gaps dwarf the signal: a time stamp is damaged or hostile.
    """
    lost = check_gaps(len(samples), missing, MAX_SAMPLES)
    whole = np.full(len(samples) + lost, np.nan, samples.dtype)
    shifts = np.cumsum(missing)
    starts, stops = [0, *at.tolist()], [*at.tolist(), len(samples)]
    for start, stop, shift in zip(starts, stops, [0, *shifts.tolist()], strict=True):
        whole[start + shift : stop + shift] = samples[start:stop]
    return whole


def check_gaps(count: int, missing: npt.NDArray[np.int64], most: int) -> int:
    """How many samples are missing beside `count`, together no more than `most`."""
    lost = int(missing.sum())
    allowed = max(FREE_GAP_SAMPLES, MAX_GAP_FACTOR * count)
    if lost > allowed or count + lost > most:
        raise InputError(
            f"its gaps are {lost} samples long, beyond {allowed}; check its times or split it"
        )
    if len(missing) > MAX_GAPS:
        raise InputError(
            f"it has {len(missing)} gaps, beyond {MAX_GAPS}; check its times or split it"
        )
    return lost


def checked_rate(samples_per: float, seconds: float, what: str) -> float:
    """A rate in Hz as samples over seconds; InputError where the seconds can't be."""
    if not seconds > 0 or not np.isfinite(seconds) or not np.isfinite(samples_per):
        raise InputError(f"{what} {seconds:g} s gives no sampling rate; export it again")
    return samples_per / seconds
