"""Many records: a bad one is reported and the rest go on; one process or several."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from .alert_limits import AlertLimits
from .analysis import Analysis
from .errors import InputError
from .files import make_folder
from .formats.read import find_records, open_recordings, passed_over, selected
from .formats.recording import Entry, ReadOptions
from .outputs import Outputs, Together, write_own
from .reader import Reader
from .store import DONE, Store, key_of


@dataclass(frozen=True)
class Job:
    """How files are read and what becomes of them; it can be sent to other processes.

    With a `store`, a record's files go to a folder of it, its JSON among them, and a record that
    the store has is not read again. `recording` names one of several in a file.
    """

    reader: Reader
    options: ReadOptions
    outputs: Outputs
    recording: str | None = None
    store: Store | None = None

    def settings(self) -> dict[str, Any]:
        """What results depend on: those of one store all have the same."""
        outputs = self.outputs
        return {
            "model": self.reader.bundle.sha256,
            **asdict(self.options),
            "alerts": str(self.reader.limits or AlertLimits()),
            "recording": self.recording,
            "annotations": outputs.annotations,
            "edf": outputs.edf,
            "html": outputs.html,
            "pdf": outputs.pdf,
        }


@dataclass(frozen=True)
class File:
    """A file of records, and what its results are called in a store."""

    path: str
    key: str


@dataclass(frozen=True)
class Outcome:
    """What became of one record: a line about it, or the sentence that says why it failed.

    Both where it was read and its own files could not be written. `key` is where a store has it.
    A `note` alone is about a folder, and no record's.
    """

    name: str
    line: str = ""
    failure: str = ""
    key: str = ""
    note: str = ""


def analyze_many(paths: Iterable[Path], job: Job, workers: int = 1) -> Iterator[Outcome]:
    """Analyse each recording and write its outputs, in order.

    Folders stand for the records below them, archives for those in them, unless `job.recording`
    names one. Files of all records appear under their names only when all are through; those of
    several `workers` are the same as those of one.
    """
    outputs = job.outputs
    if outputs.are_own and outputs.out is None:
        raise InputError("annotations and reports need a folder to go to; name one with --out")
    if job.store is not None and (outputs.csv_file or outputs.fhir_file):
        raise InputError("--csv and --fhir need all records in one run; leave --resume away")
    if job.store is not None:
        job.store.begin(job.settings())
    with ExitStack() as stack:
        if outputs.out is not None and job.store is None:
            is_new = make_folder(outputs.out)
            stack.callback(_remove_if_empty, outputs.out, is_new)
        together = Together(outputs, stack)
        scratch = Path(stack.enter_context(TemporaryDirectory(prefix="leadone-")))
        for outcome in _outcomes(paths, job, workers, together, scratch):
            if outcome.key and job.store is not None:
                together.add_stored(job.store, outcome.key)
            yield outcome
        together.finish()


def _outcomes(
    paths: Iterable[Path], job: Job, workers: int, together: Together, scratch: Path
) -> Iterator[Outcome]:
    done = job.store.done() if job.store is not None else set[str]()
    files = files_below(paths)
    if workers == 1:
        for file in files:
            if isinstance(file, Outcome):
                yield file
            else:
                yield from read_file(file, job, done, together, scratch)
        return
    from .workers import read_files

    for outcomes, part in read_files(files, job, done, workers, scratch):
        together.append(part)
        yield from outcomes


def files_below(paths: Iterable[Path]) -> Iterator[File | Outcome]:
    """Every file, or why a path has none."""
    taken: dict[str, str] = {}
    for path in paths:
        tables = list[Path]()
        try:
            for file in find_records([path], tables.append):
                inside = file.relative_to(path) if path.is_dir() else Path(file.name)
                yield File(str(file), free_key(str(file), str(inside), taken))
        except InputError as error:
            yield Outcome(str(path), failure=str(error))
        if tables:
            yield Outcome(str(path), note=passed_over(path, tables))


def free_key(file: str, inside: str, taken: dict[str, str]) -> str:
    """What a file's results are called: its name below what was given, whole where that is taken.

    `taken` holds the names of files before it.
    """
    key = key_of(inside)
    return key if taken.setdefault(key, file) == file else key_of(file)


def read_file(
    file: File, job: Job, done: set[str], together: Together, scratch: Path
) -> Iterator[Outcome]:
    """Analyse the recordings in a file, those that are done excepted."""
    try:
        entries = open_recordings(file.path)
        if job.recording is not None:
            entries = [selected(file.path, entries, job.recording)]
    except InputError as error:
        yield Outcome(file.path, failure=str(error))
        return
    for entry in entries:
        is_only = len(entries) == 1
        name = file.path if is_only else f"{file.path}/{entry.name}"
        key = file.key if is_only else f"{file.key}/{key_of(entry.name)}"
        if key in done:
            yield Outcome(name, line=f"{name}  done before", key=key)
            continue
        try:
            yield _read(entry, name, key, job, together, scratch)
        except InputError as error:
            yield Outcome(name, failure=str(error))


def _read(
    entry: Entry, name: str, key: str, job: Job, together: Together, scratch: Path
) -> Outcome:
    analysis = job.reader.analyze(entry.open(job.options))
    if job.store is not None:
        _keep(analysis, key, job.outputs, job.store)
        return Outcome(name, line=analysis.line(), key=key)
    together.add(analysis)
    failure = ""
    if job.outputs.out is not None and job.outputs.are_own:
        try:
            _claim(analysis, name, scratch)
            write_own(analysis, job.outputs, job.outputs.out)
        except InputError as error:
            failure = str(error)
    return Outcome(name, analysis.line(), failure)


def _keep(analysis: Analysis, key: str, outputs: Outputs, store: Store) -> None:
    with TemporaryDirectory(prefix="leadone-") as folder:
        write_own(analysis, replace(outputs, out=None), Path(folder))
        with (Path(folder) / DONE).open("w", encoding="utf-8") as file:
            file.writelines(analysis.json_pieces())
            file.write("\n")
        store.put(key, Path(folder))


def _claim(analysis: Analysis, name: str, scratch: Path) -> None:
    """A record's files never go over those of another record of this run."""
    claim = scratch / f"{key_of(analysis.record.name).replace('/', '_')}.claim"
    try:
        with claim.open("xb") as file:
            file.write(os.fsencode(name))
    except FileExistsError:
        if claim.read_bytes() != os.fsencode(name):
            raise InputError(
                f"{analysis.record.source}: another record of this run has the same name, so that "
                "its own files were not written; --resume gives each record a folder"
            ) from None


def _remove_if_empty(folder: Path, is_new: bool) -> None:
    if is_new and not any(folder.iterdir()):
        folder.rmdir()
