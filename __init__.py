"""leadone: one lead in; beats, waves, rhythm and alerts out."""

from .edge import Monitor, Record, analyze

__all__ = ["Monitor", "Record", "__version__", "analyze"]
__version__ = "0.1.0"
