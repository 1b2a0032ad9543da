import json
import shutil
import zipfile
from pathlib import Path

import pytest

from leadone.edge.bundle import SHIPPED, load_bundle, shipped_models, write_bundle
from leadone.edge.errors import InputError
from leadone.edge.monitor import Monitor


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """The shipped manifest with other weights."""
    manifest = {**load_bundle("wrist").manifest, "name": "b", "version": "1"}
    write_bundle(tmp_path / "b", manifest, {"model.onnx": b"weights"})
    return tmp_path / "b"


def test_a_written_bundle_loads_as_folder_and_as_zip(bundle: Path) -> None:
    archive = Path(shutil.make_archive(str(bundle), "zip", bundle.parent, bundle.name))
    for path in (bundle, archive):
        loaded = load_bundle(path)
        assert loaded.files == {"model.onnx": b"weights"}
        assert loaded.identity["name"] == "b" and len(loaded.sha256) == 64


def test_one_changed_byte_is_refused(bundle: Path) -> None:
    (bundle / "model.onnx").write_bytes(b"Weights")
    with pytest.raises(InputError, match="not the file its manifest lists"):
        load_bundle(bundle)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"format": 99}, "format 99"),
        ({"files": {"../x": ""}}, "outside itself"),
        ({"network": "absent", "files": {"absent": 64 * "0"}}, "lacks absent"),
        ({"files": None}, "lists no files"),
        ({"network": "other.onnx"}, "does not list its network"),
        ({"input": {"rate_hz": 250, "hop_samples": 16, "lookahead_samples": 100}}, "lookahead"),
        ({"labels": {"waves": ["none", "T", "QRS", "P"]}}, "labels waves"),
    ],
)
def test_a_bad_manifest_is_refused(bundle: Path, change: dict[str, object], reason: str) -> None:
    manifest = json.loads((bundle / "manifest.json").read_text())
    (bundle / "manifest.json").write_text(json.dumps({**manifest, **change}))
    with pytest.raises(InputError, match=reason):
        load_bundle(bundle)


def test_a_bundle_that_fits_its_hashes_but_not_this_code_is_refused(bundle: Path) -> None:
    with pytest.raises(InputError, match="not a model"):
        Monitor.load(bundle)
    shipped = load_bundle("wrist")
    for change in (
        {"quality": {"loudness": 3}},
        {"rhythm": {**shipped.manifest["rhythm"], "mean": [0.0]}},
        {"rhythm": {}},
        {"record_head": {}},
        {"beat_model": {"layers": []}},
    ):
        write_bundle(bundle, {**shipped.manifest, **change}, shipped.files)
        with pytest.raises(InputError, match="bundle"):
            Monitor.load(bundle).push([0.0], 250)


def test_a_damaged_zip_is_one_sentence(bundle: Path) -> None:
    archive = Path(shutil.make_archive(str(bundle), "zip", bundle.parent, bundle.name))
    content = bytearray(archive.read_bytes())
    for at in range(60, 160):
        content[at] ^= 0x55
    archive.write_bytes(content)
    with pytest.raises(InputError, match=r"damaged zip|is not the file"):
        load_bundle(archive)


def test_no_manifest_no_json_no_bundle(bundle: Path, tmp_path: Path) -> None:
    (bundle / "manifest.json").write_text("{")
    with pytest.raises(InputError, match="not JSON"):
        load_bundle(bundle)
    (bundle / "manifest.json").unlink()
    with pytest.raises(InputError, match=r"lacks manifest\.json"):
        load_bundle(bundle)
    with pytest.raises(InputError, match="wrist"):
        load_bundle("no-such-model")
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.writestr("readme", "")
    with pytest.raises(InputError, match=r"lacks manifest\.json"):
        load_bundle(tmp_path / "z.zip")


def test_every_shipped_bundle_is_whole_and_small() -> None:
    assert "wrist" in shipped_models()
    for name in shipped_models():
        assert load_bundle(name).manifest["name"] == name
        assert sum(f.stat().st_size for f in (SHIPPED / name).iterdir()) < 2_000_000
