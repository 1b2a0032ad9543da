"""Files over the workers of a Dask cluster: one that is killed loses no record.

The store holds results and the model, so that workers may come and go; a run that is started again
reads what the store has not. Workers need leadone as it is here, and see the paths or URLs that the
run is given.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from .alert_limits import AlertLimits
from .batch import File, Job, Outcome, free_key, read_file
from .bundle import Bundle, load_bundle, pack_bundle
from .errors import InputError, first_line
from .formats.recording import ReadOptions
from .outputs import Outputs, Together
from .reader import Reader, WithModelC
from .remote import fetch, records_at
from .store import Store

MODEL = "leadone-model.zip"
CONNECT_S = 10.0
AHEAD = 4  # files that wait for each thread, so that none is idle


@dataclass(frozen=True)
class RemoteJob:
    """A `Job` whose model lies in its store."""

    sha256: str
    backend: str
    with_model_c: WithModelC | None
    limits: AlertLimits | None
    options: ReadOptions
    outputs: Outputs
    recording: str | None
    store: Store
    version: str


def analyze_on_cluster(
    address: str, paths: Iterable[str], job: Job, model: str, tell: Callable[[str], None]
) -> Iterator[Outcome]:
    """Analyse each recording on the cluster at `address`, outcomes as they come.

    `job.outputs.json_file` is written at the end, in order. `tell` hears what a user should know
    meanwhile. Raises InputError where the scheduler can't be reached, or is lost.
    """
    assert job.store is not None
    if job.outputs.csv_file or job.outputs.fhir_file:
        raise InputError("--csv and --fhir need all records in one process; leave them away")
    client = _connect(address)
    with client, ExitStack() as stack:
        job.store.begin(job.settings())  # a run that reaches nobody leaves nothing
        together = Together(job.outputs, stack)
        remote = _prepared(job, model)
        keys: dict[int, list[str]] = {}
        try:
            for number, outcomes in _spread(client, paths, remote, tell):
                keys[number] = [outcome.key for outcome in outcomes if outcome.key]
                yield from outcomes
        except (OSError, TimeoutError) as error:
            raise _lost(address, error) from error
        for number in sorted(keys):
            for key in keys[number]:
                together.add_stored(job.store, key)
        together.finish()


def _connect(address: str) -> Any:
    try:
        from distributed import Client
    except ImportError:
        raise InputError("a cluster needs Dask: pip install 'leadone[cluster]'") from None
    if not re.fullmatch(r"(\w+://)?[^/\s]+:\d+/?", address):
        raise InputError(f"{address} names no scheduler; write tcp://HOST:8786")
    try:
        return Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise InputError(
            f"no Dask scheduler answers at {address} ({first_line(error)}); start one by `dask "
            "scheduler`, or check the address"
        ) from error


def _lost(address: str, error: Exception) -> InputError:
    return InputError(
        f"the scheduler at {address} was lost ({first_line(error)}); run the same command again, "
        "what is done is kept"
    )


def _prepared(job: Job, model: str) -> RemoteJob:
    """The job, its model in the store."""
    assert job.store is not None
    with TemporaryDirectory(prefix="leadone-") as folder:
        packed = Path(folder) / MODEL
        pack_bundle(model, packed)
        job.store.put_file(packed, MODEL)
    reader = job.reader
    return RemoteJob(
        reader.bundle.sha256,
        reader.backend,
        reader.with_model_c,
        reader.limits,
        job.options,
        replace(job.outputs, json_file=None, out=None),
        job.recording,
        job.store,
        version("leadone"),
    )


def _spread(
    client: Any, paths: Iterable[str], job: RemoteJob, tell: Callable[[str], None]
) -> Iterator[tuple[int, list[Outcome]]]:
    """What became of each file, and its place; a few more are on their way than threads wait."""
    from distributed import as_completed

    done = job.store.done()
    files = enumerate(_files(paths))
    pending: dict[Any, tuple[int, File]] = {}
    ended = as_completed(loop=client.loop)
    if not client.scheduler_info()["workers"]:
        tell("the cluster has no worker yet; waiting for one")
    while True:
        while len(pending) < _room(client):
            number, file = next(files, (-1, None))
            if file is None:
                break
            if isinstance(file, Outcome):
                yield number, [file]
            elif file.key in done:
                name = file.path
                yield number, [Outcome(name, line=f"{name}  done before", key=file.key)]
            else:
                inside = {key for key in done if key.startswith(f"{file.key}/")}
                future = client.submit(read_on_worker, file, job, inside, pure=False)
                pending[future] = number, file
                ended.add(future)
        if not pending:
            return
        future = next(ended)
        number, file = pending.pop(future)
        yield number, _result(future, file)


def _room(client: Any) -> int:
    workers = client.scheduler_info()["workers"].values()
    threads = sum(int(worker["nthreads"]) for worker in workers)
    return max(AHEAD * threads, AHEAD)


def _files(paths: Iterable[str]) -> Iterator[File | Outcome]:
    taken: dict[str, str] = {}
    for path in paths:
        try:
            for file, inside in records_at(path):
                yield File(file, free_key(file, inside, taken))
        except InputError as error:
            yield Outcome(path, failure=str(error))


def _result(future: Any, file: File) -> list[Outcome]:
    """What a worker found, or why there is nothing."""
    if future.status == "finished":
        outcomes: list[Outcome] = future.result()
        return outcomes
    if future.status != "error":
        raise OSError(f"{file.path} was {future.status}")
    error = future.exception()
    if type(error).__name__ == "KilledWorker":
        why = "every worker that read it died, perhaps of too little memory; read it alone"
    else:
        why = f"a worker failed ({type(error).__name__}: {first_line(error)})"
    return [Outcome(file.path, failure=f"{file.path}: {why}")]


def read_on_worker(file: File, job: RemoteJob, done: set[str]) -> list[Outcome]:
    """On a worker: fetch a file, analyse its records, keep what each gives."""
    if version("leadone") != job.version:
        raise RuntimeError(f"leadone {version('leadone')} here, {job.version} where the run began")
    bundle = _bundle(job.store, job.sha256)
    reader = Reader(bundle, job.backend, job.with_model_c, job.limits)
    local = Job(reader, job.options, job.outputs, job.recording, job.store)
    with TemporaryDirectory(prefix="leadone-") as folder, ExitStack() as stack:
        try:
            path = str(fetch(file.path, Path(folder)))
        except InputError as error:
            return [Outcome(file.path, failure=str(error))]
        together = Together(Outputs(), stack)
        outcomes = list(read_file(File(path, file.key), local, done, together, Path(folder)))
    return [
        replace(
            outcome,
            name=outcome.name.replace(path, file.path),
            failure=outcome.failure.replace(path, file.path),
        )
        for outcome in outcomes
    ]


@lru_cache(maxsize=2)
def _bundle(store: Store, sha256: str) -> Bundle:
    """The run's model; InputError where the store holds another by now."""
    with TemporaryDirectory(prefix="leadone-") as folder:
        path = Path(folder) / MODEL
        path.write_bytes(store.read(MODEL))
        bundle = load_bundle(path)
    if bundle.sha256 != sha256:
        raise InputError(f"{store.url} holds another model by now; choose another --out")
    return bundle
