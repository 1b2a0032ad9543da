"""A run read offline answers as its float32 network does, streamed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from leadone.distill.export.onnx_writer import write_float
from leadone.distill.export.trace import trace
from leadone.distill.finetune import FinetuneConfig, Multitask
from leadone.distill.offline import Replay, offline_reader
from leadone.edge.formats.wfdb_records import read_record
from leadone.edge.frontend import filter_record, network_input
from leadone.edge.network import StreamingNetwork
from leadone.pretrain.checkpoint import save_weights

DEMO = Path(__file__).parents[2] / "edge" / "demo" / "208demo"


def test_offline_and_streamed_answers_are_the_same(tmp_path: Path) -> None:
    torch.manual_seed(2)
    config = FinetuneConfig()
    model = Multitask(config.encoder).eval()
    for norm in (m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)):
        norm.running_var.fill_(0.3)  # untrained weights that nonetheless say something
    save_weights(tmp_path / "model.safetensors", model, config)
    record = read_record(DEMO)
    read, _ = offline_reader(tmp_path)
    write_float(trace(model.network), tmp_path / "f.onnx")
    filtered, _ = filter_record(record.signal_mv, record.rate_hz)
    replay, network = Replay(model, filtered), StreamingNetwork(tmp_path / "f.onnx")
    for start in range(0, len(filtered) // 16 * 16 - 160, 160):
        x = network_input(filtered[start : start + 160])
        for told, streamed in zip(replay.push(x), network.push(x), strict=True):
            assert told.shape == streamed.shape and np.abs(told - streamed).max() < 1e-3
    analysis = read(record)
    assert analysis.beats and all(0 <= b.r_s < record.duration_s for b in analysis.beats)
    assert not analysis.quality and not analysis.episodes  # these belong to a bundle
