"""The server's app: rounds until they are done, each on disk before the next begins.

Flower does not resume an app that was killed; this one goes on from its checkpoint when it is
started again, at the round that did not end.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable
from pathlib import Path

from flwr.app import ArrayRecord, ConfigRecord, Context
from flwr.serverapp import Grid, ServerApp

from ...edge.bundle import load_bundle
from ...edge.errors import InputError
from ...edge.files import make_folder
from .. import head
from ..client import encoder_of
from ..config import FederationConfig, read_config
from ..device import device_data
from ..publish import publish
from ..rounds import Federation, Round
from ..task import HeadTask, g_means
from .strategy import FleetStrategy
from .wire import to_record

SETTINGS, RUN = "settings", "run"
LOCK, FAILURE = "server.lock", "failure.txt"
Publisher = Callable[[Federation, Round], None]
app = ServerApp()


@app.main()
def main(grid: Grid, context: Context) -> None:
    """Run a federation's rounds in the folder that the run's config names."""
    path, run = (Path(str(context.run_config[key])) for key in (SETTINGS, RUN))
    make_folder(run)
    with (run / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # an older server that still ends its round
        try:
            config = read_config(path)
            federation = load_federation(config, path.parent, run)
            run_rounds(grid, config, federation, publisher_of(config, path.parent))
        except InputError as error:
            (run / FAILURE).write_text(str(error))
            raise


def load_federation(config: FederationConfig, here: Path, run: Path) -> Federation:
    """A federation on the server's own trust set; paths in the config are relative to `here`."""
    server = config.server
    bundle = load_bundle(config.model)
    trust = device_data(
        here / server.trust, here / server.labels, server.findings, bundle, run / "trust"
    )
    if not len(trust):
        raise InputError(f"{server.labels} labels no recording of {server.trust}: no trust set")
    return Federation(
        config,
        head.start_head(trust.features, len(server.findings)),
        HeadTask(trust, config.local),
        encoder_of(bundle),
        lambda model: g_means(model, server.findings, trust, trust),
        run,
    )


def publisher_of(config: FederationConfig, here: Path) -> Publisher | None:
    """What makes a signed bundle of each round that moved the model, where one is asked for."""
    server = config.server
    if not server.publish:
        return None
    if not server.sign:
        raise InputError(
            "server.publish needs server.sign, the private key; `leadone bundle keygen`"
        )
    base = load_bundle(config.model)

    def write(federation: Federation, last: Round) -> None:
        cuts = federation.task.cuts(federation.model)
        out, key = here / server.publish, here / server.sign
        publish(base, federation.model, server.findings, cuts, last.round, last.figures, out, key)

    return write


def run_rounds(
    grid: Grid,
    config: FederationConfig,
    federation: Federation,
    publisher: Publisher | None = None,
) -> None:
    """The rounds that are left; what moved the model is published.

    At a start the last round is published again, for a kill may have come before: the same bundle.
    """
    server = config.server

    def publish_last() -> None:
        last = federation.last
        if publisher is not None and last is not None and last.moved > 0:
            publisher(federation, last)

    publish_last()
    strategy = FleetStrategy(federation, server.least_nodes, server.wait_s, server.skip)
    nothing = ConfigRecord()
    while federation.done < config.rounds:
        number = federation.done + 1
        arrays: ArrayRecord = to_record(federation.model)
        messages = list(strategy.configure_train(number, arrays, nothing, grid))
        replies = grid.send_and_receive(messages, timeout=config.timeout_s) if messages else []
        strategy.aggregate_train(number, replies)
        publish_last()
