"""Shards: whatever happens while they are built, what is read is what the records held."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from leadone.edge.errors import InputError
from leadone.pretrain import shards
from leadone.pretrain.archive import entries
from leadone.pretrain.shards import Shards, build_shards
from leadone.pretrain.twelve_leads import LEADS, read_twelve_leads


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


def test_a_lead_counts_in_the_windows_that_have_it(
    tmp_path: Path,
    heart: Callable[..., dict[str, np.ndarray]],
    write: Callable[..., Path],
) -> None:
    """An electrode that comes on after 12 s, and all of them off from 20 to 24 s."""
    leads = heart(40.0)
    leads["V1"][:6000] = np.nan
    for name in leads:
        leads[name][10_000:12_000] = np.nan
    (tmp_path / "archive").mkdir()
    write(tmp_path / "archive" / "a", leads)
    write(tmp_path / "archive" / "b", heart(30.0) | {"V1": np.zeros(15_000)})
    build_shards(entries([tmp_path / "archive"]), tmp_path / "out")
    shards = Shards(tmp_path / "out")
    rows = list(shards.rows())
    assert [(row.identity, row.start_s, len(row.leads)) for row in rows] == [
        ("archive/a", 0.0, 11),
        ("archive/a", 10.0, 11),
        ("archive/a", 30.0, 12),
        *(("archive/b", start_s, 11) for start_s in (0.0, 10.0, 20.0)),
    ]
    for number, row in enumerate(rows):
        assert ("v1" in row.leads) == (len(row.leads) == 12)
        finite = np.isfinite(shards.read([number])[0])
        np.testing.assert_array_equal(finite.all(1), finite.any(1))
        assert [lead for lead, there in zip(LEADS, finite, strict=True) if there.all()] == list(
            row.leads
        )


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


def test_shards_that_are_not_there_are_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no shards in .*--data"):
        Shards(tmp_path)
    with pytest.raises(InputError, match=r"nowhere.*can't be fetched"):
        Shards(f"file://{tmp_path}/nowhere")
    with pytest.raises(InputError, match="can't be fetched"):
        Shards("nosuchprotocol://bucket/shards")


def test_shards_are_read_over_fsspec(archive: Path, tmp_path: Path) -> None:
    build_shards(entries([archive]), tmp_path / "out")
    near, far = Shards(tmp_path / "out"), Shards(f"file://{tmp_path / 'out'}")
    np.testing.assert_array_equal(near.read([0, 4]), far.read([0, 4]))
