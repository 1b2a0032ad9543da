import os
from pathlib import Path

import pytest

BESIDE_THE_REPO = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The real recordings; a machine that says it has them (LEADONE_DATA) may not skip."""
    named = os.environ.get("LEADONE_DATA")
    if named is not None:
        assert Path(named).is_dir(), f"LEADONE_DATA names {named!r}, which is not a folder"
        return Path(named)
    if not BESIDE_THE_REPO.is_dir():
        pytest.skip(
            "needs real recordings: set LEADONE_DATA to the folder that holds ludb, mitdb …"
        )
    return BESIDE_THE_REPO
