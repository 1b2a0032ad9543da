"""Polar H10: frames of its measurement service (PMD), and the heart rate profile of any strap.

The layout is Polar's BLE SDK: byte 0 the kind (0 ECG), 1-8 the time of the last sample in ns of the
device's clock (epoch 2000-01-01), 9 the frame type (0), then samples of 3 bytes, signed, in uV. The
Heart Rate Measurement is Bluetooth SIG's characteristic 0x2A37. Files of Polar Sensor Logger are
CSV: `csv_samples` reads them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from .recording import Floats

PMD_SERVICE = "fb005c80-02e7-f387-1cad-8acd2d8df0c8"
PMD_CONTROL = "fb005c81-02e7-f387-1cad-8acd2d8df0c8"
PMD_DATA = "fb005c82-02e7-f387-1cad-8acd2d8df0c8"
HEART_RATE = "00002a37-0000-1000-8000-00805f9b34fb"
ECG_RATE_HZ = 130.0
START_ECG = bytes.fromhex("02000001820001010e00")  # 130 Hz, 14 bit
STOP_ECG = bytes.fromhex("0300")
ECG_KIND, RAW_FRAME = 0, 0
HEADER_BYTES, SAMPLE_BYTES = 10, 3


@dataclass(frozen=True)
class EcgFrame:
    """Samples in uV; `last_ns` is the device's time of the last one."""

    last_ns: int
    samples_uv: Floats


@dataclass(frozen=True)
class HeartRate:
    """What any heart rate strap says: beats a minute, RR intervals in s, skin contact if known."""

    bpm: int
    rr_s: tuple[float, ...]
    has_contact: bool | None


def ecg_frame(payload: bytes) -> EcgFrame | None:
    """An ECG notification; None for another kind (acceleration), InputError for a damaged one."""
    if len(payload) < HEADER_BYTES:
        raise InputError(f"a PMD frame of {len(payload)} bytes is cut off; reconnect the strap")
    if payload[0] != ECG_KIND:
        return None
    body = payload[HEADER_BYTES:]
    if payload[9] != RAW_FRAME or len(body) % SAMPLE_BYTES:
        raise InputError(f"PMD frame type {payload[9]} is unknown; update leadone")
    low, middle, high = (np.frombuffer(body, np.uint8)[k::3].astype(np.int32) for k in range(3))
    codes = ((high << 24) | (middle << 16) | (low << 8)) >> 8
    return EcgFrame(int.from_bytes(payload[1:9], "little"), codes.astype(np.float64))


def start_answer(payload: bytes) -> str:
    """Why the strap refused to start, empty where it did not (control point response)."""
    if len(payload) < 4 or payload[0] != 0xF0 or payload[1] != START_ECG[0]:
        return ""
    reasons = {0: "", 5: "length", 6: "already streaming", 7: "rate or resolution", 9: "charging"}
    return reasons.get(payload[3], f"error {payload[3]}")


def heart_rate(payload: bytes) -> HeartRate:
    """A Heart Rate Measurement; RR intervals come in 1/1024 s."""
    if len(payload) < 2:
        raise InputError("a heart rate measurement is cut off; reconnect the strap")
    flags, at = payload[0], 2
    bpm = payload[1]
    if flags & 1:
        if len(payload) < 3:
            raise InputError("a heart rate measurement is cut off; reconnect the strap")
        bpm, at = int.from_bytes(payload[1:3], "little"), 3
    contact = bool(flags & 2) if flags & 4 else None
    at += 2 * bool(flags & 8)  # energy expended
    rest = payload[at:] if flags & 16 else b""
    pairs = (rest[k : k + 2] for k in range(0, len(rest) - 1, 2))
    return HeartRate(bpm, tuple(int.from_bytes(two, "little") / 1024 for two in pairs), contact)
