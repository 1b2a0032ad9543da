"""Real processes on loopback: TLS, node keys, a stranger, and a server whose SuperLink is killed.

About a minute: each message starts a process on the node.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

pytest.importorskip("flwr")

from test_flower import _folder

from leadone.edge.bundle import load_bundle
from leadone.edge.signature import make_keys
from leadone.federated.checkpoint import read_log
from leadone.federated.config import read_config
from leadone.federated.flower.credentials import make_credentials
from leadone.federated.flower.server import Server

LIMIT_S = 240.0


def _free_ports(n: int) -> list[int]:
    sockets = [socket.socket() for _ in range(n)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _node(root: Path, name: str, key: Path, server: int, port: int) -> subprocess.Popen[str]:
    shutil.copy(root / "credentials" / "ca.crt", root / name)
    shutil.copy(key, root / name / "node")
    settings = root / name / "client.toml"
    settings.write_text(
        f'name = "{name}"\nserver = "127.0.0.1:{server}"\nrecordings = "."\nport = {port}\n'
    )
    words = [sys.executable, "-m", "leadone.cli", "federated", "client", str(settings)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_a_fleet_of_processes_survives_its_server(data_dir: Path, tmp_path: Path) -> None:
    server, *ports = _free_ports(4)
    make_credentials(tmp_path / "credentials", "127.0.0.1", ["one", "two"])
    make_credentials(tmp_path / "elsewhere", "127.0.0.1", ["stranger"])
    for k, name in enumerate(("one", "two", "stranger", "trust")):
        _folder(tmp_path / name, data_dir, 10 * k, 6)
    settings = tmp_path / "server.toml"
    private, public = make_keys(tmp_path / "keys")
    settings.write_text(
        f"rounds = 3\ntimeout_s = 60.0\n[server]\nport = {server}\nleast_nodes = 2\n"
        f'publish = "bundles"\nsign = "keys/{private.name}"\n'
    )
    run, nodes = tmp_path / "run", []
    began, is_killed = time.monotonic(), False
    fleet = Server(settings, read_config(settings), run)
    try:
        for entries in fleet.rounds():
            assert time.monotonic() - began < LIMIT_S
            if not nodes:
                for name, port in zip(("one", "two", "stranger"), ports, strict=True):
                    keys = "elsewhere" if name == "stranger" else "credentials"
                    key = tmp_path / keys / "nodes" / name
                    nodes.append(_node(tmp_path, name, key, server, port))
            if entries and not is_killed:
                is_killed = True
                os.kill(fleet.link.pid, signal.SIGKILL)
    finally:
        for node in nodes:
            node.send_signal(signal.SIGTERM)
        said = [_last_words(node) for node in nodes]
    assert is_killed and [entry["round"] for entry in read_log(run)] == [1, 2, 3]
    assert all(entry["replied"] >= 1 for entry in read_log(run))
    moved = [entry["round"] for entry in read_log(run) if entry["moved"] > 0]
    bundles = [load_bundle(one, public) for one in sorted((tmp_path / "bundles").iterdir())]
    assert moved and [bundle.manifest["fleet"]["serial"] for bundle in bundles] == moved
    assert "refuses this node's key" in said[2] and "Traceback" not in "".join(said)
    assert "6 labelled recordings" in said[0]


def _last_words(node: subprocess.Popen[str]) -> str:
    killer = threading.Timer(30, node.kill)
    killer.start()
    try:
        return node.communicate()[0]
    finally:
        killer.cancel()
