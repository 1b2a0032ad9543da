"""A fleet of real processes on this machine: two nodes killed in mid-round, the server once.

    python benchmarks/federated_network.py --data data

Four nodes with 60 recordings of CinC 2017 each, the labels of one turned round; TLS and node keys.
The same fleet, undisturbed and in one process, is what the figure is held against. About five
minutes; everything stays on 127.0.0.1.
"""

from __future__ import annotations

import argparse
import csv
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from leadone.distill.datasets import CINC_VALIDATION_FOLD, fold_of, read_cinc2017
from leadone.distill.records import CLASS_OF_REFERENCE, RHYTHM_FOLDS
from leadone.edge.labels import RHYTHMS
from leadone.federated.checkpoint import read_log, read_model
from leadone.federated.cohort import CINC, load_cohort
from leadone.federated.config import read_config
from leadone.federated.flower import client_app
from leadone.federated.flower.credentials import make_credentials
from leadone.federated.flower.local_grid import LocalGrid
from leadone.federated.flower.server_app import load_federation, run_rounds
from leadone.federated.task import g_means

NODES, OF_EACH, TRUST, ROUNDS, PORT = 4, 60, 300, 8, 8743
LIMIT_S = 420.0
LEADONE = [sys.executable, "-m", "leadone.cli", "federated"]


def main() -> None:
    """Print what happened and both figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=Path("runs/federated"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        prepare(root, options.data)
        calm = undisturbed(root)
        disturbed(root)
        cohort = load_cohort(CINC, options.data, options.cache)
        for title, run in (("undisturbed", calm), ("disturbed", root / "run")):
            found = g_means(read_model(run)[0], (), cohort.trust, cohort.test)
            numbers = [entry["round"] for entry in read_log(run)]
            print(f"{title}: rounds {numbers}, mean G-mean {np.mean(list(found.values())):.3f}")


def prepare(root: Path, data: Path) -> None:
    """Folders of nodes and server, as `leadone federated keys` and their owners would make them."""
    rows = list(read_cinc2017(data / CINC))
    fold = np.array([fold_of(f"{CINC}/{path.name}") for path, _ in rows])
    rng = np.random.default_rng(0)
    train = rng.permutation(np.flatnonzero(np.isin(fold, RHYTHM_FOLDS)))
    trust = rng.permutation(np.flatnonzero(fold == CINC_VALIDATION_FOLD))[:TRUST]
    names = [f"node-{k}" for k in range(NODES)]
    make_credentials(root / "credentials", "127.0.0.1", names)
    _put(root / "trust", [rows[k] for k in trust], is_liar=False)
    for k, node in enumerate(names):
        held = [rows[i] for i in train[k * OF_EACH : (k + 1) * OF_EACH]]
        _put(root / node, held, is_liar=k == NODES - 1)
        shutil.copy(root / "credentials" / "ca.crt", root / node)
        shutil.copy(root / "credentials" / "nodes" / node, root / node / "node")
        settings = f'name = "{node}"\nserver = "127.0.0.1:{PORT}"\nrecordings = "."\n'
        (root / node / "client.toml").write_text(f"{settings}port = {PORT + 10 + k}\n")
    (root / "server.toml").write_text(
        f"rounds = {ROUNDS}\ntimeout_s = 45.0\n[server]\nport = {PORT}\nleast_nodes = 2\n"
    )


def _put(folder: Path, rows: list[tuple[Path, str]], is_liar: bool) -> None:
    folder.mkdir()
    with (folder / "labels.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["record", "rhythm", "findings", "by"])
        for path, kind in rows:
            for part in path.parent.glob(f"{path.name}.*"):
                shutil.copy(part, folder)
            k = CLASS_OF_REFERENCE[kind]
            table.writerow([path.name, RHYTHMS[len(RHYTHMS) - 1 - k if is_liar else k], "", ""])


def undisturbed(root: Path) -> Path:
    """The same nodes by messages in this process."""
    nodes = {k + 1: {"settings": str(root / f"node-{k}" / "client.toml")} for k in range(NODES)}
    config = read_config(root / "server.toml")
    run_rounds(
        LocalGrid(client_app.app, nodes), config, load_federation(config, root, root / "calm")
    )
    for k in range(NODES):
        shutil.rmtree(root / f"node-{k}" / "state")
    return root / "calm"


def disturbed(root: Path) -> None:
    """Real processes; kills after rounds 2 (two nodes) and 4 (the server's SuperLink)."""
    began = time.monotonic()
    server = _start(root, "server", "server.toml", "--out", "run")
    time.sleep(15)
    nodes = [_start(root, "client", f"node-{k}/client.toml") for k in range(NODES)]
    killed: set[str] = set()
    try:
        while server.poll() is None and time.monotonic() - began < LIMIT_S:
            done = len(read_log(root / "run"))
            if done >= 2 and "nodes" not in killed:
                killed.add("nodes")
                time.sleep(3)  # into the round
                _kill(root, ["node-0/node", "node-1/node"])
                _say(began, f"after round {done}: two nodes killed")
            if done >= 4 and "server" not in killed:
                killed.add("server")
                time.sleep(3)
                _kill(root, ["flower-superlink"])
                _say(began, f"after round {done}: the SuperLink killed")
            time.sleep(0.5)
        _say(began, f"the server ended with {server.poll()}")
    finally:
        for process in [*nodes, server]:
            process.send_signal(signal.SIGTERM)
        for process in [*nodes, server]:
            process.wait(30)
    for entry in read_log(root / "run"):
        out = "; ".join(sorted(set(entry["rejected"].values())))
        weights = [round(w, 2) for w in entry["weights"].values()]
        print(f"  round {entry['round']}: {entry['seconds']:.0f} s, weights {weights} {out}")


def _start(root: Path, *words: str) -> subprocess.Popen[bytes]:
    log = (root / f"{words[0]}-{words[1].replace('/', '-')}.log").open("wb")
    return subprocess.Popen([*LEADONE, *words], cwd=root, stdout=log, stderr=log)


def _kill(root: Path, which: list[str]) -> None:
    """SIGKILL for Flower's processes of this fleet alone, by what stands on their command lines."""
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        is_ours = str(root) in words or f"--port {PORT}" in words
        if is_ours and "flower-super" in words and any(one in words for one in which):
            os.kill(int(folder.name), signal.SIGKILL)


def _say(began: float, text: str) -> None:
    print(f"[{time.monotonic() - began:4.0f} s] {text}", flush=True)


if __name__ == "__main__":
    main()
