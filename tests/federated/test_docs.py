"""docs/federated.toml shows every key with its default, and nothing else."""

import tomllib
from dataclasses import asdict
from pathlib import Path

from leadone.federated.config import FederationConfig, read_config

DOCS = Path(__file__).resolve().parents[2] / "docs" / "federated.toml"


def test_the_example_is_the_defaults() -> None:
    assert read_config(DOCS) == FederationConfig()
    listed, known = tomllib.loads(DOCS.read_text()), asdict(FederationConfig())
    assert listed.keys() == known.keys()
    for name, part in known.items():
        if isinstance(part, dict):
            assert listed[name].keys() == part.keys()
