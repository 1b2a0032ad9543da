"""Lead transfer: leads of one record, seen through their groups' networks, find lead I and it them.

Leads are split into groups k_1 .. k_n; the main group k_1 holds lead I. With h_I^(ki) lead I and
h_m^(ki) a lead m of group k_i, both through group i's network:

    L_main     = NTXent(h_I^(k1), h_m^(k1))
    L_helper^i = NTXent(h_I^(ki), h_m^(ki))    i = 2 .. n
    L_entity^j = NTXent(h_I^(k1), h_m^(kj))    j = 2 .. n
    L          = lambda_1 L_main + sum_i lambda_i L_helper^i + sum_j eta_j L_entity^j

A group's network is the shared encoder with a projection head of its own, or an encoder of its own;
the main group's encoder is what training keeps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ...edge.errors import InputError
from ...edge.lead_names import lead_key
from ..contrast import nt_xent
from ..embedding import Embedder, Projection
from ..encoder import EncoderConfig
from ..twelve_leads import LEADS
from ..views import Views, lead_places
from ..windows import Windows
from .method import MAIN, MAIN_LEAD, Loss, Method, Whole


@dataclass(frozen=True)
class LeadTransferConfig:
    """Groups of leads with the main one first, and the weights of their losses."""

    groups: tuple[tuple[str, ...], ...] = (
        ("I", "II", "III", "aVR", "aVL", "aVF"),
        ("V1", "V2", "V3"),
        ("V4", "V5", "V6"),
    )
    main_and_helper_weights: tuple[float, ...] = (1.0, 0.5, 0.5)  # lambda, one a group
    entity_weights: tuple[float, ...] = (0.5, 0.5)  # eta, one a helper group
    temperature: float = 0.2
    separate_encoders: bool = False
    hidden: int = 128
    projected: int = 64

    def __post_init__(self) -> None:
        """Refuse what the formulas have no meaning for."""
        keys = [lead_key(lead) for group in self.groups for lead in group]
        if len(set(keys)) < len(keys):
            raise InputError("a lead stands in two groups; name each lead once")
        if not self.groups or MAIN_LEAD not in map(lead_key, self.groups[0]):
            raise InputError("the first group is the main one and must hold lead I")
        if any(not set(map(lead_key, group)) & set(LEADS) - {MAIN_LEAD} for group in self.groups):
            raise InputError("each group needs one of the twelve leads besides lead I")
        if len(self.main_and_helper_weights) != len(self.groups):
            raise InputError(f"{len(self.groups)} groups need as many main_and_helper_weights")
        if len(self.entity_weights) != len(self.groups) - 1:
            raise InputError(f"{len(self.groups)} groups need one entity_weights less")
        if not self.temperature > 0:
            raise InputError(f"the temperature must be above 0, not {self.temperature:g}")

    def partners(self) -> list[list[str]]:
        """The leads that each group offers beside lead I, by key."""
        return [[k for k in map(lead_key, group) if k != MAIN_LEAD] for group in self.groups]


class LeadTransfer(Method):
    """The groups' networks; `embedder` is the main group's."""

    needs = "lead I and a lead of each group"
    config: LeadTransferConfig

    def __init__(self, encoder: EncoderConfig, config: LeadTransferConfig) -> None:
        """One shared encoder or one a group, and a head a group."""
        super().__init__(encoder, config)
        helpers = len(config.groups) - 1 if config.separate_encoders else 0
        self.helpers = nn.ModuleList(Embedder(encoder) for _ in range(helpers))
        self.heads = nn.ModuleList(
            Projection(self.embedder.size, config.hidden, config.projected) for _ in config.groups
        )

    @classmethod
    def fits(cls, windows: Windows, config: LeadTransferConfig) -> npt.NDArray[np.bool_]:
        """Windows with lead I and a lead of each group."""
        groups = [windows.has_lead[:, _known(group)].any(1) for group in config.partners()]
        fitting: npt.NDArray[np.bool_] = windows.has_lead[:, MAIN] & np.all(groups, 0)
        return fitting

    def draw(
        self, views: Views, windows: Windows, chosen: Whole, rng: np.random.Generator
    ) -> tuple[Tensor, ...]:
        """A view of lead I and, for each group, of one of its other leads."""
        numbers = windows.number[chosen]
        partners = draw_partners(self.config, windows.has_lead[chosen], rng)
        leads: list[Whole | int] = [MAIN, *partners]
        return tuple(views.draw(numbers, lead, rng) for lead in leads)

    def forward(self, *drawn: Tensor) -> Loss:
        """The loss of views of lead I, then of a lead of each group; row k of all is one record."""
        of_main, of_others = self._project(drawn[0], drawn[1:])
        return lead_transfer_loss(of_main, of_others, self.config)

    def paired(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        """Lead I through the main group's network, a chest lead through the last group's."""
        last = self.helpers[-1] if self.helpers else self.embedder
        return self.heads[0](self.embedder(first)), self.heads[-1](last(second))

    def _project(self, main: Tensor, others: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """h_I and h_m through each group's network."""
        if not self.config.separate_encoders:
            # All views in one batch: their statistics in batch norm are common, as at run time.
            embedded = self.embedder(torch.cat([main, *others])).chunk(1 + len(others))
            pairs = [(embedded[0], other) for other in embedded[1:]]
        else:
            joined = zip([self.embedder, *self.helpers], others, strict=True)
            pairs = [embedder(torch.cat([main, other])).chunk(2) for embedder, other in joined]
        heads = list(zip(self.heads, pairs, strict=True))
        return [head(i) for head, (i, _) in heads], [head(m) for head, (_, m) in heads]


def lead_transfer_loss(
    of_main: Sequence[Tensor], of_others: Sequence[Tensor], config: LeadTransferConfig
) -> tuple[Tensor, dict[str, Tensor]]:
    """L and its parts from h_I^(ki) and h_m^(ki), each (batch, projected), one a group."""
    t = config.temperature
    weighted = config.main_and_helper_weights
    parts: dict[str, Tensor] = {"main": nt_xent(of_main[0], of_others[0], t)}
    total = weighted[0] * parts["main"]
    for group in range(1, len(of_main)):
        helper = nt_xent(of_main[group], of_others[group], t)
        entity = nt_xent(of_main[0], of_others[group], t)
        parts |= {f"helper{group + 1}": helper, f"entity{group + 1}": entity}
        total = total + weighted[group] * helper + config.entity_weights[group - 1] * entity
    return total, parts


def draw_partners(
    config: LeadTransferConfig, has_lead: npt.NDArray[np.bool_], rng: np.random.Generator
) -> list[Whole]:
    """For each group a lead (its place in LEADS) of each record, out of those that it has.

    `has_lead` (b, 12) is of records that `LeadTransfer.fits`.
    """
    drawn = []
    for group in config.partners():
        places = _known(group)
        chance = np.where(has_lead[:, places], rng.random((len(has_lead), len(places))), -1.0)
        drawn.append(places[chance.argmax(1)])
    return drawn


def _known(group: Sequence[str]) -> Whole:
    """The places of a group's leads among the twelve; others are never there."""
    return lead_places([lead for lead in group if lead in LEADS])
