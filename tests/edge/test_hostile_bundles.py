"""Bundles made to harm or merely broken: one sentence each, before anything of them is believed."""

from __future__ import annotations

import io
import json
import os
import random
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from leadone import Monitor, read_record
from leadone.edge.bundle import Bundle, load_bundle, pack_bundle, write_bundle
from leadone.edge.errors import InputError

DEMO = Path(__file__).parents[2] / "edge" / "demo" / "208demo"
SIGNAL = read_record(DEMO).signal_mv[: 360 * 8]
MUTATIONS = 120  # of zips, of manifests and of networks each


@pytest.fixture(scope="module")
def shipped() -> Bundle:
    return load_bundle("wrist")


@pytest.fixture
def folder(tmp_path: Path, shipped: Bundle) -> Path:
    write_bundle(tmp_path / "b", shipped.manifest, shipped.files)
    return tmp_path / "b"


def _read(path: Path) -> str:
    """What becomes of a bundle: "" where it reads the demo, else the refusal."""
    try:
        monitor = Monitor.load(path)
        for start in range(0, len(SIGNAL), 700):
            monitor.push(SIGNAL[start : start + 700], 360)
        monitor.finish()
    except InputError as error:
        sentence = str(error)
        assert len(sentence.splitlines()) == 1 and len(sentence) < 400, sentence
        return sentence
    return ""


def _zip(path: Path, entries: list[tuple[str | zipfile.ZipInfo, bytes]]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry, content in entries:
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return path


def _entries(shipped: Bundle) -> list[tuple[str | zipfile.ZipInfo, bytes]]:
    manifest = (Path(__file__).parents[2] / "edge/models/wrist/manifest.json").read_bytes()
    return [("manifest.json", manifest), ("model.onnx", shipped.files["model.onnx"])]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_zips_that_are_traps(tmp_path: Path, shipped: Bundle) -> None:
    good = _entries(shipped)
    assert _read(_zip(tmp_path / "good.zip", good)) == ""
    assert _read(_zip(tmp_path / "in.zip", [(f"b/{name}", x) for name, x in good])) == ""
    bomb = bytes(65 * 1024 * 1024)
    link = zipfile.ZipInfo("model.onnx")
    link.external_attr, link.create_system = 0o120777 << 16, 3
    for reason, entries in (
        ("larger than any model", [good[0], ("model.onnx", bomb)]),
        ("larger than any model", [("manifest.json", bytes(5_000_000)), good[1]]),
        ("larger than any model", [*good, ("manifest.sig", bytes(5000))]),
        ("is a link", [good[0], (link, b"/etc/passwd")]),
        ("'model.onnx' twice", [*good, good[1]]),
        ("several manifests", [*good, ("b/manifest.json", good[0][1])]),
        ("outside itself: '../evil'", [*good, ("../evil", b"x")]),
        ("outside itself: '/etc/evil'", [*good, ("/etc/evil", b"x")]),
        ("outside itself", [*good, ("a\\..\\evil", b"x")]),
        ("outside itself", [*good, ("C:evil", b"x")]),
        ("lists more files", [*good, *((f"{k:060}", b"") for k in range(1000))]),
        ("lacks manifest.json", [good[1]]),
        ("lacks model.onnx", [good[0]]),
        ("lacks model.onnx", [good[0], ("b/model.onnx", good[1][1])]),
    ):
        assert reason in _read(_zip(tmp_path / "trap.zip", entries)), reason
    assert sorted(p.name for p in tmp_path.iterdir()) == ["good.zip", "in.zip", "trap.zip"]


def test_a_zip_that_lies_about_sizes_or_is_odd(tmp_path: Path, shipped: Bundle) -> None:
    path = _zip(tmp_path / "z.zip", [*_entries(shipped)[:1], ("model.onnx", bytes(70_000_000))])
    content = bytearray(path.read_bytes())
    for signature, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):  # says 10 bytes, holds 70 MB
        where = content.rfind(signature)
        struct.pack_into("<I", content, where + at, 10)
    path.write_bytes(content)
    assert "damaged zip" in _read(path) or "not the file" in _read(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        for name, file in _entries(shipped):
            archive.writestr(str(name), file)
    assert "unusual method" in _read(path)
    content = bytearray(_zip(path, _entries(shipped)).read_bytes())
    for signature, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.find(signature) + at] |= 1  # says that it is encrypted
    path.write_bytes(content)
    assert "damaged zip" in _read(path)


def test_links_and_folders_in_the_place_of_files(folder: Path, tmp_path: Path) -> None:
    (folder / "model.onnx").rename(tmp_path / "elsewhere")
    (folder / "model.onnx").symlink_to(tmp_path / "elsewhere")
    assert "is a link or no file" in _read(folder)
    (folder / "model.onnx").unlink()
    (folder / "model.onnx").mkdir()
    assert "is a link or no file" in _read(folder)
    (folder / "model.onnx").rmdir()
    os.mkfifo(folder / "model.onnx")
    assert "is a link or no file" in _read(folder)
    (folder / "model.onnx").unlink()
    (folder / "manifest.sig").symlink_to(tmp_path / "absent")
    assert "lacks model.onnx" in _read(folder)
    (tmp_path / "elsewhere").rename(folder / "model.onnx")
    assert "manifest.sig in bundle b is a link" in _read(folder)


@pytest.mark.parametrize(
    "text",
    [
        '{"format": 2, "format": 2, "files": {}}',  # one key twice: readers would differ
        '{"format": 2, "files": {}, "x": NaN}',
        '{"format": 2, "files": {}, "x": -Infinity}',
        '{"format": 2, "files": {}, "x": 1' + "0" * 5000 + "}",
        "[" * 100_000,
        '{"a":' * 100_000,
        "",
        "null",
        '"manifest"',
        "\x00",
        "\ud800",
    ],
)
def test_a_manifest_that_is_no_json_of_ours(folder: Path, text: str) -> None:
    (folder / "manifest.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    assert "get the bundle again" in _read(folder)


WEIRD: list[Any] = [
    None,
    True,
    -1,
    0,
    2.5,
    1e308,
    10**30,
    float("nan"),
    "",
    "x" * 300,
    "../x",
    "a\nb\x1b[2J",
    [],
    {},
    [[]],
    [1, "a"],
    [[[[[[[[1]]]]]]]],
    {"a": {"b": {"c": {"d": {"e": {"f": 1}}}}}},
]


@pytest.mark.parametrize(
    "field", ["format", "name", "version", "network", "input", "labels", "files", "rhythm"]
)
def test_every_field_that_has_to_be_something_is_checked(folder: Path, field: str) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    for value in WEIRD:
        (folder / "manifest.json").write_text(json.dumps({**manifest, field: value}))
        refusal = _read(folder)
        if field in ("name", "version") and value == "../x":  # an odd name, and a name
            assert refusal == ""
        else:
            assert refusal, (field, value)


@pytest.mark.parametrize("field", ["record_head", "beat_model", "quality", "training"])
def test_every_other_field_is_refused_or_read(folder: Path, field: str) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    refused = 0
    for value in WEIRD:
        (folder / "manifest.json").write_text(json.dumps({**manifest, field: value}))
        refused += bool(_read(folder))
    assert refused >= len(WEIRD) - 3  # None or {} may say that there is none


def test_work_is_a_number_or_not_said(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    for value in ("many", None, [1], True):
        changed = {**manifest, "macs_per_second": value}
        (folder / "manifest.json").write_text(json.dumps(changed))
        assert "macs_per_second" in (_read(folder) or "")
    del manifest["macs_per_second"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert not _read(folder)


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "a/b",
        ".x",
        "",
        "a\\b",
        "C:x",
        "manifest.json",
        "MANIFEST.SIG",
        "x" * 101,
        "a\nb",
        "é",
    ],
)
def test_names_that_are_paths_or_ours(folder: Path, name: str) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    for files in ({**manifest["files"], name: 64 * "0"}, {name: 64 * "0"}):
        (folder / "manifest.json").write_text(json.dumps({**manifest, "files": files}))
        assert "names a file outside itself" in _read(folder)


def test_more_files_or_bytes_than_a_bundle_has(folder: Path, tmp_path: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    many = {f"f{k}": 64 * "0" for k in range(257)}
    (folder / "manifest.json").write_text(json.dumps({**manifest, "files": many}))
    assert "more than 256 files" in _read(folder)
    twice = {**manifest["files"], "MODEL.onnx": 64 * "0"}
    (folder / "manifest.json").write_text(json.dumps({**manifest, "files": twice}))
    assert "one file twice" in _read(folder)


def _fuzz(bundle: Callable[[random.Random], Path], least_refused: float) -> None:
    refusals = [_read(bundle(random.Random(seed))) for seed in range(MUTATIONS)]
    assert sum(map(bool, refusals)) >= least_refused * MUTATIONS, refusals


def test_zips_with_random_damage(tmp_path: Path) -> None:
    pack_bundle("wrist", tmp_path / "b.zip")
    content = (tmp_path / "b.zip").read_bytes()

    def mutated(rng: random.Random) -> Path:
        path = tmp_path / "mutated.zip"
        path.write_bytes(_mutated(content, rng, ends=600))
        return path

    _fuzz(mutated, 0.8)


def test_networks_with_random_damage(tmp_path: Path, shipped: Bundle) -> None:
    def mutated(rng: random.Random) -> Path:
        network = _mutated(shipped.files["model.onnx"], rng, ends=4000)
        write_bundle(tmp_path / "b", shipped.manifest, {"model.onnx": network})
        return tmp_path / "b"

    _fuzz(mutated, 0.3)


def test_manifests_with_a_value_changed(folder: Path) -> None:
    original = (folder / "manifest.json").read_text()

    def mutated(rng: random.Random) -> Path:
        manifest = json.loads(original)
        del manifest["training"]["source_records"]
        place: Any = manifest
        while True:
            key = rng.choice(list(place)) if isinstance(place, dict) else rng.randrange(len(place))
            if not isinstance(place[key], dict | list) or not place[key] or rng.random() < 0.2:
                break
            place = place[key]
        place[key] = rng.choice(WEIRD)
        (folder / "manifest.json").write_text(json.dumps(manifest))
        return folder

    _fuzz(mutated, 0.3)


def _mutated(content: bytes, rng: random.Random, ends: int) -> bytes:
    """Cut short, or with bytes changed, put in or left out: anywhere or near an end."""
    changed = bytearray(content)
    if rng.random() < 0.15:
        return content[: rng.randrange(len(content))]
    for _ in range(rng.choice((1, 2, 8))):
        anywhere = rng.randrange(len(changed))
        at = rng.choice((anywhere, anywhere % ends, len(changed) - 1 - anywhere % ends))
        kind = rng.randrange(4)
        if kind < 2:
            changed[at] = rng.randrange(256)
        elif kind == 2:
            del changed[at : at + rng.randrange(1, 9)]
        else:
            changed[at:at] = rng.randbytes(rng.randrange(1, 9))
    return bytes(changed)


def test_a_bundle_of_what_is_no_zip(tmp_path: Path) -> None:
    empty = io.BytesIO()
    zipfile.ZipFile(empty, "w").close()
    for content in (b"", b"PK", b"PK\x05\x06" + bytes(18), empty.getvalue(), os.urandom(1000)):
        (tmp_path / "x.zip").write_bytes(content)
        assert _read(tmp_path / "x.zip")
