"""`leadone federated server`: a SuperLink over TLS with node keys, and the run on it, kept alive.

Whatever dies is started again: the SuperLink with its database, the run from its checkpoint.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...edge.errors import InputError
from ...edge.files import make_folder
from ..checkpoint import read_log, rounds_done
from ..config import FederationConfig
from . import credentials
from .processes import Child, environment, program
from .server_app import FAILURE

CONNECTION = "fleet"
START_S = 90.0
COMMAND_S = 60.0
POLL_S = 1.0
CHECK_S = 6.0  # between looks at whether the run still runs
MOST_STARTS = 20  # without a round in between
APP = """[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "leadone-fleet"
version = "1.0.0"
description = "leadone's federation"
license = "Apache-2.0"
dependencies = []

[tool.hatch.build.targets.wheel]
packages = ["."]

[tool.flwr.app]
publisher = "leadone"

[tool.flwr.app.components]
serverapp = "fleet.server:app"
clientapp = "fleet.client:app"

[tool.flwr.app.config]
settings = ""
run = ""
"""
MODULES = {
    "__init__.py": '"""The fleet\'s app; all of it is in leadone."""\n',
    "server.py": "from leadone.federated.flower import server_app\n\napp = server_app.app\n",
    "client.py": "from leadone.federated.flower import client_app\n\napp = client_app.app\n",
}


@dataclass
class Server:
    """What runs for a federation; `config` is from `settings`, `run` holds its rounds."""

    settings: Path
    config: FederationConfig
    run: Path

    def rounds(self) -> Iterator[list[dict[str, Any]]]:
        """The log so far, about once a second, until all rounds are done.

        InputError, before anything is started, where the checkpoint is damaged.
        """
        is_done = rounds_done(self.run) >= self.config.rounds
        if is_done and self._has_all(entries := read_log(self.run)):
            yield entries
            return
        server = self.config.server
        keys = self.settings.parent / server.credentials
        credentials.check_server(keys)
        if not credentials.public_keys(keys):
            raise InputError(f"{keys} has no node's key; make some with `leadone federated keys`")
        self._prepare(keys)
        self.link = self._start_link(keys)
        try:
            yield from self._watched(keys)
        finally:
            self.link.end()

    def _watched(self, keys: Path) -> Iterator[list[dict[str, Any]]]:
        starts, checked = 1, time.monotonic()
        self._submit()
        done = len(read_log(self.run))
        while True:
            entries = read_log(self.run)
            yield entries
            # The last bundle is written after the last line, and Flower ends an app whose SuperLink
            # is gone.
            if self._has_all(entries) and self.link.is_alive and not self._is_running():
                self._raise_failure()
                return
            if len(entries) > done:
                done, starts = len(entries), 0
            is_due = time.monotonic() - checked > CHECK_S
            if not self.link.is_alive:
                self.link.end()
                self.link = self._start_link(keys)
            elif not is_due or self._is_running():
                checked = time.monotonic() if is_due else checked
                time.sleep(POLL_S)
                continue
            starts, checked = starts + 1, time.monotonic()
            self._raise_failure()
            if starts > MOST_STARTS:
                raise InputError(f"the server's app does not stay up; see {self.link.log}")
            self._submit()

    def _has_all(self, entries: list[dict[str, Any]]) -> bool:
        return bool(entries) and entries[-1]["round"] >= self.config.rounds

    def _raise_failure(self) -> None:
        """What the app could not do, as its sentence."""
        if (self.run / FAILURE).exists():
            raise InputError((self.run / FAILURE).read_text())

    def _prepare(self, keys: Path) -> None:
        self.run = self.run.resolve()
        self._home, app = self.run / "flower", self.run / "flower" / "app"
        make_folder(app / "fleet")
        with suppress(FileNotFoundError):
            (self.run / FAILURE).unlink()
        (app / "pyproject.toml").write_text(APP)
        for name, text in MODULES.items():
            (app / "fleet" / name).write_text(text)
        authority = (keys / credentials.AUTHORITY).resolve()
        (self._home / "config.toml").write_text(
            f"[superlink]\ndefault = {json.dumps(CONNECTION)}\n\n[superlink.{CONNECTION}]\n"
            f"address = {json.dumps(self._address)}\n"
            f"root-certificates = {json.dumps(str(authority))}\n"
        )
        self._env = environment(self._home)

    def _start_link(self, keys: Path) -> Child:
        """A SuperLink that answers, with every node's key registered."""
        server = self.config.server
        words: list[object] = [program("flower-superlink"), "--enable-supernode-auth"]
        words += ["--disable-runtime-dependency-installation"]
        words += ["--ssl-ca-certfile", keys / credentials.AUTHORITY]
        words += ["--ssl-certfile", keys / credentials.CERTIFICATE]
        words += ["--ssl-keyfile", keys / credentials.CERTIFICATE_KEY]
        words += ["--host", server.host, "--port", server.port]
        words += ["--database", self._home / "state.db"]
        link = Child(words, self._env, self.run / "superlink.log")
        end = time.monotonic() + START_S
        while self._flwr("ls", CONNECTION).returncode:
            if time.monotonic() > end or not link.is_alive:
                link.end()
                raise InputError(
                    f"the server does not start at {self._address}; see {link.log} (is the port "
                    "taken?)"
                )
            time.sleep(0.5)
        for key in credentials.public_keys(keys):
            self._flwr("supernode", "register", str(key), CONNECTION)  # again is no harm
        return link

    def _submit(self) -> None:
        words = (
            f"settings={json.dumps(str(self.settings.resolve()))} run={json.dumps(str(self.run))}"
        )
        app = str(self._home / "app")
        found = self._flwr("run", app, CONNECTION, "--run-config", words, "--format", "json")
        try:
            self._run_id = str(json.loads(found.stdout)["run-id"])
        except (ValueError, KeyError, TypeError):
            text = " ".join((found.stdout + found.stderr).split())[-300:]
            raise InputError(f"Flower did not take the run: {text}") from None

    def _is_running(self) -> bool:
        """Whether the run that was submitted last has not ended; unknown counts as running."""
        found = self._flwr("ls", CONNECTION, "--run-id", self._run_id, "--format", "json")
        try:
            (run,) = json.loads(found.stdout)["runs"]
            return not str(run["status"]).startswith("finished")
        except (ValueError, KeyError, TypeError):
            return True

    def _flwr(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [program("flwr"), *words]
        try:
            return subprocess.run(
                command, env=self._env, capture_output=True, text=True, timeout=COMMAND_S
            )
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(command, 1, "", "no answer in time")

    @property
    def _address(self) -> str:
        return f"{self.config.server.host}:{self.config.server.port}"
