"""What a training learns from, in a fingerprint: names, sizes and labels of its records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from ..pretrain.fingerprint import Fingerprint, fingerprint_of
from .datasets import LabelledLead
from .records import LabelledRecord


def training_data(
    leads: Sequence[LabelledLead],
    records: Sequence[LabelledRecord],
    noises: Sequence[npt.NDArray[np.float32]],
) -> Fingerprint:
    """The fingerprint of leads, whole records and noises, in their order."""
    amount = f"{len(leads)} labelled leads and {len(records)} whole records"
    return fingerprint_of(amount, _facts(leads, records, noises))


def _facts(
    leads: Sequence[LabelledLead],
    records: Sequence[LabelledRecord],
    noises: Sequence[npt.NDArray[np.float32]],
) -> Iterator[object]:
    for lead in leads:
        yield lead.group, lead.lead, len(lead.filtered_mv), len(lead.waves), len(lead.beats)
    for record in records:
        yield record.group, len(record.filtered_mv), record.target.tolist()
    yield [len(noise) for noise in noises]
