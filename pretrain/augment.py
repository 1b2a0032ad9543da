"""Augmentations for one lead, each from an explicit generator: what happens to a lead on a body.

Time warp stays within physiology; gain and polarity stand for devices and swapped hands; baseline
wander, muscle and electrode-motion noise are real recordings (NSTDB, Moody 1984).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, sosfiltfilt

from ..edge.filters import RATE_HZ
from ..edge.frontend import filter_record
from .nstdb import LEADS, NOISE_RATE_HZ, recorded_noises

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class AugmentConfig:
    """Ranges are drawn log-uniformly, shares are probabilities."""

    warp: float = 1.3  # speed between 1/warp and warp
    gain: float = 3.0
    flip_share: float = 0.1
    noise_share: float = 0.6
    noise_snr_db: tuple[float, float] = (3.0, 30.0)
    white_mv: float = 0.03
    band_share: float = 0.3  # devices that pass less: a zero-phase low-pass in this band
    band_hz: tuple[float, float] = (25.0, 80.0)
    mix_share: float = 0.5  # two leads of one record, added with random weights
    pause_share: float = 0.1  # a stretch without a heartbeat
    pause_s: tuple[float, float] = (1.5, 4.0)
    spike_share: float = 0.08  # pacing spikes before each QRS, which are no part of it
    spike_mv: tuple[float, float] = (0.2, 3.0)
    spike_lead_s: float = 0.06  # at most this long before the QRS onset
    train_share_of_noise: float = 0.66  # the rest of each noise record is left for evaluation


def load_noise(folder: Path, train_share: float) -> list[Floats]:
    """All kinds of `noise_by_kind` in one list."""
    return [noise for kind in noise_by_kind(folder, train_share).values() for noise in kind]


def noise_by_kind(folder: Path, train_share: float) -> dict[str, list[Floats]]:
    """The training part of NSTDB's noises, each signal through the front end, in mV."""
    kept = {
        name: [part[: int(len(part) * train_share), k] for part in parts for k in range(len(LEADS))]
        for name, parts in recorded_noises(folder).items()
    }
    return {
        name: [filter_record(part - np.median(part), NOISE_RATE_HZ)[0] for part in parts]
        for name, parts in kept.items()
    }


def draw_speed(config: AugmentConfig, rng: np.random.Generator) -> float:
    """Source samples per output sample."""
    return float(np.exp(rng.uniform(-1, 1) * np.log(config.warp)))


def corrupt(
    signal_mv: Floats, noises: list[Floats], config: AugmentConfig, rng: np.random.Generator
) -> Floats:
    """A narrower band, noise at a drawn signal-to-noise ratio, then gain and polarity."""
    out = signal_mv.astype(np.float32, copy=True)
    if rng.random() < config.band_share:
        cutoff_hz = rng.uniform(*config.band_hz)
        sos = butter(2, cutoff_hz, fs=RATE_HZ, output="sos")
        out = sosfiltfilt(sos, out).astype(np.float32)
    if noises and rng.random() < config.noise_share:
        out += _scaled_noise(out, noises, config, rng)
    out += rng.normal(0, 1, len(out)).astype(np.float32) * config.white_mv * rng.random() ** 2
    gain = np.exp(rng.uniform(-1, 1) * np.log(config.gain))
    sign = -1.0 if rng.random() < config.flip_share else 1.0
    return np.asarray(out * np.float32(gain * sign), np.float32)


def draw_pause(
    config: AugmentConfig, samples: int, rng: np.random.Generator
) -> tuple[int, int] | None:
    """First and last sample of a stretch to silence, or None."""
    if rng.random() >= config.pause_share:
        return None
    length = int(rng.uniform(*config.pause_s) * RATE_HZ)
    first = int(rng.integers(0, samples - length))
    return first, first + length


def silence(signal_mv: Doubles, first: int, last: int) -> Doubles:
    """A straight line from `first` to `last` in place of the signal."""
    quiet = signal_mv.copy()
    quiet[first:last] = np.linspace(signal_mv[first], signal_mv[last], last - first)
    return quiet


def add_spikes(
    signal_mv: Floats, qrs_onsets: list[float], config: AugmentConfig, rng: np.random.Generator
) -> Floats:
    """One pacemaker: spikes of one height and sign, each a little before a QRS onset."""
    spiked = signal_mv.copy()
    height = rng.choice((-1, 1)) * np.exp(rng.uniform(*np.log(config.spike_mv)))
    lead = rng.uniform(0.004, config.spike_lead_s) * RATE_HZ
    shape = np.array([0.3, 1.0, rng.uniform(-0.4, 0.3)], np.float32)  # 4 ms, band-limited
    for onset in qrs_onsets:
        at = round(onset - lead)
        if 1 <= at < len(spiked) - 2:
            spiked[at - 1 : at + 2] += np.float32(height) * shape
    return spiked


def noise_alone(noises: list[Floats], samples: int, rng: np.random.Generator) -> Floats:
    """Recorded or white noise of 5 uV to 1 mV rms, without any heart in it."""
    source = noises[rng.integers(len(noises))]
    at = rng.integers(0, len(source) - samples)
    noise = source[at : at + samples]
    if rng.random() < 0.3:
        noise = rng.normal(0, 1, samples).astype(np.float32)
    rms_mv = np.exp(rng.uniform(np.log(0.005), np.log(1.0)))
    return np.asarray(noise / (noise.std() + 1e-9) * rms_mv, np.float32)


def mix_weights(rng: np.random.Generator) -> tuple[float, float]:
    """Weights of two leads: a random direction in the plane that they span."""
    angle = rng.uniform(0, 2 * np.pi)
    return float(np.cos(angle)), float(np.sin(angle))


def _scaled_noise(
    signal_mv: Floats, noises: list[Floats], config: AugmentConfig, rng: np.random.Generator
) -> Floats:
    source = noises[rng.integers(len(noises))]
    at = rng.integers(0, len(source) - len(signal_mv))
    noise = source[at : at + len(signal_mv)]
    # QRS-based power as in NSTDB: an eighth of the squared peak-to-peak, here of the central 98 %.
    low, high = np.percentile(signal_mv, (1, 99))
    signal_power = (high - low) ** 2 / 8
    snr = 10 ** (rng.uniform(*config.noise_snr_db) / 10)
    return np.asarray(noise * np.sqrt(signal_power / snr / (noise.var() + 1e-9)), np.float32)
