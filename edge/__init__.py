"""The ground floor: signal in, beats, waves, rhythm and alerts out. numpy, scipy, onnxruntime."""

from .analyze import analyze
from .formats.wfdb_records import read_record
from .monitor import Monitor
from .record import Record

__all__ = ["Monitor", "Record", "analyze", "read_record"]
