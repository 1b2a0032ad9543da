"""`leadone federated simulate`: a cohort of real recordings as a fleet in this process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..edge.bundle import load_bundle
from ..edge.errors import InputError
from . import head
from .client import encoder_of
from .cohort import Cohort, load_cohort
from .config import FederationConfig
from .rounds import Federation, Round
from .simulation import Fleet, Threat, simulate
from .split import split, taken
from .task import HeadTask, g_means


def prepare(
    config: FederationConfig, cohort: Cohort, run: Path | None = None, is_scored: bool = True
) -> tuple[Federation, Fleet]:
    """A federation and its fleet; each round is scored on the test records where asked to."""
    plan = config.simulation
    if plan.alpha < 0 or plan.trust < 1:
        raise InputError("alpha is not below 0 and trust at least one recording; correct them")
    encoder = encoder_of(load_bundle(config.model))
    trust = taken(cohort.trust, plan.trust, config.seed)
    start = head.start_head(cohort.trust.features, len(cohort.codes))
    federation = Federation(
        config,
        start,
        HeadTask(trust, config.local),
        encoder,
        (lambda model: g_means(model, cohort.codes, cohort.trust, cohort.test))
        if is_scored
        else None,
        run,
    )
    parts = split(cohort.train, plan.clients, plan.alpha or None, config.seed)
    threat = Threat(plan.attack, plan.liars, config.seed)
    return federation, Fleet(parts, encoder, threat, plan.least_kinds)


def run_simulation(
    config: FederationConfig, data: Path, cache: Path, run: Path
) -> tuple[Fleet, Iterator[Round]]:
    """The fleet, and its rounds that are left."""
    cohort = load_cohort(config.simulation.cohort, data, cache, config.model)
    federation, fleet = prepare(config, cohort, run)
    return fleet, simulate(federation, fleet, config.simulation.counts)
