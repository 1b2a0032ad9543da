"""From the global model to the device and back: signed, newer, no worse, or not at all."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from leadone.cli import cli
from leadone.edge.bundle import Bundle, load_bundle
from leadone.edge.core_build import MODEL_C
from leadone.edge.errors import InputError
from leadone.edge.record_head import RecordHead
from leadone.edge.signature import make_keys
from leadone.edge.version import MOST, Version
from leadone.federated import head
from leadone.federated.arrays import Arrays
from leadone.federated.labelled import Labelled
from leadone.federated.publish import publish, version_of
from leadone.federated.update_slot import UpdateSlot, own_check


def _labelled(n: int = 60) -> Labelled:
    """Recordings whose rhythm the shipped head would not know, so that learning shows."""
    rng = np.random.default_rng(0)
    rhythm = rng.integers(0, 4, n)
    features = rng.normal(0, 1, (n, 120)).astype(np.float32)
    features[np.arange(n), rhythm] += 4
    return Labelled(features, rhythm, np.zeros((n, 0), np.float32), np.arange(n).astype(str))


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    return make_keys(tmp_path / "keys")


def _model(good: bool = True) -> Arrays:
    data = _labelled()
    model = head.train_head(
        head.start_head(data.features, 0), data, head.LocalConfig(epochs=20), (0,)
    )
    sign = 1 if good else -1
    return {**model, "rhythm.weight": sign * model["rhythm.weight"]}


def _published(tmp_path: Path, key: Path, serial: int, good: bool = True) -> Path:
    return publish(
        load_bundle("wrist"), _model(good), (), np.zeros(0), serial, {"af": 0.9}, tmp_path, key
    )


def _slot(tmp_path: Path, public: Path) -> UpdateSlot:
    return UpdateSlot(tmp_path / "device", "wrist", public)


def test_a_published_bundle_says_what_the_model_says(
    tmp_path: Path, keys: tuple[Path, Path]
) -> None:
    folder = _published(tmp_path, keys[0], 3)
    bundle = load_bundle(folder, keys[1])
    release, patch = load_bundle("wrist").manifest["version"].rsplit(".", 1)
    assert bundle.manifest["version"] == f"{release}.{int(patch) + 3}+fleet"
    assert bundle.manifest["fleet"]["of"] == load_bundle("wrist").identity
    told = RecordHead.from_manifest(bundle.manifest["record_head"])
    row = _labelled().features[0]
    np.testing.assert_allclose(
        told.rhythm_logits(row.astype(np.float64)),
        head.logits(_model(), row[None])[0, :4],
        atol=1e-4,
    )
    before = RecordHead.from_manifest(load_bundle("wrist").manifest["record_head"])
    assert told.findings == before.findings and told.finding_weights == before.finding_weights


def test_updates_are_installed_in_order_and_rolled_back(
    tmp_path: Path, keys: tuple[Path, Path]
) -> None:
    slot, check = _slot(tmp_path, keys[1]), own_check(_labelled())
    one, two = (_published(tmp_path, keys[0], serial) for serial in (1, 2))
    assert slot.install(one, check).manifest["fleet"]["serial"] == 1
    assert slot.install(two, check).manifest["fleet"]["serial"] == 2
    again = _slot(tmp_path, keys[1])  # after a restart
    assert again.current().manifest["fleet"]["serial"] == 2
    assert again.roll_back().manifest["fleet"]["serial"] == 1
    for old in (one, two):
        with pytest.raises(InputError, match="not newer than 2"):
            again.install(old, check)
    assert again.roll_back().identity == load_bundle("wrist").identity
    with pytest.raises(InputError, match="nothing to roll back"):
        again.roll_back()


def test_what_does_worse_here_is_not_installed(tmp_path: Path, keys: tuple[Path, Path]) -> None:
    slot, check = _slot(tmp_path, keys[1]), own_check(_labelled())
    slot.install(_published(tmp_path, keys[0], 1), check)
    with pytest.raises(InputError, match="does worse"):
        slot.install(_published(tmp_path, keys[0], 2, good=False), check)
    assert slot.current().manifest["fleet"]["serial"] == 1


def test_unsigned_foreign_and_changed_updates_are_refused(
    tmp_path: Path, keys: tuple[Path, Path]
) -> None:
    slot, check = _slot(tmp_path, keys[1]), own_check(_labelled())
    other = make_keys(tmp_path / "other")
    with pytest.raises(InputError, match="another key"):
        slot.install(_published(tmp_path / "x", other[0], 1), check)
    unsigned = _published(tmp_path / "y", keys[0], 1)
    (unsigned / "manifest.sig").unlink()
    with pytest.raises(InputError, match="not signed"):
        slot.install(unsigned, check)
    changed = _published(tmp_path / "z", keys[0], 1)
    manifest = json.loads((changed / "manifest.json").read_text())
    manifest["fleet"]["serial"] = 99
    (changed / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match="changed after it was signed"):
        slot.install(changed, check)
    base = publish(
        load_bundle("phone"),
        {
            **head.start_head(np.ones((2, 264), np.float32), 0),
            "rhythm.weight": np.ones((4, 264), np.float32),
        },
        (),
        np.zeros(0),
        5,
        {},
        tmp_path / "p",
        keys[0],
    )
    with pytest.raises(InputError, match="another bundle"):
        slot.install(base, check)
    assert slot.state.highest == 0 and slot.current().identity == load_bundle("wrist").identity
    shutil.rmtree(tmp_path / "device")


def test_a_damaged_slot_is_named(tmp_path: Path, keys: tuple[Path, Path]) -> None:
    (tmp_path / "device").mkdir()
    (tmp_path / "device" / "slot.json").write_text('{"used": "../..", "before": "", "highest": 1}')
    with pytest.raises(InputError, match="damaged"):
        _slot(tmp_path, keys[1])


def test_rounds_are_newer_than_the_base_and_than_each_other(
    tmp_path: Path, keys: tuple[Path, Path]
) -> None:
    versions = ["0.4.1", *(version_of("0.4.1", serial) for serial in (1, 2, 60))]
    assert versions[1:] == ["0.4.2+fleet", "0.4.3+fleet", "0.4.61+fleet"]
    numbers = [Version.parse(version).sequence for version in versions]
    assert numbers == sorted(set(numbers))
    with pytest.raises(InputError, match="begin anew"):
        version_of("0.4.1", MOST)
    with pytest.raises(InputError, match=r"not like 1\.2\.3"):
        version_of("next", 1)


def test_a_bases_model_in_c_is_written_anew(tmp_path: Path, keys: tuple[Path, Path]) -> None:
    pytest.importorskip("ziglang")
    base = load_bundle("wrist")
    files = {**base.files, MODEL_C: b"the old readouts"}
    stale = Bundle(base.manifest, files, base.sha256)
    folder = publish(stale, _model(), (), np.zeros(0), 1, {}, tmp_path, keys[0])
    again = publish(stale, _model(False), (), np.zeros(0), 2, {}, tmp_path, keys[0])
    sources = {load_bundle(one).files[MODEL_C] for one in (folder, again)}
    assert len(sources) == 2 and b"the old readouts" not in sources


def test_the_firmwares_slot_takes_a_round_and_no_older_one(
    tmp_path: Path, keys: tuple[Path, Path]
) -> None:
    """Published, packed by the command, sent over the link, booted, and nothing before it again."""
    pytest.importorskip("ziglang")
    pytest.importorskip("elftools")
    from leadone.distill.export.c_backend import with_model_c
    from leadone.edge.signature import read_public_key
    from leadone.firmware_sim.board import load_board
    from leadone.firmware_sim.host import HostFirmware
    from leadone.firmware_sim.link import Link

    sent = {}
    for serial in (1, 2):
        packed = tmp_path / f"{serial}.slot"
        folder = _published(tmp_path, keys[0], serial)
        words = ["firmware", "pack", "--model", str(folder), "--trust", str(keys[1])]
        done = CliRunner().invoke(
            cli, [*words, "--key", str(keys[0]), "--out", str(packed)], catch_exceptions=False
        )
        assert done.exit_code == 0, done.output
        sent[serial] = packed.read_bytes()
    board, base = load_board("nrf52840"), with_model_c(load_bundle("wrist"))
    device = HostFirmware(base, board, read_public_key(keys[1]))
    device.start()
    link = Link(device.receive)
    link.update(sent[2])
    link.reset()
    status = link.status()
    assert (status.slot, status.sequence) == (1, device.slot.sequence + 2)
    with pytest.raises(InputError, match="not newer"):
        link.update(sent[1])
