"""Files over several processes of this machine; one that dies loses no record."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

from .batch import File, Job, Outcome, read_file
from .outputs import Outputs, Together

Part = tuple[list[Outcome], Outputs]  # what became of a file's records, and what they add
AHEAD = 2  # files that wait for each worker, so that none is idle
KEPT = 64  # finished files, for each worker, that wait for an earlier one
DIED = "its worker process died, perhaps of too little memory; use fewer --workers"


def read_files(
    files: Iterator[File | Outcome], job: Job, done: set[str], workers: int, scratch: Path
) -> Iterator[Part]:
    """What became of each file, in order.

    Where a worker dies, all that was on its way is read once more, a file at a time: only the file
    that kills a process of its own is given up.
    """
    run = _Run(job, done, workers, scratch)
    with run:
        numbered = enumerate(files)
        finished: dict[int, Part] = {}
        nothing = job.outputs.parts(scratch / "none")
        at, is_over = 0, False
        while True:
            while not is_over and run.has_room(len(finished)):
                number, file = next(numbered, (-1, None))
                if file is None:
                    is_over = True
                elif isinstance(file, Outcome):
                    finished[number] = [file], nothing
                else:
                    run.begin(number, file)
            while at in finished:
                yield finished.pop(at)
                at += 1
            if is_over and not run.pending:
                return
            finished |= run.some()


class _Run:
    """The pool, and what is on its way in it."""

    def __init__(self, job: Job, done: set[str], workers: int, scratch: Path) -> None:
        self._start = (job, done, scratch)
        self._job, self._workers, self._scratch = job, workers, scratch
        self._pool = self._new_pool()
        self.pending: dict[Future[list[Outcome]], tuple[int, File]] = {}

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def has_room(self, finished: int) -> bool:
        return len(self.pending) < AHEAD * self._workers and finished < KEPT * self._workers

    def begin(self, number: int, file: File) -> None:
        try:
            future = self._pool.submit(_read, number, file)
        except BrokenProcessPool as error:  # `some` will see to it
            future = Future()
            future.set_exception(error)
        self.pending[future] = number, file

    def some(self) -> dict[int, Part]:
        """Files that are through, one at least unless none is on its way."""
        if not self.pending:
            return {}
        ended, _ = wait(self.pending, return_when=FIRST_COMPLETED)
        parts, broken = {}, deque[tuple[int, File]]()
        for future in ended:
            number, file = self.pending.pop(future)
            try:
                parts[number] = self._part(number, future.result())
            except BrokenProcessPool:
                broken.append((number, file))
        if broken:
            wait(self.pending)  # all of them end with the pool
            broken += self.pending.values()
            parts |= {n: self._part(n, f.result()) for f, (n, _) in self.pending.items() if _ok(f)}
            self.pending = {}
            parts |= self._alone([one for one in broken if one[0] not in parts])
        return parts

    def _alone(self, files: list[tuple[int, File]]) -> dict[int, Part]:
        """Each file with nothing beside it, so that a death can be laid at its door."""
        parts = {}
        self._pool = self._new_pool()
        for number, file in sorted(files):
            try:
                outcomes = self._pool.submit(_read, number, file).result()
            except BrokenProcessPool:
                outcomes = [Outcome(file.path, failure=f"{file.path}: {DIED}")]
                self._pool = self._new_pool()
            parts[number] = self._part(number, outcomes)
        return parts

    def _part(self, number: int, outcomes: list[Outcome]) -> Part:
        return outcomes, self._job.outputs.parts(_prefix(self._scratch, number))

    def _new_pool(self) -> ProcessPoolExecutor:
        context = get_context("spawn")
        return ProcessPoolExecutor(self._workers, context, _begin, self._start)


def _ok(future: Future[list[Outcome]]) -> bool:
    return not future.cancelled() and future.exception() is None


def _prefix(scratch: Path, number: int) -> Path:
    return scratch / f"part-{number}"


_process: tuple[Job, set[str], Path] | None = None  # set once, in a worker


def _begin(job: Job, done: set[str], scratch: Path) -> None:
    global _process
    _process = job, done, scratch


def _read(number: int, file: File) -> list[Outcome]:
    """In a worker: read a file; what it adds goes to files of its own."""
    assert _process is not None
    job, done, scratch = _process
    part = job.outputs.parts(_prefix(scratch, number))
    with ExitStack() as stack:
        together = Together(part, stack)
        outcomes = list(read_file(file, replace(job, outputs=part), done, together, scratch))
        together.finish()
    return outcomes
