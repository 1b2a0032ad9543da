"""A whole fleet in this process, liars included: the engine of tests and of research.

The clients, the checks and the rules are those of a real fleet; only the wire is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..edge.errors import InputError
from .arrays import Arrays
from .attacks.kinds import NONE, ON_DATA, ON_UPDATES, check_attack, kind_of
from .attacks.knowledge import Knowledge
from .client import Client, shared_names
from .compression import pack, unpack
from .config import Instruction
from .labelled import Labelled
from .rounds import Federation, Reply, Round
from .task import Task

COLLUDING = ("alie", "ipm", "adaptive")  # of what all of them know: one update for all


@dataclass(frozen=True)
class Threat:
    """Which attack, by which share of the clients; who they are is drawn by the seed."""

    attack: str = NONE
    share: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        """InputError for an attack that is none."""
        check_attack(self.attack)
        if not 0 <= self.share < 1:
            raise InputError("the share of liars is from 0 to below 1; correct it")

    def liars(self, clients: Sequence[str]) -> list[str]:
        """Their names."""
        n = round(self.share * len(clients)) if self.attack != NONE else 0
        rng = np.random.default_rng((self.seed, 99))
        return sorted(rng.choice(sorted(clients), n, replace=False).tolist())


class Fleet:
    """Clients by name, some of which lie."""

    def __init__(
        self, parts: Sequence[Labelled], encoder: str, threat: Threat, least_kinds: int
    ) -> None:
        """Client k holds parts[k]."""
        width = len(str(len(parts) - 1))
        names = [f"client-{k:0{width}d}" for k in range(len(parts))]
        self.liars = {name: k for k, name in enumerate(threat.liars(names))}
        self.kinds = {name: kind_of(threat.attack, k) for name, k in self.liars.items()}
        self.clients: dict[str, Client] = {}
        for name, part in zip(names, parts, strict=True):
            poison = ON_DATA.get(self.kinds.get(name, NONE))
            data = poison(part) if poison is not None else part
            self.clients[name] = Client(name, data, encoder, least_kinds)
        self._first: dict[str, Arrays] = {}
        self.seed = threat.seed

    def answer(
        self, chosen: Sequence[str], model: Arrays, told: Instruction, task: Task
    ) -> list[Reply]:
        """Every chosen client's reply; a client that can't take part answers with its sentence."""
        replies = {name: self._honest(name, model, told) for name in chosen}
        liars = [name for name in chosen if self.kinds.get(name) in ON_UPDATES]
        honest = [r.update for n, r in replies.items() if n not in self.liars and r.update]
        shape = next((r.update for r in replies.values() if r.update), None)
        if not liars or shape is None:
            return list(replies.values())
        plain = [unpack(u, told.compression, _like(model, told)) for u in honest]
        same: dict[str, Reply] = {}
        for name in liars:
            kind = self.kinds[name]
            own = replies[name].update
            mine = unpack(own, told.compression, _like(model, told)) if own else plain[0]
            self._first.setdefault(name, mine)
            if kind in same:
                replies[name] = Reply(name, same[kind].update)
                continue
            known = Knowledge(
                mine,
                self._first[name],
                plain,
                model,
                len(chosen),
                sum(n in self.liars for n in chosen),
                np.random.default_rng((self.seed, told.round, self.liars[name])),
                task.loss,
                task.gradient,
            )
            update = ON_UPDATES[kind](known)
            replies[name] = Reply(name, pack(update, told.compression, told.top_k_share))
            if kind in COLLUDING:
                same[kind] = replies[name]
        return list(replies.values())

    def counts(self) -> dict[str, int]:
        """What each really holds."""
        return {name: len(client.data) for name, client in self.clients.items()}

    def _honest(self, name: str, model: Arrays, told: Instruction) -> Reply:
        try:
            return Reply(name, self.clients[name].train(model, told, self.seed))
        except InputError as error:
            return Reply(name, None, str(error))


def simulate(federation: Federation, fleet: Fleet, use_counts: bool = False) -> Iterator[Round]:
    """The rounds that are left, one after another."""
    names = list(fleet.clients)
    counts = fleet.counts() if use_counts else None
    while federation.done < federation.config.rounds:
        chosen = federation.choose(names)
        replies = fleet.answer(chosen, federation.model, federation.instruction(), federation.task)
        yield federation.close(replies, counts, len(names))


def _like(model: Arrays, told: Instruction) -> Arrays:
    return {name: model[name] for name in shared_names(model, told.personal)}
