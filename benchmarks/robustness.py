"""How far waves depend on the device: one fold of LUDB's lead I as other front ends would give it.

    python benchmarks/robustness.py --data DATA --fold 1 --model runs/wrist/1/int8

Other rates are resampled by polyphase filters from LUDB's 500 Hz, hum is a steady sine, and the
records are else as they are.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.signal import resample_poly

from leadone import Record
from leadone.distill.datasets import fold_of, record_names
from leadone.distill.evaluate import evaluate_ludb
from leadone.edge.analysis import Analysis
from leadone.edge.analyze import analyze
from leadone.edge.bundle import Bundle, load_bundle

Device = Callable[[Record], Record]
BOUNDARIES = ("P_on", "P_off", "QRS_on", "QRS_off", "T_on", "T_off")


def main() -> None:
    """Print a row a device."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--fold", type=int, default=1)
    parser.add_argument("--model", default="runs/wrist/1/int8")
    options = parser.parse_args()
    bundle, folder = load_bundle(options.model), options.data / "ludb"
    records = [name for name in record_names(folder) if fold_of(f"ludb/{name}") == options.fold]
    table = Table(title=f"{len(records)} records, F1 in % and error sd in ms", box=None)
    for column in ("lead I", *(name.replace("_", " ") for name in BOUNDARIES)):
        table.add_column(column, justify="left" if column == "lead I" else "right")
    for name, device in _devices().items():
        score = evaluate_ludb(folder, partial(_read, bundle, device), records).score
        found = (score.fiducials[one] for one in BOUNDARIES)
        cells = (f"{100 * one.f1.value:.1f} {one.error_sd_ms.value:4.1f}" for one in found)
        table.add_row(name, *cells)
    Console(width=110).print(table)


def _read(bundle: Bundle, device: Device, record: Record) -> Analysis:
    return analyze(device(record), bundle)


def _devices() -> dict[str, Device]:
    rates = {f"at {rate_hz:g} Hz": partial(_at_rate, rate_hz) for rate_hz in (64, 128, 250, 1000)}
    hums = {
        f"{mv:g} mV of {hz:g} Hz": partial(_with_hum, hz, mv)
        for hz, mv in ((50, 0.2), (60, 0.2), (50.5, 0.1))
    }
    gains = {f"{gain:g} times as high": partial(_scaled, gain) for gain in (0.3, 0.5, 2, 4)}
    steps = {"in steps of 20 uV": partial(_in_steps, 0.02)}
    return {
        "as it is, 500 Hz": lambda record: record,
        **rates,
        **hums,
        **gains,
        **steps,
        "upside down": partial(_scaled, -1),
    }


def _at_rate(rate_hz: float, record: Record) -> Record:
    signal = resample_poly(record.signal_mv.astype(np.float64), rate_hz, round(record.rate_hz))
    return replace(record, signal_mv=signal.astype(np.float32), rate_hz=float(rate_hz))


def _with_hum(hz: float, mv: float, record: Record) -> Record:
    t_s = np.arange(len(record.signal_mv)) / record.rate_hz
    hum = mv * np.sin(2 * np.pi * hz * t_s)
    return replace(record, signal_mv=record.signal_mv + hum.astype(np.float32))


def _scaled(gain: float, record: Record) -> Record:
    return replace(record, signal_mv=np.float32(gain) * record.signal_mv)


def _in_steps(step_mv: float, record: Record) -> Record:
    steps = np.round(record.signal_mv / step_mv)
    return replace(record, signal_mv=(step_mv * steps).astype(np.float32))


if __name__ == "__main__":
    main()
