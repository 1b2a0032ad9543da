"""Files over several processes of this machine; one that dies loses no record."""

from __future__ import annotations

import signal
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path

from .batch import File, Job, Outcome, read_file
from .outputs import Outputs, Together

Part = tuple[list[Outcome], Outputs]  # what became of a file's records, and what they add
Numbered = tuple[int, File]

MOST_DEATHS = 2  # of workers that read a file, before it is given up
KEPT = 64  # finished files, for each worker, that wait for an earlier one
STOP_S = 5.0
DIED = "its worker process died twice, perhaps of too little memory; use fewer --workers"


def read_files(
    files: Iterator[File | Outcome], job: Job, done: set[str], workers: int, scratch: Path
) -> Iterator[Part]:
    """What became of each file, in order; a file whose worker dies is read once more."""
    numbered = enumerate(files)
    finished: dict[int, Part] = {}
    again = deque[Numbered]()
    deaths = Counter[int]()
    at, is_over = 0, False
    with ExitStack() as stack:
        pool = [_Worker(job, done, scratch) for _ in range(workers)]
        for worker in pool:
            stack.callback(worker.stop)
        while True:
            for worker in pool:
                while worker.file is None and not is_over and len(finished) < KEPT * workers:
                    number, file = again.popleft() if again else next(numbered, (-1, None))
                    if file is None:
                        is_over = True
                    elif isinstance(file, Outcome):
                        finished[number] = [file], job.outputs.parts(_prefix(scratch, number))
                    else:
                        worker.begin(number, file)
            while at in finished:
                yield finished.pop(at)
                at += 1
            busy = [worker for worker in pool if worker.file is not None]
            if not busy and is_over and not again:
                return
            ready = wait([worker.connection for worker in busy])
            for worker in (worker for worker in busy if worker.connection in ready):
                number, file = worker.taken()
                outcomes = worker.outcomes()
                if outcomes is None:
                    deaths[number] += 1
                    if deaths[number] < MOST_DEATHS:
                        again.append((number, file))
                        is_over = False
                        continue
                    outcomes = [Outcome(file.path, failure=f"{file.path}: {DIED}")]
                finished[number] = outcomes, job.outputs.parts(_prefix(scratch, number))


class _Worker:
    """A process that reads one file at a time; another takes its place when it dies."""

    def __init__(self, job: Job, done: set[str], scratch: Path) -> None:
        self._start = job, done, scratch
        self.file: Numbered | None = None
        self.connection, self._process = self._started()

    def begin(self, number: int, file: File) -> None:
        self.file = number, file
        with suppress(OSError):  # dead already: `outcomes` will say so
            self.connection.send((number, file))

    def taken(self) -> Numbered:
        """What it was reading; from now on it reads nothing."""
        assert self.file is not None
        file, self.file = self.file, None
        return file

    def outcomes(self) -> list[Outcome] | None:
        """What it found; None, and a new process, where it died."""
        try:
            said = self.connection.recv()
        except (EOFError, OSError):
            self.stop()
            self.connection, self._process = self._started()
            return None
        if isinstance(said, BaseException):
            raise said
        outcomes: list[Outcome] = said
        return outcomes

    def stop(self) -> None:
        self.connection.close()
        if self.file is not None:
            self._process.terminate()
        self._process.join(STOP_S)
        self._process.kill()

    def _started(self) -> tuple[Connection, SpawnProcess]:
        context = get_context("spawn")
        here, there = context.Pipe()
        process = context.Process(target=_serve, args=(there, *self._start), daemon=True)
        process.start()
        there.close()  # so that its death ends the connection
        return here, process


def _prefix(scratch: Path, number: int) -> Path:
    return scratch / f"part-{number}"


def _serve(connection: Connection, job: Job, done: set[str], scratch: Path) -> None:
    """In a worker: read files until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that began the run stops this one
    while True:
        try:
            number, file = connection.recv()
        except EOFError:
            return
        try:
            said: list[Outcome] | Exception = _read(number, file, job, done, scratch)
        except Exception as error:  # raised again where the run began
            said = error
        connection.send(said)


def _read(number: int, file: File, job: Job, done: set[str], scratch: Path) -> list[Outcome]:
    """Read a file; what it adds goes to files of its own."""
    part = job.outputs.parts(_prefix(scratch, number))
    with ExitStack() as stack:
        together = Together(part, stack)
        outcomes = list(read_file(file, replace(job, outputs=part), done, together, scratch))
        together.finish()
    return outcomes
