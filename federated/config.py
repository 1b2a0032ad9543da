"""Everything that a federation depends on besides the recordings, from TOML; kept in the run."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..edge.errors import InputError
from ..pretrain.config import config_from, load_config
from .checks import MAX_NORM
from .compression import KINDS, NONE
from .head import LocalConfig
from .rules import AggregationConfig

SECURE_AGGREGATION = (
    "secure aggregation hides each client's update, and {rule} has to look at every one of them to "
    "find the liars: choose one; for secret updates give clients noise (local.noise), which the "
    "rule can see through"
)


@dataclass(frozen=True)
class SimulationConfig:
    """A fleet in one process: `cohort.SETS` split over clients, and what some of them do.

    `alpha` of the Dirichlet split; 0 is alike. `trust` recordings of the validation fold are the
    server's; `counts` weighs FedAvg by what clients really hold.
    """

    cohort: str = "cinc2017"
    clients: int = 20
    alpha: float = 0.0
    attack: str = "none"
    liars: float = 0.0
    trust: int = 500
    counts: bool = False
    least_kinds: int = 1


@dataclass(frozen=True)
class ServerConfig:
    """Where the server stands, and what is its own: a trust set with labels, keys, the key to sign.

    `credentials` is a folder made by `leadone federated keys`. `least_nodes` have to be there
    within `wait_s` for a round to begin; those that did not answer are not asked for `skip` rounds.
    `publish` is the folder for signed bundles, `sign` the private key for them.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    credentials: str = "credentials"
    trust: str = "trust"
    labels: str = "trust/labels.csv"
    findings: tuple[str, ...] = ()
    least_nodes: int = 1
    wait_s: float = 120.0
    skip: int = 2
    publish: str = ""
    sign: str = ""


@dataclass(frozen=True)
class FederationConfig:
    """Of `leadone federated simulate` and `server`.

    `clients_per_round` 0 is all that are there. The learning rate falls in a line to `final_rate`
    of its start. `personal` names arrays, by their beginnings, that stay on the device.
    """

    rounds: int = 60
    clients_per_round: int = 0
    seed: int = 0
    timeout_s: float = 60.0
    final_rate: float = 0.1
    compression: str = NONE
    top_k_share: float = 0.1
    max_norm: float = MAX_NORM
    personal: tuple[str, ...] = ()
    secure_aggregation: bool = False
    model: str = "wrist"
    local: LocalConfig = field(default_factory=LocalConfig)
    aggregation: AggregationConfig = field(default_factory=AggregationConfig)
    simulation: SimulationConfig = field(default_factory=SimulationConfig)
    server: ServerConfig = field(default_factory=ServerConfig)

    def identity(self) -> dict[str, Any]:
        """What a run may not change on the way: everything but where the server stands."""
        return {key: value for key, value in asdict(self).items() if key != "server"}

    def __post_init__(self) -> None:
        """InputError for what can't be run."""
        if self.secure_aggregation:
            raise InputError(
                SECURE_AGGREGATION.format(rule=self.aggregation.rule)
                if self.aggregation.rule != "fedavg"
                else "Flower's current clients have no secure aggregation; use local.noise instead"
            )
        if self.compression not in KINDS:
            raise InputError(f"compression is one of {', '.join(KINDS)}, not {self.compression!r}")
        if self.rounds < 1 or self.clients_per_round < 0 or self.timeout_s <= 0:
            raise InputError("rounds and timeout_s are above 0, clients_per_round not below it")
        local = self.local
        if local.epochs < 1 or local.batch < 1 or local.learning_rate <= 0 or local.noise < 0:
            raise InputError(
                "local epochs, batch and learning_rate are above 0, noise not below it"
            )
        if not (0 < self.top_k_share <= 1 and 0 < self.final_rate <= 1 and self.max_norm > 0):
            raise InputError("top_k_share and final_rate lie above 0 up to 1, max_norm above 0")


def read_config(path: Path | None, **overrides: Any) -> FederationConfig:
    """From TOML; unknown keys are refused by name."""
    return load_config(path, FederationConfig, **overrides)


@dataclass(frozen=True)
class Instruction:
    """What a client is told in a round, beside the model; `encoder` is the network's sha256."""

    round: int
    encoder: str
    local: LocalConfig = field(default_factory=LocalConfig)
    compression: str = NONE
    top_k_share: float = 0.1
    personal: tuple[str, ...] = ()

    def to_json(self) -> str:
        """As it travels."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Instruction:
        """InputError where it is none."""
        try:
            values = json.loads(text)
            start = cls(int(values.pop("round")), str(values.pop("encoder")))
            local = config_from(values.pop("local"), LocalConfig)
            return cls(start.round, start.encoder, local, **_plain(values))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InputError(
                f"the server's instruction is not one ({error}); update leadone"
            ) from error


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
