"""What the int8 network's scales are measured on."""

import numpy as np
import pytest

from leadone.distill.build import calibration_windows
from leadone.distill.datasets import LabelledLead
from leadone.edge.errors import InputError
from leadone.edge.frontend import network_input


def _lead(dataset: str, lead: str, signal_mv: np.ndarray) -> LabelledLead:
    filtered_mv = signal_mv.astype(np.float32)
    return LabelledLead(f"{dataset}/1", dataset, lead, filtered_mv, (), (), (), False)


def test_calibration_takes_a_start_of_ludb_and_eight_stretches_of_mitdb() -> None:
    short, long = np.linspace(0, 1, 2500), np.linspace(-1, 1, 20_000)
    leads = [
        _lead("ludb", "iii", short - 1),
        _lead("ludb", "v5", short),
        _lead("qtdb", "0", short - 1),
        _lead("mitdb", "1", long),
        _lead("cinc2017", "i", short - 1),
    ]
    windows = calibration_windows(leads)
    assert windows.shape == (9, 2, 1, 2560)
    held = np.concatenate([short, np.ones(60)]).astype(np.float32)  # LUDB ends before the window
    np.testing.assert_array_equal(windows[0, :, 0], network_input(held))
    for window, start in ((1, 0), (8, 20_000 - 2560)):
        stretch = long[start : start + 2560].astype(np.float32)
        np.testing.assert_array_equal(windows[window, :, 0], network_input(stretch))


def test_calibration_without_ludb_and_mitdb_is_refused() -> None:
    with pytest.raises(InputError, match="neither ludb nor mitdb"):
        calibration_windows([_lead("qtdb", "0", np.zeros(2560))])
