"""Which records an archive holds, in the layouts that archives come in."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from leadone.edge.errors import InputError
from leadone.pretrain.archive import Entry, entries, identity_of
from leadone.pretrain.shards import Shards, build_shards

Heart = Callable[..., dict[str, np.ndarray]]
Write = Callable[..., Path]


def headers(folder: Path, *names: str) -> Path:
    """Headers alone: what lists records does not open them."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.hea").write_text("")
    return folder


def listed(*folders: Path) -> list[str]:
    return [entry.identity for entry in entries(list(folders))]


def test_one_record_in_several_dresses_is_one(tmp_path: Path) -> None:
    for path in ("ptbxl/00024", "ptbxl_mv/00024", "ptb-xl/records500/00000/00024_hr", "x/HR00024"):
        assert identity_of(tmp_path / path) == "ptbxl/24"
    assert identity_of(tmp_path / "georgia/E07500") == "georgia/E07500"


def test_patients_of_real_archives(data_dir: Path) -> None:
    listed = entries([data_dir / "ptbxl_mv", data_dir / "ptbxl", data_dir / "cinc2021"])
    assert len({entry.identity for entry in listed}) == len(listed) > 2000
    known: list[Entry] = [entry for entry in listed if entry.identity.startswith("ptbxl/")]
    assert all(entry.patient for entry in known if "cinc2021" not in str(entry.path))
    assert len({entry.patient for entry in known}) < len(known)  # some have several records


def test_ptbxl_as_published(
    tmp_path: Path,
    heart: Callable[..., dict[str, np.ndarray]],
    write: Callable[..., Path],
) -> None:
    """Its folders, its RECORDS with 100 Hz copies, and patients with a decimal point."""
    folder, names = tmp_path / "ptb-xl-1.0.3", []
    for rate_hz, suffix, place in ((500.0, "hr", "records500"), (100.0, "lr", "records100")):
        (folder / place / "00000").mkdir(parents=True)
        for k in (1, 2):
            write(folder / place / "00000" / f"{k:05}_{suffix}", heart(10.0, rate_hz), rate_hz)
            names.append(f"{place}/00000/{k:05}_{suffix}")
    table = "ecg_id,patient_id,scp_codes,strat_fold\n1,15709.0,{},3\n2,15709.0,{},3\n"
    (folder / "ptbxl_database.csv").write_text(table)
    expected = [(f"ptbxl/{k}", "ptbxl/15709", f"{k:05}_hr") for k in (1, 2)]
    found = [(e.identity, e.patient, e.path.name) for e in entries([folder])]
    assert found == expected
    (folder / "RECORDS").write_text("\n".join(names) + "\n")
    assert [(e.identity, e.patient, e.path.name) for e in entries([folder])] == expected
    build_shards(entries([folder]), tmp_path / "out")
    assert len(Shards(tmp_path / "out")) == 2


def test_real_ptbxl_records_in_the_published_layout(tmp_path: Path, data_dir: Path) -> None:
    """Records, patients and limb leads as they are, whichever of the two layouts they lie in."""
    kept = sorted((data_dir / "ptbxl_mv").glob("*.hea"))[:5]
    (tmp_path / "ptb-xl").mkdir()
    for header in kept:
        place = tmp_path / "ptb-xl" / "records500" / f"{int(header.stem) // 1000 * 1000:05}"
        place.mkdir(parents=True, exist_ok=True)
        lines = header.read_text().replace(f"{header.stem} 12", f"{header.stem}_hr 12", 1)
        (place / f"{header.stem}_hr.hea").write_text(lines)
        for signal in header.parent.glob(f"{header.stem}*.dat"):
            (place / signal.name).write_bytes(signal.read_bytes())
    table = (data_dir / "ptbxl" / "labels.csv").read_text().splitlines()
    rows = [line.split(",") for line in table[1:]]
    (tmp_path / "ptb-xl" / "ptbxl_database.csv").write_text(
        "ecg_id,patient_id\n" + "".join(f"{row[0]},{row[1]}.0\n" for row in rows)
    )
    there = {entry.identity: entry for entry in entries([data_dir / "ptbxl_mv"])}
    found = entries([tmp_path / "ptb-xl"])
    assert [e.identity for e in found] == [f"ptbxl/{int(header.stem)}" for header in kept]
    assert all(e.patient and e.patient == there[e.identity].patient for e in found)
    build_shards(found, tmp_path / "published")
    build_shards([there[e.identity] for e in found], tmp_path / "copy")
    published, copy = Shards(tmp_path / "published"), Shards(tmp_path / "copy")
    np.testing.assert_array_equal(published.read(range(5)), copy.read(range(5)))


def test_challenge_sets_are_known_wherever_they_lie(tmp_path: Path) -> None:
    """Each has folders g1, g2; CPSC 2018 is in two Challenges, Chapman in an archive of its own."""
    names = ("cpsc_2018/g1/A0001", "georgia/g1/E00001", "ningbo/g1/JS10647", "ptb-xl/g1/HR00001")
    whole = headers(tmp_path / "challenge" / "training", *names)
    expected = ["cpsc_2018/A0001", "georgia/E00001", "chapman/JS10647", "ptbxl/1"]
    assert listed(whole) == listed(*(whole / name.split("/")[0] for name in names)) == expected
    again = headers(tmp_path / "cpsc_2018", "g4/A0001")
    arrhythmia = headers(tmp_path / "ecg-arrhythmia", "WFDBRecords/01/010/JS10647")
    assert listed(whole, again, arrhythmia) == expected


def test_an_index_may_name_folders_with_an_index_of_their_own(tmp_path: Path) -> None:
    """So does Challenge 2021; one folder was never fetched."""
    folder = headers(tmp_path / "a", "training/g1/x", "training/g1/y", "training/g2/z", "notes/n")
    (folder / "RECORDS").write_text("training/g1/\ntraining/g2/\ntraining/g3/\n")
    (folder / "training/g1/RECORDS").write_text("y\n")
    assert listed(folder) == ["a/training/g1/y", "a/training/g2/z"]


@pytest.mark.parametrize("line", ["../b/1", "/etc/passwd", "g1/../../b/", "./"])
def test_an_index_that_leads_elsewhere_is_refused(tmp_path: Path, line: str) -> None:
    headers(tmp_path / "b", "1")
    folder = headers(tmp_path / "a", "1", "g1/2")
    (folder / "RECORDS").write_text(f"1\n{line}\n")
    with pytest.raises(InputError, match="outside the folder"):
        entries([folder])


def test_equal_names_in_other_folders_are_other_records(tmp_path: Path) -> None:
    """ISP's training and test parts both count from 1."""
    isp = headers(tmp_path / "isp", "train_data/1", "train_data/2", "test_data/1")
    other = headers(tmp_path / "site" / "hospital", "1")
    assert listed(isp, other) == [
        "isp/test_data/1",
        "isp/train_data/1",
        "isp/train_data/2",
        "hospital/1",
    ]
    with pytest.raises(InputError, match="rename the folder"):
        entries([other, headers(tmp_path / "another" / "hospital", "1")])


def test_a_folder_inside_another_is_refused(tmp_path: Path) -> None:
    folder = headers(tmp_path / "a", "b/1")
    for pair in ([folder, folder / "b"], [folder / "b", folder], [folder, tmp_path / "a" / "."]):
        with pytest.raises(InputError, match="the same records"):
            entries(pair)


def test_patients_are_known_from_any_folder_that_is_named(tmp_path: Path) -> None:
    challenge = headers(tmp_path / "challenge", "g1/HR00007")
    ptbxl = headers(tmp_path / "ptb-xl", "records500/00000/00008_hr")
    table = "ecg_id,patient_id\n7,70.0\n8,nan\n-1,2\nx,3\n9\n"
    (ptbxl / "ptbxl_database.csv").write_text(table)
    assert [e.patient for e in entries([challenge, ptbxl])] == ["ptbxl/70", None]
    (ptbxl / "ptbxl_database.csv").write_text("ecg_id,patient_id\n" + "9" * 200_000)
    with pytest.raises(InputError, match="not a CSV table"):
        entries([ptbxl])


def test_what_is_left_out_must_be_there(tmp_path: Path) -> None:
    folder = headers(tmp_path / "a", "1", "2")
    assert [e.identity for e in entries([folder], frozenset({"a/1"}))] == ["a/2"]
    with pytest.raises(InputError, match="'a/3'"):
        entries([folder], frozenset({"a/3"}))
    (tmp_path / "empty").mkdir()
    for nothing, words in ((tmp_path / "empty", "no WFDB"), (tmp_path / "none", "not a folder")):
        with pytest.raises(InputError, match=words):
            entries([nothing])
