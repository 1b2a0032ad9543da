"""A federation as a Flower strategy: every reply is checked alone, none can end a round.

Flower's own strategies weigh replies by the counts that clients state, raise for the whole round
when one reply has an odd key, and wait for nodes without an end; none of this is inherited here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping

from flwr.app import ArrayRecord, ConfigRecord, Message, MessageType, MetricRecord
from flwr.serverapp import Grid
from flwr.serverapp.strategy import Strategy

from ..arrays import size_bytes
from ..rounds import Federation
from .wire import ROOM, order, reply_of, to_record

POLL_S = 1.0


class FleetStrategy(Strategy):
    """Rounds of a `Federation` by Flower's five steps."""

    def __init__(
        self,
        federation: Federation,
        least_nodes: int = 1,
        wait_s: float = 120.0,
        skip: int = 2,
        verified_counts: Mapping[str, int] | None = None,
    ) -> None:
        """`skip` rounds pass before a node that did not answer is asked again."""
        self.federation = federation
        self._least, self._wait_s, self._skip = least_nodes, wait_s, skip
        self._counts = verified_counts
        self._silent: dict[str, int] = {}  # node: the round that it did not answer
        self._fleet = 0

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """The model and what to do with it, for the nodes of this round; none if none are there."""
        nodes = present(grid, self._least, self._wait_s)
        self._fleet = len(nodes)
        number = self.federation.done + 1
        awake = [n for n in nodes if number - self._silent.get(n, -self._skip) > self._skip]
        chosen = self.federation.choose(awake or nodes)
        told = self.federation.instruction()
        return [
            Message(
                content=order(self.federation.model, told),
                message_type=MessageType.TRAIN,
                dst_node_id=int(node),
            )
            for node in chosen
        ]

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """The new model and the round's figures."""
        federation = self.federation
        limit = 2 * size_bytes(federation.model) + ROOM
        number = federation.done + 1
        found = [reply_of(message, limit) for message in replies]
        heard = {reply.client for reply in found}
        self._silent |= {node: number for node in federation.chosen if node not in heard}
        last = federation.close(found, self._counts, self._fleet)
        metrics = MetricRecord()
        metrics["trust-loss"] = last.trust_loss
        metrics["rejected"] = len(last.rejected)
        return to_record(federation.model), metrics

    def configure_evaluate(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Nothing: the server scores models on data of its own."""
        return []

    def aggregate_evaluate(
        self, server_round: int, replies: Iterable[Message]
    ) -> MetricRecord | None:
        """Nothing."""
        return None

    def summary(self) -> None:
        """Nothing: the run's folder has all of it."""


def present(
    grid: Grid, least: int, wait_s: float, clock: Callable[[], float] = time.monotonic
) -> list[str]:
    """The nodes that are there, once there are enough or the time is up."""
    end = clock() + wait_s
    while True:
        nodes = sorted(str(node) for node in grid.get_node_ids())
        if len(nodes) >= least or clock() >= end:
            return nodes
        time.sleep(POLL_S)
