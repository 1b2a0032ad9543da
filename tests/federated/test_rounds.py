"""Rounds: who takes part, what is left out and why, and what a kill costs (nothing)."""

import json
from pathlib import Path

import numpy as np
import pytest

from leadone.edge.errors import InputError
from leadone.federated import checkpoint, head
from leadone.federated.arrays import Arrays, flat
from leadone.federated.attacks.kinds import ATTACKS
from leadone.federated.config import FederationConfig, read_config
from leadone.federated.labelled import Labelled
from leadone.federated.rounds import Federation, Reply
from leadone.federated.rules import MIXINGS, RULES, AggregationConfig
from leadone.federated.simulation import Fleet, Threat, simulate
from leadone.federated.split import split, taken
from leadone.federated.task import HeadTask, g_means


def data(n: int, seed: int) -> Labelled:
    rng = np.random.default_rng(seed)
    rhythm = rng.integers(0, 4, n)
    features = rng.normal(0, 1, (n, 60)).astype(np.float32)
    features[np.arange(n), rhythm] += 2.5
    return Labelled(
        features, rhythm, np.zeros((n, 0), np.float32), np.array([f"{seed}-{k}" for k in range(n)])
    )


TRUST, TEST = data(80, 1), data(400, 2)


def federation(config: FederationConfig, run: Path | None = None) -> Federation:
    model = head.start_head(TRUST.features, 0)
    return Federation(config, model, HeadTask(TRUST, config.local), "enc", run=run)


def fleet(threat: Threat = Threat(), clients: int = 10) -> Fleet:  # noqa: B008
    return Fleet(split(data(400, 0), clients, None, 0), "enc", threat, 1)


def config(rounds: int = 8, **parts: object) -> FederationConfig:
    aggregation = AggregationConfig(**parts)  # type: ignore[arg-type]
    return FederationConfig(rounds=rounds, aggregation=aggregation)


def figure(found: Federation) -> float:
    return float(np.mean(list(g_means(found.model, (), TRUST, TEST).values())))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("mixing", MIXINGS)
def test_every_rule_learns_from_honest_clients(rule: str, mixing: str) -> None:
    found = federation(config(rule=rule, mixing=mixing))
    entries = list(simulate(found, fleet()))
    assert figure(found) > 0.7
    weights = entries[-1].weights
    assert not weights or set(weights) == set(fleet().clients)


@pytest.mark.parametrize("attack", [a for a in ATTACKS if a not in ("none", "adaptive")])
def test_bant_learns_whatever_two_fifths_send(attack: str) -> None:
    clean = federation(config(rule="fedavg"))
    list(simulate(clean, fleet()))
    found = federation(config(rule="bant"))
    entries = list(simulate(found, fleet(Threat(attack, 0.4))))
    assert len(entries) == 8
    assert figure(found) > figure(clean) - 0.06


def test_a_larger_trust_set_leaves_an_attacker_that_knows_it_less_room() -> None:
    figures = []
    for n in (80, 1500):
        trust = data(n, 1)
        found = federation(config(rule="bant"))
        found.task = HeadTask(trust, found.config.local)
        list(simulate(found, fleet(Threat("adaptive", 0.4))))
        g = g_means(found.model, (), data(400, 5), TEST)
        figures.append(float(np.mean(list(g.values()))))
    assert figures[1] > figures[0] + 0.1


@pytest.mark.parametrize("attack", ["sign-flip", "random", "ipm"])
def test_an_average_is_ruined_by_three_fifths_where_bant_is_not(attack: str) -> None:
    threat = Threat(attack, 0.6)
    mean, found = federation(config(rule="median")), federation(config(rule="bant"))
    list(simulate(mean, fleet(threat)))
    list(simulate(found, fleet(threat)))
    assert figure(found) > figure(mean) + 0.1


def test_liars_get_no_weight_and_malformed_replies_a_reason() -> None:
    found, liars = federation(config()), fleet(Threat("sign-flip", 0.4))
    entry = next(simulate(found, liars))
    assert {c for c, w in entry.weights.items() if w == 0} >= set(liars.liars)
    found, liars = federation(config()), fleet(Threat("nan", 0.4))
    entry = next(simulate(found, liars))
    assert set(entry.rejected) == set(liars.liars)
    assert all("not finite" in reason for reason in entry.rejected.values())


def test_one_round_of_replies_of_every_bad_kind_is_a_round() -> None:
    found = federation(config())
    names = [f"c{k}" for k in range(7)]
    found.choose(names)
    good: Arrays = {
        n: np.full(v.shape, 1e-3, np.float32)
        for n, v in found.model.items()
        if n not in head.CONSTANT
    }
    entry = found.close(
        [
            Reply("c0", good),
            Reply("c0", good),
            Reply("c1", None, "it has no recordings"),
            Reply("c2", {}),
            Reply("c3", {**good, "rhythm.bias": np.array(["x"] * 4)}),
            Reply("c4", {**good, "rhythm.bias": [1, 2]}),  # type: ignore[dict-item]
            Reply("stranger", good),
        ]
    )
    assert found.done == 1 and entry.replied == 7
    assert entry.rejected["c1"] == "it has no recordings"
    assert entry.rejected["c5"] == entry.rejected["c6"] == "did not answer in time"
    assert set(entry.rejected) == {"c0", "c1", "c2", "c3", "c4", "c5", "c6", "stranger"}


def test_a_round_without_a_sound_reply_keeps_the_model() -> None:
    found = federation(config())
    before = flat(found.model)
    found.choose(["a", "b"])
    found.close([])
    assert found.done == 1 and np.array_equal(flat(found.model), before)


def test_who_takes_part_hangs_on_seed_and_round_alone() -> None:
    some = FederationConfig(rounds=3, clients_per_round=3)
    names = [f"c{k}" for k in range(9)]
    once, again = federation(some), federation(some)
    drawn = []
    for found, order in ((once, names), (again, names[::-1])):
        drawn.append([])
        for _ in range(3):
            drawn[-1].append(found.choose(order))
            found.close([])
    assert drawn[0] == drawn[1] and all(len(one) == 3 for one in drawn[0])
    assert len({tuple(one) for one in drawn[0]}) > 1


@pytest.mark.parametrize("stop", [0, 1, 4, 7])
def test_a_federation_that_stopped_goes_on_to_the_same_model(stop: int, tmp_path: Path) -> None:
    whole = federation(config(rule="bant"), tmp_path / "whole")
    list(simulate(whole, fleet()))
    part = federation(config(rule="bant"), tmp_path / "part")
    rounds = simulate(part, fleet())
    for _ in range(stop):
        next(rounds)
    again = federation(config(rule="bant"), tmp_path / "part")
    assert again.done == stop
    list(simulate(again, fleet()))
    assert np.array_equal(flat(again.model), flat(whole.model))
    log = checkpoint.read_log(tmp_path / "part")
    assert [entry["round"] for entry in log] == list(range(1, 9))


def test_a_kill_between_checkpoint_and_log_loses_no_line(tmp_path: Path) -> None:
    found = federation(config(), tmp_path)
    rounds = simulate(found, fleet())
    for _ in range(3):
        next(rounds)
    log = tmp_path / checkpoint.LOG
    lines = log.read_text().splitlines()
    log.write_text("\n".join(lines[:2]) + '\n{"round": 3, "ch')
    assert federation(config(), tmp_path).done == 3
    assert [json.loads(line)["round"] for line in log.read_text().splitlines()] == [1, 2, 3]
    log.write_text("\n".join([*lines, '{"round": 4}']) + "\n")  # of a round that did not count
    federation(config(), tmp_path)
    assert [entry["round"] for entry in checkpoint.read_log(tmp_path)] == [1, 2, 3]


def test_damaged_and_foreign_checkpoints_are_refused(tmp_path: Path) -> None:
    next(simulate(federation(config(), tmp_path), fleet()))
    path = tmp_path / checkpoint.CHECKPOINT
    whole = path.read_bytes()
    with pytest.raises(InputError, match="another configuration"):
        federation(config(rounds=9), tmp_path)
    for bad in (b"", whole[:200], whole[: len(whole) // 2], b"PK" + b"\0" * 50):
        path.write_bytes(bad)
        with pytest.raises(InputError, match="damaged"):
            federation(config(), tmp_path)
    path.write_bytes(whole)
    with np.load(path) as stored:
        parts = dict(stored)
    parts["model/rhythm.bias"] = parts["model/rhythm.bias"] + 1
    np.savez(path, **parts)
    with pytest.raises(InputError, match="damaged"):
        federation(config(), tmp_path)


def test_personal_arrays_do_not_move(tmp_path: Path) -> None:
    some = FederationConfig(rounds=2, personal=("rhythm.bias",))
    found = federation(some)
    list(simulate(found, fleet()))
    assert not found.model["rhythm.bias"].any() and found.model["rhythm.weight"].any()


@pytest.mark.parametrize("kind", ["int8", "topk"])
def test_packed_updates_reach_nearly_the_same(kind: str) -> None:
    whole, packed = (
        federation(FederationConfig(rounds=15, compression=c, top_k_share=0.3))
        for c in ("none", kind)
    )
    sizes = [sum(e.bytes for e in simulate(f, fleet())) for f in (whole, packed)]
    assert sizes[1] < 0.4 * sizes[0]
    assert figure(packed) > figure(whole) - 0.02


def test_configurations_that_cannot_be_run_are_refused(tmp_path: Path) -> None:
    def refused(text: str, words: str) -> None:
        path = tmp_path / "f.toml"
        path.write_text(text)
        with pytest.raises(InputError, match=words):
            read_config(path)

    refused("secure_aggregation = true", "secure aggregation hides each client's update, and bant")
    refused('secure_aggregation = true\n[aggregation]\nrule = "fedavg"', "no secure aggregation")
    refused('[aggregation]\nrule = "bent"', "bant, autobant")
    refused("round = 3", "unknown key 'round'")
    refused('compression = "zip"', "int8, topk")
    refused("[local]\nbatch = 0", "batch")
    refused("rounds = ", "not TOML")


def test_split_keeps_a_person_on_one_client_and_skew_is_skew() -> None:
    whole = data(400, 0)
    whole.people[:] = np.array([f"p{k % 97}" for k in range(400)])
    whole.rhythm[:] = np.array([(k % 97) % 4 for k in range(400)])
    for alpha in (None, 0.1):
        parts = split(whole, 8, alpha, 0)
        owners = [set(part.people.tolist()) for part in parts]
        assert sum(map(len, parts)) == 400 and sum(map(len, owners)) == 97
        assert set().union(*owners) == {f"p{k}" for k in range(97)} and all(owners)
    kinds = [len(np.unique(part.rhythm)) for part in parts]
    assert (
        np.mean(kinds) < 3 < np.mean([len(np.unique(p.rhythm)) for p in split(whole, 8, None, 0)])
    )
    with pytest.raises(InputError, match="take fewer"):
        split(whole, 98, None, 0)
    rare = data(100, 3)
    rare.rhythm[:] = 0
    rare.rhythm[17] = 3
    assert (taken(rare, 5, 0).rhythm == 3).any() and len(taken(rare, 5, 0)) == 5
