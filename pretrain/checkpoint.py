"""What a broken run needs to go on as if nothing had happened, in one safetensors file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn, optim

from ..edge.errors import InputError
from ..edge.files import whole_file


def save_checkpoint(
    path: Path, modules: dict[str, nn.Module], optimizer: optim.Optimizer, state: dict[str, Any]
) -> None:
    """Write weights, the optimiser's moments and a JSON state; whole or not at all."""
    tensors = {
        f"{name}.{key}": value
        for name, module in modules.items()
        for key, value in module.state_dict().items()
    }
    for index, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"moment.{index}.{key}": value for key, value in moments.items()}
    tensors = {key: value.contiguous() for key, value in tensors.items()}
    with whole_file(path) as unfinished:
        save_file(tensors, unfinished, {"state": json.dumps(state)})


def read_state(path: Path) -> dict[str, Any]:
    """The JSON state of a checkpoint."""
    try:
        with safe_open(path, "pt") as file:
            state = json.loads(file.metadata()["state"])
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path} is not a checkpoint of leadone; remove it to begin anew"
        ) from error
    assert isinstance(state, dict)
    return state


def load_checkpoint(path: Path, modules: dict[str, nn.Module], optimizer: optim.Optimizer) -> None:
    """Put weights and moments back."""
    tensors = load_file(path)
    for name, module in modules.items():
        module.load_state_dict(_part(tensors, f"{name}."))
    state = optimizer.state_dict()
    for key, value in _part(tensors, "moment.").items():
        index, name = key.split(".", 1)
        state["state"].setdefault(int(index), {})[name] = value
    optimizer.load_state_dict(state)


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
