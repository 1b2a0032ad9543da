"""What a run writes: files of all records, and each record's own files."""

from __future__ import annotations

import json
import shutil
import sys
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TextIO

from .analysis import Analysis
from .errors import InputError
from .files import whole_file
from .formats import beat_csv, fhir_report
from .formats.edf_annotations import write_edf
from .formats.wfdb_annotations import write_annotations
from .report import write_report
from .store import Store


@dataclass(frozen=True)
class Outputs:
    """What to write: files of all records, and a record's own files in the folder `out`."""

    json_file: Path | None = None
    annotations: str | None = None
    out: Path | None = None
    html: bool = False
    pdf: bool = False
    csv_file: Path | None = None
    fhir_file: Path | None = None
    edf: bool = False

    @property
    def are_own(self) -> bool:
        """Whether a record gets files of its own."""
        return self.annotations is not None or self.html or self.pdf or self.edf

    def parts(self, prefix: Path) -> Outputs:
        """The same with the files of all records as those of a part of them."""

        def part(whole: Path | None, suffix: str) -> Path | None:
            return None if whole is None else prefix.with_suffix(suffix)

        return replace(
            self,
            json_file=part(self.json_file, ".jsonl"),
            csv_file=part(self.csv_file, ".csv"),
            fhir_file=part(self.fhir_file, ".fhir"),
        )


def write_own(analysis: Analysis, outputs: Outputs, folder: Path) -> None:
    """Annotations and report of one record."""
    name = analysis.record.name
    if outputs.annotations is not None:
        write_annotations(analysis, outputs.annotations, folder)
    if outputs.html:
        write_report(analysis, folder / f"{name}.html")
    if outputs.pdf:
        from .sheet.sheet import write_sheet  # matplotlib is slow to import

        write_sheet(analysis, folder / f"{name}.pdf")
    if outputs.edf:
        target = folder / f"{name}.edf"
        if target.exists() and target.with_suffix("") == Path(analysis.record.source):
            raise InputError(f"{target} is the record itself; name another --out")
        write_edf(analysis, target)


class Together:
    """The files that hold all records: JSON lines and CSV as they come, FHIR at the end."""

    def __init__(self, outputs: Outputs, stack: ExitStack) -> None:
        """They appear under their names when the stack closes cleanly with something in them."""
        self._json = _open_text(outputs.json_file, stack)
        self._csv = _open_text(outputs.csv_file, stack)
        self._fhir = _open_text(outputs.fhir_file, stack)
        self._resources: list[list[dict[str, Any]]] = []
        self._has_header = False

    def add(self, analysis: Analysis) -> None:
        """Write, or keep, what one record adds."""
        if self._json is not None:
            self._json.writelines(analysis.json_pieces())
            self._json.write("\n")
        if self._csv is not None:
            self._head(self._csv)
            beat_csv.write_beats(analysis, self._csv)
        if self._fhir is not None:
            self._resources.append(fhir_report.report(analysis))

    def add_stored(self, store: Store, key: str) -> None:
        """Write what a record added to the store."""
        if self._json is not None:
            store.copy_analysis(key, self._json)

    def append(self, part: Outputs) -> None:
        """Write, or keep, what the files of a part of the records hold, and remove those."""
        for whole, path in ((self._json, part.json_file), (self._csv, part.csv_file)):
            if whole is not None and path is not None and path.exists():
                with path.open(encoding="utf-8", newline="") as file:
                    if whole is self._csv:
                        self._head(whole)
                        file.readline()
                    shutil.copyfileobj(file, whole)
                path.unlink()
        if part.fhir_file is not None and part.fhir_file.exists():
            entries = json.loads(part.fhir_file.read_text(encoding="utf-8"))["entry"]
            self._resources.append([entry["resource"] for entry in entries])
            part.fhir_file.unlink()

    def finish(self) -> None:
        """Write the bundle."""
        if self._fhir is not None and self._resources:
            json.dump(fhir_report.bundle(self._resources), self._fhir)
            self._fhir.write("\n")

    def _head(self, file: TextIO) -> None:
        if not self._has_header:  # a file without records stays away
            beat_csv.write_header(file)
            self._has_header = True


def _open_text(path: Path | None, stack: ExitStack) -> TextIO | None:
    """A text file; it appears when the stack closes cleanly with something in it."""
    if path is None:
        return None
    if str(path) == "-":
        return sys.stdout
    unfinished = stack.enter_context(whole_file(path))
    return stack.enter_context(unfinished.open("w", encoding="utf-8", newline=""))
