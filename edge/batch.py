"""Many records, one after the other: a bad one is reported and the rest go on."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from .analysis import Analysis
from .analyze import analyze
from .bundle import Bundle
from .errors import InputError
from .files import make_folder, whole_file
from .formats.wfdb_annotations import write_annotations
from .formats.wfdb_records import read_record
from .report import write_report


@dataclass(frozen=True)
class Outputs:
    """What to write: a JSON lines file, annotations, reports, and the folder for the latter."""

    json_file: Path | None = None
    annotations: str | None = None
    out: Path | None = None
    html: bool = False


def analyze_many(
    paths: Iterable[Path],
    lead: str | None,
    bundle: Bundle,
    outputs: Outputs,
    backend: str = "onnx",
) -> Iterator[tuple[Path, Analysis | str]]:
    """Analyse each record and write its outputs; gives each path's Analysis, or why it failed.

    The JSON file appears under its name only when all records are through.
    """
    needs_folder = outputs.annotations is not None or outputs.html
    if needs_folder and outputs.out is None:
        raise InputError("annotations and reports need a folder to go to; name one with --out")
    with ExitStack() as stack:
        if outputs.out is not None:
            is_new = make_folder(outputs.out)
            stack.callback(_remove_if_empty, outputs.out, is_new)
        lines = _open_json(outputs.json_file, stack)
        written: set[Path] = set()
        for path in paths:
            try:
                analysis = analyze(read_record(path, lead), bundle, backend)
                _write(analysis, outputs, written)
            except InputError as error:
                yield path, str(error)
                continue
            if lines is not None:
                lines.write(json.dumps(analysis.to_dict()) + "\n")
            yield path, analysis


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


def _remove_if_empty(folder: Path, is_new: bool) -> None:
    if is_new and not any(folder.iterdir()):
        folder.rmdir()


def _open_json(path: Path | None, stack: ExitStack) -> TextIO | None:
    """The JSON lines file; it appears when the stack closes cleanly with a line in it."""
    if path is None:
        return None
    if str(path) == "-":
        return sys.stdout
    unfinished = stack.enter_context(whole_file(path))
    return stack.enter_context(unfinished.open("w"))
