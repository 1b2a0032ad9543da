"""The same simulated fleet on Flower's own engine (ray): slower, and the same numbers.

For whoever wants Flower's resource model; the engine in this process needs neither.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

from flwr.app import ConfigRecord, Context, Message
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp

from ...edge.errors import InputError
from ..cohort import load_cohort
from ..config import FederationConfig
from ..research import prepare
from ..simulation import Fleet
from .processes import QUIET
from .strategy import FleetStrategy
from .wire import answer, order_of, refusal, to_record

PARTITION = "partition-id"


def run_in_flower(config: FederationConfig, data: Path, cache: Path, run: Path) -> None:
    """All rounds that are left, on ray. Liars of data only: no client sees the others' updates."""
    if find_spec("ray") is None:
        raise InputError("Flower's simulation needs ray: pip install 'flwr[simulation]==1.41.0'")
    from flwr.simulation import run_simulation

    os.environ.update(QUIET)
    cohort = load_cohort(config.simulation.cohort, data, cache, config.model)
    federation, fleet = prepare(config, cohort, run)
    server = ServerApp()

    @server.main()
    def main(grid: Grid, context: Context) -> None:
        strategy = FleetStrategy(federation, len(fleet.clients), config.server.wait_s)
        while federation.done < config.rounds:
            number = federation.done + 1
            told = strategy.configure_train(
                number, to_record(federation.model), ConfigRecord(), grid
            )
            strategy.aggregate_train(number, grid.send_and_receive(told, timeout=config.timeout_s))

    run_simulation(
        server,
        client_app(fleet),
        num_supernodes=len(fleet.clients),
        backend_config={
            "client_resources": {"num_cpus": 1, "num_gpus": 0.0},
            "init_args": {"num_cpus": 2, "include_dashboard": False, "log_to_driver": False},
        },
    )


def client_app(fleet: Fleet) -> ClientApp:
    """Each node is the client of its partition."""
    app, clients = ClientApp(), list(fleet.clients.values())

    @app.train()
    def train(message: Message, context: Context) -> Message:
        try:
            model, told = order_of(message)
            client = clients[int(context.node_config[PARTITION])]
            content = answer(client.train(model, told, fleet.seed))
        except InputError as error:
            content = refusal(str(error))
        return Message(content=content, reply_to=message)

    return app
