import numpy as np
from scipy.signal import sosfreqz

from leadone.edge.filters import design_sos
from leadone.edge.frontend import FrontEnd, filter_record, network_input


def test_filters_pass_the_ecg_and_stop_drift_and_powerline() -> None:
    _, response = sosfreqz(design_sos(), worN=[0.05, 0.5, 5, 20, 50, 60], fs=250)
    drift, corner, slow, fast, mains_eu, mains_us = np.abs(response)
    assert drift < 0.02 and mains_eu < 0.01 and mains_us < 0.01
    assert 0.65 < corner < 0.75  # -3 dB
    assert slow > 0.95 and fast > 0.95


def test_missing_samples_are_bridged_and_leave_no_nan_behind() -> None:
    x = np.sin(np.arange(3000) / 20).astype(np.float32)
    x[:10] = x[500:700] = np.nan
    x[900] = np.inf
    filtered, _ = filter_record(x, 360)
    assert np.isfinite(filtered).all()


def test_a_constant_offset_makes_no_transient() -> None:
    filtered, _ = filter_record(np.full(2500, 3.7, np.float32), 250)
    assert np.abs(filtered).max() < 1e-5


def test_chunks_do_not_matter() -> None:
    x = np.random.default_rng(1).normal(size=2000).astype(np.float32)
    x[300:350] = np.nan
    whole, _ = filter_record(x, 300)
    front = FrontEnd(300)
    parts = [front.push(x[k : k + 7]) for k in range(0, 2000, 7)]
    assert np.array_equal(whole, np.concatenate([*parts, front.finish()]))


def test_two_gains() -> None:
    wide, fine = network_input(np.array([-9, -0.3125, 0, 0.625, 2.5], np.float32))
    assert np.allclose(wide, [-1, -0.0625, 0, 0.125, 0.5])
    assert np.allclose(fine, [-1, -0.5, 0, 1, 1])
