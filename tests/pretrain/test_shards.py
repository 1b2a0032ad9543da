"""Shards: whatever happens while they are built, what is read is what the records held."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from leadone.edge.errors import InputError
from leadone.pretrain import shards
from leadone.pretrain.archive import Entry, entries, identity_of
from leadone.pretrain.shards import Shards, build_shards
from leadone.pretrain.twelve_leads import read_twelve_leads


@pytest.fixture
def archive(
    tmp_path: Path,
    heart: Callable[..., dict[str, np.ndarray]],
    write: Callable[..., Path],
) -> Path:
    """Records of 10, 27, 3 and 12 s, one mislabelled and one damaged."""
    folder = tmp_path / "archive"
    folder.mkdir()
    for name, seconds in (("a", 10.0), ("b", 27.0), ("c", 3.0), ("d", 12.0)):
        write(folder / name, heart(seconds))
    swapped = heart()
    swapped["I"], swapped["aVR"] = swapped["aVR"], swapped["I"]
    write(folder / "e", swapped)
    write(folder / "f", heart())
    (folder / "f.dat").write_bytes(b"short")
    return folder


def test_windows_are_the_records(archive: Path, tmp_path: Path) -> None:
    listed = entries([archive])
    manifest = build_shards(listed, tmp_path / "out", windows_a_shard=2)
    built = Shards(tmp_path / "out")
    built.verify()
    rows = list(built.rows())
    assert [(row.identity, row.start_s) for row in rows] == [
        ("archive/a", 0.0),
        ("archive/b", 0.0),
        ("archive/b", 10.0),
        ("archive/b", 20.0),
        ("archive/d", 0.0),
    ]
    assert len(built) == 5 and len(manifest["shards"]) > 1
    signal = built.read(np.array([3, 0]))
    b = read_twelve_leads(archive / "b").signal_mv
    np.testing.assert_allclose(signal[0, :, :1750], b[:, 5000:6750], atol=0.00051)
    assert np.isnan(signal[0, :, 1750:]).all()  # the last window is 7 s long
    reasons = manifest["skipped"]
    assert sorted(reasons.values()) == [1, 1, 1]
    for words in ("shorter than 5 s", "contradict", "truncated"):
        assert any(words in reason for reason in reasons)


def test_a_broken_build_goes_on_and_ends_the_same(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = entries([archive])
    whole = build_shards(listed, tmp_path / "whole", windows_a_shard=1)
    read = shards.read_twelve_leads

    def killed(path: Path) -> object:
        if path.name == "d":
            raise KeyboardInterrupt
        return read(path)

    monkeypatch.setattr(shards, "read_twelve_leads", killed)
    with pytest.raises(KeyboardInterrupt):
        build_shards(listed, tmp_path / "broken", windows_a_shard=1)
    with pytest.raises(InputError, match="not complete"):
        Shards(tmp_path / "broken")
    done: list[Path] = []
    monkeypatch.setattr(
        shards, "read_twelve_leads", lambda path: (done.append(path), read(path))[1]
    )
    assert build_shards(listed, tmp_path / "broken", windows_a_shard=1) == whole
    assert "a" not in [path.name for path in done]  # it was written before the break


def test_other_records_and_changed_shards_are_refused(archive: Path, tmp_path: Path) -> None:
    listed = entries([archive])
    build_shards(listed, tmp_path / "out")
    with pytest.raises(InputError, match="other records"):
        build_shards(listed[:2], tmp_path / "out")
    path = tmp_path / "out" / "shard-00000.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="shard-00000"):
        Shards(tmp_path / "out").verify()
    (tmp_path / "out" / "manifest.json").write_text(json.dumps({"format": 99}))
    with pytest.raises(InputError, match="build them again"):
        Shards(tmp_path / "out")


def test_shards_are_read_over_fsspec(archive: Path, tmp_path: Path) -> None:
    build_shards(entries([archive]), tmp_path / "out")
    near, far = Shards(tmp_path / "out"), Shards(f"file://{tmp_path / 'out'}")
    np.testing.assert_array_equal(near.read([0, 4]), far.read([0, 4]))


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


def test_folders_of_one_challenge_keep_their_records_apart(
    tmp_path: Path,
    heart: Callable[..., dict[str, np.ndarray]],
    write: Callable[..., Path],
) -> None:
    """CPSC 2018 has 6 to 60 s and more; sets have folders g1, g2 of the same names."""
    for place, name, seconds in (("cpsc_2018/g1", "A0001", 33.0), ("georgia/g1", "E00001", 10.0)):
        (tmp_path / place).mkdir(parents=True)
        write(tmp_path / place / name, heart(seconds))
    build_shards(entries([tmp_path / "cpsc_2018", tmp_path / "georgia"]), tmp_path / "out")
    rows = [(row.identity, row.start_s) for row in Shards(tmp_path / "out").rows()]
    assert rows == [("g1/A0001", 0.0), ("g1/A0001", 10.0), ("g1/A0001", 20.0), ("g1/E00001", 0.0)]


def test_a_record_at_1_khz_with_names_of_its_own(
    tmp_path: Path,
    heart: Callable[..., dict[str, np.ndarray]],
    write: Callable[..., Path],
) -> None:
    leads = {f"ECG_lead_{name.upper()}": x for name, x in heart(10.0, 1000.0).items()}
    leads |= {"VX": leads["ECG_lead_I"], "V3R": leads["ECG_lead_V3"]}  # Frank and right-sided
    (tmp_path / "isp").mkdir()
    write(tmp_path / "isp" / "0001", leads, 1000.0)
    record = read_twelve_leads(tmp_path / "isp" / "0001")
    assert len(record.present) == 12 and record.signal_mv.shape == (12, 2500)
    assert record.limb_leads_agree and not record.derived
