"""What a frozen embedding of lead I knows: heart rate, which lead, which way up, how noisy.

    python benchmarks/embedding_knows.py --data DATA --out OUT --run runs/lead-transfer ...

Linear regressions on the embeddings of PTB-XL's folds 1 to 7, scored on fold 9. A contrast that was
solved by a shortcut shows here: an encoder that matches heart rates knows little else. Printed are
the explained variance (R^2) of the logarithm of the heart rate (from the shipped model's beats) and
of the level of white noise added, the share of views whose lead is told out of twelve, and the AUC
of upside down against upright.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt
from lead_transfer import RMS_MV, TEST, TRAINING, Floats, Task, fresh, load

from leadone.distill.classification import auc
from leadone.distill.classifier import embeddings, fit_head
from leadone.edge.analyze import analyze
from leadone.edge.record import Record
from leadone.pretrain.embedding import Embedder
from leadone.pretrain.encoder import EncoderConfig
from leadone.pretrain.pretraining import ENCODER, load_encoder
from leadone.pretrain.twelve_leads import LEADS

Doubles = npt.NDArray[np.float64]
RIDGE = 10.0
MOST_NOISE = 1.0  # of the signal's rms


def main() -> None:
    """A row a run, and one for random weights."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("runs/bench"))
    parser.add_argument("--run", type=Path, nargs="+", required=True)
    options = parser.parse_args()
    task = load("superclass", options.data, options.out)
    rates_bpm = heart_rates(task, options.out / "heart_rates.npy")
    starts = {"random": fresh(EncoderConfig(), task, leads=1)}
    starts |= {run.name: load_encoder(run / ENCODER) for run in options.run}
    print("| start | heart rate, R² | noise, R² | lead, of 12 | upside down, AUC |")
    print("|---|---|---|---|---|")
    for name, embedder in starts.items():
        cells = [
            of_heart_rate(embedder, task, rates_bpm),
            of_noise(embedder, task),
            of_lead(embedder, task),
            of_polarity(embedder, task),
        ]
        print(f"| {name} | " + " | ".join(f"{cell:.2f}" for cell in cells) + " |", flush=True)


def heart_rates(task: Task, cache: Path) -> Doubles:
    """Beats a minute of lead I, NaN where the shipped model gives none."""
    if not cache.exists():
        told = [analyze(Record(x[0] * 5, 250.0, "I")).heart_rate_bpm for x in task.signals_mv]
        np.save(cache, np.array([np.nan if rate is None else rate for rate in told]))
    rates: Doubles = np.load(cache)
    return rates


def of_heart_rate(embedder: Embedder, task: Task, rates_bpm: Doubles) -> float:
    """R^2 of the logarithm."""
    known = np.isfinite(rates_bpm)
    x = embeddings(embedder, task.signals_mv[:, :1])
    y = np.log(np.where(known, rates_bpm, 1.0))
    return explained(x, y, known & (task.use == TRAINING), known & (task.use == TEST))


def of_noise(embedder: Embedder, task: Task) -> float:
    """R^2 of the level of noise added."""
    rng = np.random.default_rng(0)
    level = MOST_NOISE * rng.random(len(task.use))
    noise = rng.standard_normal((len(level), 1, task.signals_mv.shape[2]), np.float32)
    noisy = task.signals_mv[:, :1] + RMS_MV * level[:, None, None].astype(np.float32) * noise
    x = embeddings(embedder, noisy)
    return explained(x, level, task.use == TRAINING, task.use == TEST)


def of_lead(embedder: Embedder, task: Task) -> float:
    """The share of views whose lead is told; each record gives one lead."""
    lead = np.random.default_rng(0).integers(0, len(LEADS), len(task.use))
    x = embeddings(embedder, one_lead(task.signals_mv, lead))
    weights, offsets = fit_head(
        x[task.use == TRAINING], np.eye(12, dtype=bool)[lead][task.use == TRAINING]
    )
    told = (x[task.use == TEST] @ weights.T + offsets).argmax(1)
    return float((told == lead[task.use == TEST]).mean())


def of_polarity(embedder: Embedder, task: Task) -> float:
    """AUC of lead I upside down against upright."""
    turned = np.random.default_rng(0).random(len(task.use)) < 0.5
    sign = np.where(turned, -1, 1).astype(np.float32)
    x = embeddings(embedder, task.signals_mv[:, :1] * sign[:, None, None])
    training, test = task.use == TRAINING, task.use == TEST
    weights, offsets = fit_head(x[training], turned[training, None])
    scores = (x[test] @ weights.T + offsets)[:, 0]
    return float(auc(turned[test], scores, np.ones((1, int(test.sum()))))[0])


def one_lead(signals_mv: Floats, lead: npt.NDArray[np.int64]) -> Floats:
    """(n, 1, samples) of a lead of each record."""
    return signals_mv[np.arange(len(lead)), lead][:, None]


def explained(
    x: Doubles, y: Doubles, training: npt.NDArray[np.bool_], test: npt.NDArray[np.bool_]
) -> float:
    """R^2 on the test records of a ridge regression on standardised features."""
    mean, spread = x[training].mean(0), x[training].std(0) + 1e-6
    z, centre = (x - mean) / spread, y[training].mean()
    gram = z[training].T @ z[training] + RIDGE * np.eye(z.shape[1])
    w = np.linalg.solve(gram, z[training].T @ (y[training] - centre))
    missed = y[test] - centre - z[test] @ w
    return float(1 - (missed**2).sum() / ((y[test] - y[test].mean()) ** 2).sum())


if __name__ == "__main__":
    main()
