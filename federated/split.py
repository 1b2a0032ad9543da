"""Who holds which recordings: clients by person, alike or skewed.

A person is on one device. Skew by pathology is the Dirichlet split of Hsu et al. 2019 (arXiv
1909.06335), person by person: each kind of person is spread over the clients by shares drawn from
Dirichlet(alpha); alpha .1 leaves most clients with one or two kinds.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..edge.errors import InputError
from .labelled import Labelled

Indices = npt.NDArray[np.int64]


def split(data: Labelled, clients: int, alpha: float | None, seed: int) -> list[Labelled]:
    """Each client's recordings; `alpha` None is alike (IID). None is empty."""
    people, of_person = np.unique(data.people, return_inverse=True)
    if not 1 <= clients <= len(people):
        raise InputError(f"{len(people)} people make no {clients} clients; take fewer")
    rng = np.random.default_rng((seed, clients))
    owner = (
        _alike(len(people), clients, rng)
        if alpha is None
        else _skewed(_kinds(data, of_person, len(people)), clients, alpha, rng)
    )
    return [data[owner[of_person] == k] for k in range(clients)]


def split_by_device(sets: list[Labelled], clients: int, seed: int) -> list[Labelled]:
    """Each client holds recordings of one device; devices get clients as they have people."""
    people = np.array([len(np.unique(one.people)) for one in sets])
    if clients < len(sets):
        raise InputError(f"{len(sets)} devices need as many clients, not {clients}")
    counts = np.maximum(np.floor(clients * people / people.sum()), 1).astype(int)
    counts[int(np.argmax(people))] += clients - counts.sum()
    return [
        part for one, n in zip(sets, counts, strict=True) for part in split(one, int(n), None, seed)
    ]


def taken(data: Labelled, n: int, seed: int) -> Labelled:
    """n recordings at random, with at least one of each rhythm and finding that the data has."""
    order = np.random.default_rng((seed, n)).permutation(len(data))
    targets = data.targets()[order]
    first = [int(np.argmax(column)) for column in targets.T if column.any()]
    rest = [k for k in range(len(order)) if k not in set(first)]
    return data[order[np.sort([*dict.fromkeys(first), *rest][:n])]]


def _alike(people: int, clients: int, rng: np.random.Generator) -> Indices:
    owner: Indices = (np.arange(people) % clients)[rng.permutation(people)]
    return owner


def _skewed(kinds: Indices, clients: int, alpha: float, rng: np.random.Generator) -> Indices:
    owner = np.zeros(len(kinds), np.int64)
    for kind in np.unique(kinds):
        members = rng.permutation(np.flatnonzero(kinds == kind))
        shares = rng.dirichlet(np.full(clients, alpha))
        ends = np.rint(np.cumsum(shares) * len(members)).astype(int)
        for client, part in enumerate(np.split(members, ends[:-1])):
            owner[part] = client
    counts = np.bincount(owner, minlength=clients)
    for empty in np.flatnonzero(counts == 0):  # it takes one of the largest client's people
        largest = int(np.argmax(counts))
        owner[np.flatnonzero(owner == largest)[0]] = empty
        counts = np.bincount(owner, minlength=clients)
    return owner


def _kinds(data: Labelled, of_person: Indices, people: int) -> Indices:
    """One kind a person: the rarest thing that any of its recordings shows."""
    targets = data.targets()
    rarity = targets.sum(0)
    kinds, rarest = np.full(people, targets.shape[1]), np.full(people, np.inf)
    for row, person in enumerate(of_person):
        for k in np.flatnonzero(targets[row]):
            if rarity[k] < rarest[person]:
                kinds[person], rarest[person] = k, rarity[k]
    return kinds
