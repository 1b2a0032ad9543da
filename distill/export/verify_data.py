"""Whether the runtimes that round otherwise read whole sets as the integers do.

LUDB's lead I and MIT-BIH's first channel through `analyze` on each runtime. The integers are those
of C, whose bytes `verify` compares with Python's, also on windows of these sets (`real_windows`);
the figures are those of `leadone evaluate`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from ...edge.analysis import Analysis
from ...edge.analyze import analyze
from ...edge.backends import StreamNetwork, network_of
from ...edge.bundle import Bundle
from ...edge.c_network import CNetwork, compile_network
from ...edge.core_build import HOST
from ...edge.errors import InputError
from ...edge.frontend import filter_record, network_input
from ...edge.record import Record
from ..datasets import read_channel, record_names
from ..evaluate import Reader, evaluate_ludb, evaluate_mitdb
from .bundle import WINDOW_SAMPLES
from .equal_beats import Equal, equal_beats, seen
from .exact_network import ExactNetwork
from .onnx_reader import read_quantized

Floats = npt.NDArray[np.float32]
INTEGERS = "C, the integers"
RUNTIMES = {"ONNX Runtime": "onnx", "LiteRT": "litert"}
LEAST_EQUAL = 0.995  # of beats, and of waves
LARGEST_LOSS = 0.001  # of any F1
MOST_WINDOWS = 10  # of one record: MIT-BIH's do not crowd out LUDB's


@dataclass(frozen=True)
class SetVerdict:
    """A runtime on a set: F1 by what it is of, and the beats that it reads as the integers do."""

    dataset: str
    runtime: str
    records: int
    f1: dict[str, float]
    loss: float  # the most that any F1 lies below the integers'
    equal: Equal

    @property
    def holds(self) -> bool:
        """Whether it may stand for the integers."""
        shares = min(self.equal.beat_share, self.equal.wave_share)
        return shares >= LEAST_EQUAL and self.loss <= LARGEST_LOSS


def verify_on_data(bundle: Bundle, data: Path) -> Iterator[SetVerdict]:
    """A verdict a set and runtime, the integers' own first; on the sets that `data` holds.

    The bundle has been through `verify`. Raises InputError where there is neither set.
    """
    quantized = read_quantized(bundle.files[bundle.manifest["network"]])
    sets = {name: SETS[name] for name in _present(data)}
    with TemporaryDirectory() as scratch:
        library = Path(scratch) / "network.so"
        compile_network(bundle.files, library, HOST)
        networks: dict[str, StreamNetwork] = {INTEGERS: ExactNetwork(CNetwork(library), quantized)}
        networks |= {name: network_of(bundle, backend) for name, backend in RUNTIMES.items()}
        for dataset, scored in sets.items():
            yield from _verdicts(dataset, bundle, networks, partial(scored, data / dataset))


def real_windows(data: Path) -> Floats:
    """Windows (k, 2, 2560) of network input: of each record of the sets up to ten, evenly spread.

    A shorter record's last value is held. Raises InputError where there is neither set.
    """
    windows = [
        network_input(part)
        for dataset in _present(data)
        for name in record_names(data / dataset)
        for part in _spread(read_channel(data / dataset / name, 0))
    ]
    return np.stack(windows)


def _present(data: Path) -> list[str]:
    present = [name for name in SETS if (data / name).is_dir()]
    if not present:
        raise InputError(f"{data} has neither ludb nor mitdb; see `leadone data get`")
    return present


def _spread(record: Record) -> list[Floats]:
    filtered, _ = filter_record(record.signal_mv, record.rate_hz)
    held = np.pad(filtered, (0, max(WINDOW_SAMPLES - len(filtered), 0)), "edge")
    last = len(held) - WINDOW_SAMPLES
    starts = np.linspace(0, last, min(len(held) // WINDOW_SAMPLES, MOST_WINDOWS)).astype(int)
    return [held[start : start + WINDOW_SAMPLES] for start in starts]


def _verdicts(
    dataset: str,
    bundle: Bundle,
    networks: Mapping[str, StreamNetwork],
    scored: Callable[[Reader], dict[str, float]],
) -> Iterator[SetVerdict]:
    expected: list[Analysis] = []
    truth: dict[str, float] = {}
    for runtime, network in networks.items():
        found: list[Analysis] = []
        f1 = scored(partial(_read, bundle=bundle, network=network, into=found))
        truth, expected = truth or f1, expected or found
        pairs = zip(expected, found, strict=True)
        counts = [equal_beats(seen(a.beats), seen(b.beats)) for a, b in pairs]
        loss = max(truth[name] - f1[name] for name in truth)
        equal = sum(counts, Equal(0, 0, 0, 0))
        yield SetVerdict(dataset, runtime, len(found), f1, loss, equal)


def _read(record: Record, bundle: Bundle, network: StreamNetwork, into: list[Analysis]) -> Analysis:
    into.append(analyze(record, bundle, network))
    return into[-1]


def _ludb(folder: Path, reader: Reader) -> dict[str, float]:
    score = evaluate_ludb(folder, reader, record_names(folder)).score
    return {name.replace("_", " "): one.f1.value for name, one in score.fiducials.items()}


def _mitdb(folder: Path, reader: Reader) -> dict[str, float]:
    score = evaluate_mitdb(folder, reader, record_names(folder)).score
    return {"QRS": score.qrs.f1.value, "V": score.veb.f1.value}


SETS = {"ludb": _ludb, "mitdb": _mitdb}
