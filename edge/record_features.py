"""A whole record as one vector: what readouts are fitted on, on a server or on a device."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .frontend import filter_record, network_input
from .network import StreamingNetwork
from .pooling import Pool
from .record import Record
from .timing import HOP_SAMPLES


def pooled_features(record: Record, network: StreamingNetwork) -> npt.NDArray[np.float64]:
    """Statistics (3 * c,) of the network's deepest features over a whole record."""
    filtered, _ = filter_record(record.signal_mv, record.rate_hz)
    network.reset()
    pool = Pool()
    whole = len(filtered) // HOP_SAMPLES * HOP_SAMPLES
    pool.push(network.push(network_input(filtered[:whole]))[2])
    statistics = pool.statistics(0.0, record.duration_s)
    assert statistics is not None
    return statistics
