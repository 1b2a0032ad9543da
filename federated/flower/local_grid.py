"""Flower's messages without its processes: a grid that calls the node's app in this process."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flwr.app import Context, Error, Message, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid
from flwr.supercore.task_identity import TaskIdentity  # 1.41 builds no message without one


class LocalGrid(Grid):
    """Nodes by number with their configs; an app that raises answers with an error."""

    def __init__(self, client_app: ClientApp, nodes: Mapping[int, dict[str, Any]]) -> None:
        """Every node is there from the start."""
        TaskIdentity.run_id, TaskIdentity.task_id, TaskIdentity.node_id = 1, 1, 1
        self._app = client_app
        self._contexts = {
            node: Context(
                run_id=1, node_id=node, node_config=config, state=RecordDict(), run_config={}
            )
            for node, config in nodes.items()
        }

    def get_node_ids(self) -> Iterable[int]:
        """All of them."""
        return list(self._contexts)

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterable[Message]:
        """Each node's answer, one after another."""
        return [self._call(message) for message in messages]

    def _call(self, message: Message) -> Message:
        try:
            return self._app(message, self._contexts[message.metadata.dst_node_id])
        except Exception as error:  # whatever a node's code raises
            return Message(Error(code=2, reason=repr(error)), reply_to=message)

    def set_run(self, run: Any) -> None:
        """There is one run."""

    @property
    def run(self) -> Any:
        """There is one run."""
        raise NotImplementedError

    def create_message(self, *args: Any, **kwargs: Any) -> Message:
        """Messages are made by themselves."""
        raise NotImplementedError

    def get_nodes(self) -> Iterable[Any]:
        """Only numbers are known."""
        raise NotImplementedError

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Messages are sent and answered at once."""
        raise NotImplementedError

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """Messages are sent and answered at once."""
        raise NotImplementedError
