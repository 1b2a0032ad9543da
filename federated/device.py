"""A device's folder: recordings with a table of labels, features kept so that each is read once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..edge.bundle import Bundle, load_bundle
from ..edge.errors import InputError
from ..edge.files import make_folder, whole_file
from ..edge.formats.wfdb_records import read_record
from ..edge.record import Record
from ..pretrain.config import load_config
from .arrays import DAMAGED
from .client import Client, LocalLabel, encoder_of, from_recordings, read_labels
from .labelled import Labelled

FEATURES, STATE = "features.npz", "client.npz"


@dataclass(frozen=True)
class ClientConfig:
    """Of `leadone federated client`; paths are relative to the TOML file.

    `labels` is a CSV of record,rhythm,findings,by; rows by `teacher` are labelled by that model.
    `port` is one of this machine's own, different for each node on it.
    """

    name: str = "device"
    server: str = "127.0.0.1:8000"
    authority: str = "ca.crt"
    key: str = "node"
    recordings: str = "recordings"
    labels: str = "labels.csv"
    findings: tuple[str, ...] = ()
    model: str = "wrist"
    teacher: str = ""
    state: str = "state"
    port: int = 9094


def read_client_config(path: Path) -> ClientConfig:
    """From TOML; unknown keys are refused by name."""
    return load_config(path, ClientConfig)


def load_client(path: Path) -> Client:
    """The device that a TOML file describes, as its last round left it."""
    config = read_client_config(path)
    here = path.parent
    bundle = load_bundle(config.model)
    teacher = load_bundle(config.teacher) if config.teacher else None
    state = here / config.state
    data = device_data(
        here / config.recordings, here / config.labels, config.findings, bundle, state, teacher
    )
    client = Client(config.name, data, encoder_of(bundle))
    if (state / STATE).is_file():
        try:
            with np.load(state / STATE) as kept:
                client.restore(dict(kept))
        except DAMAGED as error:
            raise InputError(
                f"{state / STATE} is damaged; remove it: what was personal is learned again"
            ) from error
    return client


def save_client(path: Path, client: Client) -> None:
    """Keep what the device remembers: its personal arrays, and what packing left out."""
    state = path.parent / read_client_config(path).state
    make_folder(state)
    with whole_file(state / STATE) as unfinished, unfinished.open("wb") as file:
        np.savez(file, **client.state())  # type: ignore[arg-type]


def device_data(
    recordings: Path,
    labels: Path,
    codes: tuple[str, ...],
    bundle: Bundle,
    state: Path,
    teacher: Bundle | None = None,
) -> Labelled:
    """Features and labels of a folder's recordings; `state` keeps them for the same table."""
    table = read_labels(labels, codes)
    about = [encoder_of(bundle), encoder_of(teacher) if teacher else "", *codes]
    text = json.dumps([about, hashlib.sha256(labels.read_bytes()).hexdigest()])
    kept = state / FEATURES
    if kept.is_file():
        with suppress(*DAMAGED), np.load(kept) as stored:
            if str(stored["about"]) == text:
                return Labelled(*(stored[name] for name in PARTS))
    data = from_recordings(_opened(recordings, table), codes, bundle, teacher)
    make_folder(state)
    parts = {name: getattr(data, name) for name in PARTS}
    with whole_file(kept) as unfinished, unfinished.open("wb") as file:
        np.savez(file, about=np.array(text), **parts)
    return data


PARTS = ("features", "rhythm", "findings", "people")


def _opened(recordings: Path, table: dict[str, LocalLabel]) -> Iterator[tuple[Record, LocalLabel]]:
    """Each recording that can be read; one that can't is as if it were not there."""
    for name, label in table.items():
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise InputError(f"the table of labels names {name!r}, outside {recordings}")
        try:
            yield read_record(recordings / name), label
        except InputError:
            continue
