"""The rules by name, with the little that some of them remember from round to round."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..edge.errors import InputError
from .aggregators import (
    autobant,
    bant,
    bucketing,
    centred_clipping,
    fedavg,
    fltrust,
    geometric_median,
    krum,
    median,
    multikrum,
    nearest_neighbour_mixing,
    simbant,
    trimmed_mean,
    zeno,
)
from .arrays import Array, Arrays, Doubles, moved, weighted, zeros
from .task import Task

RULES = (
    "fedavg",
    "bant",
    "autobant",
    "simbant",
    "simbant-server",
    "fltrust",
    "zeno",
    "krum",
    "multikrum",
    "median",
    "trimmed-mean",
    "centred-clipping",
    "geometric-median",
)
NO_MIXING, BUCKETING, NEAREST = "none", "bucketing", "nearest"
MIXINGS = (NO_MIXING, BUCKETING, NEAREST)
MOMENTUM, PREVIOUS, CAUGHT = "momentum", "previous", "caught"
MOST_MARGIN = 10.0


@dataclass(frozen=True)
class AggregationConfig:
    """Which rule, after which mixing; `liars` is the share that rules with an f are told."""

    rule: str = "bant"
    mixing: str = NO_MIXING
    liars: float = 0.2
    beta: float = 0.2  # the authors take .5; longer memory, steadier weights
    trial: float = 0.03  # of an update's length, on which BANT tries it; 1 is the paper's
    margin: float = 2.0  # standard errors by which an update may seem to do harm; 0 is the paper's
    all_rejected: str = bant.KEEP_GLOBAL
    tau: float = 0.0  # of centred clipping; 0: the median distance

    def __post_init__(self) -> None:
        """InputError for names that are none."""
        for value, known in (
            (self.rule, RULES),
            (self.mixing, MIXINGS),
            (self.all_rejected, bant.POLICIES),
        ):
            if value not in known:
                raise InputError(f"there is no {value!r}; take one of {', '.join(known)}")
        if not (0 <= self.liars < 1 and 0 < self.beta <= 1 and 0 < self.trial <= 1):
            raise InputError(
                "liars is from 0 to below 1, beta and trial above 0 up to 1; correct them"
            )
        if not 0 <= self.margin <= MOST_MARGIN:
            raise InputError(f"margin is from 0 to {MOST_MARGIN:.0f} standard errors; correct it")


@dataclass(frozen=True)
class Outcome:
    """A round's update and, where the rule is a weighting, each client's weight in it (n,)."""

    update: Arrays
    weights: Doubles | None


class Aggregator:
    """A rule with its memory: BANT's trust and who was caught, centred clipping's last update."""

    def __init__(self, config: AggregationConfig, seed: int = 0) -> None:
        """Nothing remembered."""
        self.config, self._seed = config, seed
        self.momentum: dict[str, float] = {}
        self.caught: set[str] = set()
        self.previous: Arrays = {}

    def step(
        self,
        clients: Sequence[str],
        updates: Sequence[Arrays],
        model: Arrays,
        task: Task,
        round_: int,
        verified_counts: Sequence[int] | None = None,
        fleet: int | None = None,
    ) -> Outcome:
        """One round of checked updates, at least one; `fleet` is how many clients there are."""
        mix = self._mixing(updates, round_)
        mixed = updates if mix is None else [weighted(updates, row) for row in mix]
        if self.config.rule == "bant":
            found: Doubles | Arrays = self._bant(clients, mixed, mix, model, task, fleet)
        else:
            found = self._rule(mixed, model, task, round_, verified_counts if mix is None else None)
        if isinstance(found, dict):
            self.previous = found
            return Outcome(found, None)
        update = weighted(mixed, found)
        self.previous = update
        return Outcome(update, found if mix is None else found @ mix)

    def state(self) -> dict[str, Array]:
        """What a checkpoint keeps of it."""
        kept: dict[str, Array] = {f"{PREVIOUS}/{n}": v for n, v in self.previous.items()}
        kept |= {f"{MOMENTUM}/{c}": np.array(m) for c, m in self.momentum.items()}
        kept |= {f"{CAUGHT}/{c}": np.array(True) for c in sorted(self.caught)}
        return kept

    def restore(self, kept: dict[str, Array]) -> None:
        """Put it back."""
        for name, value in kept.items():
            kind, key = name.split("/", 1)
            if kind == MOMENTUM:
                self.momentum[key] = float(value)
            elif kind == CAUGHT:
                self.caught.add(key)
            else:
                self.previous[key] = value

    def _bant(
        self,
        clients: Sequence[str],
        updates: Sequence[Arrays],
        mix: Doubles | None,
        model: Arrays,
        task: Task,
        fleet: int | None,
    ) -> Doubles:
        start = 1.0 / (fleet or len(clients))
        of_client = np.array([self.momentum.get(client, start) for client in clients])
        momentum = of_client if mix is None else mix @ of_client
        caught = np.zeros(len(updates), bool)
        if mix is None:
            caught |= [client in self.caught for client in clients]
        found = bant.aggregate(
            updates,
            model,
            task.losses,
            momentum,
            caught,
            self.config.beta,
            self.config.all_rejected,
            self.config.trial,
            self.config.margin,
        )
        if mix is None:
            self.momentum |= dict(zip(clients, found.momentum.tolist(), strict=True))
            self.caught |= {
                c for c, is_caught in zip(clients, found.caught, strict=True) if is_caught
            }
        else:  # a mixture's trust goes to its members, by their parts in all mixtures; its harm is
            # nobody's
            parts = mix.T / np.maximum(mix.sum(0), 1e-12)[:, None]
            members = np.where(mix.sum(0) > 0, parts @ found.momentum, of_client)
            self.momentum |= dict(zip(clients, members.tolist(), strict=True))
        return found.weights

    def _rule(
        self,
        updates: Sequence[Arrays],
        model: Arrays,
        task: Task,
        round_: int,
        counts: Sequence[int] | None,
    ) -> Doubles | Arrays:
        f = int(np.ceil(self.config.liars * len(updates)))
        previous = self.previous or zeros(updates[0])
        rules: dict[str, Callable[[], Doubles | Arrays]] = {
            "fedavg": lambda: fedavg.aggregate(updates, counts),
            "autobant": lambda: autobant.aggregate(updates, model, task.loss, task.gradient),
            "simbant": lambda: simbant.to_targets(
                np.stack([task.answers(moved(model, u)) for u in updates]), task.targets()
            ),
            "simbant-server": lambda: simbant.to_server(
                np.stack([task.answers(moved(model, u)) for u in updates]),
                task.answers(moved(model, task.server_update(model, round_))),
            ),
            "fltrust": lambda: fltrust.aggregate(updates, task.server_update(model, round_)),
            "zeno": lambda: zeno.aggregate(updates, model, task.loss, f),
            "krum": lambda: krum.aggregate(updates, f),
            "multikrum": lambda: multikrum.aggregate(updates, f),
            "median": lambda: median.aggregate(updates),
            "trimmed-mean": lambda: trimmed_mean.aggregate(updates, f),
            "centred-clipping": lambda: centred_clipping.aggregate(
                updates, previous, self.config.tau
            ),
            "geometric-median": lambda: geometric_median.aggregate(updates),
        }
        return rules[self.config.rule]()

    def _mixing(self, updates: Sequence[Arrays], round_: int) -> Doubles | None:
        n = len(updates)
        if self.config.mixing == BUCKETING:
            return bucketing.mixing(n, (self._seed, round_))
        if self.config.mixing == NEAREST:
            f = int(np.ceil(self.config.liars * n))
            return nearest_neighbour_mixing.mixing(updates, f)
        return None
