"""Public data sets from PhysioNet: every file checked against the set's own SHA256SUMS.txt.

A file that is there with the right hash is not fetched again, and one that was cut goes on where it
stopped, so that the same command resumes.
"""

from __future__ import annotations

import hashlib
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path

from ..edge.errors import InputError

PHYSIONET = "https://physionet.org/files"
SUMS = "SHA256SUMS.txt"
TIMEOUT_S = 60
CONNECTIONS = 8
BLOCK_BYTES = 1 << 16
MAX_SUMS_BYTES = 100_000_000


@dataclass(frozen=True)
class Source:
    """Where a set lies on PhysioNet, which of its files are wanted, and what to cite."""

    path: str
    wanted: str  # regular expression of the file's path
    licence: str
    citation: str


SOURCES = {
    "ludb": Source(
        "ludb/1.0.1", r"data/.+|RECORDS|ludb\.csv", "ODC-BY 1.0", "Kalyakulina 2020, IEEE Access 8"
    ),
    "qtdb": Source("qtdb/1.0.0", r"[^/]+", "ODC-BY 1.0", "Laguna 1997, Comput. Cardiol. 24"),
    "mitdb": Source("mitdb/1.0.0", r"[^/]+", "ODC-BY 1.0", "Moody & Mark 2001, IEEE EMB Mag. 20"),
    "cinc2017": Source(
        "challenge-2017/1.0.0",
        r"training/.+\.(hea|mat|dat)|REFERENCE-v3\.csv",
        "ODC-BY 1.0",
        "Clifford 2017, Comput. Cardiol. 44",
    ),
    "nstdb": Source("nstdb/1.0.0", r"[^/]+", "ODC-BY 1.0", "Moody 1984, Comput. Cardiol. 11"),
    "ptbxl": Source(
        "ptb-xl/1.0.3",
        r"records500/.+|ptbxl_database\.csv|scp_statements\.csv|RECORDS",
        "CC-BY 4.0",
        "Wagner 2020, Sci. Data 7",
    ),
    "cinc2021": Source(  # without its copies of PTB-XL and of sets that are no 12-lead archives
        "challenge-2021/1.0.3",
        r"training/(cpsc_2018|cpsc_2018_extra|georgia|chapman_shaoxing|ningbo)/.+\.(hea|mat)",
        "CC-BY 4.0",
        "Reyna 2021, Comput. Cardiol. 48",
    ),
}


def download(name: str, out: Path, base_url: str = PHYSIONET) -> Iterator[tuple[int, int]]:
    """Fetch a set into `out`; gives (files done, files in all) after each file.

    Raises InputError for a network fault, a hostile list of files or a wrong hash; what was
    fetched stays, and the next call goes on from there.
    """
    if not base_url.startswith(("https://", "http://")):
        raise InputError(f"{base_url!r} is not an http(s) address; leave --source out")
    url = f"{base_url.rstrip('/')}/{SOURCES[name].path}"
    files = _wanted_files(_fetch_text(f"{url}/{SUMS}"), SOURCES[name].wanted, url)
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        running = [pool.submit(_fetch, f"{url}/{path}", out / path, sha) for path, sha in files]
        try:
            for done, future in enumerate(as_completed(running), 1):
                future.result()
                yield done, len(files)
        finally:
            pool.shutdown(cancel_futures=True)


def _wanted_files(sums: str, wanted: str, url: str) -> list[tuple[str, str]]:
    """(path, hash) of each wanted file; a path that leaves the folder is refused."""
    files = []
    for line in sums.splitlines():
        sha, _, path = line.strip().partition(" ")
        path = path.strip().removeprefix("*")
        if not re.fullmatch(wanted, path) or path == SUMS:
            continue
        if not re.fullmatch(r"[0-9a-f]{64}", sha) or not re.fullmatch(
            r"[\w.+-]+(/[\w.+-]+)*", path
        ):
            raise InputError(f"{url}/{SUMS} holds the line {line[:80]!r}; use another --source")
        if ".." in path.split("/"):
            raise InputError(f"{url}/{SUMS} names {path[:80]!r}, outside the folder; not fetched")
        files.append((path, sha))
    if not files:
        raise InputError(f"{url}/{SUMS} lists none of the expected files; use another --source")
    return files


def _fetch_text(url: str) -> str:
    with _opened(url, 0) as response:
        return str(response.read(MAX_SUMS_BYTES).decode("utf-8", "replace"))


def _fetch(url: str, path: Path, sha256: str) -> None:
    if path.is_file() and _hash(path) == sha256:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    have = part.stat().st_size if part.exists() else 0
    with (
        _opened(url, have) as response,
        part.open("ab" if response.status == 206 else "wb") as file,
    ):
        try:
            while block := response.read(BLOCK_BYTES):
                file.write(block)
        except (OSError, HTTPException) as error:
            raise _broken(url, error) from error
    if _hash(part) != sha256:
        part.unlink()
        raise InputError(f"{url} does not have the hash that its list promises; try again")
    part.replace(path)


def _blocks(response: HTTPResponse, url: str) -> Iterator[bytes]:
    try:
        while block := response.read(BLOCK_BYTES):
            yield block
    except (OSError, HTTPException) as error:
        raise _broken(url, error) from error


def _opened(url: str, offset: int) -> HTTPResponse:
    """The answer to a request for the bytes from `offset` on (or all, as the server likes)."""
    headers = {"User-Agent": "leadone", **({"Range": f"bytes={offset}-"} if offset else {})}
    try:
        return urllib.request.urlopen(  # type: ignore[no-any-return]
            urllib.request.Request(url, headers=headers), timeout=TIMEOUT_S
        )
    except urllib.error.HTTPError as error:
        if error.code == 416:  # the part is already whole, or longer than the file
            return _opened(url, 0)
        raise _broken(url, error) from error
    except OSError as error:
        raise _broken(url, error) from error


def _broken(url: str, error: Exception) -> InputError:
    reason = getattr(error, "reason", None) or error
    return InputError(f"{url} could not be fetched ({reason}); run the command again to go on")


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
