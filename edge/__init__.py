"""The ground floor: signal in, beats, waves, rhythm and alerts out. numpy, scipy, onnxruntime."""

from .analyze import analyze
from .formats.read import read_record, read_records
from .monitor import Monitor
from .record import Record

__all__ = ["Monitor", "Record", "analyze", "read_record", "read_records"]
