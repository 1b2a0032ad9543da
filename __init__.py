"""leadone: one lead in; beats, waves, rhythm and alerts out."""

from .edge import Monitor, Record, analyze, read_record

__all__ = ["Monitor", "Record", "__version__", "analyze", "read_record"]
__version__ = "0.1.0"
