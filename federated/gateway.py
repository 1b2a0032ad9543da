"""A gateway's part: it trains the whole network on its recordings, with torch.

What travels is the state dict: weights and buffers, so that batch norm's running statistics are
averaged with the rest. Compressed to int8 the wrist's is 62 kB.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..distill.finetune import WEIGHTS, FinetuneConfig, Multitask
from ..distill.records import LabelledRecord, RecordBatch, RecordSource
from ..distill.rhythm_loss import rhythm_loss
from ..edge.errors import InputError
from ..edge.filters import RATE_HZ
from ..edge.frontend import network_input
from ..edge.labels import RHYTHMS
from ..edge.timing import HOP_SAMPLES
from ..pretrain.augment import AugmentConfig
from ..pretrain.checkpoint import save_weights
from ..pretrain.encoder import EncoderConfig
from .aggregators.simbant import sharpened
from .arrays import Array, Arrays, Doubles, difference
from .compression import Feedback
from .config import Instruction
from .head import LocalConfig

WINDOW_S = 20.0
PLAIN = AugmentConfig(warp=1.0, gain=1.0, noise_share=0.0, band_share=0.0)
SERVER_SEED = 7


def start_network(
    encoder: EncoderConfig, seed: int, pretrained: dict[str, Tensor] | None
) -> Arrays:
    """A network's arrays, from random weights or on a pretrained encoder's state dict."""
    torch.manual_seed(seed)
    model = Multitask(encoder)
    if pretrained is not None:
        model.network.encoder.load_state_dict(pretrained)
    return arrays_of(model)


def arrays_of(model: nn.Module) -> Arrays:
    """Weights and buffers by name."""
    return {name: value.detach().cpu().numpy().copy() for name, value in model.state_dict().items()}


def network_of(model: Arrays, encoder: EncoderConfig) -> Multitask:
    """A network of these arrays."""
    network = Multitask(encoder)
    network.load_state_dict({name: _tensor(value) for name, value in model.items()})
    return network.eval()


def write_network(model: Arrays, encoder: EncoderConfig, run: Path) -> Path:
    """A run's folder as `leadone finetune` leaves one, for `leadone quantize`."""
    run.mkdir(parents=True, exist_ok=True)
    save_weights(run / WEIGHTS, network_of(model, encoder), FinetuneConfig(encoder=encoder))
    return run / WEIGHTS


class Gateway:
    """One site in the federation, as `client.Client` for the head; `rhythms` are its recordings."""

    def __init__(
        self, name: str, rhythms: list[LabelledRecord], encoder: EncoderConfig, version: str
    ) -> None:
        """`version` is what the server calls the network's architecture."""
        self.name, self.rhythms, self.encoder, self.version = name, rhythms, encoder, version
        self._feedback: Feedback | None = None

    def train(self, model: Arrays, told: Instruction, seed: int = 0) -> Arrays:
        """This round's update, packed; InputError where this site can't take part."""
        if told.encoder != self.version:
            raise InputError(f"the server's network is {told.encoder}, this site's {self.version}")
        if not self.rhythms:
            raise InputError("this site has no labelled recordings; it takes part when it has")
        if told.local.noise > 0:
            raise InputError("noise with a promise is for the head; train the head, or without")
        after = train_network(
            model, self.rhythms, self.encoder, told.local, hash_of(seed, self.name, told.round)
        )
        shared = {n: v for n, v in model.items() if not n.startswith(told.personal)}
        if self._feedback is None or self._feedback.kind != told.compression:
            self._feedback = Feedback(told.compression, told.top_k_share)
        return self._feedback.pack(difference(after, shared))


def train_network(
    model: Arrays,
    rhythms: list[LabelledRecord],
    encoder: EncoderConfig,
    local: LocalConfig,
    seed: int,
) -> Arrays:
    """The network after one round: AdamW on the rhythm's loss, `learning_rate` about 1e-3."""
    torch.manual_seed(seed)
    network = network_of(model, encoder)
    network.train()
    start = {n: p.detach().clone() for n, p in network.named_parameters()}
    optimizer = torch.optim.AdamW(
        network.parameters(), local.learning_rate, weight_decay=local.weight_decay
    )
    batch = min(local.batch, len(rhythms))
    source = RecordSource(rhythms, WINDOW_S, batch, [], PLAIN)
    for step in range(local.epochs * max(len(rhythms) // batch, 1)):
        loss = _loss(network, source.batch(seed, step))
        if local.proximal > 0:
            away = [((p - start[n]) ** 2).sum() for n, p in network.named_parameters()]
            loss = loss + local.proximal / 2 * torch.stack(away).sum()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if local.clip > 0:
            nn.utils.clip_grad_norm_(network.parameters(), local.clip)
        optimizer.step()
    return arrays_of(network)


@dataclass(frozen=True)
class NetworkTask:
    """The whole network on the server's trust set; see `task.Task`."""

    trust: RecordBatch
    rhythms: list[LabelledRecord]
    encoder: EncoderConfig
    local: LocalConfig

    def loss(self, model: Arrays) -> float:
        """f of BANT: cross-entropy with batch norm's own statistics, as the device would run it."""
        return float(self.losses(model).mean())

    def losses(self, model: Arrays) -> Doubles:
        """Of each window."""
        with torch.no_grad():
            out = network_of(model, self.encoder).rhythms(self.trust)
            each = functional.cross_entropy(out, self.trust.target, reduction="none")
        found: Doubles = each.double().numpy()
        return found

    def gradient(self, model: Arrays) -> Arrays:
        """Its slope; buffers have none."""
        network = network_of(model, self.encoder)
        out = network.rhythms(self.trust)
        functional.cross_entropy(out, self.trust.target).backward()  # type: ignore[no-untyped-call]
        slopes = {n: p.grad for n, p in network.named_parameters()}
        return {
            name: np.zeros(value.shape, np.float32)
            if slopes.get(name) is None
            else _array(slopes[name])
            for name, value in model.items()
        }

    def answers(self, model: Arrays) -> Doubles:
        """Sharpened rhythms."""
        return sharpened(rhythm_logits(model, self.encoder, self.trust))

    def targets(self) -> Doubles:
        """One-hot rhythms."""
        rows: Doubles = self.trust.target.double().numpy()
        return rows

    def cuts(self, model: Arrays) -> Doubles:
        """No findings are trained."""
        return np.zeros(0)

    def server_update(self, model: Arrays, round_: int) -> Arrays:
        """A round of training on the trust set."""
        after = train_network(
            model, self.rhythms, self.encoder, self.local, hash_of(SERVER_SEED, "server", round_)
        )
        return difference(after, model)


def rhythm_logits(model: Arrays, encoder: EncoderConfig, batch: RecordBatch) -> Doubles:
    """Logits (b, 4) of windows."""
    with torch.no_grad():
        out: Doubles = network_of(model, encoder).rhythms(batch).double().numpy()
    return out


def windows(rhythms: Sequence[LabelledRecord]) -> RecordBatch:
    """The first `WINDOW_S` of each recording as one batch, in order."""
    samples = int(WINDOW_S * RATE_HZ) // HOP_SAMPLES * HOP_SAMPLES
    signals = np.zeros((len(rhythms), samples), np.float32)
    for row, one in zip(signals, rhythms, strict=True):
        row[: len(one.filtered_mv)] = one.filtered_mv[:samples]
    lengths = [min(len(one.filtered_mv), samples) for one in rhythms]
    return RecordBatch(
        torch.from_numpy(network_input(signals)[:, :, None]),
        torch.tensor(lengths),
        torch.from_numpy(np.stack([one.target for one in rhythms])),
    )


def hash_of(seed: int, name: str, round_: int) -> int:
    """One seed of three parts, the same on every machine."""
    drawn = np.random.SeedSequence((seed, *map(ord, name), round_)).generate_state(1)[0]
    return int(drawn)


def _loss(network: Multitask, batch: RecordBatch) -> Tensor:
    assert batch.target.shape[1] == len(RHYTHMS)
    return rhythm_loss(network.rhythms(batch), batch.target)


def _tensor(value: Array) -> Tensor:
    return torch.from_numpy(np.array(value))


def _array(value: Tensor | None) -> Array:
    assert value is not None
    found: Array = value.numpy().copy()
    return found
