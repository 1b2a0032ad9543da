"""`read_record`: one door for every format; `read_records` for files that hold many."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError
from ..record import Record
from . import wfdb_records
from .blob import SIGNAL_SUFFIXES, TEXT_SUFFIXES, Blob
from .units import mv_per_unit
from .wfdb_headers import SUFFIXES, record_stem

if TYPE_CHECKING:
    from .recording import Entry, ReadOptions

OTHER_SUFFIXES = frozenset((*SIGNAL_SUFFIXES, *TEXT_SUFFIXES)) - frozenset(SUFFIXES)
TABLE_SUFFIXES = (".csv", ".tsv", ".txt")  # a RECORDS of PhysioNet is a column of numbers too
MAX_FILES = 1_000_000  # of a folder
SHOWN_NAMES = 8


def read_record(
    path: str | Path,
    lead: str | None = None,
    *,
    recording: str | None = None,
    rate_hz: float | None = None,
    unit: str | None = None,
    keep_identity: bool = False,
) -> Record:
    """One lead of a recording in mV, whatever its format, told by the content.

    WFDB, EDF(+), BDF, Apple Health CSV and export.zip, AliveCor ATC, Kardia JSON, Galaxy CSV, CSV,
    SCP-ECG, DICOM, HL7 aECG, MUSE XML, FHIR R4 and R5. `lead` by name: lead I if there is one, else
    the first ECG lead. `recording` names one where a file holds several. `rate_hz` is for plain
    CSV that does not say it, `unit` (mV, uV) for any file but WFDB. Names and birth dates are
    dropped unless `keep_identity`; then they are in `about`.
    """
    return _only(path, recording).read(read_options(lead, rate_hz, unit, keep_identity))


def open_record(path: str | Path, options: ReadOptions, recording: str | None = None) -> Record:
    """As `read_record`, left on disk where the format lets parts be read."""
    return _only(path, recording).open(options)


def _only(path: str | Path, recording: str | None) -> Entry:
    entries = open_recordings(path)
    if recording is not None:
        entries = [selected(path, entries, recording)]
    if len(entries) > 1:
        raise InputError(
            f"{path}: it holds {len(entries)} recordings; choose one with --recording: "
            f"{_listed(entries)}"
        )
    return entries[0]


def read_records(
    path: str | Path,
    lead: str | None = None,
    *,
    rate_hz: float | None = None,
    unit: str | None = None,
    keep_identity: bool = False,
) -> Iterator[Record]:
    """Every recording of a file, or of all files below a folder, one after the other."""
    options = read_options(lead, rate_hz, unit, keep_identity)
    for file in find_records([Path(path)]):
        for entry in open_recordings(file):
            yield entry.read(options)


def open_recordings(path: str | Path) -> list[Entry]:
    """The recordings in a file, not yet decoded; at least one."""
    given = Path(path)
    try:
        is_file = "\0" not in str(path) and given.is_file()
        blob = Blob(str(path), given) if is_file else None
        if blob is None:
            if given.suffix.casefold() in OTHER_SUFFIXES and not given.exists():
                raise InputError(f"{path} does not exist; check the path")
            return [_wfdb_entry(path)]
        is_wfdb = given.suffix in SUFFIXES and not _is_other_format(blob)
        if is_wfdb and _wfdb_stem(given) is not None:
            return [_wfdb_entry(path)]
        return _entries(blob)
    except OSError as error:
        raise InputError(
            f"{path} can't be read ({error.strerror or error}); check the path and its permissions"
        ) from error


def find_records(
    paths: Iterable[Path], pass_over: Callable[[Path], None] = lambda table: None
) -> Iterator[Path]:
    """The paths, folders replaced by the records below them, in order of their names.

    Raises InputError for a folder without any. Segments of WFDB records are not records, and a
    table of numbers that nobody named may be anything: `pass_over` is told of those.
    """
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        found, tables = False, list[Path]()
        for record in _records_below(path, tables):
            found = True
            yield record
        if not found and tables:
            raise InputError(passed_over(path, tables))
        if not found:
            raise InputError(f"{path} holds no ECG that leadone reads; check the path")
        for table in tables:
            pass_over(table)


def passed_over(folder: Path, tables: Sequence[Path]) -> str:
    """A sentence about the tables of numbers in a folder."""
    what = "a table of numbers" if len(tables) == 1 else f"{len(tables)} tables of numbers"
    return f"{folder} holds {what} that may be no ECG; name what is one, such as {tables[0]}"


def _records_below(folder: Path, tables: list[Path]) -> Iterator[Path]:
    from .sniff import CSV, sniff

    files = sorted(file for file in folder.rglob("*") if not file.name.startswith("."))
    if len(files) > MAX_FILES:
        raise InputError(f"{folder} holds {len(files)} files; name the folders in it one by one")
    headers = {file for file in files if file.suffix == ".hea" and file.is_file()}
    segments = {segment for header in headers for segment in _segments(header)}
    stems = {header.with_suffix("") for header in headers}
    for file in files:
        if file in headers:
            if file.with_suffix("") not in segments:
                yield file.with_suffix("")
        elif file.with_suffix("") in stems or not file.is_file():
            continue  # the signal and the annotations of a WFDB record
        else:
            blob = Blob(str(file), file)
            try:
                is_ecg = sniff(blob, is_named=False) is not None
            except InputError:
                is_ecg = True  # let its reader say what is wrong
            if is_ecg:
                yield file
            elif file.suffix.casefold() in TABLE_SUFFIXES and CSV.claims(blob.head):
                tables.append(file)


def _segments(header: Path) -> Iterator[Path]:
    """The records that a multi-segment header is made of."""
    with header.open("rb") as file:
        lines = file.read(1 << 20).decode("ascii", "ignore").splitlines()
    lines = [line for line in lines if line.strip() and not line.startswith("#")]
    if lines and "/" in lines[0].split()[0]:
        for line in lines[1:]:
            yield header.with_name(line.split()[0])


def _is_other_format(blob: Blob) -> bool:
    """Whether a file with a WFDB suffix is of another format by its signature."""
    from .sniff import sure_format

    return sure_format(blob) is not None


def _wfdb_stem(path: Path) -> Path | None:
    try:
        return record_stem(path)
    except InputError:
        return path if path.suffix == ".hea" else None


def _wfdb_entry(path: str | Path) -> Entry:
    from .recording import Entry

    def read(options: ReadOptions) -> Record:
        return wfdb_records.read_record(path, options.lead)

    def on_disk(options: ReadOptions) -> Record:
        return wfdb_records.open_record(path, options.lead)

    return Entry(record_stem(path).name, read, on_disk)


def _entries(blob: Blob) -> list[Entry]:
    from .sniff import sniff, why_not

    found = sniff(blob)
    if found is None:
        if _wfdb_stem(blob.path or Path(blob.name)) is not None:  # such as 100.atr
            return [_wfdb_entry(blob.name)]
        raise blob.fault(why_not(blob))
    kind, content = found
    return kind.read(content)


def selected(path: str | Path, entries: list[Entry], name: str) -> Entry:
    """The entry of that name or number; InputError with the names to choose from."""
    by_name = [entry for entry in entries if entry.name == name]
    if len(by_name) == 1:
        return by_name[0]
    if name.isdecimal() and 1 <= int(name) <= len(entries):
        return entries[int(name) - 1]
    raise InputError(f"{path}: there is no recording {name!r}; choose one of {_listed(entries)}")


def _listed(entries: list[Entry]) -> str:
    names = [entry.name for entry in entries[:SHOWN_NAMES]]
    more = f" ... or a number up to {len(entries)}" if len(entries) > SHOWN_NAMES else ""
    return ", ".join(names) + more


def read_options(
    lead: str | None = None,
    rate_hz: float | None = None,
    unit: str | None = None,
    keep_identity: bool = False,
) -> ReadOptions:
    """What the caller says; InputError for a rate or unit that no ECG has."""
    from .recording import ReadOptions

    if unit is not None and mv_per_unit(unit) is None:
        raise InputError(f"unit {unit!r} is no voltage; give mV, uV, V or nV")
    if rate_hz is not None and not 50 <= rate_hz <= 20_000:
        raise InputError(f"rate {rate_hz:g} Hz is outside 50 to 20000 Hz; correct it")
    return ReadOptions(lead, rate_hz, unit, keep_identity)
