"""The node's app: one round of one device. Its settings file is named in the node's config."""

from __future__ import annotations

from pathlib import Path

from flwr.app import Context, Message
from flwr.clientapp import ClientApp

from ...edge.errors import InputError
from ..device import load_client, save_client
from .wire import answer, order_of, refusal

SETTINGS = "settings"
app = ClientApp()


@app.train()
def train(message: Message, context: Context) -> Message:
    """The update, or the sentence that says why this device has none."""
    try:
        path = Path(str(context.node_config[SETTINGS]))
        model, told = order_of(message)
        client = load_client(path)
        packed = client.train(model, told)
        save_client(path, client)
        content = answer(packed)
    except (InputError, OSError, KeyError) as error:
        content = refusal(str(error))
    return Message(content=content, reply_to=message)
