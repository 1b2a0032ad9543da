"""Which records lie in a folder of 12-lead ECGs, whose they are, and which are one and the same.

PTB-XL comes in several dresses: `ptbxl` and `ptbxl_mv` name a record by its `ecg_id`, the original
`records500/00000/00001_hr`, and Challenge 2021 `HR00001`. They are one identity, so that no record
is taken twice and none stands on both sides of a split.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..edge.errors import InputError

PATIENT_TABLES = ("labels.csv", "ptbxl_database.csv")
PTBXL_FOLDER = re.compile(r"ptb-?xl", re.IGNORECASE)


@dataclass(frozen=True)
class Entry:
    """A record of an archive: its path without suffix, what it is, and whose (or None)."""

    path: Path
    identity: str
    patient: str | None


def entries(folders: list[Path], leave_out: frozenset[str] = frozenset()) -> list[Entry]:
    """Every record below the folders in a fixed order, each identity once: the first one found.

    Identities in `leave_out` are kept for testing; one that is not there is refused as a mistake.
    """
    found: dict[str, Entry] = {}
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"{folder} is not a folder; name folders of WFDB records")
        patients = _patients(folder)
        for path in _records(folder):
            identity = identity_of(path)
            patient = patients.get(identity)
            found.setdefault(identity, Entry(path, identity, patient))
    if not found:
        raise InputError(f"no WFDB headers below {', '.join(map(str, folders))}")
    unknown = sorted(leave_out - found.keys())
    if unknown:
        raise InputError(f"no record is {unknown[0]!r}, which is to be left out")
    return [entry for identity, entry in found.items() if identity not in leave_out]


def identity_of(path: Path) -> str:
    """`ptbxl/<ecg_id>` for a PTB-XL record in any dress, else the folder's and record's name."""
    name = path.name
    if match := re.fullmatch(r"HR(\d{5})", name):
        return f"ptbxl/{int(match[1])}"
    in_ptbxl = any(PTBXL_FOLDER.search(part) for part in path.parent.parts[-4:])
    if in_ptbxl and (match := re.fullmatch(r"(\d{5})(?:_[hl]r)?", name)):
        return f"ptbxl/{int(match[1])}"
    return f"{path.parent.name}/{name}"


def _records(folder: Path) -> Iterator[Path]:
    """From RECORDS where there is one, else every header; 100 Hz copies of PTB-XL are left out."""
    index = folder / "RECORDS"
    if index.is_file():
        named = [folder / line.strip() for line in index.read_text().splitlines() if line.strip()]
        yield from (path for path in named if not path.name.endswith("_lr"))
        return
    for header in sorted(folder.rglob("*.hea")):
        if not header.name.endswith("_lr.hea"):
            yield header.with_suffix("")


def _patients(folder: Path) -> dict[str, str]:
    """Patients of PTB-XL by identity, from a table in the folder or, for a copy, beside it."""
    beside = sorted(folder.parent.glob("ptb*xl")) if PTBXL_FOLDER.search(folder.name) else []
    for place in (folder, *beside):
        for name in PATIENT_TABLES:
            if (place / name).is_file():
                with (place / name).open(newline="") as file:
                    rows = [r for r in csv.DictReader(file) if r.get("ecg_id")]
                return {
                    f"ptbxl/{int(float(row['ecg_id']))}": f"ptbxl/{int(float(row['patient_id']))}"
                    for row in rows
                    if row.get("patient_id")
                }
    return {}
