"""Named arrays and replies as Flower's messages, and back without trust."""

from __future__ import annotations

import io
import math

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, RecordDict

from ...edge.errors import InputError
from ..arrays import Arrays
from ..config import Instruction
from ..rounds import Reply

MODEL, TOLD, UPDATE, REFUSED = "model", "told", "update", "refused"
INSTRUCTION, REASON = "instruction", "reason"
ROOM = 65_536  # bytes that names and headers may take beside the numbers


def order(model: Arrays, told: Instruction) -> RecordDict:
    """What a client is sent."""
    return RecordDict({MODEL: to_record(model), TOLD: ConfigRecord({INSTRUCTION: told.to_json()})})


def order_of(message: Message) -> tuple[Arrays, Instruction]:
    """The model and instruction in a message; InputError where it holds none."""
    try:
        text = str(message.content.config_records[TOLD][INSTRUCTION])
        record = message.content.array_records[MODEL]
    except KeyError:
        raise InputError("the server sent no model or instruction; update leadone") from None
    return from_record(record, limit=1 << 28), Instruction.from_json(text)


def answer(packed: Arrays) -> RecordDict:
    """A client's update."""
    return RecordDict({UPDATE: to_record(packed)})


def refusal(reason: str) -> RecordDict:
    """Why a client sends none."""
    return RecordDict({REFUSED: ConfigRecord({REASON: reason})})


def reply_of(message: Message, limit: int) -> Reply:
    """A client's reply; anything that is not an update of at most `limit` bytes is a reason."""
    client = str(message.metadata.src_node_id)
    if message.has_error():
        return Reply(client, None, f"failed: {str(message.error.reason)[:200]}")
    try:
        refused = message.content.config_records.get(REFUSED)
        if refused is not None:
            return Reply(client, None, str(refused[REASON])[:300])
        return Reply(client, from_record(message.content.array_records[UPDATE], limit))
    except InputError as error:
        return Reply(client, None, str(error))
    except (KeyError, ValueError, TypeError, AttributeError):
        return Reply(client, None, "sent no update")


def to_record(arrays: Arrays) -> ArrayRecord:
    """Named arrays as Flower's."""
    return ArrayRecord({name: Array(np.asarray(v, order="C")) for name, v in arrays.items()})


def from_record(record: ArrayRecord, limit: int) -> Arrays:
    """Flower's arrays by name; InputError where they are larger than allowed or no numbers."""
    total = sum(len(array.data) for array in record.values())
    if total > limit:
        raise InputError(f"sent {total:,} bytes, more than {limit:,}")
    return {name: _decoded(array.data) for name, array in record.items()}


def _decoded(content: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
    """The array in an .npy; its header is held against its length before anything is allocated."""
    stream = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(stream)
        read = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        shape, is_fortran, dtype = read(stream)
        rest = content[stream.tell() :]
        if dtype.hasobject or dtype.kind not in "biuf" or is_fortran:
            raise ValueError
        if math.prod(shape) * dtype.itemsize != len(rest) or min(shape, default=0) < 0:
            raise ValueError
        return np.frombuffer(rest, dtype).reshape(shape)
    except (ValueError, TypeError, SyntaxError, MemoryError, OverflowError, EOFError):
        raise InputError("sent an array that is none") from None
