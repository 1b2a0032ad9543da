"""Many records, one after the other: a bad one is reported and the rest go on."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from .alert_limits import AlertLimits
from .analysis import Analysis
from .analyze import analyze
from .bundle import Bundle
from .errors import InputError
from .files import make_folder, whole_file
from .formats import beat_csv, fhir_report
from .formats.edf_annotations import write_edf
from .formats.read import find_records, open_recordings, selected
from .formats.recording import Entry, ReadOptions
from .formats.wfdb_annotations import write_annotations
from .report import write_report


@dataclass(frozen=True)
class Outputs:
    """What to write: files of all records, and a record's own files in the folder `out`."""

    json_file: Path | None = None
    annotations: str | None = None
    out: Path | None = None
    html: bool = False
    csv_file: Path | None = None
    fhir_file: Path | None = None
    edf: bool = False


def analyze_many(
    paths: Iterable[Path],
    options: ReadOptions,
    bundle: Bundle,
    outputs: Outputs,
    recording: str | None = None,
    backend: str = "onnx",
    limits: AlertLimits | None = None,
) -> Iterator[tuple[str, Analysis | str]]:
    """Analyse each recording and write its outputs; gives its name and Analysis, or why it failed.

    Folders stand for the records below them, archives for those in them, unless `recording` names
    one. Files of all records appear under their names only when all are through.
    """
    needs_folder = outputs.annotations is not None or outputs.html or outputs.edf
    if needs_folder and outputs.out is None:
        raise InputError("annotations and reports need a folder to go to; name one with --out")
    with ExitStack() as stack:
        if outputs.out is not None:
            is_new = make_folder(outputs.out)
            stack.callback(_remove_if_empty, outputs.out, is_new)
        together = _Together(outputs, stack)
        written: set[Path] = set()
        for name, entry in _entries(paths, recording):
            if isinstance(entry, str):
                yield name, entry
                continue
            try:
                analysis = analyze(entry.read(options), bundle, backend, limits)
                _write(analysis, outputs, written)
            except InputError as error:
                yield name, str(error)
                continue
            together.add(analysis)
            yield name, analysis
        together.finish()


def _entries(paths: Iterable[Path], recording: str | None) -> Iterator[tuple[str, Entry | str]]:
    """Every recording, or the sentence that says why a file has none."""
    for path in paths:
        try:
            for file in find_records([path]):
                try:
                    entries = open_recordings(file)
                    if recording is not None:
                        entries = [selected(file, entries, recording)]
                except InputError as error:
                    yield str(file), str(error)
                    continue
                for entry in entries:
                    name = str(file) if len(entries) == 1 else f"{file}/{entry.name}"
                    yield name, entry
        except InputError as error:
            yield str(path), str(error)


class _Together:
    """The files that hold all records: JSON lines and CSV as they come, FHIR at the end."""

    def __init__(self, outputs: Outputs, stack: ExitStack) -> None:
        self._json = _open_text(outputs.json_file, stack)
        self._csv = _open_text(outputs.csv_file, stack)
        self._fhir = _open_text(outputs.fhir_file, stack)
        self._resources: list[list[dict[str, Any]]] = []
        self._has_header = False

    def add(self, analysis: Analysis) -> None:
        """Write, or keep, what one record adds."""
        if self._json is not None:
            self._json.write(json.dumps(analysis.to_dict()) + "\n")
        if self._csv is not None:
            if not self._has_header:  # a file without records stays away
                beat_csv.write_header(self._csv)
                self._has_header = True
            beat_csv.write_beats(analysis, self._csv)
        if self._fhir is not None:
            self._resources.append(fhir_report.report(analysis))

    def finish(self) -> None:
        """Write the bundle."""
        if self._fhir is not None and self._resources:
            json.dump(fhir_report.bundle(self._resources), self._fhir)
            self._fhir.write("\n")


def _write(analysis: Analysis, outputs: Outputs, written: set[Path]) -> None:
    """Annotations and report of one record; never over those of another record of this run."""
    if outputs.out is None:
        return
    stem = outputs.out / analysis.record.name
    if stem in written:
        raise InputError(
            f"{analysis.record.source}: another record of this run has the same name; give it an "
            "--out of its own"
        )
    written.add(stem)
    if outputs.annotations is not None:
        write_annotations(analysis, outputs.annotations, outputs.out)
    if outputs.html:
        write_report(analysis, stem.with_name(f"{stem.name}.html"))
    if outputs.edf:
        target = stem.with_name(f"{stem.name}.edf")
        if target.exists() and target.with_suffix("") == Path(analysis.record.source):
            raise InputError(f"{target} is the record itself; name another --out")
        write_edf(analysis, target)


def _remove_if_empty(folder: Path, is_new: bool) -> None:
    if is_new and not any(folder.iterdir()):
        folder.rmdir()


def _open_text(path: Path | None, stack: ExitStack) -> TextIO | None:
    """A text file; it appears when the stack closes cleanly with something in it."""
    if path is None:
        return None
    if str(path) == "-":
        return sys.stdout
    unfinished = stack.enter_context(whole_file(path))
    return stack.enter_context(unfinished.open("w", encoding="utf-8", newline=""))
