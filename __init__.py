"""leadone: one lead in; beats, waves, rhythm and alerts out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .edge import Monitor, Record, analyze, read_record, read_records

__all__ = ["Monitor", "Record", "__version__", "analyze", "read_record", "read_records"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import the ground floor when something of it is asked for: `leadone --help` needs none."""
    if name not in __all__:
        raise AttributeError(f"module 'leadone' has no attribute {name!r}")
    from . import edge

    return getattr(edge, name)
