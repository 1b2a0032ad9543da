"""`leadone federated client`: a SuperNode for one device, kept alive.

A node that died stays "online" on the server for up to a minute, and until then the same key is
refused: whoever starts it again has to wait and try.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

from ...edge.errors import InputError
from ...edge.files import make_folder
from ..device import load_client, read_client_config
from .credentials import check_certificate
from .processes import Child, environment, program

AGAIN_S = 15.0  # four tries within the server's minute
POLL_S = 1.0
# What the log of a node that can't take part says, and what it means.
MEANINGS = {
    "CERTIFICATE_VERIFY_FAILED": "the server's certificate is not by the authority in this "
    "client's settings, or has expired; get the fleet's ca.crt",
    "certificate has expired": "the server's certificate has expired; its operator makes a new one",
    "[code: 2004]": "the server refuses this node's key: it is not registered there, or an older "
    "process of this node still counts as online; trying again",
    "Connection attempt failed": "the server does not answer; trying again",
}


def run_node(settings: Path, tries: int | None = None) -> Iterator[str]:
    """Sentences for the device's owner, for as long as the node runs; `tries` None is for good."""
    config = read_client_config(settings)
    here = settings.resolve().parent
    for name in (config.authority, config.key):
        if not (here / name).is_file():
            raise InputError(f"{here / name} is not there; get it from the fleet's operator")
    check_certificate(here / config.authority)
    client = load_client(settings.resolve())  # features once, before the first round
    yield f"{config.name}: {len(client.data)} labelled recordings, encoder {client.encoder[:8]}"
    started, said = 0, ""
    while tries is None or started < tries:
        started += 1
        child = _start(settings.resolve(), here)
        try:
            while child.is_alive:
                time.sleep(POLL_S)
                meaning = _meaning(child.tail())
                if meaning not in ("", said):
                    yield f"{config.name}: {meaning}"
                    said = meaning
        finally:
            child.end()
        why = _meaning(child.tail()) or f"the node ended, see {child.log}; trying again"
        if why != said:
            yield f"{config.name}: {why}"
            said = why
        time.sleep(AGAIN_S)


def _start(settings: Path, here: Path) -> Child:
    config = read_client_config(settings)
    state = here / config.state
    make_folder(state / "flower")
    words: list[object] = [program("flower-supernode"), "--superlink", config.server]
    words += ["--root-certificates", here / config.authority]
    words += ["--auth-supernode-private-key", here / config.key]
    words += ["--node-config", f"settings={json.dumps(str(settings))}"]
    words += ["--port", config.port]
    return Child(words, environment(state / "flower"), state / "node.log")


def _meaning(log: str) -> str:
    last = max(((log.rfind(words), words) for words in MEANINGS), default=(-1, ""))
    return MEANINGS[last[1]] if last[0] >= 0 else ""
