"""What PTB-XL's statements say of beats that nobody marked: none of a class, or at least one.

MIT-BIH and QTDB have every beat marked, but of some seventy hearts; PTB-XL has the statements of
1,764 more of ten seconds each (folds 1 to 8), wide and irregular ones among them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..edge.beat_context import FEATURES
from ..edge.beat_model import CLASSES
from ..edge.network import StreamingNetwork
from .beat_data import read_evidence
from .datasets import fold_of
from .ptbxl import TEST_FOLDS
from .records import ptbxl_records, read_lead

Doubles = npt.NDArray[np.float64]
UNKNOWN, NONE, SOME = -1, 0, 1
LEAST_BEATS = 6
# A statement that says of a class that some beat is of it; those that leave open which one is.
STATEMENTS = {"S": "PAC", "V": "PVC"}
UNCLEAR = {"BIGU", "TRIGU", "PRC(S)"}
# In these rhythms a premature beat is not called S for every reader.
UNCLEAR_S = UNCLEAR | {"AFIB", "AFLT", "SVARR", "SVTAC", "PSVT", "SARRH"}


@dataclass(frozen=True)
class HintedBeats:
    """Evidence (n, k) and the record of each beat, from 0 on; what is known of each record.

    `hints` (records, 3) has UNKNOWN, NONE or SOME for each of `CLASSES`.
    """

    features: Doubles
    records: npt.NDArray[np.int64]
    hints: npt.NDArray[np.int8]


def collect_hinted(
    data: Path,
    network_of: Mapping[int | None, bytes],
    progress: Callable[[float], None] | None = None,
) -> HintedBeats:
    """Lead I of PTB-XL below `data`, without its test folds and without paced records.

    `network_of` gives the network for each fold that has one of its own, and at None for the rest.
    """
    rows = [row for row in ptbxl_records(data) if row[2].fold not in TEST_FOLDS]
    rows = [row for row in rows if "PACE" not in row[2].codes]
    networks = {fold: StreamingNetwork(given) for fold, given in network_of.items()}
    features: list[tuple[float, ...]] = []
    records: list[int] = []
    hints: list[list[int]] = []
    for k, (path, identity, label) in enumerate(rows):
        network = networks.get(fold_of(identity), networks[None])
        _, found = read_evidence(read_lead(path), network)
        if len(found) >= LEAST_BEATS:
            features += found
            records += [len(hints)] * len(found)
            hints.append(hints_of(label.codes))
        if progress is not None:
            progress((k + 1) / len(rows))
    return HintedBeats(
        np.array(features).reshape(-1, len(FEATURES)),
        np.array(records, np.int64),
        np.array(hints, np.int8).reshape(-1, len(CLASSES)),
    )


def hints_of(codes: frozenset[str]) -> list[int]:
    """What the statements of a record say of each of `CLASSES`."""
    unclear = {"N": True, "S": bool(codes & UNCLEAR_S), "V": bool(codes & UNCLEAR)}
    return [
        SOME if STATEMENTS.get(name) in codes else UNKNOWN if unclear[name] else NONE
        for name in CLASSES
    ]
