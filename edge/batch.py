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
    paths: Iterable[Path], lead: str | None, bundle: Bundle, outputs: Outputs
) -> Iterator[tuple[Path, Analysis | str]]:
    """Analyse each record and write its outputs; gives each path's Analysis, or why it failed.

    The JSON file appears under its name only when all records are through.
    """
    folder = outputs.out or Path()
    if outputs.out is not None:
        folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        lines = _open_json(outputs.json_file, stack)
        for path in paths:
            try:
                analysis = analyze(read_record(path, lead), bundle)
                _write(analysis, folder, outputs)
            except InputError as error:
                yield path, str(error)
                continue
            if lines is not None:
                lines.write(json.dumps(analysis.to_dict()) + "\n")
            yield path, analysis


def _write(analysis: Analysis, folder: Path, outputs: Outputs) -> None:
    if outputs.annotations is not None:
        write_annotations(analysis, outputs.annotations, folder)
    if outputs.html:
        write_report(analysis, folder / f"{analysis.record.name}.html")


def _open_json(path: Path | None, stack: ExitStack) -> TextIO | None:
    """The JSON lines file under a temporary name that is renamed when the stack closes cleanly."""
    if path is None:
        return None
    if str(path) == "-":
        return sys.stdout
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        lines = stack.enter_context(temporary.open("w"))
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}; choose another --json") from error

    def settle(kind: object, _error: object, _trace: object) -> None:
        lines.close()
        if kind is None and temporary.stat().st_size:
            temporary.replace(path)
        else:
            temporary.unlink(missing_ok=True)

    stack.push(settle)
    return lines
