"""Real recordings as a fleet would hold them: CinC 2017's rhythms and PTB-XL's findings on lead I.

Features are those of the shipped encoder, computed once and kept; folds are the ones of the rest of
leadone, so that the figures compare: test fold 0 (CinC) or 9 (PTB-XL), thresholds and trust set
from fold 1 or 8, clients from the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..distill.datasets import CINC_TEST_FOLD, CINC_VALIDATION_FOLD, fold_of, read_cinc2017
from ..distill.ptbxl import PATHOLOGIES, TEST_FOLDS, VALIDATION_FOLD
from ..distill.records import CLASS_OF_REFERENCE, ptbxl_records, read_lead
from ..edge.bundle import Bundle, load_bundle
from ..edge.errors import InputError
from ..edge.files import make_folder, whole_file
from ..edge.formats.wfdb_records import read_record
from ..edge.labels import RHYTHMS
from ..edge.network import StreamingNetwork
from ..edge.record import Record
from ..edge.record_features import pooled_features
from .labelled import UNKNOWN, Floats, Labelled

CINC, PTBXL, PTBXL_RHYTHMS = "cinc2017", "ptbxl", "ptbxl-rhythms"
SETS = (CINC, PTBXL, PTBXL_RHYTHMS)
NORMAL, AF, OTHER = (RHYTHMS.index(name) for name in ("normal", "af", "other"))
Progress = Callable[[float], None]


@dataclass(frozen=True)
class Cohort:
    """Recordings by what they are for; `codes` are the findings' names."""

    name: str
    codes: tuple[str, ...]
    train: Labelled
    trust: Labelled
    test: Labelled


def load_cohort(
    name: str, data: Path, cache: Path, model: str = "wrist", progress: Progress | None = None
) -> Cohort:
    """One of `SETS` below `data`; features lie in `cache`, by the encoder's hash.

    `ptbxl-rhythms` are PTB-XL's records told as CinC's: AFIB is af, NORM normal, anything else
    other, none noise; another device's trust or test set for a model of CinC 2017's rhythms.
    """
    if name not in SETS:
        raise InputError(f"there is no cohort {name!r}; take {', '.join(SETS)}")
    folder = CINC if name == CINC else PTBXL
    if not (data / folder).is_dir():
        raise InputError(f"{data} has no {folder}; see `leadone data get {folder}`")
    bundle = load_bundle(model)
    if name == CINC:
        return _cinc2017(data, cache, bundle, progress)
    return _ptbxl(name, data, cache, bundle, progress)


def _cinc2017(data: Path, cache: Path, bundle: Bundle, progress: Progress | None) -> Cohort:
    rows = list(read_cinc2017(data / CINC))
    names = [path.name for path, _ in rows]
    features = _features(
        names,
        (read_record(path) for path, _ in rows),
        _place(cache, CINC, bundle),
        bundle,
        progress,
    )
    whole = Labelled(
        features,
        np.array([CLASS_OF_REFERENCE[kind] for _, kind in rows]),
        np.zeros((len(rows), 0), np.float32),
        np.array(names),
    )
    fold = np.array([fold_of(f"{CINC}/{name}") for name in names])
    is_test, is_trust = fold == CINC_TEST_FOLD, fold == CINC_VALIDATION_FOLD
    return Cohort(CINC, (), whole[~is_test & ~is_trust], whole[is_trust], whole[is_test])


def _ptbxl(name: str, data: Path, cache: Path, bundle: Bundle, progress: Progress | None) -> Cohort:
    rows = ptbxl_records(data)
    names = [identity for _, identity, _ in rows]
    features = _features(
        names,
        (read_lead(path) for path, *_ in rows),
        _place(cache, PTBXL, bundle),
        bundle,
        progress,
    )
    codes = () if name == PTBXL_RHYTHMS else PATHOLOGIES
    held = [label.codes for *_, label in rows]
    rhythm = [AF if "AFIB" in one else NORMAL if "NORM" in one else OTHER for one in held]
    whole = Labelled(
        features,
        np.full(len(rows), UNKNOWN) if codes else np.array(rhythm),
        np.array([[code in one for code in codes] for one in held], np.float32),
        np.array([label.patient for *_, label in rows]),
    )
    fold = np.array([label.fold for *_, label in rows])
    is_test, is_trust = np.isin(fold, TEST_FOLDS), fold == VALIDATION_FOLD
    return Cohort(name, codes, whole[~is_test & ~is_trust], whole[is_trust], whole[is_test])


def _place(cache: Path, name: str, bundle: Bundle) -> Path:
    network = bundle.manifest["files"][bundle.manifest["network"]]
    return cache / f"{name}-{network[:12]}.npz"


def _features(
    names: list[str],
    records: Iterable[Record],
    place: Path,
    bundle: Bundle,
    progress: Progress | None,
) -> Floats:
    """Pooled features (n, d), from the file where it is of these very records."""
    if place.is_file():
        with np.load(place) as kept:
            if kept["names"].tolist() == names:
                features: Floats = kept["features"]
                return features
    network = StreamingNetwork(bundle.files[bundle.manifest["network"]])
    found = []
    for k, record in enumerate(records):
        found.append(pooled_features(record, network))
        if progress is not None:
            progress((k + 1) / len(names))
    features = np.array(found, np.float32)
    make_folder(place.parent)
    with whole_file(place) as unfinished, unfinished.open("wb") as file:
        np.savez(file, names=np.array(names), features=features)
    return features
