"""What a pretrained encoder knows: PTB-XL's five superclasses from lead I, the encoder frozen.

    python benchmarks/lead_transfer.py --data DATA --encoder RUN/encoder.safetensors

A logistic regression on the frozen embedding of lead I (10 s, scaled to one rms: half of the
records have no unit) is fitted on 5, 10 and 100 % of the labels of folds 1 to 8, drawn by patient
with five seeds, and scored on fold 9: macro-AUC, mean and 95 % interval (bootstrap over patients).
The encoder must not have seen fold 9. Beside it: the same network untrained, its batch norm settled
on the training records. The penalty is chosen inside each training draw.
"""

from __future__ import annotations

import argparse
import copy
import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from rich.console import Console
from rich.progress import track
from scipy.optimize import minimize
from scipy.stats import rankdata

from leadone.pretrain.archive import entries
from leadone.pretrain.embedding import Embedder
from leadone.pretrain.pretraining import load_encoder
from leadone.pretrain.twelve_leads import read_twelve_leads
from leadone.pretrain.views import ViewConfig, as_tensor

Doubles = npt.NDArray[np.float64]

SUPERCLASSES = ("NORM", "MI", "STTC", "CD", "HYP")
TEST_FOLD = 9
SHARES = (0.05, 0.1, 1.0)
SEEDS = 5
PENALTIES = (0.3, 0.1, 0.03, 0.01, 0.003)
SAMPLES = 2496  # whole hops of ten seconds
BOOTSTRAPS = 1000


@dataclass(frozen=True)
class Labelled:
    """Lead I as the network sees it, superclasses (n, 5), patients and folds."""

    x: torch.Tensor
    y: npt.NDArray[np.bool_]
    patients: npt.NDArray[np.str_]
    folds: npt.NDArray[np.int64]


def main() -> None:
    """Print a row an encoder and a share."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--encoder", type=Path, nargs="+", required=True)
    options = parser.parse_args()
    records = load(options.data)
    print(
        f"{len(records.y)} records, {int((records.folds == TEST_FOLD).sum())} of them for testing"
    )
    print(f"{'encoder':<28}{'labels':>8}{'records':>9}  macro-AUC")
    for path in options.encoder:
        trained = load_encoder(path)
        for name, embedder in ((path.parent.name, trained), ("untrained", untrained(trained))):
            features = embed(embedder, records)
            for share in SHARES:
                print(f"{name:<28}{100 * share:>7g}%{row(features, records, share)}", flush=True)


def load(data: Path) -> Labelled:
    """PTB-XL's records below `data` with their labels."""
    with (data / "ptbxl" / "labels.csv").open(newline="") as file:
        labels = {f"ptbxl/{int(float(r['ecg_id']))}": r for r in csv.DictReader(file)}
    x, y, patients, folds = [], [], [], []
    listed = entries([data / "ptbxl_mv", data / "ptbxl"])
    for entry in track(listed, "records", console=Console(stderr=True), transient=True):
        lead = read_twelve_leads(entry.path).signal_mv[0, :SAMPLES]
        lead = (lead - lead.mean()) / (lead.std() + 1e-6) * ViewConfig().rms_mv
        x.append(lead.astype(np.float32))
        label = labels[entry.identity]
        y.append([name in label["superclass"] for name in SUPERCLASSES])
        patients.append(label["patient_id"])
        folds.append(int(label["strat_fold"]))
    signals = as_tensor(np.stack(x))
    return Labelled(signals, np.array(y), np.array(patients), np.array(folds))


def untrained(like: Embedder) -> Embedder:
    """The same network with random weights, its batch norm still to be settled."""
    torch.manual_seed(0)
    fresh = copy.deepcopy(like)
    for module in fresh.modules():
        if isinstance(module, torch.nn.Conv2d | torch.nn.BatchNorm2d):
            module.reset_parameters()
    return fresh.train()


def embed(embedder: Embedder, records: Labelled) -> Doubles:
    """Frozen features, standardised on the training folds."""
    with torch.no_grad():
        if embedder.training:
            for part in torch.split(records.x[torch.from_numpy(records.folds != TEST_FOLD)], 128):
                embedder.encoder(part)  # settles the batch norm of a network never trained
        embedder.eval()
        features = (
            torch.cat([embedder(part) for part in torch.split(records.x, 128)]).double().numpy()
        )
    known = features[records.folds != TEST_FOLD]
    standard: Doubles = (features - known.mean(0)) / (known.std(0) + 1e-9)
    return standard


def row(features: Doubles, records: Labelled, share: float) -> str:
    """Records used, and the macro-AUC on the test fold."""
    test = records.folds == TEST_FOLD
    scores, counts = [], []
    for seed in range(SEEDS if share < 1 else 1):  # all labels are the same in every draw
        chosen = draw(records, share, seed)
        scores.append(fit_and_score(features, records, chosen)[test])
        counts.append(int(chosen.sum()))
    each = [macro_auc(records.y[test], one) for one in scores]
    low, high = interval(records.y[test], scores, records.patients[test])
    count = round(np.mean(counts))
    spread = np.std(each)
    return f"{count:>9}  {np.mean(each):.3f} ± {spread:.3f} over seeds, {low:.3f} to {high:.3f}"


def draw(records: Labelled, share: float, seed: int) -> npt.NDArray[np.bool_]:
    """Training records of a share of the patients."""
    training = records.folds != TEST_FOLD
    patients = np.unique(records.patients[training])
    drawn = np.random.default_rng(seed).permutation(patients)[: round(share * len(patients))]
    chosen: npt.NDArray[np.bool_] = training & np.isin(records.patients, drawn)
    return chosen


def fit_and_score(features: Doubles, records: Labelled, chosen: npt.NDArray[np.bool_]) -> Doubles:
    """Scores (n, 5) of all records by regressions on the chosen ones."""
    x, y = features[chosen], records.y[chosen]
    halves = np.arange(len(x)) % 3  # three folds to choose the penalty in
    auc = [
        np.mean(
            [
                macro_auc(y[halves == k], x[halves == k] @ _fit(x[halves != k], y[halves != k], p))
                for k in range(3)
            ]
        )
        for p in PENALTIES
    ]
    scores: Doubles = features @ _fit(x, y, PENALTIES[int(np.argmax(auc))])
    return scores


def _fit(x: Doubles, y: npt.NDArray[np.bool_], penalty: float) -> Doubles:
    """Weights (d, 5) of independent logistic regressions; the offset does not change an AUC."""
    ones = np.concatenate([x, np.ones((len(x), 1))], 1)
    signs = np.where(y, 1.0, -1.0)

    def loss(flat: Doubles) -> tuple[float, Doubles]:
        w = flat.reshape(ones.shape[1], -1)
        margin = signs * (ones @ w)
        gradient = -ones.T @ (signs / (1 + np.exp(margin))) / len(x)
        pull = penalty * w
        pull[-1] = 0.0
        value = float(np.logaddexp(0, -margin).sum() / len(x) + 0.5 * (pull * w).sum())
        return value, (gradient + pull).ravel()

    start = np.zeros(ones.shape[1] * y.shape[1])
    fitted = minimize(loss, start, jac=True, method="L-BFGS-B").x
    weights: Doubles = fitted.reshape(ones.shape[1], -1)[:-1]
    return weights


def macro_auc(y: npt.NDArray[np.bool_], scores: Doubles) -> float:
    """Mean area under the ROC curve over the classes that have both kinds."""
    areas = []
    for k in range(y.shape[1]):
        positive, negative = int(y[:, k].sum()), int((~y[:, k]).sum())
        if positive and negative:
            ranks = rankdata(scores[:, k])[y[:, k]].sum() - positive * (positive + 1) / 2
            areas.append(ranks / (positive * negative))
    return float(np.mean(areas)) if areas else 0.5


def interval(
    y: npt.NDArray[np.bool_], scores: list[Doubles], patients: npt.NDArray[np.str_]
) -> tuple[float, float]:
    """95 % interval of the draws' mean macro-AUC, bootstrap over patients."""
    rng = np.random.default_rng(0)
    of_patient = [np.flatnonzero(patients == p) for p in np.unique(patients)]
    drawn = []
    for _ in range(BOOTSTRAPS):
        again = rng.integers(0, len(of_patient), len(of_patient))
        rows = np.concatenate([of_patient[k] for k in again])
        drawn.append(np.mean([macro_auc(y[rows], one[rows]) for one in scores]))
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)


if __name__ == "__main__":
    main()
