"""A run's folder: what a broken run needs to go on as if nothing had happened, log and weights.

`checkpoint.safetensors` holds weights and the optimiser's moments, `log.jsonl` a line an epoch.
Configurations stand in the headers, so that a file says itself what it is.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn, optim

from ..edge.errors import InputError
from ..edge.files import whole_file
from .config import config_from
from .fingerprint import Fingerprint

CHECKPOINT = "checkpoint.safetensors"
LOG = "log.jsonl"

T = TypeVar("T")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Basis:
    """What a run stands on: its configuration, a dataclass, and its data, where that matters."""

    config: Any
    data: Fingerprint | None = None


def save_run(
    run: Path,
    basis: Basis,
    epochs_done: int,
    modules: dict[str, nn.Module],
    optimizer: optim.Optimizer,
) -> None:
    """Write the checkpoint of a run with what it stands on."""
    state = {"epochs_done": epochs_done, **asdict(basis)}
    _save_tensors(run / CHECKPOINT, modules, optimizer, state)


def resume_run(
    run: Path, basis: Basis, modules: dict[str, nn.Module], optimizer: optim.Optimizer
) -> int:
    """Put a run's last checkpoint back; the epochs already done, 0 where there is none.

    Raises InputError where the run has another configuration or other data, or the file is not a
    checkpoint.
    """
    path = run / CHECKPOINT
    if not path.exists():
        return 0
    state = _read_state(path)
    try:
        is_same = config_from(state["config"], type(basis.config)) == basis.config
    except (InputError, KeyError):  # of another version of leadone
        is_same = False
    if not is_same:
        raise InputError(f"{run} holds a run of another configuration; choose another --out")
    if basis.data is not None:
        _check_data(run, state.get("data"), basis.data)
    _load_tensors(path, modules, optimizer)
    return int(state["epochs_done"])


def append_log(run: Path, entry: dict[str, Any]) -> None:
    """A line of the run's log."""
    with (run / LOG).open("a") as log:
        log.write(json.dumps(entry) + "\n")


def read_log(run: Path) -> list[dict[str, Any]]:
    """The lines of a run's log; of epochs done twice, because a run broke, the last."""
    lines = (run / LOG).read_text().splitlines() if (run / LOG).exists() else []
    by_epoch = {entry["epoch"]: entry for entry in map(json.loads, lines)}
    return [by_epoch[epoch] for epoch in sorted(by_epoch)]


def save_weights(path: Path, module: nn.Module, config: Any, **header: str) -> None:
    """Write a module's weights with the configuration, and more if given, in the header."""
    tensors = {key: value.contiguous() for key, value in module.state_dict().items()}
    with whole_file(path) as unfinished:
        save_file(tensors, unfinished, {"config": json.dumps(asdict(config)), **header})


def load_weights(path: Path, kind: type[T]) -> tuple[T, dict[str, Tensor]]:
    """The configuration and the weights of a file of `save_weights`; InputError if it is none."""
    try:
        with safe_open(path, "pt") as file:
            config = config_from(json.loads(file.metadata()["config"]), kind)
        return config, load_file(path)
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} does not hold weights of leadone; train again") from error


def _save_tensors(
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


def _read_state(path: Path) -> dict[str, Any]:
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


def _check_data(run: Path, known: dict[str, Any] | None, data: Fingerprint) -> None:
    """Refuse to go on with other data; what an older leadone began can't be told."""
    if known is None:
        logger.warning(
            "%s was begun by an older leadone, which did not note its data: going on with what is "
            "there now",
            run,
        )
    elif known != asdict(data):
        raise InputError(
            f"{run} was begun on other data: {known['amount']}, here are {data.amount} (names, "
            "sizes and labels count too); bring the same back, or choose another --out"
        )


def _load_tensors(path: Path, modules: dict[str, nn.Module], optimizer: optim.Optimizer) -> None:
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
