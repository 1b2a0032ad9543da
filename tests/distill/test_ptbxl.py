"""PTB-XL's tables: as published and as a table of its own say the same."""

import csv
from pathlib import Path

import pytest

from leadone.distill.ptbxl import PATHOLOGIES, SUPERCLASSES, read_labels
from leadone.edge.errors import InputError

DATABASE = """ecg_id,patient_id,age,sex,scp_codes,strat_fold,filename_hr
1,15709.0,56.0,1,"{'NORM': 100.0, 'LVOLT': 0.0, 'SR': 0.0}",3,records500/00000/00001_hr
8,14486.0,300.0,0,"{'IMI': 35.0, 'ABQRS': 0.0, 'AFIB': 0.0}",10,records500/00000/00008_hr
"""
STATEMENTS = """,description,diagnostic,form,rhythm,diagnostic_class,diagnostic_subclass
NORM,normal ECG,1.0,,,NORM,NORM
IMI,inferior myocardial infarction,1.0,,,MI,IMI
ABQRS,abnormal QRS,,1.0,,,
AFIB,atrial fibrillation,,,1.0,,
"""


def published(folder: Path, database: str = DATABASE) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "ptbxl_database.csv").write_text(database)
    (folder / "scp_statements.csv").write_text(STATEMENTS)
    return folder


def test_the_table_as_published(tmp_path: Path) -> None:
    labels = read_labels(published(tmp_path / "ptbxl"))
    assert labels.keys() == {"ptbxl/1", "ptbxl/8"}
    assert labels["ptbxl/1"].codes == {"NORM", "LVOLT", "SR"}
    assert labels["ptbxl/1"].superclasses == {"NORM"} and labels["ptbxl/1"].fold == 3
    assert labels["ptbxl/8"].codes == {"IMI", "ABQRS", "AFIB"}
    assert labels["ptbxl/8"].superclasses == {"MI"} and labels["ptbxl/8"].patient == "ptbxl/14486"


@pytest.mark.parametrize(
    "database", ["a,b\n1,2\n", DATABASE.replace("15709.0", "x"), DATABASE.replace(",3,", ",,")]
)
def test_a_broken_table_is_refused(tmp_path: Path, database: str) -> None:
    with pytest.raises(InputError, match="not PTB-XL's"):
        read_labels(published(tmp_path / "ptbxl", database))
    with pytest.raises(InputError, match="data get ptbxl"):
        read_labels(tmp_path)


def test_a_missing_table_is_called_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^\S+ has no ptbxl_database\.csv; see `leadone data get"):
        read_labels(tmp_path)


def test_a_patient_on_both_sides_of_a_split_is_refused(tmp_path: Path) -> None:
    again = DATABASE.replace("14486.0", "15709.0")
    with pytest.raises(InputError, match="patient 15709 in training and, by ptbxl/8, in test"):
        read_labels(published(tmp_path / "ptbxl", again))
    assert len(read_labels(published(tmp_path / "ptbxl", again.replace(",10,", ",4,")))) == 2


def test_nothing_in_a_table_is_run(tmp_path: Path) -> None:
    hostile = DATABASE.replace(
        "{'NORM': 100.0, 'LVOLT': 0.0, 'SR': 0.0}", "__import__('os').abort()"
    )
    assert read_labels(published(tmp_path / "ptbxl", hostile))["ptbxl/1"].codes == set()


def test_the_real_table_agrees_with_the_statements(data_dir: Path) -> None:
    labels = read_labels(data_dir / "ptbxl")
    with (data_dir / "ptbxl" / "scp_statements.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if float(row["diagnostic"] or 0) == 1]
    classes = {row[""]: row["diagnostic_class"] for row in rows}
    assert len(labels) > 2000
    for label in labels.values():
        assert label.superclasses == {classes[code] for code in label.codes if code in classes}
        assert label.superclasses <= set(SUPERCLASSES) and 1 <= label.fold <= 10
    counts = {code: sum(code in label.codes for label in labels.values()) for code in PATHOLOGIES}
    assert min(counts.values()) > 20
    folds: dict[str, set[int]] = {}
    for label in labels.values():
        folds.setdefault(label.patient, set()).add(label.fold)
    assert all(len(of_patient) == 1 for of_patient in folds.values()), "a patient is in two folds"
