"""R-peak detectors of other packages, as their documentation calls them; none withholds a beat."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.util import find_spec

from ..edge.record import Record

Detector = Callable[[Record], list[float]]


def _sleepecg(record: Record) -> list[float]:
    from sleepecg import detect_heartbeats

    return _seconds(detect_heartbeats(record.signal_mv.astype(float), record.rate_hz), record)


def _neurokit(record: Record) -> list[float]:
    import neurokit2

    clean = neurokit2.ecg_clean(record.signal_mv.astype(float), sampling_rate=record.rate_hz)
    _, found = neurokit2.ecg_peaks(clean, sampling_rate=record.rate_hz)
    return _seconds(found["ECG_R_Peaks"], record)


def _xqrs(record: Record) -> list[float]:
    from wfdb.processing import xqrs_detect

    found = xqrs_detect(record.signal_mv.astype(float), record.rate_hz, verbose=False)
    return _seconds(found, record)


def _seconds(samples: Iterable[int], record: Record) -> list[float]:
    return [float(at) / record.rate_hz for at in samples]


PEERS: dict[str, Detector] = {"sleepecg": _sleepecg, "NeuroKit2": _neurokit, "wfdb xqrs": _xqrs}
MODULES = {"sleepecg": "sleepecg", "NeuroKit2": "neurokit2", "wfdb xqrs": "wfdb"}


def installed_peers() -> dict[str, Detector]:
    """Those that are installed here: pip install sleepecg neurokit2."""
    return {name: peer for name, peer in PEERS.items() if find_spec(MODULES[name]) is not None}
