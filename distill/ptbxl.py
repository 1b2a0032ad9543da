"""PTB-XL's labels: patients, folds, SCP codes and the five superclasses of its benchmark.

Reads the table as published (`ptbxl_database.csv` beside `scp_statements.csv`; Wagner 2020) or a
`labels.csv` of (ecg_id, patient_id, age, sex, strat_fold, scp_codes, superclass), codes and classes
joined by semicolons. As in the authors' benchmark (Strodthoff 2021) a code counts whatever its
likelihood: form and rhythm statements carry 0 there although they hold.
"""

from __future__ import annotations

import csv
import math
import re
from dataclasses import dataclass
from pathlib import Path

from ..edge.errors import InputError

SUPERCLASSES = ("NORM", "MI", "STTC", "CD", "HYP")
# The specification's pathologies that PTB-XL has a statement for; axis deviation has none.
PATHOLOGIES = (
    "AFIB",
    "PVC",
    "STACH",
    "SBRAD",
    "1AVB",
    "IRBBB",
    "CRBBB",
    "CLBBB",
    "PAC",
    "LAFB",
)
VALIDATION_FOLD = 8
TEST_FOLDS = (9, 10)
CODE = re.compile(r"'([^']{1,12})'\s*:")


@dataclass(frozen=True)
class Label:
    """What the table says of a record; `fold` is 1 to 10, by patient.

    `age` is in years, 300 for those over 89, NaN where it is not known; `sex` 0 is male, 1 female.
    """

    patient: str
    fold: int
    codes: frozenset[str]
    superclasses: frozenset[str]
    age: float = math.nan
    sex: float = math.nan


def read_labels(folder: Path) -> dict[str, Label]:
    """Labels by identity (`ptbxl/<ecg_id>`).

    InputError where there is no table, a broken one, or a patient in folds of two kinds (training,
    validation, test).
    """
    labels = _labels(folder)
    kind_of: dict[str, str] = {}
    for identity, label in labels.items():
        kind = _kind(label.fold)
        if kind_of.setdefault(label.patient, kind) != kind:
            raise InputError(
                f"the table in {folder} has {label.patient.replace('/', ' patient ')} in "
                f"{kind_of[label.patient]} and, by {identity}, in {kind} folds: nothing could be "
                "tested; give each patient one fold"
            )
    return labels


def _kind(fold: int) -> str:
    """What a fold is for."""
    return {VALIDATION_FOLD: "validation"}.get(fold, "test" if fold in TEST_FOLDS else "training")


def _labels(folder: Path) -> dict[str, Label]:
    if not any((folder / name).is_file() for name in ("labels.csv", "ptbxl_database.csv")):
        raise InputError(f"{folder} has no ptbxl_database.csv; see `leadone data get ptbxl`")
    try:
        if (folder / "labels.csv").is_file():
            rows = _rows(folder / "labels.csv")
            found = [(row, _parts(row["scp_codes"]), _parts(row["superclass"])) for row in rows]
        else:
            classes = _classes(folder / "scp_statements.csv")
            listed = [
                (r, CODE.findall(r["scp_codes"])) for r in _rows(folder / "ptbxl_database.csv")
            ]
            found = [(r, codes, [classes[c] for c in codes if c in classes]) for r, codes in listed]
        return {
            f"ptbxl/{int(float(row['ecg_id']))}": Label(
                f"ptbxl/{int(float(row['patient_id']))}",
                int(row["strat_fold"]),
                frozenset(codes),
                frozenset(superclasses),
                _number(row.get("age")),
                _number(row.get("sex")),
            )
            for row, codes, superclasses in found
        }
    except KeyError as error:
        raise InputError(
            f"the tables in {folder} are not PTB-XL's: they lack {error}; see `leadone data get "
            "ptbxl`"
        ) from error
    except (ValueError, OSError) as error:
        raise InputError(
            f"the tables in {folder} are not PTB-XL's ({error}); see `leadone data get ptbxl`"
        ) from error


def _classes(path: Path) -> dict[str, str]:
    """Superclass of each diagnostic statement."""
    rows = _rows(path)
    return {row[""]: row["diagnostic_class"] for row in rows if float(row["diagnostic"] or 0) == 1}


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _number(text: str | None) -> float:
    return float(text) if text else math.nan


def _parts(text: str) -> list[str]:
    return [part for part in text.split(";") if part]
