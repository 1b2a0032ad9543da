"""Every counting rule on hand-made cases."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from leadone.distill.metrics import (
    CLASSES,
    FIDUCIALS,
    BeatRecord,
    Marks,
    Spans,
    bootstrap_weights,
    confusion,
    count_boundaries,
    interval,
    match_boundaries,
    pair_beats,
    score_beats,
    score_delineation,
    sveb_counts,
    veb_counts,
)

EVERYWHERE: Spans = ((-1e9, 1e9),)


def marks(
    reference: Sequence[float],
    predicted: Sequence[float],
    spans: Spans = EVERYWHERE,
    exempt: Spans = (),
) -> Marks:
    return Marks(np.array(reference, float), np.array(predicted, float), spans, exempt)


def record_of(one: Marks) -> dict[str, Marks]:
    return dict.fromkeys(FIDUCIALS, one)


def samples(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def beats(
    reference: Sequence[int],
    test: Sequence[int],
    labels: str | None = None,
    test_labels: str | None = None,
    flutter: Spans = (),
    name: str = "r",
) -> BeatRecord:
    return BeatRecord(
        name,
        1000.0,
        samples(*reference),
        labels or "N" * len(reference),
        samples(*test),
        test_labels or "N" * len(test),
        flutter,
    )


def qrs(record: BeatRecord, start_s: float = 0.0) -> tuple[int, int, int]:
    one = score_beats([record], start_s=start_s, resamples=2).qrs
    return one.tp, one.fn, one.fp


# --- boundaries


def test_tolerance_is_inclusive() -> None:
    assert match_boundaries(np.array([1000.0]), np.array([1150.0]), 150.0) == [(0, 0)]
    assert match_boundaries(np.array([1000.0]), np.array([850.0]), 150.0) == [(0, 0)]
    assert match_boundaries(np.array([1000.0]), np.array([1150.1]), 150.0) == []


def test_one_prediction_serves_one_reference() -> None:
    counts = count_boundaries(marks([100, 200], [150]), 150.0, None)
    assert (counts.tp, counts.fp, counts.fn) == (1, 0, 1)
    counts = count_boundaries(marks([150], [100, 200]), 150.0, None)
    assert (counts.tp, counts.fp, counts.fn) == (1, 1, 0)


def test_nearest_pairs_first() -> None:
    # In order of time 0-100 would pair first and leave 110 to nobody near.
    assert match_boundaries(np.array([0.0, 110.0]), np.array([100.0, 240.0]), 150.0) == [(1, 0)]
    assert match_boundaries(np.array([0.0, 110.0]), np.array([100.0, 140.0]), 150.0) == [
        (0, 1),
        (1, 0),
    ]


def test_edge_rule_of_ludb() -> None:
    outside = marks([1000, 2000], [200, 1000, 2000, 2800], spans=((900, 2100),))
    assert count_boundaries(outside, 150.0, None).fp == 0
    inside = marks([1000, 2000], [200, 1000, 1500, 2000, 2800], spans=((900, 2100),))
    assert count_boundaries(inside, 150.0, None).fp == 1
    on_the_edge = marks([1000, 2000], [1000, 2000, 2500], spans=((900, 2500),))
    assert count_boundaries(on_the_edge, 150.0, None).fp == 1


def test_a_prediction_outside_the_span_may_match() -> None:
    counts = count_boundaries(marks([1000], [880], spans=((1000, 2000),)), 150.0, None)
    assert (counts.tp, counts.fp, counts.fn) == (1, 0, 0)


def test_spans_apart_leave_the_gap_uncounted() -> None:
    counts = count_boundaries(
        marks([100, 900], [100, 500, 900], spans=((0, 200), (800, 1000))), 150.0, None
    )
    assert (counts.tp, counts.fp, counts.fn) == (2, 0, 0)


def test_where_the_annotator_left_an_edge_out_nothing_is_false() -> None:
    counts = count_boundaries(marks([], [400, 900], exempt=((300, 500),)), 150.0, None)
    assert (counts.tp, counts.fp, counts.fn) == (0, 1, 0)


def test_no_predictions_and_no_references() -> None:
    counts = count_boundaries(marks([100, 200], []), 150.0, None)
    assert (counts.tp, counts.fp, counts.fn) == (0, 0, 2)
    score = score_delineation([record_of(marks([100, 200], []))], resamples=10)
    one = score.fiducials["P_on"]
    assert (one.sensitivity, one.f1.value) == (0.0, 0.0)
    assert math.isnan(one.ppv) and math.isnan(one.error_mean_ms)
    nothing = score_delineation([record_of(marks([], []))], resamples=10)
    assert math.isnan(nothing.fiducials["P_on"].f1.value)
    assert math.isnan(score_delineation([], resamples=10).macro_f1.value)


def test_errors_are_predicted_minus_reference() -> None:
    score = score_delineation(
        [record_of(marks([0, 1000], [10, 1020])), record_of(marks([0], [-6]))], resamples=10
    )
    one = score.fiducials["QRS_on"]
    assert one.error_mean_ms == pytest.approx(8.0)
    assert one.error_sd_ms.value == pytest.approx(np.std([10, 20, -6], ddof=1))


def test_cse_limits_of_matched_and_of_all_references() -> None:
    # QRS onset: limit 6.5 ms. One on the limit, one beyond, one missed.
    score = score_delineation(
        [record_of(marks([0, 1000, 2000], [6.5, 1006.6]))], resamples=10
    ).fiducials
    assert score["QRS_on"].within_cse_matched == pytest.approx(1 / 2)
    assert score["QRS_on"].within_cse_all == pytest.approx(1 / 3)
    assert score["P_on"].within_cse_matched == 1.0
    assert math.isnan(score["T_on"].within_cse_all)


def test_tight_tolerances_per_fiducial() -> None:
    for error, expected in ((40, 6), (45, 4), (50, 4), (55, 1), (100, 1), (101, 0)):
        score = score_delineation([record_of(marks([1000], [1000 + error]))], resamples=10)
        tight = [one.tight_f1.value for one in score.fiducials.values()]
        assert sum(tight) == expected, error
        assert score.macro_f1.value == 1.0
        assert score.macro_tight_f1.value == pytest.approx(expected / 6)


def test_counts_are_pooled_over_records() -> None:
    good, bad = marks([0, 1000, 2000], [0, 1000, 2000]), marks([0], [500])
    score = score_delineation([record_of(good), record_of(bad)], resamples=200)
    one = score.fiducials["T_off"]
    assert (one.references, one.sensitivity, one.ppv) == (4, 0.75, 0.75)
    assert (one.f1.low, one.f1.high) == (0.0, 1.0)


# --- beats


def test_window_of_150_ms_is_inclusive() -> None:
    assert qrs(beats([1000, 2000], [1150, 1850])) == (2, 0, 0)
    assert qrs(beats([1000, 2000], [1151, 1849])) == (0, 2, 2)


def test_window_is_cut_to_whole_samples_as_strtim_does() -> None:
    # 150 ms at 250 Hz are 37.5 samples: 37 match, 38 do not.
    at = BeatRecord("r", 250.0, samples(1000, 2000), "NN", samples(1037, 2038), "NN")
    assert confusion(at, start_s=0.0)[0, 0] == 1


def test_one_miss_then_correct_matches() -> None:
    assert pair_beats(samples(1000, 2000, 3000), samples(2010, 2990), 150) == [
        (0, None),
        (1, 0),
        (2, 1),
    ]


def test_one_extra_then_correct_matches() -> None:
    assert pair_beats(samples(1000, 2000), samples(1000, 1500, 2000), 150) == [
        (0, 0),
        (None, 1),
        (1, 2),
    ]


def test_a_test_beat_nearer_to_the_next_reference_is_left_to_it() -> None:
    assert pair_beats(samples(1000, 1200), samples(1140), 150) == [(0, None), (1, 0)]
    assert pair_beats(samples(1000, 1200), samples(1060), 150) == [(0, 0), (1, None)]


def test_a_reference_nearer_to_the_next_test_beat_is_left_to_it() -> None:
    assert pair_beats(samples(500, 1000), samples(500, 900, 1010), 150) == [
        (0, 0),
        (None, 1),
        (1, 2),
    ]
    assert pair_beats(samples(500, 1000), samples(500, 900, 1110), 150) == [
        (0, 0),
        (1, 1),
        (None, 2),
    ]


def test_a_tie_goes_to_the_later_beat() -> None:
    # bxb compares strictly: 1100 is as near to 1000 as to 1200 and waits for 1200.
    assert pair_beats(samples(1000, 1200), samples(1100), 150) == [(0, None), (1, 0)]
    assert pair_beats(samples(500, 1000), samples(500, 900, 1100), 150) == [
        (0, 0),
        (None, 1),
        (1, 2),
    ]


def test_no_beats_at_all() -> None:
    assert qrs(beats([1000, 2000], [])) == (0, 2, 0)
    assert qrs(beats([], [1000, 2000])) == (0, 0, 2)
    score = score_beats([beats([], [])], start_s=0.0, resamples=5)
    assert math.isnan(score.qrs.sensitivity.value) and math.isnan(score.qrs.average_ppv)


def test_first_five_minutes_are_not_counted() -> None:
    record = beats([1000, 299_000, 300_000, 301_000], [50_000, 300_000])
    assert qrs(record, start_s=300.0) == (1, 1, 0)
    default = score_beats([record], resamples=2).qrs
    assert (default.tp, default.fn, default.fp) == (1, 1, 0)


def test_pairs_across_the_start() -> None:
    # The last test beat before the start pairs with the first reference beat after it.
    assert pair_beats(samples(300_050), samples(299_950), 150, 300_000) == [(0, 0)]
    # Unless the first test beat after the start is nearer to it.
    nearer = pair_beats(samples(300_050), samples(299_950, 300_060), 150, 300_000)
    assert nearer == [(0, 1)]
    # A test beat just after the start belongs to the reference beat just before it.
    late = pair_beats(samples(299_950, 301_000), samples(300_050, 301_000), 150, 300_000)
    assert late == [(1, 1)]
    # Farther than the window from the start it is counted as false.
    stray = pair_beats(samples(299_950, 301_000), samples(300_200, 301_000), 150, 300_000)
    assert stray == [(None, 0), (1, 1)]


def test_ventricular_flutter_is_excluded() -> None:
    reference, test = [1000, 5000, 5500, 9000], [1000, 5200, 6000, 9000]
    assert qrs(beats(reference, test)) == (2, 2, 2)
    assert qrs(beats(reference, test, flutter=((4900, 6000),))) == (2, 0, 0)
    assert qrs(beats(reference, test, flutter=((4900, 5999),))) == (2, 0, 1)


def test_a_beat_at_the_rim_of_flutter_may_pair_with_one_outside() -> None:
    assert qrs(beats([1000, 4950], [1000, 5010], flutter=((5000, 6000),))) == (2, 0, 0)


def test_fusion_called_ventricular_is_not_false_but_counts_for_supraventricular() -> None:
    matrix = confusion(beats([1000, 2000], [1000, 2000], "FF", "VS"), start_s=0.0).astype(float)
    assert [int(x) for x in veb_counts(matrix)] == [0, 0, 0]
    assert [int(x) for x in sveb_counts(matrix)] == [0, 0, 1]


def test_unclassifiable_reference_is_exempt_from_both() -> None:
    matrix = confusion(beats([1000, 2000], [1000, 2000], "QQ", "VS"), start_s=0.0).astype(float)
    assert [int(x) for x in veb_counts(matrix)] == [0, 0, 0]
    assert [int(x) for x in sveb_counts(matrix)] == [0, 0, 0]


def test_false_and_missed_beats_count_in_their_class() -> None:
    # V hit, V missed, V called N, V called Q; N called V, S called V, nothing called V.
    reference = [1000, 2000, 3000, 4000, 5000, 6000]
    test = [1000, 3000, 4000, 5000, 6000, 7000]
    matrix = confusion(beats(reference, test, "VVVVNS", "VNQVVV"), start_s=0.0)
    assert [int(x) for x in veb_counts(matrix.astype(float))] == [1, 3, 3]
    assert [int(x) for x in sveb_counts(matrix.astype(float))] == [0, 1, 0]
    assert matrix[CLASSES.index("V"), CLASSES.index("O")] == 1
    assert matrix[CLASSES.index("O"), CLASSES.index("V")] == 1


def test_gross_and_average() -> None:
    long = beats([1000, 2000, 3000, 4000], [1000, 2000, 3000, 4000], name="long")
    short = beats([1000, 2000], [1000], name="short")
    one = score_beats([long, short], start_s=0.0, resamples=200).qrs
    assert one.sensitivity.value == pytest.approx(5 / 6)
    assert one.average_sensitivity == pytest.approx(0.75)
    assert (one.sensitivity.low, one.sensitivity.high) == (0.5, 1.0)
    assert one.ppv.value == one.average_ppv == 1.0


# --- intervals


def test_bootstrap_is_the_same_for_a_seed() -> None:
    records = [record_of(marks([0, 1000], [k * 7.0])) for k in range(8)]
    records[0] = record_of(marks([0, 1000], [0, 1000]))
    first, second = (score_delineation(records, seed=3) for _ in range(2))
    other = score_delineation(records, seed=4)
    assert repr(first) == repr(second)
    assert repr(first) != repr(other)
    sd = first.fiducials["P_on"].error_sd_ms
    assert sd.low < sd.value < sd.high


def test_bootstrap_draws_as_many_records_as_there_are() -> None:
    weights = bootstrap_weights(7, 50, 0)
    assert weights.shape == (50, 7)
    assert (weights.sum(axis=1) == 7).all()
    assert len(np.unique(weights, axis=0)) > 10


def test_interval_of_a_mean_is_near_the_textbook_one() -> None:
    values = np.random.default_rng(0).normal(10.0, 2.0, 400)
    table = np.stack([values, np.ones(400)], axis=1)
    got = interval(table, lambda s: s[..., 0] / s[..., 1], bootstrap_weights(400, 4000, 0))
    half = 1.96 * values.std() / 20
    assert got.low == pytest.approx(values.mean() - half, abs=0.03)
    assert got.high == pytest.approx(values.mean() + half, abs=0.03)
