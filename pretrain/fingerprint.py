"""The data of a run in a few bytes: so that a broken run goes on with nothing else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Fingerprint:
    """How much there is, such as "24 windows", and a hash of what is told of it."""

    amount: str
    sha256: str


def fingerprint_of(amount: str, facts: Iterable[object]) -> Fingerprint:
    """Of facts that JSON can hold, in their order: names, sizes, labels, hashes."""
    digest = hashlib.sha256()
    for fact in facts:
        digest.update(json.dumps(fact).encode() + b"\n")
    return Fingerprint(amount, digest.hexdigest())
