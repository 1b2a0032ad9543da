"""NSTDB's noises as they were recorded: baseline wander, muscle, electrode motion (Moody 1984)."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..edge.errors import InputError, first_line
from ..edge.formats.wfdb_records import read_leads

Floats = npt.NDArray[np.float32]

NOISES = ("bw", "ma", "em")
LEADS = ("noise1", "noise2")
NOISE_RATE_HZ = 360.0
LEAST_S = 60.0  # two thirds of it are longer than any window that is trained on
RECOVERED = "em_recovered.npz"  # em's noise without em, in parts
RECOVERED_PER_MV = 200.0


def recorded_noises(folder: Path) -> dict[str, list[Floats]]:
    """The noises that a folder has, by name: recordings in mV at 360 Hz, each (n, 2).

    Raises InputError for a damaged one, and where there is none.
    """
    found = {
        name: [_record(folder / name)] for name in NOISES if (folder / f"{name}.hea").is_file()
    }
    if "em" not in found and (folder / RECOVERED).is_file():
        found["em"] = _recovered(folder / RECOVERED)
    if not found:
        raise InputError(f"{folder} has no noise records; see `leadone data get nstdb`")
    for name, parts in found.items():
        for part in parts:
            _check(folder / name, part)
    return found


def _record(path: Path) -> Floats:
    leads = read_leads(path, LEADS)
    if set(leads) != set(LEADS) or any(r.rate_hz != NOISE_RATE_HZ for r in leads.values()):
        raise InputError(
            f"{path} is not NSTDB's noise, two signals noise1 and noise2 at {NOISE_RATE_HZ:g} Hz; "
            "see `leadone data get nstdb`"
        )
    return np.stack([leads[name].signal_mv for name in LEADS], 1)


def _recovered(path: Path) -> list[Floats]:
    try:
        with np.load(path, allow_pickle=False) as motion:
            return _parts(motion)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} is damaged ({first_line(error)}); get it again") from error


def _parts(motion: Mapping[str, npt.NDArray[np.int16]]) -> list[Floats]:
    parts = [motion[key] / RECOVERED_PER_MV for key in motion if key.startswith("seg")]
    if not parts or any(part.ndim != 2 or part.shape[1] != len(LEADS) for part in parts):
        raise ValueError("no parts of two signals")
    return [part.astype(np.float32) for part in parts]


def _check(path: Path, noise_mv: Floats) -> None:
    if len(noise_mv) < LEAST_S * NOISE_RATE_HZ:
        raise InputError(
            f"{path} holds {len(noise_mv) / NOISE_RATE_HZ:.0f} s of noise, {LEAST_S:.0f} are "
            "needed; see `leadone data get nstdb`"
        )
    if not np.isfinite(noise_mv).all() or not np.ptp(noise_mv, axis=0).all():
        raise InputError(
            f"{path} has gaps or a signal that does not move; see `leadone data get nstdb`"
        )
