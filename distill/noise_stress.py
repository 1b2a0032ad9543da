"""Recorded noise on a clean record at a known signal-to-noise ratio, as `nst` of WFDB makes NSTDB.

Five minutes as they are, then two minutes with noise and two without by turns. S is a sine's power
of the QRS' size: the mean peak-to-peak amplitude within 50 ms of the first 300 normal beats,
squared, by 8, the smallest and largest 5 % left out. N is the square of the mean root-mean-square
of the noise's seconds about their own means, again without 5 % at each end. SNR = 10 log10(S / N)
in dB.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..edge.errors import InputError
from ..pretrain.augment import AugmentConfig
from ..pretrain.nstdb import NOISE_RATE_HZ, NOISES, recorded_noises

Doubles = npt.NDArray[np.float64]

CLEAN_S, TURN_S = 300.0, 120.0
QRS_S = 0.05  # on each side of an R peak
BEATS, TRIMMED = 300, 0.05


def load_test_noise(folder: Path) -> dict[str, Doubles]:
    """The first channel of each of NSTDB's noises in mV, of the part that training never sees."""
    recorded, found = recorded_noises(folder), {}
    seen = AugmentConfig().train_share_of_noise
    for name in NOISES:
        if name not in recorded:
            raise InputError(f"{folder} has no noise {name!r}; see `leadone data get nstdb`")
        parts = [part[:, 0].astype(np.float64) for part in recorded[name]]
        kept = [part[int(len(part) * seen) :] - np.median(part) for part in parts]
        found[name] = np.concatenate(kept)
    return found


def is_noisy(at_s: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Whether the protocol adds noise at these times."""
    turn = np.floor((np.asarray(at_s, np.float64) - CLEAN_S) / TURN_S)
    return np.asarray((turn >= 0) & (turn % 2 == 0))


def signal_power(signal_mv: Doubles, r_s: Sequence[float], rate_hz: float) -> float:
    """S, in mV^2."""
    reach = round(QRS_S * rate_hz)
    places = [round(at * rate_hz) for at in r_s[:BEATS]]
    around = [signal_mv[max(at - reach, 0) : at + reach] for at in places]
    return _trimmed_mean([float(np.ptp(part)) for part in around if len(part)]) ** 2 / 8


def noise_power(noise_mv: Doubles, rate_hz: float) -> float:
    """N, in mV^2."""
    second = round(rate_hz)
    rows = noise_mv[: len(noise_mv) // second * second].reshape(-1, second)
    return _trimmed_mean(rows.std(1).tolist()) ** 2


def with_noise(
    signal_mv: Doubles, noise_mv: Doubles, r_s: Sequence[float], rate_hz: float, snr_db: float
) -> npt.NDArray[np.float32]:
    """The signal with noise at a ratio, by the protocol; short noise is played to and fro."""
    if rate_hz != NOISE_RATE_HZ:
        raise InputError(f"the noise is at {NOISE_RATE_HZ:g} Hz, the record at {rate_hz:g} Hz")
    ratio = 10 ** (snr_db / 10)
    wanted = signal_power(signal_mv, r_s, rate_hz) / ratio
    gain = np.sqrt(wanted / noise_power(noise_mv, rate_hz))
    there_and_back = np.concatenate([noise_mv, noise_mv[::-1]])
    noise = np.resize(there_and_back, len(signal_mv))
    added = gain * noise * is_noisy(np.arange(len(signal_mv)) / rate_hz)
    return np.asarray(signal_mv + added, np.float32)


def _trimmed_mean(values: Sequence[float]) -> float:
    ordered = np.sort(values)
    cut = int(TRIMMED * len(ordered))
    return float(ordered[cut : len(ordered) - cut].mean())
