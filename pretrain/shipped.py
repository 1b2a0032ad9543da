"""Encoders that come with leadone: a folder each below `models`, with a card and a checked hash."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from ..edge.errors import InputError
from .pretraining import ENCODER

MODELS = Path(__file__).parent / "models"
MANIFEST = "manifest.json"


def shipped_encoders() -> list[str]:
    """Names of the encoders that come along."""
    return sorted(path.parent.name for path in MODELS.glob(f"*/{MANIFEST}"))


def find_encoder(name: str) -> Path:
    """The file of a shipped encoder, its hash checked, or the path that was given instead."""
    if name not in shipped_encoders():
        path = Path(name)
        if not path.is_file():
            known = ", ".join(shipped_encoders())
            raise InputError(f"there is no encoder {name}; give an {ENCODER} or take {known}")
        return path
    path = MODELS / name / ENCODER
    expected = json.loads((MODELS / name / MANIFEST).read_text())["files"][ENCODER]
    if hashlib.sha256(path.read_bytes()).hexdigest() != expected:
        raise InputError(f"the shipped encoder {name} was changed; install leadone again")
    return path


def ship_encoder(run: Path, folder: Path) -> None:
    """Copy a finished run's encoder and log to `folder` with a manifest of hashes."""
    folder.mkdir(parents=True, exist_ok=True)
    content = {ENCODER: (run / ENCODER).read_bytes(), "log.jsonl": (run / "log.jsonl").read_bytes()}
    for name, data in content.items():
        (folder / name).write_bytes(data)
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in content.items()}
    text = json.dumps({"format": 1, "name": folder.name, "files": hashes}, indent=1)
    (folder / MANIFEST).write_text(text + "\n")
