"""The shipped encoder: whole, small, loaded by name; a changed one is refused."""

import shutil
from pathlib import Path

import pytest
import torch

from leadone.edge.errors import InputError
from leadone.pretrain import shipped
from leadone.pretrain.encoder import EncoderConfig
from leadone.pretrain.pretraining import load_encoder
from leadone.pretrain.shipped import find_encoder, ship_encoder, shipped_encoders


def test_it_is_the_wrist_networks_encoder() -> None:
    assert shipped_encoders() == ["lead-transfer"]
    path = find_encoder("lead-transfer")
    assert path.stat().st_size < 2_000_000 and (path.parent / "README.md").is_file()
    embedder = load_encoder(path)
    assert embedder.config == EncoderConfig()
    assert embedder(torch.zeros(1, 2, 1, 640)).isfinite().all()


def test_a_changed_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "models" / "lead-transfer"
    ship_encoder(shipped.MODELS / "lead-transfer", copy)
    monkeypatch.setattr(shipped, "MODELS", tmp_path / "models")
    assert find_encoder("lead-transfer") == copy / "encoder.safetensors"
    content = bytearray((copy / "encoder.safetensors").read_bytes())
    content[-1] ^= 1
    (copy / "encoder.safetensors").write_bytes(content)
    with pytest.raises(InputError, match="was changed"):
        find_encoder("lead-transfer")
    shutil.rmtree(copy)
    with pytest.raises(InputError, match="no encoder lead-transfer"):
        find_encoder("lead-transfer")
    (tmp_path / "e.safetensors").write_bytes(b"x")
    assert find_encoder(str(tmp_path / "e.safetensors")) == tmp_path / "e.safetensors"
