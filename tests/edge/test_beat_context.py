"""A beat against those before it; and the small network that reads the difference."""

import json

import numpy as np
import pytest

from leadone.edge.beat_context import FEATURES, BeatContext, first_sample, last_sample
from leadone.edge.beat_model import BeatModel
from leadone.edge.errors import InputError
from leadone.edge.labels import BEATS, QRS
from leadone.edge.waves import WaveRun

NARROW = np.exp(-(np.arange(-60, 61) ** 2) / 18.0)
WIDE = -1.5 * np.exp(-((np.arange(-60, 61) - 4) ** 2) / 300.0)


def _told(
    rr: list[float],
    shapes: list[np.ndarray],
    widths: list[float] | None = None,
    logits: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """The features of beats of these shapes at these RR intervals, by name."""
    logits = np.zeros((len(rr), len(BEATS))) if logits is None else logits
    r_peaks = 300 + np.cumsum(rr)
    signal = np.zeros(int(r_peaks[-1]) + 300)
    for r, shape in zip(r_peaks, shapes, strict=True):
        signal[int(r) - 60 : int(r) + 61] += shape
    context, rows = BeatContext(), []
    for k, r in enumerate(r_peaks.tolist()):
        width = 22.0 if widths is None else widths[k]
        qrs = WaveRun(QRS, r - width / 2, r + width / 2, 0.95, 11)
        around = signal[first_sample(r) : last_sample(r)]
        net = float(shapes[k].max() + shapes[k].min())
        features = context.features(r, qrs, net, shapes[k] is NARROW, around)
        rows.append(np.concatenate([features, context.opinion(logits[k])]))
    return dict(zip(FEATURES, np.array(rows).T, strict=True))


def test_an_early_wide_beat_stands_out_and_the_next_usual_one_does_not() -> None:
    rr = [200.0] * 20 + [120.0, 280.0, 200.0]
    shapes = [NARROW] * 20 + [WIDE, NARROW, NARROW]
    told = _told(rr, shapes, [22.0] * 20 + [40.0, 22.0, 22.0])
    assert told["premature"][20] == pytest.approx(np.log(0.6))
    assert told["wider"][20] == pytest.approx(np.log(40 / 22))
    assert told["likeness"][20] < 0.5 < 0.99 < told["likeness"][22]
    assert told["alike_share"][20] == 0 and told["alike_share"][22] > 0.8
    assert told["has_p"][20] == 0 and told["has_p"][22] == 1
    assert told["wider"][22] == pytest.approx(0)  # the wide one did not widen the usual
    assert told["width"][20] == pytest.approx(np.log(40))
    assert told["turned"][20] < -2 and told["turned"][22] == pytest.approx(0)


def test_the_networks_opinion_counts_by_how_it_differs_from_what_it_was() -> None:
    usual = [4.0, 0.0, 3.0, -5.0]  # a little like V
    logits = np.tile(usual, (20, 1))
    logits[15] = [2.0, 0.0, 5.0, -5.0]
    told = _told([200.0] * 20, [NARROW] * 20, logits=logits)
    assert told["more_v"][:15] == pytest.approx(0) and told["more_v"][15] == pytest.approx(4)
    assert told["more_s"][15] == pytest.approx(2) and told["more_v"][16:] == pytest.approx(0)


def test_every_second_beat_ectopic_leaves_the_template_to_the_usual_ones() -> None:
    rr = [200.0] * 8 + [130.0, 270.0] * 15
    told = _told(rr, [NARROW] * 8 + [WIDE, NARROW] * 15)
    assert (told["likeness"][9::2] > 0.95).all() and (told["likeness"][8::2] < 0.5).all()


def test_a_new_usual_shape_becomes_the_template() -> None:
    told = _told([200.0] * 60, [NARROW] * 20 + [WIDE] * 40)
    assert told["likeness"][20] < 0.5 and told["likeness"][-1] > 0.95


def test_gain_changes_nothing_and_flat_signal_is_no_fault() -> None:
    rr, shapes = [200.0] * 12, [NARROW] * 11 + [WIDE]
    one, ten = _told(rr, shapes), _told(rr, [10 * s for s in shapes])
    for name in ("likeness", "t_likeness", "alike_share", "higher"):
        assert one[name] == pytest.approx(ten[name], abs=0.02), name
    flat = _told(rr, [0 * NARROW] * 12)
    assert all(np.isfinite(values).all() for values in flat.values())


def _model() -> BeatModel:
    rng = np.random.default_rng(0)
    k = len(FEATURES)
    sizes = [(k, 6), (6, 6), (6, 3)]
    layers = tuple((rng.normal(size=(b, a)), rng.normal(size=b)) for a, b in sizes)
    return BeatModel(rng.normal(size=k), np.ones(k), layers)


def test_the_model_goes_through_a_manifest_and_its_faults_are_refused() -> None:
    model, x = _model(), np.random.default_rng(1).normal(size=(5, len(FEATURES)))
    values = json.loads(json.dumps(model.as_manifest()))
    assert np.array_equal(BeatModel.from_manifest(values).logits(x), model.logits(x))
    for broken in (
        {**values, "features": values["features"][1:]},
        {**values, "layers": values["layers"][:2]},
        {**values, "mean": [0.0]},
        {"layers": 3},
    ):
        with pytest.raises(InputError, match="beat model"):
            BeatModel.from_manifest(broken)
