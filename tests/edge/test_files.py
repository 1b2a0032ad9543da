"""A file appears whole or not at all, and nothing that is no file is replaced by one."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from leadone.edge.errors import InputError
from leadone.edge.files import check_target, whole_file


def write(path: Path, text: str = "new") -> None:
    with whole_file(path) as unfinished:
        unfinished.write_text(text)


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "one"
    write(path, "old")
    with pytest.raises(ZeroDivisionError), whole_file(path) as unfinished:
        unfinished.write_text("half")
        raise ZeroDivisionError
    assert path.read_text() == "old"
    write(path)
    assert path.read_text() == "new" and [*tmp_path.iterdir()] == [path]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link, end = tmp_path / "link", tmp_path / "there" / "end"
    link.symlink_to(end)
    for text in ("first", "second"):
        write(link, text)
        assert link.is_symlink() and end.read_text() == text
    assert [*end.parent.iterdir()] == [end]


def test_a_pipe_and_a_device_get_what_was_written(tmp_path: Path) -> None:
    pipe, read = tmp_path / "pipe", list[str]()
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()), daemon=True)
    reader.start()
    write(pipe)
    reader.join(10)
    assert read == ["new"] and pipe.is_fifo() and [*tmp_path.iterdir()] == [pipe]
    write(Path(os.devnull))
    assert Path(os.devnull).is_char_device()


def test_standard_output_keeps_what_is_in_its_file(tmp_path: Path) -> None:
    """`--json /dev/stdout >> FILE`, as shells have it."""
    words = "from pathlib import Path; from leadone.edge.files import whole_file\n"
    words += "with whole_file(Path('/dev/stdout')) as one: one.write_text('new')"
    path = tmp_path / "one"
    path.write_text("old ")
    with path.open("a") as file:
        subprocess.run([sys.executable, "-c", words], stdout=file, check=True)
    assert path.read_text() == "old new"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a full disk is Linux's /dev/full")
def test_a_full_disk_is_one_sentence() -> None:
    with pytest.raises(InputError, match=r"cannot write /dev/full: No space left"):
        write(Path("/dev/full"))
    assert Path("/dev/full").is_char_device()


def test_what_can_be_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="it is a folder"):
        check_target(tmp_path)
    with pytest.raises(InputError, match=r"there is no folder .*/no;"):
        check_target(tmp_path / "no" / "one")
