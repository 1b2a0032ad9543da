"""What federated learning and its defences are worth on real ECG: the figures of README's section.

    python benchmarks/federated.py clients --data data     # 1, 10, 50 clients and all in one place
    python benchmarks/federated.py attacks --data data     # every rule, every attack
    python benchmarks/federated.py trust --data data       # size and origin of the trust set
    python benchmarks/federated.py cost --data data        # bytes a round, memory, seconds
    python benchmarks/federated.py thousand --data data    # 1,000 clients in one process

Clients hold CinC 2017's folds 2 to 4 or PTB-XL's 1 to 7, split by person; the server's trust set
and all thresholds are of fold 1 or 8; figures are of fold 0 or 9, which no weight has seen. (The
shipped encoder has seen the clients' recordings in its own training, those of the other folds not.)
G-means are means over rhythms or findings, and over seeds.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import numpy.typing as npt
from federated_device import peak_mb

from leadone.distill.classification import (
    interval_of,
    macro_auc,
    macro_g_mean,
    patient_weights,
    smooth_threshold,
)
from leadone.distill.classifier import fit_head
from leadone.edge.errors import InputError
from leadone.edge.labels import RHYTHMS
from leadone.federated import head
from leadone.federated.aggregators import bant
from leadone.federated.arrays import Arrays, difference, size_bytes
from leadone.federated.client import shared_names
from leadone.federated.cohort import CINC, PTBXL, PTBXL_RHYTHMS, Cohort, load_cohort
from leadone.federated.compression import KINDS, pack
from leadone.federated.config import FederationConfig, SimulationConfig
from leadone.federated.head import LocalConfig
from leadone.federated.labelled import Labelled
from leadone.federated.research import prepare
from leadone.federated.rounds import Federation, Reply
from leadone.federated.rules import RULES, AggregationConfig
from leadone.federated.simulation import simulate
from leadone.federated.split import split_by_device, taken
from leadone.federated.task import HeadTask, g_means, log_odds

GATEWAYS, OF_EACH = 4, 60  # whole networks, a small demonstration
SHARES = 50  # equal parts of the recordings, of which 1, 10 or 50 take part
# Rounds, rates and decays are chosen on the clients' own folds, one held out, not on the test fold.
LONG = FederationConfig(
    rounds=60, local=LocalConfig(epochs=5, batch=16, learning_rate=0.5, weight_decay=0.01)
)
SHORT = FederationConfig(rounds=25, local=LocalConfig(epochs=2, batch=32, learning_rate=0.4))
WHOLE = LocalConfig(learning_rate=0.1, epochs=1, weight_decay=0.01)  # all recordings
EVERY_RULE = (
    *RULES,
    "bant as published",
    "bucketing, centred-clipping",
    "bucketing, krum",
    "nearest, trimmed-mean",
)
ASKED = {  # every attack with the share of liars that it is asked to be survived at
    "sign-flip": 0.6,
    "label-flip": 0.5,
    "random": 0.6,
    "alie": 0.4,
    "ipm": 0.6,
    "mixed": 0.6,
    "replacement": 0.6,
    "adaptive": 0.4,
    "free-rider": 0.6,
    "stale": 0.6,
    "malformed": 0.6,
}
MALFORMED = ("nan", "inf", "wrong-shape", "extra-key", "claimed-count")

data_option = click.option(
    "--data", type=click.Path(path_type=Path, exists=True), required=True, help="As elsewhere."
)
cache_option = click.option(
    "--cache", type=click.Path(path_type=Path), default=Path("runs/federated"), show_default=True
)
seeds_option = click.option("--seeds", type=click.IntRange(1), default=3, show_default=True)


@click.group()
def cli() -> None:
    """Print a table each."""


@cli.command()
@data_option
@cache_option
@seeds_option
@click.option("--cohort", "names", multiple=True, default=(CINC, PTBXL))
def clients(data: Path, cache: Path, seeds: int, names: tuple[str, ...]) -> None:
    """The specification's table: few clients, many clients, all recordings in one place."""
    for name in names:
        cohort = load_cohort(name, data, cache)
        other = load_cohort(PTBXL_RHYTHMS if name == CINC else CINC, data, cache)
        print(f"\n{name}: {len(cohort.train)} recordings, {seeds} seeds; last: AF on {other.name}")
        codes = tuple(RHYTHMS) if name == CINC else cohort.codes
        print(f"| | {' | '.join(codes)} | mean | AF there |")
        print("|---" * (len(codes) + 3) + "|")
        for title, train in _ways(cohort, other):
            models = [train(seed) for seed in range(seeds)]
            found = [g_means(model, cohort.codes, cohort.trust, cohort.test) for model in models]
            each = {code: float(np.mean([one[code] for one in found])) for code in codes}
            there = np.mean([_af(model, cohort, other) for model in models])
            interval = _interval(models, cohort)
            row = " | ".join(f"{each[code]:.3f}" for code in codes)
            mean = np.mean(list(each.values()))
            print(f"| {title} | {row} | {mean:.3f} {interval} | {there:.3f} |", flush=True)


def _ways(cohort: Cohort, other: Cohort) -> list[tuple[str, Callable[[int], Arrays]]]:
    """Every row's title and how its model of a seed comes about."""

    def federated(rule: str, alpha: float, part: int = SHARES) -> Callable[[int], Arrays]:
        return lambda seed: _federated(cohort, LONG, rule, alpha, seed, part)

    rows: list[tuple[str, Callable[[int], Arrays]]] = [
        ("1 of 50 clients", federated("fedavg", 0.0, 1)),
        ("10 of 50", federated("fedavg", 0.0, 10)),
        ("50, FedAvg", federated("fedavg", 0.0)),
        ("50, BANT", federated("bant", 0.0)),
    ]
    for alpha in (0.5, 0.1):
        rows += [
            (f"50, Dirichlet {alpha}, FedAvg", federated("fedavg", alpha)),
            (f"50, Dirichlet {alpha}, BANT", federated("bant", alpha)),
        ]
    if cohort.name == CINC:
        rows.append(
            ("50, some of PTB-XL's device, FedAvg", lambda s: _devices(cohort, other, "fedavg", s))
        )
        rows.append(
            ("50, some of PTB-XL's device, BANT", lambda s: _devices(cohort, other, "bant", s))
        )
    return [
        *rows,
        ("all in one place, same steps", lambda seed: _central(cohort, seed)),
        ("all in one place, L-BFGS", lambda seed: _fitted(cohort)),
    ]


def _configured(config: FederationConfig, rule: str, seed: int, **plan: object) -> FederationConfig:
    mixing, _, alone = (
        rule.rpartition(", ")
        if rule.split(", ")[0] in ("bucketing", "nearest")
        else ("none", "", rule)
    )
    name, is_published, _ = alone.partition(" as published")
    simulation = SimulationConfig(**plan)  # type: ignore[arg-type]
    liars = simulation.liars or AggregationConfig().liars
    aggregation = AggregationConfig(rule=name, mixing=mixing or "none", liars=liars)
    if is_published:
        aggregation = replace(
            aggregation, trial=1.0, margin=0.0, beta=bant.BETA, all_rejected=bant.UNIFORM
        )
    return replace(config, seed=seed, aggregation=aggregation, simulation=simulation)


def _federated(
    cohort: Cohort,
    config: FederationConfig,
    rule: str,
    alpha: float,
    seed: int,
    part: int,
) -> Arrays:
    """The model of a fleet; of its `SHARES` clients only the first `part` take part."""
    plan = _configured(config, rule, seed, cohort=cohort.name, clients=SHARES, alpha=alpha)
    federation, fleet = prepare(plan, cohort, is_scored=False)
    fleet.clients = dict(list(fleet.clients.items())[:part])
    for _ in simulate(federation, fleet):
        pass
    return federation.model


def _devices(cohort: Cohort, other: Cohort, rule: str, seed: int) -> Arrays:
    """Clients of two devices with one server's trust set of the first."""
    plan = _configured(LONG, rule, seed, cohort=cohort.name, clients=SHARES)
    federation, fleet = prepare(plan, cohort, is_scored=False)
    parts = split_by_device([cohort.train, other.train], SHARES, seed)
    for client, part in zip(fleet.clients.values(), parts, strict=True):
        client.data = part
    for _ in simulate(federation, fleet):
        pass
    return federation.model


def _central(cohort: Cohort, seed: int) -> Arrays:
    """Gradient descent on everything, as many epochs as the fleet has rounds."""
    model = head.start_head(cohort.trust.features, len(cohort.codes))
    for k in range(LONG.rounds):
        rate = WHOLE.learning_rate * (1 - (1 - LONG.final_rate) * k / LONG.rounds)
        model = head.train_head(model, cohort.train, replace(WHOLE, learning_rate=rate), (seed, k))
    return model


def _fitted(cohort: Cohort) -> Arrays:
    """The convex optimum, one output against the rest, its penalty chosen on training parts."""
    r = len(RHYTHMS)
    model = head.start_head(cohort.trust.features, len(cohort.codes))
    z = head.standardised(model, cohort.train.features)
    targets = cohort.train.targets()
    told = slice(0, r) if not cohort.codes else slice(r, None)
    weights, bias = fit_head(z, targets[:, told])
    name = "rhythm" if not cohort.codes else "finding"
    return {**model, f"{name}.weight": weights, f"{name}.bias": bias}


def _af(model: Arrays, cohort: Cohort, other: Cohort) -> float:
    """G-mean of AF on the other set's test records, at this set's threshold."""
    known, scores = [], []
    for part, codes in ((cohort.trust, cohort.codes), (other.test, other.codes)):
        column = len(RHYTHMS) + codes.index("AFIB") if codes else RHYTHMS.index("af")
        of_model = len(RHYTHMS) + cohort.codes.index("AFIB") if cohort.codes else 1
        known.append(part.targets()[:, column])
        scores.append(log_odds(head.logits(model, part.features))[:, of_model])
    cut = np.array([smooth_threshold(known[0], scores[0])])
    once = np.ones((1, len(known[1])))
    return float(macro_g_mean(known[1][:, None], scores[1][:, None], cut, once)[0])


def _interval(models: Sequence[Arrays], cohort: Cohort) -> str:
    """95 % interval of the mean G-mean over patients, mean over the seeds' models."""
    weights = patient_weights(cohort.test.people)
    r = len(RHYTHMS)
    told = slice(0, r) if not cohort.codes else slice(r, None)
    total: npt.NDArray[np.float64] = np.zeros(len(weights))
    for model in models:
        chosen, scores = (
            log_odds(head.logits(model, part.features))[:, told]
            for part in (cohort.trust, cohort.test)
        )
        known = cohort.trust.targets()[:, told]
        cuts = np.array(
            [smooth_threshold(known[:, k], chosen[:, k]) for k in range(known.shape[1])]
        )
        total += macro_g_mean(cohort.test.targets()[:, told], scores, cuts, weights)
    found = interval_of(total / len(models))
    return f"[{found.low:.3f}, {found.high:.3f}]"


@cli.command()
@data_option
@cache_option
@seeds_option
@click.option("--liars", type=float, help="Their share of 20; default: as asked of each attack.")
@click.option("--rule", "rules", multiple=True, default=EVERY_RULE, help="Only these.")
@click.option("--attack", "attacks", multiple=True, default=tuple(ASKED), help="Only these.")
@click.option("--alpha", type=float, default=0.0, help="Of the Dirichlet split; 0 is alike.")
def attacks(
    data: Path,
    cache: Path,
    seeds: int,
    liars: float | None,
    rules: tuple[str, ...],
    attacks: tuple[str, ...],
    alpha: float,
) -> None:
    """Every rule under every attack: CinC 2017, 20 clients, mean G-mean of four rhythms."""
    cohort = load_cohort(CINC, data, cache)
    columns: list[tuple[str, str, float, float]] = [
        ("no attack", "none", 0.0, alpha),
        ("Dirichlet .1", "none", 0.0, 0.1),
    ]
    for name in attacks:
        share = ASKED[name] if liars is None else liars
        columns.append((f"{name} {share:.0%}", name, share, alpha))
    print(f"some of 20 clients lie, {seeds} seeds")
    print(f"| | {' | '.join(name for name, *_ in columns)} |")
    print("|---" * (len(columns) + 1) + "|")
    for rule in rules:
        row = [_attacked(cohort, rule, *column[1:], seeds) for column in columns]
        print(f"| {rule} | {' | '.join(f'{value:.3f}' for value in row)} |", flush=True)


def _attacked(
    cohort: Cohort, rule: str, attack: str, liars: float, alpha: float, seeds: int
) -> float:
    figures = []
    for seed in range(seeds):
        name = MALFORMED[seed % len(MALFORMED)] if attack == "malformed" else attack
        config = _configured(SHORT, rule, seed, alpha=alpha, attack=name, liars=liars)
        federation, fleet = prepare(config, cohort, is_scored=False)
        for _ in simulate(federation, fleet):
            pass
        found = g_means(federation.model, (), cohort.trust, cohort.test)
        figures.append(np.mean(list(found.values())))
    return float(np.mean(figures))


@cli.command()
@data_option
@cache_option
@seeds_option
def trust(data: Path, cache: Path, seeds: int) -> None:
    """BANT on trust sets of several sizes, its own and another device's; CinC 2017, 20 clients."""
    cohort = load_cohort(CINC, data, cache)
    other = load_cohort(PTBXL_RHYTHMS, data, cache)
    foreign = Labelled(
        *(
            np.concatenate([getattr(p, n) for p in (other.train, other.trust)])
            for n in ("features", "rhythm", "findings", "people")
        )
    )
    columns = (("none", 0.0), ("sign-flip", 0.6), ("label-flip", 0.4), ("adaptive", 0.4))
    print(f"| trust set | {' | '.join(name for name, _ in columns)} | it alone |")
    print("|---" * (len(columns) + 2) + "|")
    for origin, source in (("own device", cohort.trust), ("PTB-XL's", foreign)):
        for size in (50, 100, 200, 500, 1000):
            row = []
            for attack, liars in columns:
                row.append(
                    np.mean(
                        [_trusting(cohort, source, size, attack, liars, s) for s in range(seeds)]
                    )
                )
            row.append(np.mean([_alone(cohort, taken(source, size, s), s) for s in range(seeds)]))
            print(f"| {origin}, {size} | {' | '.join(f'{v:.3f}' for v in row)} |", flush=True)


def _trusting(
    cohort: Cohort, source: Labelled, size: int, attack: str, liars: float, seed: int
) -> float:
    config = _configured(SHORT, "bant", seed, attack=attack, liars=liars)
    federation, fleet = prepare(config, cohort, is_scored=False)
    federation.task = HeadTask(taken(source, size, seed), config.local)
    for _ in simulate(federation, fleet):
        pass
    found = g_means(federation.model, (), cohort.trust, cohort.test)
    return float(np.mean(list(found.values())))


def _alone(cohort: Cohort, trust: Labelled, seed: int) -> float:
    """A model of the trust set and nothing else."""
    model = head.start_head(cohort.trust.features, 0)
    for k in range(60):
        model = head.train_head(model, trust, replace(WHOLE, learning_rate=0.1), (seed, k))
    return float(np.mean(list(g_means(model, (), cohort.trust, cohort.test).values())))


@cli.command()
@data_option
@cache_option
@seeds_option
def cost(data: Path, cache: Path, seeds: int) -> None:
    """Bytes a round, what packing costs in G-mean; memory and time of a device's round."""
    cohort = load_cohort(CINC, data, cache)
    start = head.start_head(cohort.trust.features, 10)
    update = difference(start, {n: start[n] for n in shared_names(start)})
    print("| packing | rhythms and ten findings, bytes | rhythms only | mean G-mean, BANT |")
    print("|---|---|---|---|")
    for kind in KINDS:
        figures = []
        for seed in range(seeds):
            config = replace(_configured(SHORT, "bant", seed), compression=kind)
            federation, fleet = prepare(config, cohort, is_scored=False)
            entries = list(simulate(federation, fleet))
            found = g_means(federation.model, (), cohort.trust, cohort.test)
            figures.append(np.mean(list(found.values())))
        both = size_bytes(pack(update, kind))
        only = entries[0].bytes / entries[0].replied
        print(f"| {kind} | {both:,} | {only:,.0f} | {np.mean(figures):.3f} |")
    here = Path(__file__)
    print(_run_alone([str(here.with_name("federated_device.py"))], data))
    print(_run_alone([str(here), "gateway"], data))


def _run_alone(command: list[str], data: Path) -> str:
    """A process of its own, whose memory is then its own too."""
    words = [sys.executable, *command, "--data", str(data)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@cli.command(hidden=True)
@data_option
def gateway(data: Path) -> None:
    """One gateway's round: the whole wrist network on 64 recordings."""
    import torch

    from leadone.distill.datasets import CINC_TEST_FOLD, CINC_VALIDATION_FOLD
    from leadone.distill.records import load_rhythms
    from leadone.federated import gateway as whole
    from leadone.pretrain.encoder import EncoderConfig
    from leadone.pretrain.pretraining import load_encoder
    from leadone.pretrain.shipped import find_encoder

    torch.set_num_threads(1)
    encoder = EncoderConfig()
    held = load_rhythms(data / CINC, [2])[: GATEWAYS * OF_EACH]
    trust = load_rhythms(data / CINC, [CINC_VALIDATION_FOLD])[:150]
    test = load_rhythms(data / CINC, [CINC_TEST_FOLD])[:400]
    pretrained = load_encoder(find_encoder("lead-transfer")).encoder.state_dict()
    start = whole.start_network(encoder, 0, pretrained)
    local = LocalConfig(epochs=2, batch=16, learning_rate=2e-3, weight_decay=0.02)
    sites = [
        whole.Gateway(f"site-{k}", held[k * OF_EACH : (k + 1) * OF_EACH], encoder, "wrist")
        for k in range(GATEWAYS)
    ]
    batch = whole.windows(test)
    truth = batch.target.numpy() > 0.5
    print(f"gateway: {GATEWAYS} of {OF_EACH} recordings, whole network, mean AUC of four rhythms")
    for rule, liars in (("fedavg", 0), ("bant", 0), ("fedavg", 2), ("bant", 2)):
        config = replace(
            _configured(LONG, rule, 0), rounds=4, local=local, compression="int8", max_norm=1e3
        )
        task = whole.NetworkTask(whole.windows(trust), trust, encoder, local)
        federation = Federation(config, start, task, "wrist")
        began, size = time.perf_counter(), 0
        while federation.done < config.rounds:
            chosen = federation.choose([site.name for site in sites])
            told = federation.instruction()
            replies = [Reply(s.name, s.train(federation.model, told)) for s in sites]
            for k in range(liars):
                packed = dict(replies[k].update or {})
                for name in packed:
                    if name.endswith("scale"):
                        packed[name] = -packed[name]
                replies[k] = Reply(replies[k].client, packed)
            entry = federation.close(replies)
            assert not entry.rejected, entry.rejected
            size = entry.bytes // len(chosen)
        logits = whole.rhythm_logits(federation.model, encoder, batch)
        area = float(macro_auc(truth, logits, np.ones((1, len(truth))))[0])
        seconds = (time.perf_counter() - began) / config.rounds / GATEWAYS
        print(
            f"  {rule}, {liars} sign flipped: AUC {area:.3f}; {size:,} bytes a round and client, "
            f"{seconds:.1f} s; memory {peak_mb():.0f} MB"
        )
    print(f"  raw update {size_bytes(difference(start, start)):,} bytes; top-k", end=" ")
    print(f"{size_bytes(pack(difference(start, start), 'topk')):,}")


@cli.command()
@data_option
@cache_option
def thousand(data: Path, cache: Path) -> None:
    """1,000 clients of CinC 2017 in one process: seconds a round and peak memory."""
    cohort = load_cohort(CINC, data, cache)
    config = _configured(replace(SHORT, rounds=5), "bant", 0, clients=1000)
    federation, fleet = prepare(config, cohort)
    entries = list(simulate(federation, fleet))
    seconds = [entry.seconds for entry in entries]
    print(
        f"1,000 clients, {len(entries)} rounds: {np.mean(seconds):.2f} s a round, at most "
        f"{max(seconds):.2f}; peak memory {peak_mb():.0f} MB; mean G-mean "
        f"{np.mean(list(entries[-1].figures.values())):.3f}"
    )


if __name__ == "__main__":
    try:
        cli(standalone_mode=False)
    except InputError as error:
        sys.exit(f"leadone: {error}")
