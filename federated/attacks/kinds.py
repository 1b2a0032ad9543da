"""The attacks by name, and who does which in a fleet."""

from __future__ import annotations

from collections.abc import Callable

from ...edge.errors import InputError
from ..arrays import Arrays
from ..labelled import Labelled
from . import (
    adaptive,
    free_rider,
    inner_product,
    little_is_enough,
    malformed,
    random_gradient,
    replacement,
    sign_flip,
    stale,
)
from .knowledge import Knowledge
from .label_flip import flipped

NONE, MIXED, CLAIMED = "none", "mixed", "claimed-count"
ON_DATA: dict[str, Callable[[Labelled], Labelled]] = {
    "label-flip": flipped,
    "replacement": replacement.backdoored,
}
ON_UPDATES: dict[str, Callable[[Knowledge], Arrays]] = {
    "sign-flip": sign_flip.update,
    "random": random_gradient.update,
    "alie": little_is_enough.update,
    "ipm": inner_product.update,
    "replacement": replacement.update,
    "nan": malformed.not_a_number,
    "inf": malformed.infinite,
    "wrong-shape": malformed.wrong_shape,
    "extra-key": malformed.extra_key,
    CLAIMED: sign_flip.update,
    "free-rider": free_rider.update,
    "stale": stale.update,
    "adaptive": adaptive.update,
}
ATTACKS = (NONE, MIXED, *dict.fromkeys([*ON_DATA, *ON_UPDATES]))
MIXTURE = ("sign-flip", "random", "label-flip")


def check_attack(name: str) -> None:
    """InputError for a name that is none."""
    if name not in ATTACKS:
        raise InputError(f"there is no attack {name!r}; take one of {', '.join(ATTACKS)}")


def kind_of(attack: str, liar: int) -> str:
    """What the liar of this number does."""
    return MIXTURE[liar % len(MIXTURE)] if attack == MIXED else attack
