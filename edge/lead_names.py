"""Lead names: which name means which lead, and which channels are no ECG at all."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from .errors import InputError

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


def find_lead(names: Sequence[str], lead: str) -> int | None:
    """Which of `names` is `lead`: the very name, the lead it means, then MLII for II; or None."""
    key = lead_key(lead)
    tests: tuple[Callable[[str], bool], ...] = (
        lambda name: name.strip().casefold() == lead.strip().casefold(),
        lambda name: lead_key(name) == key,
        lambda name: lead_key(name).removeprefix("ml") == key.removeprefix("ml"),
    )
    for test in tests:
        for index, name in enumerate(names):
            if test(name):
                return index
    return None


def choose_lead(names: Sequence[str], units: Sequence[str], lead: str | None) -> int:
    """The channel to read: `lead`, else lead I, else the first that is called ECG or may be one.

    `units` in lower case. Raises InputError with the names to choose from.
    """
    found = find_lead(names, "I" if lead is None else lead)
    if found is not None:
        return found
    listed = ", ".join(names)
    if lead is not None:
        raise InputError(f"there is no lead {lead!r}; choose one of {listed}")
    pairs = enumerate(zip(names, units, strict=True))
    candidates = [at for at, (name, unit) in pairs if not is_other_signal(name, unit)]
    if not candidates:
        raise InputError(f"no channel looks like an ECG; if one is, name it with --lead: {listed}")
    return next((at for at in candidates if is_named_ecg(names[at])), candidates[0])


def is_named_ecg(name: str) -> bool:
    """A name that says ECG, in any of the usual spellings."""
    return ECG_NAME.match(_plain(name)) is not None


def is_other_signal(name: str, unit: str) -> bool:
    """A name or unit that says pressure, breath, motion or the like, and not ECG."""
    told = OTHER_NAME.search(_plain(name)) or OTHER_UNIT.search(unit)
    return bool(told) and not is_named_ecg(name)


def _plain(name: str) -> str:
    text = name.strip().casefold()
    return ("-" if text.startswith("-") else "") + re.sub(r"[\s_\-.:]+", "", text)
