"""Scoring on real records with readers whose result is known beforehand."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from itertools import zip_longest
from pathlib import Path

import numpy as np
import pytest
import wfdb
from rich.console import Console

from leadone.distill.datasets import Wave, group_of, read_beats
from leadone.distill.evaluate import (
    Reader,
    evaluate_ludb,
    evaluate_mitdb,
    evaluate_qtdb,
    evaluate_set,
    ludb_reference,
    qtdb_reference,
)
from leadone.distill.tables import print_report
from leadone.edge.analysis import Analysis
from leadone.edge.errors import InputError
from leadone.edge.events import Beat, Quality, Rhythm
from leadone.edge.labels import QRS, P, T
from leadone.edge.record import Record

DATA = Path(os.environ.get("LEADONE_DATA", Path(__file__).parents[3] / "shared" / "data"))
LUDB = ["1", "10", "101"]
QTDB = ["sel102", "sel223", "sele0104"]
MITDB = ["101", "207", "208"]

needs_data = pytest.mark.skipif(
    "LEADONE_DATA" not in os.environ and not (DATA / "ludb" / "RECORDS").is_file(),
    reason="no recordings; set LEADONE_DATA to the folder that holds ludb, qtdb and mitdb",
)


def analysis_of(record: Record, beats: list[Beat]) -> Analysis:
    return Analysis(
        record=record,
        model={"name": "reference", "version": "0"},
        beats=tuple(beats),
        rhythm=Rhythm(0.0, record.duration_s, "normal"),
        episodes=(),
        alerts=(),
        quality=(Quality(0.0, record.duration_s / 4, "noisy"),),
        intervals_ms={},
        heart_rate_bpm=None,
    )


def beats_from(waves: list[Wave], shift_s: float) -> list[Beat]:
    """Each QRS a beat; every P rides on the first beat, the k-th T on the k-th beat."""

    def seconds(sample: float) -> float:
        return sample / 250.0 + shift_s

    p, qrs, t = ([w for w in waves if w.kind == kind] for kind in (P, QRS, T))
    assert len(t) <= len(qrs)
    beats = [
        Beat(
            r_s=seconds(w.peak),
            qrs_on_s=seconds(w.onset),
            qrs_off_s=seconds(w.offset),
            t_on_s=None if tw is None or np.isnan(tw.onset) else seconds(tw.onset),
            t_off_s=None if tw is None or np.isnan(tw.offset) else seconds(tw.offset),
        )
        for w, tw in zip_longest(qrs, t)
    ]
    blocked = tuple((seconds(w.onset), seconds(w.offset)) for w in p)
    return [replace(beats[0], blocked_p_s=blocked), *beats[1:]]


def wave_reader(reference: Callable[[str], list[Wave]], shift_s: float = 0.0) -> Reader:
    return lambda record: analysis_of(record, beats_from(reference(record.name), shift_s))


def ludb_waves(name: str) -> list[Wave]:
    return ludb_reference(DATA / "ludb" / name, "i")[0]


def qtdb_waves(name: str) -> list[Wave]:
    return qtdb_reference(DATA / "qtdb" / name)[0]


def beat_reader(shift_s: float = 0.0) -> Reader:
    def read(record: Record) -> Analysis:
        beats = [
            Beat(at + shift_s, at + shift_s, at + shift_s, label=label)
            for sample, label in read_beats(DATA / "mitdb" / record.name)
            for at in [sample / record.rate_hz]
        ]
        return analysis_of(record, beats)

    return read


@needs_data
def test_the_reference_scores_one_on_ludb() -> None:
    result = evaluate_ludb(DATA / "ludb", wave_reader(ludb_waves), LUDB)
    for fiducial, one in result.score.fiducials.items():
        assert one.f1.value == one.tight_f1.value == 1.0, fiducial
        assert one.error_mean_ms == pytest.approx(0.0, abs=1e-6)
        assert one.error_sd_ms.value == pytest.approx(0.0, abs=1e-3)
    annotated = [wfdb.rdann(str(DATA / "ludb" / name), "i").symbol.count("p") for name in LUDB]
    assert result.score.fiducials["P_on"].references == sum(annotated)
    assert result.run.withheld == pytest.approx(0.25)


@needs_data
def test_a_shift_is_the_mean_error() -> None:
    for result in (
        evaluate_ludb(DATA / "ludb", wave_reader(ludb_waves, 0.02), LUDB),
        evaluate_qtdb(DATA / "qtdb", wave_reader(qtdb_waves, 0.02), QTDB),
    ):
        for fiducial, one in result.score.fiducials.items():
            assert one.f1.value == 1.0, fiducial
            assert one.error_mean_ms == pytest.approx(20.0, abs=1e-6)
        assert result.score.fiducials["QRS_on"].within_cse_all == 0.0
        assert result.score.fiducials["T_off"].within_cse_all == 1.0


@needs_data
def test_the_reference_scores_one_on_qtdb() -> None:
    result = evaluate_qtdb(DATA / "qtdb", wave_reader(qtdb_waves), QTDB)
    for fiducial, one in result.score.fiducials.items():
        assert one.f1.value == 1.0, fiducial
    # sel102 has a T onset nowhere, the others everywhere or nowhere.
    assert result.score.fiducials["T_on"].references > 0
    assert result.score.fiducials["T_on"].references < result.score.fiducials["T_off"].references


@needs_data
def test_a_t_onset_that_the_annotator_left_out_is_not_false() -> None:
    def with_onsets(record: Record) -> Analysis:
        beats = beats_from(qtdb_waves(record.name), 0.0)
        return analysis_of(record, [replace(b, t_on_s=b.r_s + 0.15) for b in beats])

    one = evaluate_qtdb(DATA / "qtdb", with_onsets, ["sel102"]).score.fiducials["T_on"]
    assert one.references == 0
    assert np.isnan(one.ppv)


@needs_data
def test_qtdb_beats_outside_the_annotated_run_are_not_false() -> None:
    def everywhere(record: Record) -> Analysis:
        waves = qtdb_waves(record.name)
        extra = [Beat(at, at - 0.05, at + 0.05) for at in np.arange(1.0, 300.0, 0.8)]
        return analysis_of(record, [*beats_from(waves, 0.0), *extra])

    one = evaluate_qtdb(DATA / "qtdb", everywhere, ["sel223"]).score.fiducials["QRS_on"]
    assert one.ppv == 1.0


@needs_data
def test_the_reference_scores_one_on_mitdb() -> None:
    result = evaluate_mitdb(DATA / "mitdb", beat_reader(), MITDB)
    score = result.score
    assert (score.qrs.fn, score.qrs.fp) == (0, 0)
    assert score.veb.f1.value == score.sveb.f1.value == 1.0
    off_diagonal = score.confusion - np.diag(np.diag(score.confusion))
    assert off_diagonal.sum() == 0
    counted = sum(
        sample >= 300 * 360 for name in MITDB for sample, _ in read_beats(DATA / "mitdb" / name)
    )
    assert score.qrs.tp == counted


@needs_data
def test_a_paced_record_is_left_out_beside_as_ec57_has_it() -> None:
    result = evaluate_mitdb(DATA / "mitdb", beat_reader(0.16), ["101", "102"])
    alone = evaluate_mitdb(DATA / "mitdb", beat_reader(0.16), ["101"])
    assert result.paced == ("102",) and alone.paced == ()
    assert result.unpaced.qrs == alone.score.qrs != result.score.qrs
    told = result.to_dict()
    assert told["paced"] == ["102"] and told["unpaced"]["qrs"]["fn"] == alone.score.qrs.fn
    console = Console(file=StringIO(), width=160)
    print_report(result, console)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "VEB*" in text and "leaves out the paced 102" in text


@needs_data
def test_a_shift_beyond_the_window_misses_every_beat() -> None:
    kept = evaluate_mitdb(DATA / "mitdb", beat_reader(0.14), ["101"]).score.qrs
    lost = evaluate_mitdb(DATA / "mitdb", beat_reader(0.16), ["101"]).score.qrs
    assert kept.sensitivity.value == 1.0
    assert lost.sensitivity.value == 0.0


@needs_data
def test_beats_within_flutter_are_not_counted() -> None:
    def with_flutter_beats(record: Record) -> Analysis:
        clean = beat_reader()(record)
        extra = [Beat(at, at, at, label="V") for at in np.arange(1541.2, 1638.0, 0.4)]
        return replace(clean, beats=tuple(sorted([*clean.beats, *extra], key=lambda b: b.r_s)))

    score = evaluate_mitdb(DATA / "mitdb", with_flutter_beats, ["207"]).score
    assert (score.qrs.fn, score.qrs.fp, score.veb.fp) == (0, 0, 0)


@needs_data
def test_reports_print_and_turn_into_json() -> None:
    results = (
        evaluate_ludb(DATA / "ludb", wave_reader(ludb_waves), LUDB[:1]),
        evaluate_mitdb(DATA / "mitdb", beat_reader(), MITDB[:1]),
    )
    for result, word in zip(results, ("QRS off", "SVEB"), strict=True):
        console = Console(file=StringIO(), width=160)
        print_report(result, console)
        assert word in console.file.getvalue()  # type: ignore[attr-defined]
        assert "NaN" not in json.dumps(result.to_dict())
    assert results[1].to_dict()["per_record"][0]["record"] == MITDB[0]


@needs_data
def test_ludb_as_published_has_its_records_a_folder_below(tmp_path: Path) -> None:
    (tmp_path / "data").symlink_to(DATA / "ludb")
    (tmp_path / "RECORDS").write_text("".join(f"data/{name}\n" for name in LUDB))
    published = evaluate_set("ludb", tmp_path, "wrist")
    here = evaluate_set("ludb", DATA / "ludb", "wrist", records=LUDB)
    assert published.score == here.score
    assert [group_of("ludb", name) for name in published.run.records] == [
        group_of("ludb", name) for name in LUDB
    ]


@needs_data
@needs_data
def test_what_cannot_be_evaluated_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no lead 'x'"):
        evaluate_ludb(DATA / "ludb", wave_reader(ludb_waves), LUDB, lead="x")
    with pytest.raises(InputError, match="first channel"):
        evaluate_set("mitdb", DATA, "wrist", lead="i")
    with pytest.raises(InputError, match="RECORDS"):
        evaluate_set("ludb", tmp_path, "wrist")
    with pytest.raises(InputError, match="no record 999"):
        evaluate_set("ludb", DATA, "wrist", records=["999"])
