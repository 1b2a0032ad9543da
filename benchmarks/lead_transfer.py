"""What pretraining is worth on one lead: frozen and fine-tuned, beside other starts and 12 leads.

    python benchmarks/lead_transfer.py kept --data DATA > kept.txt
    python benchmarks/lead_transfer.py fit --data DATA --out OUT --run runs/lead-transfer ...
    python benchmarks/lead_transfer.py table --data DATA --out OUT

`kept` lists the records that pretraining must leave out (`leadone pretrain --leave-out`). `fit`
trains classifiers and stores their scores, one file each, and goes on where it stopped.
`table` prints figures, 95 % intervals (bootstrap over patients) and differences on the same
patients.

Tasks: PTB-XL's five superclasses and those pathologies of the specification that have cases enough,
CinC 2017's four classes. PTB-XL's folds 1 to 7 are for training, 8 for thresholds and for choosing
the way, 9 for testing; the encoders must not have seen fold 9. CinC 2017 is split by record into
three fifths, one and one. 1, 5, 10 and 100 % of the training patients, all of them once and the
others drawn five times.

Ways: `frozen` is a logistic regression on the frozen embedding; `tuned` goes on from there by
gentle training of all layers, `bold` the same at three times the rate; `scratch` trains all layers
at full rate from random weights. Beside the runs given: `random`, the same network untrained, and
`twelve`, one that sees all leads.
"""

from __future__ import annotations

import argparse
import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from rich.console import Console
from rich.progress import track

from leadone.distill.classification import (
    best_threshold,
    interval_of,
    macro_auc,
    macro_g_mean,
    patient_weights,
)
from leadone.distill.classifier import (
    Classifier,
    TrainConfig,
    as_input,
    embeddings,
    fit_head,
    predict,
    train,
    with_head,
)
from leadone.distill.datasets import CINC_TEST_FOLD, fold_of, read_cinc2017
from leadone.distill.ptbxl import PATHOLOGIES, SUPERCLASSES, read_labels
from leadone.distill.records import CLASS_OF_REFERENCE
from leadone.edge.files import whole_file
from leadone.edge.formats.wfdb_records import read_record
from leadone.edge.frontend import filter_record
from leadone.pretrain.archive import entries
from leadone.pretrain.embedding import Embedder
from leadone.pretrain.encoder import EncoderConfig
from leadone.pretrain.health import health_of
from leadone.pretrain.pretraining import ENCODER, load_encoder, load_method
from leadone.pretrain.twelve_leads import LEADS, read_twelve_leads
from leadone.pretrain.views import ViewConfig, unit_rms

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

WAYS = ("frozen", "tuned", "bold", "scratch")
SHARES = (0.01, 0.05, 0.1, 1.0)
SEEDS = 5
RMS_MV = np.float32(ViewConfig().rms_mv)
PTBXL_SAMPLES = 2496  # whole hops of ten seconds
CINC_SAMPLES = 4992  # twenty
TUNED_SHARES = (0.01, 0.1)
LEAST_CASES = 7  # of a pathology on the test fold
GENTLE = TrainConfig()
BOLD = TrainConfig(encoder_rate=1e-3, level_decay=0.8, warp=1.2, noise=0.2)
FULL = TrainConfig(
    steps=300,
    head_rate=3e-3,
    encoder_rate=3e-3,
    level_decay=1.0,
    keeps_statistics=False,
)
TRAINING, VALIDATION, TEST, UNUSED = range(4)
USE_OF_FOLD = {8: VALIDATION, 9: TEST, 10: UNUSED}


@dataclass(frozen=True)
class Task:
    """Records: leads (n, leads, samples) in mV at one rms, labels (n, k), whose, and for what."""

    name: str
    signals_mv: Floats
    y: Bools
    patients: npt.NDArray[np.str_]
    use: npt.NDArray[np.int64]


def main() -> None:
    """Fit what is missing, or print what is there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("action", choices=["kept", "fit", "table"])
    parser.add_argument("--out", type=Path, default=Path("runs/bench"))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--run", type=Path, nargs="*", default=[])
    parser.add_argument("--task", nargs="*", default=["superclass", "pathology", "cinc2017"])
    parser.add_argument("--way", nargs="*", default=WAYS)
    parser.add_argument("--share", type=float, nargs="*", default=SHARES)
    parser.add_argument("--every-way", action="store_true", help="not only the one chosen")
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--main", default="lead-transfer", help="the run that is compared")
    options = parser.parse_args()
    if options.action == "kept":
        labels = read_labels(options.data / "ptbxl").items()
        print("\n".join(name for name, label in labels if label.fold in (9, 10)))
        return
    if options.action == "table":
        for name in options.task:
            print_table(load(name, options.data, options.out), options)
        return
    for name in options.task:
        fit_task(load(name, options.data, options.out), options)


def fit_task(task: Task, options: argparse.Namespace) -> None:
    """Every classifier of a task whose scores are not there yet."""
    starts: dict[str, Embedder] = {run.name: load_encoder(run / ENCODER) for run in options.run}
    twelve = task.name != "cinc2017"
    starts["random"] = fresh(EncoderConfig(), task, leads=1)
    if twelve:
        starts["twelve"] = fresh(EncoderConfig(inputs=2 * len(LEADS)), task, leads=len(LEADS))
    if "frozen" in options.way and task.name == "superclass":
        for run in options.run:
            print(retrieval(run, task), flush=True)
    for name, embedder in starts.items():
        signals = task.signals_mv if name == "twelve" else task.signals_mv[:, :1]
        features = embeddings(embedder, signals)
        for way in options.way:
            if way == "scratch" and name not in ("random", "twelve"):
                continue
            for share in options.share:
                if way != "frozen" and share not in TUNED_SHARES:
                    continue
                for seed in range(SEEDS if share < 1 else 1):
                    path = options.out / f"{task.name}.{name}.{way}.{share:g}.{seed}.npy"
                    if not path.exists():
                        scores = fitted(way, embedder, features, signals, task, share, seed)
                        with whole_file(path) as unfinished, unfinished.open("wb") as file:
                            np.save(file, scores)
        print(f"{task.name}: {name} done", flush=True)


def fitted(
    way: str,
    embedder: Embedder,
    features: Doubles,
    signals: Floats,
    task: Task,
    share: float,
    seed: int,
) -> Doubles:
    """Scores (n, k) of a classifier that learnt from drawn records; NaN for those of training."""
    scores = np.full(task.y.shape, np.nan)
    unseen = (task.use == VALIDATION) | (task.use == TEST)
    drawn = draw(task, share, seed)
    x, y = signals[drawn], task.y[drawn]
    if way == "scratch":
        classes = y.shape[1]
        torch.manual_seed(seed)
        blank = Classifier(Embedder(embedder.config), classes, FULL.dropout)
        scores[unseen] = predict(train(blank, x, y, FULL, seed), signals[unseen])
        return scores
    head = fit_head(features[drawn], y)
    if way == "frozen":
        scores[unseen] = features[unseen] @ head[0].T + head[1]
        return scores
    config = GENTLE if way == "tuned" else BOLD
    model = with_head(embedder, head, config.dropout)
    scores[unseen] = predict(train(model, x, y, config, seed), signals[unseen])
    return scores


def draw(task: Task, share: float, seed: int) -> npt.NDArray[np.int64]:
    """Training records of a share of the patients, each class at least once where that can be."""
    training = np.flatnonzero(task.use == TRAINING)
    patients = np.unique(task.patients[training])
    rng = np.random.default_rng(seed)
    for _ in range(1000):
        kept = rng.permutation(patients)[: max(round(share * len(patients)), 1)]
        drawn: npt.NDArray[np.int64] = training[np.isin(task.patients[training], kept)]
        if task.y[drawn].any(0).all() and not task.y[drawn].all(0).any():
            break
    return drawn


def fresh(config: EncoderConfig, task: Task, leads: int) -> Embedder:
    """A network with random weights whose batch norm has seen training records."""
    torch.manual_seed(0)
    embedder = Embedder(config).train()
    with torch.no_grad():
        for part in np.array_split(np.flatnonzero(task.use == TRAINING)[:1024], 8):
            embedder(as_input(task.signals_mv[part, :leads]))
    return copy.deepcopy(embedder).eval()


def retrieval(run: Path, task: Task) -> str:
    """Whether lead I finds its own record among those of the test fold by a chest lead."""
    method, _ = load_method(run)
    test = task.signals_mv[task.use == TEST]
    shares = {}
    with torch.no_grad():
        for lead in ("v1", "v2", "v3", "v4", "v5", "v6"):
            place = LEADS.index(lead)
            pair = method.paired(*[as_input(test[:, k : k + 1]) for k in (0, place)])
            shares[lead] = health_of(*pair).retrieval
    told = ", ".join(f"{lead} {100 * share:.0f} %" for lead, share in shares.items())
    return f"{run.name}: lead I finds its record among {len(test)} by {told}"


# --- tables -----------------------------------------------------------------------------------


class Figures:
    """Macro-AUC and G-mean of stored scores on the test records, for every redraw of patients."""

    def __init__(self, task: Task, out: Path) -> None:
        """`shares` are those that anything was fitted with."""
        self._task, self._out = task, out
        self._test = task.use == TEST
        self._validation = task.use == VALIDATION
        self._weights = patient_weights(task.patients[self._test])
        found = [
            re.fullmatch(rf"{task.name}\.([^.]+)\.(\w+)\.([\d.]+)\.(\d+)\.npy", p.name)
            for p in sorted(out.glob(f"{task.name}.*.npy"))
        ]
        self.rows = sorted({(m[1], m[2]) for m in found if m})
        self.shares = sorted({float(m[3]) for m in found if m})

    def auc(self, name: str, way: str, share: float) -> Doubles | None:
        """Macro-AUC (1 + resamples,), mean of the draws; None where nothing is stored."""
        y = self._task.y[self._test]
        each = [macro_auc(y, s[self._test], self._weights) for s in self._scores(name, way, share)]
        return np.mean(each, 0) if each else None

    def g_mean(self, name: str, way: str, share: float) -> Doubles | None:
        """Macro G-mean at thresholds of the validation records."""
        y, each = self._task.y, []
        for scores in self._scores(name, way, share):
            told = scores[self._validation]
            cuts = [best_threshold(y[self._validation, k], told[:, k]) for k in range(y.shape[1])]
            each.append(
                macro_g_mean(y[self._test], scores[self._test], np.array(cuts), self._weights)
            )
        return np.mean(each, 0) if each else None

    def chosen(self, name: str, share: float) -> str:
        """The way that is best on the validation records."""
        y = self._task.y[self._validation]
        once = np.ones((1, len(y)))
        figure = {}
        for way in WAYS:
            scores = self._scores(name, way, share)
            if scores:
                each = [macro_auc(y, s[self._validation], once)[0] for s in scores]
                figure[way] = float(np.mean(each))
        return max(figure, key=lambda way: figure[way]) if figure else ""

    def _scores(self, name: str, way: str, share: float) -> list[Doubles]:
        paths = sorted(self._out.glob(f"{self._task.name}.{name}.{way}.{share:g}.?.npy"))
        return [np.load(path) for path in paths]


def print_table(task: Task, options: argparse.Namespace) -> None:
    """Figures of all rows, then the differences that matter."""
    figures = Figures(task, options.out)
    counts = [int((task.use == use).sum()) for use in (TRAINING, VALIDATION, TEST)]
    print(f"{task.name}: {counts[0]} records for training, {counts[1]} for thresholds,", end=" ")
    print(f"{counts[2]} for testing, {task.y.shape[1]} classes; macro-AUC and G-mean\n")
    shares = figures.shares
    head = " | ".join(f"{100 * share:g} % of labels" for share in shares)
    print(f"| start | {head} |\n|---|" + "---|" * len(shares))
    for name in sorted({name for name, _ in figures.rows}):
        for way in WAYS if options.every_way else ("",):
            cells = [_cell(figures, name, way or figures.chosen(name, s), s) for s in shares]
            if any(cells):
                print(f"| {name} | " + " | ".join(cells) + " |")
    print()
    for share in shares:
        for line in _differences(figures, options.main, share):
            print(line)
    print()
    if options.plot is not None and task.name == "superclass":
        plot(figures, options.plot)


def _cell(figures: Figures, name: str, way: str, share: float) -> str:
    auc, g_mean = figures.auc(name, way, share), figures.g_mean(name, way, share)
    if auc is None or g_mean is None:
        return ""
    return f"{_told(auc)}, {interval_of(g_mean).value:.2f}, {way}"


def _differences(figures: Figures, main: str, share: float) -> Iterator[str]:
    names = {name for name, _ in figures.rows}
    others = sorted(names - {main, "twelve"})
    if main not in names or "random" not in names:
        return
    ways = {name: figures.chosen(name, share) for name in names}
    best = figures.auc(main, ways[main], share)
    if best is None:  # not fitted at this share
        return
    yield f"{100 * share:g} % of labels, each in the way that is best on the validation records:"
    for name in others:
        other = figures.auc(name, ways[name], share)
        if other is not None:
            gain = _told(best - other, sign=True)
            yield f"  {main} ({ways[main]}) over {name} ({ways[name]}): {gain}"
    if "twelve" in names:
        alone = figures.auc("random", ways["random"], share)
        twelve = figures.auc("twelve", ways["twelve"], share)
        assert alone is not None and twelve is not None
        gap = twelve[0] - alone[0]
        closed = (
            f"{100 * (best[0] - alone[0]) / gap:.0f} % of the gap" if gap > 0 else "no gap to be"
        )
        yield f"  twelve leads ({ways['twelve']}) {_told(twelve)}: {closed} closed"


def plot(figures: Figures, path: Path) -> None:
    """Macro-AUC over the share of labels, every start in its best way."""
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    ax = figure.subplots()
    for k, name in enumerate(sorted({name for name, _ in figures.rows})):
        style = "o-" if k < 10 else "s--"  # the colours repeat after ten
        drawn = {s: figures.auc(name, figures.chosen(name, s), s) for s in figures.shares}
        found = {100 * s: interval_of(v) for s, v in drawn.items() if v is not None}
        (line,) = ax.plot(list(found), [f.value for f in found.values()], style, label=name)
        if name in ("lead-transfer", "random"):
            low, high = [f.low for f in found.values()], [f.high for f in found.values()]
            ax.fill_between(list(found), low, high, color=line.get_color(), alpha=0.12)
    ax.set_xscale("log")
    ax.set_xticks([100 * s for s in figures.shares], [f"{100 * s:g} %" for s in figures.shares])
    ax.set_xlabel("share of the labels")
    ax.set_ylabel("macro-AUC, PTB-XL superclasses, fold 9")
    ax.grid(alpha=0.25)
    ax.legend(fontsize=7, ncols=2)
    with whole_file(path) as unfinished, unfinished.open("wb") as file:
        FigureCanvasAgg(figure).print_png(file)  # type: ignore[no-untyped-call]


def _told(values: Doubles, sign: bool = False) -> str:
    found = interval_of(values)
    form = "+.3f" if sign else ".3f"
    return f"{found.value:{form}} [{found.low:{form}}, {found.high:{form}}]"


# --- data -------------------------------------------------------------------------------------


def load(name: str, data: Path, out: Path) -> Task:
    """A task's records; what was read once is kept in `out`."""
    out.mkdir(parents=True, exist_ok=True)
    if name == "cinc2017":
        return load_cinc2017(data, out)
    cache = out / "ptbxl.npy"
    folders = [data / name for name in ("ptbxl_mv", "ptbxl") if (data / name).is_dir()]
    listed = entries(folders)
    if not cache.exists():
        console = Console(stderr=True)
        read = [
            scaled(read_twelve_leads(entry.path).signal_mv[:, :PTBXL_SAMPLES])
            for entry in track(listed, "PTB-XL", console=console, transient=True)
        ]
        np.save(cache, np.stack(read))
    labels = read_labels(data / "ptbxl")
    rows = [labels[entry.identity] for entry in listed]
    use = np.array([USE_OF_FOLD.get(row.fold, TRAINING) for row in rows])
    if name == "superclass":
        y = np.array([[c in row.superclasses for c in SUPERCLASSES] for row in rows])
    else:
        y = np.array([[c in row.codes for c in PATHOLOGIES] for row in rows])
        y = y[:, y[use == TEST].sum(0) >= LEAST_CASES]
    patients = np.array([row.patient for row in rows])
    return Task(name, np.load(cache, mmap_mode="r")[:], y, patients, use)


def load_cinc2017(data: Path, out: Path) -> Task:
    """The first 20 s of each record, a shorter one begun again until they are full."""
    rows = read_cinc2017(data / "cinc2017")
    cache = out / "cinc2017.npy"
    if not cache.exists():
        read = []
        for path, _ in track(rows, "CinC 2017", console=Console(stderr=True), transient=True):
            record = read_record(path)
            filtered = filter_record(record.signal_mv, record.rate_hz)[0]
            read.append(scaled(np.resize(filtered, CINC_SAMPLES)[None]))
        np.save(cache, np.stack(read))
    names = np.array([path.name for path, _ in rows])
    fold = np.array([fold_of(f"cinc2017/{name}") for name in names])
    use = np.where(fold == CINC_TEST_FOLD, TEST, TRAINING)
    use[fold == (CINC_TEST_FOLD + 1) % 5] = VALIDATION
    y = np.eye(len(CLASS_OF_REFERENCE), dtype=bool)[[CLASS_OF_REFERENCE[kind] for _, kind in rows]]
    return Task("cinc2017", np.load(cache, mmap_mode="r")[:], y, names, use)


def scaled(leads_mv: Floats) -> Floats:
    """Each lead at one rms: half of PTB-XL's copies have no unit."""
    return RMS_MV * unit_rms(np.nan_to_num(leads_mv))


if __name__ == "__main__":
    main()
