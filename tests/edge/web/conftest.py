"""The page as `leadone export` writes it, Node for its modules, a real Chromium to open it in."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from leadone.cli import cli

HERE = Path(__file__).parent
REQUIRED = "LEADONE_BROWSER"  # set: what needs Node or Chromium may not skip
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
BROWSER_S = 300

Steps = Callable[..., dict[str, Any]]


def _missing(what: str) -> str:
    assert REQUIRED not in os.environ, f"{REQUIRED} is set, but {what}"
    pytest.skip(what)


@pytest.fixture(scope="session")
def node() -> str:
    found = shutil.which("node")
    return found or _missing("there is no Node.js to run the page's modules (Debian: nodejs)")


@pytest.fixture(scope="session")
def chromium() -> str:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    return found or _missing("there is no Chromium to open the page in (Debian: chromium)")


@pytest.fixture(scope="session")
def playwright(node: str) -> None:
    """playwright-core beside these tests, as the lock file has it."""
    locked = json.loads((HERE / "package-lock.json").read_text())["packages"]
    module = "node_modules/playwright-core"
    installed = HERE / module / "package.json"
    version = locked[module]["version"]
    if installed.is_file() and json.loads(installed.read_text())["version"] == version:
        return
    npm = shutil.which("npm") or _missing("there is no npm for playwright-core (Debian: npm)")
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False)
    if done.returncode:
        _missing(f"playwright-core can't be installed: {done.stderr.strip().splitlines()[-1:]}")


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with its page, by the command that a user types."""
    out = tmp_path_factory.mktemp("exported") / "wrist"
    done = CliRunner().invoke(cli, ["export", "wrist", "--out", str(out), "--target", "web"])
    assert done.exit_code == 0, done.output
    assert "web/index.html" in done.output
    return out


@pytest.fixture(scope="session")
def page(exported: Path) -> Path:
    return exported / "web" / "index.html"


@pytest.fixture(scope="session")
def browse(node: str, chromium: str, playwright: None, page: Path) -> Steps:
    """Do steps on the page in a browser of their own; see drive.mjs."""

    def drive(steps: list[dict[str, Any]], url: str | None = None) -> dict[str, Any]:
        command = [node, "drive.mjs", chromium, url or page.as_uri()]
        done = subprocess.run(
            command,
            cwd=HERE,
            input=json.dumps(steps),
            capture_output=True,
            text=True,
            check=False,
            timeout=BROWSER_S,
        )
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    return drive


@pytest.fixture(scope="session")
def read_by_page(node: str, tmp_path_factory: pytest.TempPathFactory) -> Steps:
    """What the page's own readers give, in Node; see readers.mjs."""
    folder = tmp_path_factory.mktemp("cases")

    def read(**asked: Any) -> dict[str, Any]:
        path = folder / "cases.json"
        path.write_text(json.dumps(asked))
        command = [node, str(HERE / "readers.mjs"), str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    return read
