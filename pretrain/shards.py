"""12-lead records as shards of int16 windows: written once, memory-mapped ever after.

A shard is `shard-00000.npy`, (windows, 12, 2500) int16 at 250 Hz in microvolt, -32768 where a
sample is missing, and `shard-00000.jsonl` with a row a window. `manifest.json` holds hashes and
counts and is written after each shard, so that a broken build goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..edge.errors import InputError
from ..edge.files import make_folder, whole_file
from .archive import Entry
from .twelve_leads import LEADS, read_twelve_leads

Floats = npt.NDArray[np.float32]
Codes = npt.NDArray[np.int16]

FORMAT = 1
WINDOW_SAMPLES = 2500
LEAST_SAMPLES = 1250  # a record or a last window below 5 s is not used
WINDOWS_A_SHARD = 1024  # 61 MB
MV_PER_CODE = 1e-3
MISSING = np.int16(-32768)
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Row:
    """Where a window comes from; `patient` is None where nobody says. `leads` are those present."""

    identity: str
    patient: str | None
    start_s: float
    leads: tuple[str, ...] = LEADS


def build_shards(
    listed: Sequence[Entry],
    out: Path,
    *,
    windows_a_shard: int = WINDOWS_A_SHARD,
    progress: Callable[[float], None] | None = None,
) -> dict[str, Any]:
    """Write the shards of these records to `out` and return the manifest.

    Records that can't be read are left out and counted by reason, as are those whose limb leads
    contradict each other. Memory holds one shard, however many records there are.
    """
    make_folder(out)
    key = _key(listed)
    manifest = _started(out, key)
    skipped = Counter(manifest["skipped"])
    codes: list[Codes] = []
    rows: list[Row] = []

    def write(done: int, complete: bool) -> None:
        if codes:
            manifest["shards"].append(_write_shard(out, len(manifest["shards"]), codes, rows))
        manifest.update(records_done=done, skipped=dict(skipped), complete=complete)
        _write_manifest(out, manifest)
        codes.clear()
        rows.clear()

    for done in range(manifest["records_done"], len(listed)):
        entry = listed[done]
        try:
            for window, row in _windows(entry):
                codes.append(window)
                rows.append(row)
        except InputError as error:
            skipped[_reason(error, entry)] += 1
        if progress is not None:
            progress((done + 1) / len(listed))
        if len(codes) >= windows_a_shard:
            write(done + 1, complete=False)
    write(len(listed), complete=True)
    return manifest


class Shards:
    """Windows of a built folder by number, as float32 mV with NaN where samples are missing.

    `folder` may be a URL that fsspec reads (s3://, gs://, ...): a shard is fetched when it is
    first needed.
    """

    def __init__(self, folder: Path | str) -> None:
        """Read the manifest; shards are mapped when they are asked for."""
        self._folder = str(folder).rstrip("/")
        manifest = _read_manifest(self._local(MANIFEST))
        if not manifest.get("complete"):
            raise InputError(f"{folder} is not complete; run the command that builds it again")
        self.manifest = manifest
        self._names = [shard["name"] for shard in manifest["shards"]]
        self._ends = list(accumulate(shard["windows"] for shard in manifest["shards"]))
        self._mapped: dict[int, Codes] = {}

    def __len__(self) -> int:
        """Windows in all shards."""
        return self._ends[-1] if self._ends else 0

    def read(self, windows: Sequence[int] | npt.NDArray[np.int64]) -> Floats:
        """Windows (n, 12, 2500) in mV."""
        return _in_mv(np.stack([self._window(int(window)) for window in windows]))

    def read_lead(self, windows: npt.NDArray[np.int64], leads: npt.NDArray[np.int64]) -> Floats:
        """One lead (its place in LEADS) of each window: (n, 2500) in mV."""
        pairs = zip(windows.tolist(), leads.tolist(), strict=True)
        return _in_mv(np.stack([self._window(window)[lead] for window, lead in pairs]))

    def rows(self) -> Iterator[Row]:
        """Where each window comes from, in order."""
        for name in self._names:
            with open(self._local(f"{name}.jsonl"), encoding="utf-8") as file:
                for line in file:
                    values = json.loads(line)
                    yield Row(**{**values, "leads": tuple(values["leads"])})

    def verify(self) -> None:
        """Check every hash; InputError names the first shard that changed."""
        for shard in self.manifest["shards"]:
            if _hash(Path(self._local(f"{shard['name']}.npy"))) != shard["sha256"]:
                raise InputError(f"{shard['name']} in {self._folder} changed; build it again")

    def _window(self, window: int) -> Codes:
        shard = bisect_right(self._ends, window)
        if shard not in self._mapped:
            path = self._local(f"{self._names[shard]}.npy")
            self._mapped[shard] = np.load(path, mmap_mode="r", allow_pickle=False)
        codes: Codes = self._mapped[shard][window - (self._ends[shard - 1] if shard else 0)]
        return codes

    def _local(self, name: str) -> str:
        if "://" not in self._folder:
            return f"{self._folder}/{name}"
        import fsspec

        url = f"{self._folder}/{name}"
        try:
            return str(fsspec.open_local(f"simplecache::{url}"))
        except (ImportError, OSError, ValueError) as error:
            raise InputError(f"{url} can't be fetched ({error}); check the address") from error


def _windows(entry: Entry) -> Iterator[tuple[Codes, Row]]:
    record = read_twelve_leads(entry.path)
    if record.limb_leads_agree is False:
        raise InputError(f"{entry.path}: the limb leads contradict each other")
    n = record.signal_mv.shape[1]
    if n < LEAST_SAMPLES:
        raise InputError(f"{entry.path}: the record is shorter than 5 s")
    for start in range(0, n - LEAST_SAMPLES + 1, WINDOW_SAMPLES):
        part = record.signal_mv[:, start : start + WINDOW_SAMPLES]
        there: npt.NDArray[np.bool_] = np.all(np.isfinite(part), axis=1)
        if there.any():
            leads = tuple(lead for lead, is_there in zip(LEADS, there, strict=True) if is_there)
            yield _coded(part, there), Row(entry.identity, entry.patient, start / 250.0, leads)


def _coded(part: Floats, there: npt.NDArray[np.bool_]) -> Codes:
    """A window's codes; a lead that is not there throughout is missing from all of it."""
    codes = np.full((len(LEADS), WINDOW_SAMPLES), MISSING, np.int16)
    limited = np.clip(part[there] / np.float32(MV_PER_CODE), -32767, 32767)
    codes[there, : part.shape[1]] = np.rint(limited)
    return codes


def _in_mv(codes: Codes) -> Floats:
    signal: Floats = codes.astype(np.float32) * np.float32(MV_PER_CODE)
    signal[codes == MISSING] = np.nan
    return signal


def _write_shard(out: Path, number: int, codes: list[Codes], rows: list[Row]) -> dict[str, Any]:
    name = f"shard-{number:05d}"
    with whole_file(out / f"{name}.jsonl") as unfinished:
        unfinished.write_text("".join(json.dumps(asdict(row)) + "\n" for row in rows))
    with whole_file(out / f"{name}.npy") as unfinished, unfinished.open("wb") as file:
        np.save(file, np.stack(codes), allow_pickle=False)
    return {"name": name, "windows": len(codes), "sha256": _hash(out / f"{name}.npy")}


def _started(out: Path, key: str) -> dict[str, Any]:
    """The manifest of an earlier build of the same records, or a fresh one."""
    if (out / MANIFEST).is_file():
        manifest = _read_manifest(str(out / MANIFEST))
        if manifest["key"] != key:
            raise InputError(f"{out} holds shards of other records; choose another folder")
        return manifest
    fresh = {"format": FORMAT, "key": key, "rate_hz": 250, "leads": list(LEADS), "shards": []}
    return {**fresh, "records_done": 0, "skipped": {}, "complete": False}


def _key(listed: Sequence[Entry]) -> str:
    digest = hashlib.sha256()
    for entry in listed:
        digest.update(f"{entry.identity}\t{entry.path.name}\n".encode())
    return digest.hexdigest()


def _read_manifest(path: str) -> dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as file:
            manifest = json.load(file)
    except FileNotFoundError as error:
        raise InputError(
            f"there are no shards in {Path(path).parent}; name folders of records with --data"
        ) from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path} can't be read ({error}); build the shards again") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise InputError(f"{path} is not a manifest of shards of this leadone; build them again")
    return manifest


def _write_manifest(out: Path, manifest: dict[str, Any]) -> None:
    with whole_file(out / MANIFEST) as unfinished:
        unfinished.write_text(json.dumps(manifest, indent=1) + "\n")


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _reason(error: InputError, entry: Entry) -> str:
    """The error without the record's own name, so that equal reasons count together."""
    text = str(error).replace(str(entry.path), "").replace(entry.path.name, "").strip(": ")
    return text.split(";")[0].split("(")[0].strip()
