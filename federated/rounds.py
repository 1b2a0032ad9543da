"""One federation, whatever carries its messages: choose clients, check replies, aggregate, save."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..edge.errors import InputError
from ..edge.files import make_folder
from .arrays import Arrays, moved, norm, size_bytes
from .checkpoint import Saved, resume, save
from .checks import fault
from .client import shared_names
from .compression import unpack
from .config import FederationConfig, Instruction
from .rules import Aggregator
from .task import Task

NOT_ASKED = "was not asked, or answers twice"
Evaluate = Callable[[Arrays], dict[str, float]]


@dataclass(frozen=True)
class Reply:
    """What came back from a client: its packed update, or why there is none."""

    client: str
    update: Arrays | None
    error: str | None = None


@dataclass(frozen=True)
class Round:
    """A round's line in the log. `weights` is empty where the rule is no weighting."""

    round: int
    chosen: int
    replied: int
    rejected: dict[str, str]  # client: reason
    weights: dict[str, float]
    trust_loss: float
    moved: float  # length of the global update
    bytes: int  # of all replies
    seconds: float
    figures: dict[str, float]


class Federation:
    """The server's state between rounds; `run` None keeps nothing on disk."""

    def __init__(
        self,
        config: FederationConfig,
        model: Arrays,
        task: Task,
        encoder: str,
        evaluate: Evaluate | None = None,
        run: Path | None = None,
    ) -> None:
        """Fresh, or where the run's folder left off."""
        self.config, self.task, self.model, self.encoder = config, task, model, encoder
        self.done = 0
        self.last: Round | None = None  # that ended, here or before a kill
        self._evaluate, self._run = evaluate, run
        self._aggregator = Aggregator(config.aggregation, config.seed)
        self._shared = shared_names(model, config.personal)
        self.chosen: list[str] = []
        self._started = time.monotonic()
        if run is not None:
            make_folder(run)
            self._restore(resume(run, config.identity()), run)

    def choose(self, clients: Sequence[str]) -> list[str]:
        """Who takes part in the next round: by seed and round alone, whatever order they are in."""
        ordered = sorted(clients)
        m = min(self.config.clients_per_round or len(ordered), len(ordered))
        rng = np.random.default_rng((self.config.seed, self.done + 1))
        self.chosen = sorted(rng.choice(ordered, m, replace=False).tolist()) if m else []
        self._started = time.monotonic()
        return self.chosen

    def instruction(self) -> Instruction:
        """What they are told."""
        config, share = self.config, self.done / self.config.rounds
        rate = config.local.learning_rate * (1 - (1 - config.final_rate) * share)
        local = type(config.local)(**{**asdict(config.local), "learning_rate": rate})
        return Instruction(
            self.done + 1,
            self.encoder,
            local,
            config.compression,
            config.top_k_share,
            config.personal,
        )

    def close(
        self,
        replies: Sequence[Reply],
        verified_counts: Mapping[str, int] | None = None,
        fleet: int | None = None,
    ) -> Round:
        """Aggregate what is sound and save; a round without a sound reply keeps the model."""
        sound, rejected = self._sound(replies)
        number = self.done + 1
        weights: dict[str, float] = {}
        length = 0.0
        if sound:
            clients = sorted(sound)
            outcome = self._aggregator.step(
                clients,
                [sound[c] for c in clients],
                self.model,
                self.task,
                number,
                None if verified_counts is None else [verified_counts[c] for c in clients],
                fleet,
            )
            self.model, length = moved(self.model, outcome.update), norm(outcome.update)
            if outcome.weights is not None:
                weights = dict(zip(clients, outcome.weights.tolist(), strict=True))
        entry = Round(
            number,
            len(self.chosen),
            len(replies),
            rejected,
            weights,
            self.task.loss(self.model),
            length,
            sum(size_bytes(r.update) for r in replies if r.update is not None),
            round(time.monotonic() - self._started, 3),
            self._evaluate(self.model) if self._evaluate is not None else {},
        )
        self.done, self.last = number, entry
        if self._run is not None:
            self._save(entry)
        return entry

    def _sound(self, replies: Sequence[Reply]) -> tuple[dict[str, Arrays], dict[str, str]]:
        """Updates that can be used, and why the others can't; a client counts once."""
        like = {name: self.model[name] for name in self._shared}
        sound: dict[str, Arrays] = {}
        rejected: dict[str, str] = {}
        for reply in replies:
            reason = reply.error
            if reply.client not in self.chosen or reply.client in sound:
                reason = NOT_ASKED
            elif reply.update is not None:
                try:
                    update = unpack(reply.update, self.config.compression, like)
                    reason = fault(update, like, self.config.max_norm)
                except (InputError, ValueError, TypeError, AttributeError) as error:
                    reason = str(error)
                if reason is None:
                    sound[reply.client] = {name: update[name] for name in like}
                    continue
            rejected[reply.client] = reason or "sent nothing"
        for client in self.chosen:
            if client not in sound and client not in rejected:
                rejected[client] = "did not answer in time"
        return sound, rejected

    def _save(self, entry: Round) -> None:
        assert self._run is not None
        values: dict[str, Any] = asdict(entry)
        memory = self._aggregator.state()
        save(self._run, Saved(self.done, self.config.identity(), self.model, memory, values))

    def _restore(self, saved: Saved | None, run: Path) -> None:
        if saved is None:
            return
        same = {n: (v.shape, v.dtype) for n, v in saved.model.items()}
        if same != {n: (v.shape, v.dtype) for n, v in self.model.items()}:
            raise InputError(
                f"{run} holds another model than this federation's; choose another --out"
            )
        self.model, self.done = saved.model, saved.done
        self.last = Round(**saved.entry) if saved.entry else None
        self._aggregator.restore(saved.memory)
