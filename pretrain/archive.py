"""Which records lie in a folder of 12-lead ECGs, whose they are, and which are one and the same.

PTB-XL comes in several dresses: `ptbxl` and `ptbxl_mv` name a record by its `ecg_id`, the original
`records500/00000/00001_hr`, and Challenge 2021 `HR00001`. They are one identity, so that no record
is taken twice and none stands on both sides of a split. The same goes for the sets of Challenges
2020 and 2021, and for Chapman-Shaoxing and Ningbo, which PhysioNet also has as `ecg-arrhythmia`.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..edge.errors import InputError

INDEX = "RECORDS"
PATIENT_TABLES = ("labels.csv", "ptbxl_database.csv")
PTBXL_FOLDER = re.compile(r"ptb-?xl", re.IGNORECASE)
PTBXL_NAME = re.compile(r"(\d{5})(?:_[hl]r)?")
CHALLENGE_PTBXL_NAME = re.compile(r"HR(\d{5})")
CHAPMAN_NAME = re.compile(r"JS\d{5}")
CHALLENGE_NAME = re.compile(r"[AQSI]\d{4}|E\d{5}")
CHALLENGE_FOLDERS = ("cpsc_2018", "cpsc_2018_extra", "georgia", "ptb", "st_petersburg_incart")
WHOLE_NUMBER = re.compile(r"(\d{1,9})(?:\.0*)?")  # 15709.0 in PTB-XL
MAX_DEPTH = 8  # of an index that names folders with an index of their own


@dataclass(frozen=True, slots=True)
class Entry:
    """A record of an archive: its place without suffix, what it is, and whose (or None).

    Text instead of a Path: a million entries take a quarter of the memory.
    """

    place: str
    identity: str
    patient: str | None

    @property
    def path(self) -> Path:
        """The record's path without suffix."""
        return Path(self.place)


def entries(folders: list[Path], leave_out: frozenset[str] = frozenset()) -> list[Entry]:
    """Every record below the folders in a fixed order, each identity once: the first one found.

    Identities in `leave_out` are kept for testing. Raises InputError where one of them is not
    there, where a folder lies inside another one, where two records of two archives would share a
    name, and for an index that leads out of its folder.
    """
    _check_apart(folders)
    patients: dict[str, str] = {}
    for folder in folders:
        patients = _patients(folder) | patients
    found: dict[str, Entry] = {}
    for folder in folders:
        root = Path(os.path.abspath(folder))
        for path in _records(root):
            identity = identity_of(path, root)
            first = found.setdefault(identity, Entry(str(path), identity, patients.get(identity)))
            if first.place != str(path) and not _is_known(path):
                raise InputError(
                    f"{first.place} and {path} would both be {identity!r}; rename the folder of one"
                )
    if not found:
        raise InputError(f"no WFDB headers below {', '.join(map(str, folders))}")
    unknown = sorted(leave_out - found.keys())
    if unknown:
        raise InputError(f"no record is {unknown[0]!r}, which is to be left out")
    return [entry for identity, entry in found.items() if identity not in leave_out]


def identity_of(path: Path, folder: Path | None = None) -> str:
    """What a record is called wherever it lies: `ptbxl/<ecg_id>` for PTB-XL in any dress.

    `chapman/JS00001` and `georgia/E00001` for the Challenges' names; any other is its path from
    the archive's `folder` on, that folder's name included.
    """
    if known := _known(path):
        return known
    folder = path.parent if folder is None else folder
    return (folder.name / PurePosixPath(path.relative_to(folder).as_posix())).as_posix()


def _known(path: Path) -> str | None:
    """The name of a record that archives share, from the record's name and its folders'."""
    name, above = path.name, path.parts[-5:-1]
    if match := CHALLENGE_PTBXL_NAME.fullmatch(name):
        return f"ptbxl/{int(match[1])}"
    if any(map(PTBXL_FOLDER.search, above)) and (match := PTBXL_NAME.fullmatch(name)):
        return f"ptbxl/{int(match[1])}"
    if CHAPMAN_NAME.fullmatch(name):
        return f"chapman/{name}"
    if CHALLENGE_NAME.fullmatch(name):
        return next((f"{part}/{name}" for part in above if part in CHALLENGE_FOLDERS), None)
    return None


def _is_known(path: Path) -> bool:
    return _known(path) is not None


def _check_apart(folders: list[Path]) -> None:
    """Refuse what is no folder, and folders one inside another: its records would count twice."""
    resolved: list[Path] = []
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"{folder} is not a folder; name folders of WFDB records")
        here = folder.resolve()
        for other in resolved:
            if here.is_relative_to(other) or other.is_relative_to(here):
                raise InputError(f"{here} and {other} hold the same records; name one of the two")
        resolved.append(here)


def _records(folder: Path, depth: int = 0) -> Iterator[Path]:
    """Records by the folder's index where it has one, else every header below it.

    100 Hz copies of PTB-XL are left out. A line of the index that ends with a slash is a folder
    with its own, as in Challenge 2021.
    """
    if not (folder / INDEX).is_file():
        for path in _headers(str(folder)):
            if not path.endswith("_lr.hea"):
                yield Path(path.removesuffix(".hea"))
        return
    for line in dict.fromkeys(_lines(folder / INDEX)):
        name = PurePosixPath(line)
        if name.is_absolute() or ".." in name.parts or not name.parts or depth > MAX_DEPTH:
            raise InputError(
                f"{folder / INDEX} names {line[:80]!r}, outside the folder; "
                "get the archive from a source you trust"
            )
        if line.endswith("/"):
            if (folder / name).is_dir():  # not every set need have been fetched
                yield from _records(folder / name, depth + 1)
        elif not name.name.endswith("_lr"):
            yield folder / name


def _lines(index: Path) -> Iterator[str]:
    with index.open(encoding="utf-8", errors="replace") as file:
        yield from (line.strip() for line in file if line.strip())


def _headers(folder: str) -> Iterator[str]:
    """Headers below a folder, in the order of their paths; links to folders are not followed."""
    try:
        with os.scandir(folder) as listing:
            here = sorted(
                (entry.name, entry.is_dir(follow_symlinks=False))
                for entry in listing
                if entry.name.endswith(".hea") or entry.is_dir(follow_symlinks=False)
            )
    except OSError as error:
        raise InputError(f"{folder} can't be read ({error.strerror}); check the path") from error
    for name, is_folder in here:
        if is_folder:
            yield from _headers(f"{folder}/{name}")
        else:
            yield f"{folder}/{name}"


def _patients(folder: Path) -> dict[str, str]:
    """Patients of PTB-XL by identity, from a table in the folder or, for a copy, beside it."""
    beside = sorted(folder.parent.glob("ptb*xl")) if PTBXL_FOLDER.search(folder.name) else []
    for place in (folder, *beside):
        for name in PATIENT_TABLES:
            if (place / name).is_file():
                return dict(_table(place / name))
    return {}


def _table(path: Path) -> Iterator[tuple[str, str]]:
    """Identity and patient of each row that has both; rows of other tables have none."""
    try:
        with path.open(newline="", encoding="utf-8", errors="replace") as file:
            for row in csv.DictReader(file):
                record = WHOLE_NUMBER.fullmatch(row.get("ecg_id") or "")
                patient = WHOLE_NUMBER.fullmatch(row.get("patient_id") or "")
                if record and patient:
                    yield f"ptbxl/{int(record[1])}", f"ptbxl/{int(patient[1])}"
    except csv.Error as error:
        raise InputError(f"{path} is not a CSV table ({error}); download it again") from error
