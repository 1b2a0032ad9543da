"""Many records over processes: the same files as from one process, whatever dies on the way."""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from format_files import apple

from leadone import read_record
from leadone.cli import DEMO_RECORD
from leadone.edge import reader as readers
from leadone.edge.batch import File, Job, Outcome, analyze_many, files_below
from leadone.edge.bundle import Bundle, load_bundle
from leadone.edge.errors import InputError
from leadone.edge.formats.recording import ReadOptions
from leadone.edge.outputs import Outputs
from leadone.edge.reader import Reader
from leadone.edge.store import DONE, SETTINGS, Store, key_of

OPTIONS = ReadOptions()


def write_records(folder: Path, count: int = 5) -> None:
    """Apple CSV of seven seconds each, in two folders, and one file that can't be read."""
    demo_mv = read_record(DEMO_RECORD).signal_mv
    for k in range(count):
        path = folder / f"p{k % 2}" / f"r{k}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        part = demo_mv[k * 3600 : (k + 1) * 3600]
        path.write_bytes(apple(part.astype(float)).content)
    (folder / "p0" / "bad.edf").write_bytes(b"0       ".ljust(184) + b"512     ")


def job_of(folder: Path, **changes: object) -> Job:
    folder.mkdir(exist_ok=True)
    outputs = Outputs(
        json_file=folder / "all.jsonl",
        csv_file=folder / "all.csv",
        fhir_file=folder / "all.json",
        annotations="lone",
        out=folder / "own",
        html=True,
    )
    return replace(Job(Reader(load_bundle("wrist")), OPTIONS, outputs), **changes)


def contents(folder: Path) -> dict[str, bytes]:
    files = (file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def die(bundle: Bundle) -> Bundle:
    """Stands for a worker that the system kills."""
    if os.environ["LEADONE_TEST_DIED"] != "always":
        flag = Path(os.environ["LEADONE_TEST_DIED"])
        if flag.exists():
            return bundle
        flag.touch()
    os._exit(9)


def test_workers_write_what_one_process_writes(tmp_path: Path) -> None:
    write_records(tmp_path / "in")
    paths = [tmp_path / "in", tmp_path / "absent.csv"]
    one = list(analyze_many(paths, job_of(tmp_path / "one")))
    two = list(analyze_many(paths, job_of(tmp_path / "two"), workers=2))
    assert one == two and len(one) == 7
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert len(contents(tmp_path / "one")) == 3 + 5 * 2
    assert [Path(o.name).name for o in one if o.failure] == ["bad.edf", "absent.csv"]


@pytest.mark.parametrize("how", ["once", "always"])
def test_a_worker_that_dies_loses_no_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setenv("LEADONE_TEST_DIED", str(tmp_path / "died") if how == "once" else how)
    write_records(tmp_path / "in", 3 if how == "once" else 1)
    killing = Reader(load_bundle("wrist"), "c", die)  # without model.c the reading itself fails
    outputs = Outputs(json_file=tmp_path / "all.jsonl")
    job = Job(killing, OPTIONS, outputs)
    outcomes = list(analyze_many([tmp_path / "in"], job, workers=2))
    names = ["bad.edf", "r0.csv", "r2.csv", "r1.csv"][: len(outcomes)]
    assert [Path(o.name).name for o in outcomes] == names
    assert "cut off" in outcomes[0].failure
    says = "its worker process died" if how == "always" else "no model in C"
    assert all(says in o.failure for o in outcomes[1:])


def test_of_two_records_of_one_name_both_are_told_and_one_has_files(tmp_path: Path) -> None:
    """Which files those are may depend on the workers; what all records are told in does not."""
    write_records(tmp_path / "in", 2)
    (tmp_path / "in" / "p1" / "r1.csv").rename(tmp_path / "in" / "p1" / "r0.csv")
    together = []
    for workers in (1, 2):
        job = job_of(tmp_path / str(workers))
        outcomes = list(analyze_many([tmp_path / "in"], job, workers))
        (refused,) = [o for o in outcomes if o.failure and o.line]
        assert "the same name" in refused.failure and "--resume" in refused.failure
        found = contents(tmp_path / str(workers))
        assert set(found) == {"all.jsonl", "all.csv", "all.json", "own/r0.html", "own/r0.lone"}
        together.append([found[name] for name in ("all.jsonl", "all.csv", "all.json")])
    assert together[0] == together[1] and len(together[0][0].splitlines()) == 2


def test_tables_that_nobody_named_are_told_of(tmp_path: Path) -> None:
    """A folder's plain CSV files were passed over without a word."""
    write_records(tmp_path / "in", 2)
    (tmp_path / "in" / "plain.csv").write_text("time_s,ecg_mV\n0,1\n0.004,2\n0.008,3\n")
    for workers in (1, 2):
        told = list(analyze_many([tmp_path / "in"], job_of(tmp_path / "out"), workers))
        assert [Path(one.name).name for one in told if one.line] == ["r0.csv", "r1.csv"]
        assert told[-1].note.endswith("plain.csv") and not told[-1].failure


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are text")
def test_names_that_are_no_text_are_read_and_told(tmp_path: Path) -> None:
    """A traceback before: names from old disks are bytes of any kind."""
    demo_mv = read_record(DEMO_RECORD).signal_mv[:3600].astype(float)
    (tmp_path / "in").mkdir()
    paths = [
        Path(os.fsdecode(os.fsencode(tmp_path / "in") + name)) for name in (b"/a\xff", b"/\xe4")
    ]
    for path in paths:
        path.with_suffix(".csv").write_bytes(apple(demo_mv).content)
    told = list(analyze_many([tmp_path / "in"], job_of(tmp_path / "one")))
    assert not [outcome.failure for outcome in told if outcome.failure]
    assert {file.name for file in (tmp_path / "one" / "own").iterdir()} == {
        f"{name}.{kind}" for name in ("a_", "_") for kind in ("html", "lone")
    }
    names = [json.loads(line)["record"] for line in (tmp_path / "one" / "all.jsonl").open()]
    assert sorted(names) == ["_", "a_"]
    store = Store(str(tmp_path / "kept"))
    job = job_of(tmp_path / "one", outputs=Outputs(), store=store)
    list(analyze_many([tmp_path / "in"], job))
    assert len(store.done()) == 2


def test_a_run_resumes_from_its_store(tmp_path: Path) -> None:
    write_records(tmp_path / "in")
    store = Store(str(tmp_path / "own"))
    outputs = Outputs(json_file=tmp_path / "all.jsonl", annotations="lone", out=tmp_path / "own")
    job = Job(Reader(load_bundle("wrist")), OPTIONS, outputs, store=store)
    refused = replace(job, outputs=replace(outputs, csv_file=tmp_path / "all.csv"))
    with pytest.raises(InputError, match="leave --resume away"):
        list(analyze_many([tmp_path / "in"], refused))
    assert not (tmp_path / "own").exists()  # a run that is refused leaves nothing
    first = list(analyze_many([tmp_path / "in"], job))
    kept = contents(tmp_path / "own")
    assert {"p0/r0.csv/analysis.json", "p0/r0.csv/r0.lone", SETTINGS} <= set(kept)
    lines = (tmp_path / "all.jsonl").read_text()
    (tmp_path / "own" / "p1" / "r3.csv" / DONE).unlink()
    for workers in (1, 2):
        again = list(analyze_many([tmp_path / "in"], job, workers))
        old = [o.name for o in again if "done before" in o.line]
        assert len(old) == (4 if workers == 1 else 5) and len(again) == len(first)
        assert (tmp_path / "all.jsonl").read_text() == lines
        assert contents(tmp_path / "own") == kept
    other = replace(job, options=replace(OPTIONS, lead="II"))
    with pytest.raises(InputError, match="results of another run"):
        list(analyze_many([tmp_path / "in"], other))


def test_keys_stay_below_their_store() -> None:
    assert key_of("a/b.csv") == "a/b.csv"
    for hostile in ("../x", "/etc/x", "a/../../x", "a\\..\\x", ".hidden", "a b", "ä\0"):
        key = key_of(hostile)
        assert not key.startswith("/") and ".." not in key.split("/")
        assert not any(part.startswith(".") for part in key.split("/"))
    assert key_of("a b") != key_of("a_b")


def test_files_of_several_folders_keep_apart(tmp_path: Path) -> None:
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "r.csv").write_bytes(apple(np.zeros(4000)).content)
    files = list(files_below([tmp_path / "x", tmp_path / "y", tmp_path / "x"]))
    keys = [file.key for file in files if isinstance(file, File)]
    assert keys[0] == keys[2] == "r.csv" and keys[1] == key_of(str(tmp_path / "y" / "r.csv"))
    assert isinstance(next(iter(files_below([tmp_path / "empty"]))), File | Outcome)


def test_long_records_take_the_c_core_where_it_can_be_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[str] = []

    def analyze(record: object, bundle: Bundle, backend: str, limits: object) -> str:
        used.append(backend)
        return backend

    monkeypatch.setattr(readers, "analyze", analyze)
    monkeypatch.setattr(readers, "core_library", lambda bundle: Path("core.so"))
    demo = read_record(DEMO_RECORD)
    long = replace(demo, signal_mv=np.zeros(3600 * 360, np.float32))
    reader = Reader(load_bundle("wrist"), "auto", lambda bundle: bundle)
    reader.analyze(demo), reader.analyze(long)

    def refuse(bundle: Bundle) -> Path:
        raise InputError("no compiler")

    monkeypatch.setattr(readers, "core_library", refuse)
    Reader(load_bundle("phone"), "auto", lambda bundle: bundle).analyze(long)
    assert used == ["onnx", "c", "onnx"]


def test_json_lines_are_what_to_dict_gives(tmp_path: Path) -> None:
    job = Job(Reader(load_bundle("wrist")), OPTIONS, Outputs(json_file=tmp_path / "all.jsonl"))
    list(analyze_many([DEMO_RECORD], job))
    (line,) = (tmp_path / "all.jsonl").read_text().splitlines()
    assert json.loads(line) == job.reader.analyze(read_record(DEMO_RECORD)).to_dict()
