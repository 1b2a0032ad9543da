"""A federation's folder: `checkpoint.npz` after each round, whole or none, and `rounds.jsonl`.

The checkpoint holds the last round's line as well, so that a kill between the two files loses
nothing and repeats nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..edge.errors import InputError
from ..edge.files import whole_file
from .arrays import DAMAGED, Arrays

CHECKPOINT, LOG = "checkpoint.npz", "rounds.jsonl"
HEADER = "header"


@dataclass(frozen=True)
class Saved:
    """What a round leaves: the model, what the rule remembers, how many are done, its line."""

    done: int
    config: dict[str, Any]
    model: Arrays
    memory: Arrays
    entry: dict[str, Any] = field(default_factory=dict)


def save(run: Path, saved: Saved) -> None:
    """Write the checkpoint, on the disk before it counts, then the log's line."""
    parts = {f"model/{n}": v for n, v in saved.model.items()}
    parts |= {f"memory/{n}": v for n, v in saved.memory.items()}
    header = {"done": saved.done, "config": saved.config, "entry": saved.entry}
    header["sha256"] = _digest(parts)
    text = np.frombuffer(json.dumps(header).encode(), np.uint8)
    with whole_file(run / CHECKPOINT) as unfinished, unfinished.open("wb") as file:
        np.savez(file, **{HEADER: text, **parts})  # type: ignore[arg-type]
        file.flush()
        os.fsync(file.fileno())
    _write_line(run, saved)


def resume(run: Path, config: dict[str, Any]) -> Saved | None:
    """The last round's state, None where there is none; the log ends with that round after this.

    InputError for a file that is damaged or of another configuration.
    """
    saved = _kept(run)
    if saved is None:
        return None
    if saved.config != json.loads(json.dumps(config)):
        raise InputError(f"{run} holds a federation of another configuration; choose another --out")
    _write_line(run, saved)
    return saved


def rounds_done(run: Path) -> int:
    """How many rounds a run has done; InputError for a checkpoint that is damaged."""
    saved = _kept(run)
    return 0 if saved is None else saved.done


def read_log(run: Path) -> list[dict[str, Any]]:
    """The rounds' lines; a half-written last one is none."""
    path, entries = run / LOG, []
    for line in path.read_text("utf-8").splitlines() if path.exists() else []:
        try:
            entries.append(json.loads(line))
        except ValueError:
            continue
    return entries


def read_model(run: Path) -> tuple[Arrays, dict[str, Any], int]:
    """The model of a run, its configuration and the rounds done; InputError where there is none."""
    if not (run / CHECKPOINT).exists():
        raise InputError(f"{run} has no {CHECKPOINT}; run `leadone federated simulate` or `server`")
    saved = _read(run / CHECKPOINT)
    return saved.model, saved.config, saved.done


def _kept(run: Path) -> Saved | None:
    """The checkpoint; where it was removed to begin anew, its log goes as well."""
    path = run / CHECKPOINT
    if path.exists():
        return _read(path)
    (run / LOG).unlink(missing_ok=True)
    return None


def _write_line(run: Path, saved: Saved) -> None:
    kept = [e for e in read_log(run) if e["round"] < saved.done]
    lines = [*kept, saved.entry] if saved.entry else kept
    with whole_file(run / LOG) as unfinished:
        unfinished.write_text("".join(json.dumps(e) + "\n" for e in lines), "utf-8")


def _read(path: Path) -> Saved:
    try:
        with np.load(path) as stored:
            header = json.loads(stored[HEADER].tobytes())
            parts = {name: stored[name] for name in stored.files if name != HEADER}
        is_whole = header["sha256"] == _digest(parts)
        model, memory = (
            {n.removeprefix(p): v for n, v in parts.items() if n.startswith(p)}
            for p in ("model/", "memory/")
        )
        saved = Saved(int(header["done"]), header["config"], model, memory, header["entry"])
    except DAMAGED as error:
        raise InputError(_damaged(path)) from error
    if not is_whole:
        raise InputError(_damaged(path))
    return saved


def _damaged(path: Path) -> str:
    return f"{path} is damaged or no checkpoint of a federation; remove it to begin anew"


def _digest(parts: Arrays) -> str:
    digest = hashlib.sha256()
    for name in sorted(parts):
        value = np.ascontiguousarray(parts[name])
        digest.update(f"{name}{value.dtype.str}{value.shape}".encode())
        digest.update(value.tobytes())
    return digest.hexdigest()
