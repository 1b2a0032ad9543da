"""Records over a Dask cluster of two processes, one of which is killed on the way."""

import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import wfdb
from click.testing import CliRunner
from format_files import apple

from leadone import read_record
from leadone.cli import DEMO_RECORD, cli
from leadone.edge.batch import Job
from leadone.edge.bundle import load_bundle
from leadone.edge.cluster import analyze_on_cluster
from leadone.edge.errors import InputError
from leadone.edge.formats.recording import ReadOptions
from leadone.edge.outputs import Outputs
from leadone.edge.reader import Reader
from leadone.edge.remote import fetch, records_at
from leadone.edge.store import DONE, Store

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as local:
        yield local


def records(folder: Path, count: int) -> None:
    """Copies of the demo, an Apple CSV, and a file that can't be read."""
    for k in range(count):
        place = folder / f"p{k}"
        place.mkdir(parents=True)
        for file in DEMO_RECORD.parent.glob("208demo.*"):
            shutil.copy(file, place / file.name)
    signal_mv = read_record(DEMO_RECORD).signal_mv[:5000].astype(float)
    (folder / "watch.csv").write_bytes(apple(signal_mv).content)
    (folder / "bad.edf").write_bytes(b"0       ".ljust(184) + b"512     ")


def run(cluster: Any, folder: Path, kills: bool = False) -> tuple[list[Any], list[str]]:
    """Outcomes, and the lines of JSON; a worker is killed after the first outcome."""
    store = Store(f"file://{folder}/results")
    outputs = Outputs(json_file=folder / "all.jsonl", annotations="lone", html=True)
    job = Job(Reader(load_bundle("wrist")), ReadOptions(), outputs, store=store)
    paths = [f"file://{folder}/in", str(folder / "absent.csv")]
    outcomes = []
    for outcome in analyze_on_cluster(cluster.scheduler_address, paths, job, "wrist", print):
        if kills and not outcomes:
            with distributed.Client(cluster, set_as_default=False) as client:
                os.kill(next(iter(client.run(os.getpid).values())), signal.SIGKILL)
        outcomes.append(outcome)
    return outcomes, (folder / "all.jsonl").read_text().splitlines()


def test_a_killed_worker_loses_no_record_and_a_new_run_skips_what_is_done(
    cluster: Any, tmp_path: Path
) -> None:
    records(tmp_path / "in", 5)
    outcomes, lines = run(cluster, tmp_path, kills=True)
    failures = sorted(outcome.failure for outcome in outcomes if outcome.failure)
    assert len(outcomes) == 8 and len(failures) == 2
    assert failures[0].startswith(f"{tmp_path}/absent.csv does not exist")
    assert failures[1].startswith(f"file://{tmp_path}/in/bad.edf: the header is cut off")
    expected = [
        json.dumps(Reader(load_bundle("wrist")).analyze(read_record(DEMO_RECORD)).to_dict())
    ]
    assert lines[:5] == 5 * expected and json.loads(lines[5])["record"] == "watch"
    own = tmp_path / "results" / "p3" / "208demo"
    assert {file.name for file in own.iterdir()} == {DONE, "208demo.html", "208demo.lone"}
    assert len(wfdb.rdann(str(own / "208demo"), "lone").sample) > 3000
    assert not list((tmp_path / "results").rglob("*.unfinished"))
    (own / DONE).unlink()
    again, lines_again = run(cluster, tmp_path)
    assert sum("done before" in outcome.line for outcome in again) == 5
    assert lines_again == lines


def test_the_command_says_what_is_wrong(cluster: Any, tmp_path: Path) -> None:
    records(tmp_path / "in", 1)
    address = ["--scheduler", cluster.scheduler_address]
    done = CliRunner().invoke(cli, ["analyze", str(tmp_path / "in"), *address])
    assert isinstance(done.exception, InputError) and "--out" in str(done.exception)
    out = ["--out", str(tmp_path / "out")]
    for nobody, says in (("tcp://127.0.0.1:9", "no Dask scheduler"), ("me", "write tcp://HOST")):
        words = ["analyze", str(tmp_path / "in"), "--scheduler", nobody, *out]
        done = CliRunner().invoke(cli, words)
        assert isinstance(done.exception, InputError) and says in str(done.exception)
        assert not (tmp_path / "out").exists()  # so that the next run may have other settings
    done = CliRunner().invoke(cli, ["analyze", str(tmp_path / "in"), *address, *out])
    assert done.exit_code == 1 and "1 of 3 records failed" in done.output
    assert "208demo  MLII  300 s" in done.output


def test_records_are_listed_and_fetched_with_their_files(tmp_path: Path) -> None:
    """In a file system of memory: segments, gaps, hidden files, other formats."""
    import fsspec

    memory = fsspec.filesystem("memory")
    for name in ("s1", "s2"):
        memory.pipe(f"/ecg/a/{name}.hea", f"{name} 1 250 1000\n{name}.dat 16 200 I\n".encode())
        memory.pipe(f"/ecg/a/{name}.dat", bytes(2000))
    memory.pipe("/ecg/a/m.hea", b"m/3 1 250 2500\ns1 1000\n~ 500\ns2 1000\n")
    memory.pipe("/ecg/b.edf", b"0")
    memory.pipe("/ecg/.hidden/c.edf", b"0")
    memory.pipe("/ecg/notes.md", b"0")
    memory.pipe("/ecg/evil.hea", b"evil 1 250 1000\n../a/s1.dat 16 200 I\n")
    assert list(records_at("memory://ecg")) == [
        ("memory:///ecg/a/m", "a/m"),
        ("memory:///ecg/b.edf", "b.edf"),
        ("memory:///ecg/evil", "evil"),
    ]
    record = read_record(fetch("memory://ecg/a/m", tmp_path / "m"))
    assert record.samples == 2500 and (tmp_path / "m" / "s2.dat").is_file()
    fetch("memory://ecg/evil", tmp_path / "evil")
    assert [file.name for file in (tmp_path / "evil").iterdir()] == ["evil.hea"]
    with pytest.raises(InputError, match="can't be fetched"):
        fetch("memory://ecg/absent", tmp_path)
    with pytest.raises(InputError, match="can't be listed"):
        list(records_at("nosuch://ecg"))
