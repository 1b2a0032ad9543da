"""`Recording`: the leads of one recording, each decoded only when it is the one asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ..lead_names import choose_lead
from ..record import Record
from .blob import Blob
from .units import mv_per_unit

MAX_SAMPLES = 1 << 28  # of one lead: 6 days at 500 Hz
MAX_GAP_FACTOR = 10  # gaps may be this much longer than the signal in a file ...
MAX_GAPS = 500_000
FREE_GAP_SAMPLES = 5_000_000  # ... or this long; beyond, a damaged time stamp is likelier

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ReadOptions:
    """What the caller knows or wants.

    `lead` by name; `rate_hz` and `unit` of plain text files that do not say them; names and birth
    dates are dropped unless `keep_identity`.
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
    """One recording in a file, by name, not yet read; `read` gives one lead of it."""

    name: str
    read: Callable[[ReadOptions], Record]


def entry(blob: Blob, load: Callable[[ReadOptions], Recording], name: str = "") -> Entry:
    """An entry whose record is called after its file, or `name` where a file holds several."""
    source = f"{blob.stem}/{name}" if name else blob.stem

    def read(options: ReadOptions) -> Record:
        try:
            return to_record(load(options), source, options)
        except InputError as error:
            text = str(error)
            raise error if text.startswith(blob.name) else blob.fault(text) from None

    return Entry(name or source.replace("\\", "/").rsplit("/", 1)[-1], read)


def to_record(recording: Recording, source: str, options: ReadOptions) -> Record:
    """The chosen lead as a Record in mV."""
    if not recording.leads:
        raise InputError("there is no ECG signal in it; choose another recording")
    lead = _chosen(recording.leads, options.lead)
    with np.errstate(all="ignore"):  # what overflows is missing
        samples = np.asarray(lead.load())
    if len(samples) == 0:
        raise InputError("the recording is empty (0 samples); export or download it again")
    scale = mv_per_unit(lead.unit)
    with np.errstate(all="ignore"):
        signal_mv = np.asarray(samples * (1.0 if scale is None else scale), np.float32)
    signal_mv[~np.isfinite(signal_mv)] = np.nan
    about = {key: text for key, text in recording.about.items() if text}
    if options.keep_identity:
        about |= {key: text for key, text in recording.identity.items() if text}
    return Record(
        signal_mv,
        lead.rate_hz,
        lead.name,
        recording.start_time,
        source,
        lead.has_gain and scale is not None,
        about,
    )


def _chosen(leads: Sequence[Lead], name: str | None) -> Lead:
    if len(leads) == 1 and not leads[0].name:  # a nameless column is what the caller says it is
        only = leads[0]
        return Lead(name or "signal 1", only.rate_hz, only.unit, only.load, only.has_gain)
    names = [lead.name or f"signal {at + 1}" for at, lead in enumerate(leads)]
    at = choose_lead(names, [lead.unit.strip().casefold() for lead in leads], name)
    chosen = leads[at]
    return Lead(names[at], chosen.rate_hz, chosen.unit, chosen.load, chosen.has_gain)


def with_gaps(
    samples: npt.NDArray[np.floating], at: npt.NDArray[np.int64], missing: npt.NDArray[np.int64]
) -> Floats:
    """Samples with `missing[k]` NaN before sample `at[k]`, for every k.

    Raises InputError where the gaps dwarf the signal: a time stamp is damaged or hostile.
    """
    lost = int(missing.sum())
    allowed = max(FREE_GAP_SAMPLES, MAX_GAP_FACTOR * len(samples))
    if lost > allowed or len(samples) + lost > MAX_SAMPLES:
        raise InputError(
            f"its gaps are {lost} samples long, beyond {allowed}; check its times or split it"
        )
    if len(at) > MAX_GAPS:
        raise InputError(f"it has {len(at)} gaps, beyond {MAX_GAPS}; check its times or split it")
    whole = np.full(len(samples) + lost, np.nan)
    shifts = np.cumsum(missing)
    starts, stops = [0, *at.tolist()], [*at.tolist(), len(samples)]
    for start, stop, shift in zip(starts, stops, [0, *shifts.tolist()], strict=True):
        whole[start + shift : stop + shift] = samples[start:stop]
    return whole


def checked_rate(samples_per: float, seconds: float, what: str) -> float:
    """A rate in Hz as samples over seconds; InputError where the seconds can't be."""
    if not seconds > 0 or not np.isfinite(seconds) or not np.isfinite(samples_per):
        raise InputError(f"{what} {seconds:g} s gives no sampling rate; export it again")
    return samples_per / seconds
