"""Against a real HTTP server on this machine: resuming, hashes, hostile lists."""

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

from leadone.cli import cli
from leadone.edge.errors import InputError
from leadone.pretrain.download import download

FILES = {
    "RECORDS": b"data/1\n",
    "data/1.hea": b"1 1 500 5000\n",
    "data/1.dat": bytes(range(256)) * 99,
}


class Handler(SimpleHTTPRequestHandler):
    """Serves byte ranges, and counts what was asked for."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        offset = int(self.headers.get("Range", "bytes=0-")[6:-1])
        path = Path(self.translate_path(self.path))
        if not offset or not path.is_file():
            return super().do_GET()
        body = path.read_bytes()
        self.send_response(206 if offset < len(body) else 416)
        self.end_headers()
        self.wfile.write(body[offset:])
        return None

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, Path, list[str]]]:
    """Address, folder of the set, and the list of what is asked for."""
    folder = tmp_path / "site" / "ludb" / "1.0.1"
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    sums = [f"{hashlib.sha256(content).hexdigest()} {name}" for name, content in FILES.items()]
    (folder / "SHA256SUMS.txt").write_text("\n".join([*sums, "0 notes/unwanted.txt"]))
    Handler.asked = []
    http = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(tmp_path / "site")))
    threading.Thread(target=http.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{http.server_port}", folder, Handler.asked
    http.shutdown()
    http.server_close()


def test_every_wanted_file_comes_once(server: tuple[str, Path, list[str]], tmp_path: Path) -> None:
    url, _, asked = server
    assert list(download("ludb", tmp_path / "out", url))[-1] == (3, 3)
    assert {name: (tmp_path / "out" / name).read_bytes() for name in FILES} == FILES
    asked.clear()
    list(download("ludb", tmp_path / "out", url))
    assert asked == ["/ludb/1.0.1/SHA256SUMS.txt"]


def test_a_cut_file_goes_on_where_it_stopped(
    server: tuple[str, Path, list[str]], tmp_path: Path
) -> None:
    url, folder, _ = server
    part = tmp_path / "out" / "data" / "1.dat.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(FILES["data/1.dat"][:1000])
    whole = (folder / "data/1.dat").read_bytes()
    (folder / "data/1.dat").write_bytes(
        b"?" * 1000 + whole[1000:]
    )  # only its rest may be asked for
    list(download("ludb", tmp_path / "out", url))
    assert (tmp_path / "out" / "data/1.dat").read_bytes() == whole and not part.exists()


def test_a_whole_part_is_not_a_dead_end(
    server: tuple[str, Path, list[str]], tmp_path: Path
) -> None:
    url, _, _ = server
    part = tmp_path / "out" / "data" / "1.dat.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(FILES["data/1.dat"])
    list(download("ludb", tmp_path / "out", url))
    assert (tmp_path / "out" / "data/1.dat").read_bytes() == FILES["data/1.dat"]


def test_a_wrong_hash_leaves_nothing(server: tuple[str, Path, list[str]], tmp_path: Path) -> None:
    url, folder, _ = server
    (folder / "data/1.dat").write_bytes(b"tampered")
    with pytest.raises(InputError, match="hash"):
        list(download("ludb", tmp_path / "out", url))
    assert not list((tmp_path / "out").rglob("1.dat*"))


@pytest.mark.parametrize("path", ["data/../../evil", "data//etc/passwd", "data/a b"])
def test_a_hostile_list_is_refused(
    server: tuple[str, Path, list[str]], tmp_path: Path, path: str
) -> None:
    url, folder, _ = server
    (folder / "SHA256SUMS.txt").write_text(f"{'0' * 64} {path}\n")
    with pytest.raises(InputError):
        list(download("ludb", tmp_path / "out", url))
    assert not (tmp_path / "out").exists()


def test_the_command_says_what_came_and_what_to_cite(
    server: tuple[str, Path, list[str]], tmp_path: Path
) -> None:
    url, _, _ = server
    done = CliRunner().invoke(
        cli,
        ["data", "get", "ludb", "--out", str(tmp_path), "--source", url],
        catch_exceptions=False,
    )
    assert done.exit_code == 0 and "3 files" in done.output and "Kalyakulina" in done.output


def test_no_server_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="could not be fetched"):
        list(download("mitdb", tmp_path, "http://127.0.0.1:9"))
