"""What runs a bundle's network: one question, several runtimes."""

from __future__ import annotations

from typing import Protocol

from .bundle import Bundle
from .delineation import Network
from .errors import InputError
from .litert_network import BLOCK_FILE, STREAM_FILE, LiteRtNetwork
from .network import StreamingNetwork

BACKENDS = ("onnx", "litert", "c")  # the last runs not the network alone but the whole stream


class StreamNetwork(Network, Protocol):
    """A network that can be told to forget."""

    def reset(self) -> None:
        """Start from a silent past."""


def network_of(bundle: Bundle, backend: str = "onnx") -> StreamNetwork:
    """The bundle's network on a runtime; InputError where the bundle or the machine lacks it."""
    if backend == "onnx":
        return StreamingNetwork(bundle.files[bundle.manifest["network"]])
    if backend == "litert":
        if not {STREAM_FILE, BLOCK_FILE} <= bundle.files.keys():
            raise InputError("the bundle has no LiteRT network; write one by `leadone export`")
        return LiteRtNetwork(bundle.files[STREAM_FILE], bundle.files[BLOCK_FILE])
    raise InputError(f"no backend {backend!r}; there are {', '.join(BACKENDS)}")
