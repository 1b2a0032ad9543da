"""Heads of whole records: trained and running, they read the same numbers."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import wfdb

from leadone.distill.datasets import (
    CINC_TEST_FOLD,
    CINC_VALIDATION_FOLD,
    fold_of,
    load_ludb,
    load_mitdb,
    read_annotations,
    read_cinc2017,
)
from leadone.distill.findings_fit import (
    LEADS,
    SHAPES,
    FindingData,
    crossed_logits,
    fit_findings,
    fit_readouts,
    read_findings,
)
from leadone.distill.ptbxl import PATHOLOGIES, read_labels
from leadone.distill.record_heads import RhythmHead, pooled
from leadone.distill.records import (
    GentleConfig,
    LabelledRecord,
    RecordSource,
    check_rhythms,
    load_rhythms,
    load_unlabelled,
    ptbxl_records,
    seen_records,
)
from leadone.edge.bundle import load_bundle
from leadone.edge.errors import InputError
from leadone.edge.pooling import Pool
from leadone.edge.record_head import RecordHead

CHANNELS = 5


@pytest.fixture
def head() -> RhythmHead:
    torch.manual_seed(0)
    head = RhythmHead(CHANNELS).train()
    for _ in range(50):  # batch norm statistics of its own
        head(3 * torch.randn(8, CHANNELS, 1, 40) + 1, torch.full((8,), 640))
    return head.eval()


def test_training_and_runtime_pool_alike(head: RhythmHead) -> None:
    deep = torch.randn(1, CHANNELS, 1, 400)
    deep[..., 300:] = 99.0  # beyond the record's end
    rhythm = head(deep, torch.tensor([300 * 16]))
    pool = Pool()
    pool.push(deep[0, :, 0, :300].numpy())
    statistics = pool.statistics(0.0, 30.0)
    assert statistics is not None
    told = head.exported()
    assert told.rhythm_logits(statistics) == pytest.approx(rhythm[0].detach().numpy(), abs=1e-4)
    assert told.finding_probabilities(statistics) == {}  # these are fitted on the bundle's network


def test_the_masked_end_counts_for_nothing() -> None:
    deep = torch.randn(2, 3, 50)
    other = deep.clone()
    other[0, :, 20:] = 7.0
    frames = torch.tensor([20, 50])
    assert torch.equal(pooled(deep, frames), pooled(other, frames))


def test_a_head_goes_through_a_manifest_and_its_faults_are_refused(head: RhythmHead) -> None:
    from leadone.edge.errors import InputError

    exported = head.exported()
    wide = tuple((*row, 0.5) for row in exported.rhythm_weights[:2])
    told = replace(
        exported,
        findings=("AFIB", "CRBBB"),
        finding_weights=wide,
        finding_bias=(0.1, -0.2),
        thresholds=(0.5, 0.4),
    )
    values = told.as_manifest()
    assert RecordHead.from_manifest(values) == told
    for broken in (
        {**values, "thresholds": (0.5,)},
        {**values, "rhythm_bias": (0.0,)},
        {**values, "finding_weights": ((1.0,), (2.0,))},
        {},
    ):
        with pytest.raises(InputError, match="record head"):
            RecordHead.from_manifest(broken)


def test_an_epoch_of_records_is_the_same_on_every_run_and_holds_whole_hops() -> None:
    records = [
        LabelledRecord(str(k), np.sin(np.arange(n) / 9.0).astype(np.float32), np.eye(4)[k % 4])
        for k, n in enumerate((2300, 4000, 9000, 5001))
    ]
    source = RecordSource(records, 20.0, 2, [], GentleConfig())
    first, again, other = (source.batch(seed, 3) for seed in (0, 0, 1))
    assert torch.equal(first.x, again.x) and not torch.equal(first.x, other.x)
    assert (first.samples % 16 == 0).all() and first.x.shape[-1] % 16 == 0
    for row, samples in enumerate(first.samples.tolist()):
        assert (first.x[row, :, :, samples:] == 0).all()


def _table(folder: Path, *rows: str) -> Path:
    (folder / "REFERENCE-v3.csv").write_text("\n".join(rows) + "\n")
    (folder / "A00001.hea").write_text("A00001 1 300 9000\n")
    return folder


def test_labels_that_do_not_fit_the_signals_are_refused(tmp_path: Path) -> None:
    assert [kind for _, kind in read_cinc2017(_table(tmp_path, "A00001,A"))] == ["A"]
    with pytest.raises(InputError, match="calls A00001 'X'; its classes are N, A, O, ~"):
        read_cinc2017(_table(tmp_path, "A00001,X"))
    with pytest.raises(InputError, match=r"1 records without a signal .* A00002 first"):
        read_cinc2017(_table(tmp_path, "A00001,A", "A00002,N"))


def test_a_broken_table_of_rhythms_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the line 'garbage', which is no record and its class"):
        read_cinc2017(_table(tmp_path, "A00001,A", "", "garbage"))


def test_one_rhythm_alone_teaches_nothing() -> None:
    normal, af = (LabelledRecord(str(k), np.zeros(9, np.float32), np.eye(4)[k]) for k in (0, 1))
    check_rhythms([normal, af])
    with pytest.raises(InputError, match="only 'normal': nothing could be told apart"):
        check_rhythms([normal, normal])
    with pytest.raises(InputError, match="have no rhythm"):
        check_rhythms([])


def test_broken_sets_are_refused_in_a_sentence(tmp_path: Path) -> None:
    for damage, sentence in {
        "RECORDS": "RECORDS lists no record",
        "100.atr": r"100\.atr is damaged|100\.atr holds no annotation",
        "100.dat": "100",
        "100.hea": "100",
    }.items():
        folder = tmp_path / damage.replace(".", "-")
        folder.mkdir()
        signal = np.sin(np.arange(3600) / 50.0)[:, None].repeat(2, 1)
        units, names, formats = ["mV", "mV"], ["MLII", "V1"], ["16", "16"]
        wfdb.wrsamp("100", 360, units, names, signal, fmt=formats, write_dir=str(folder))
        wfdb.wrann("100", "atr", np.arange(300, 3300, 300), ["N"] * 10, write_dir=str(folder))
        (folder / "RECORDS").write_text("100\n")
        assert len(list(load_mitdb(folder))) == 2
        whole = (folder / damage).read_bytes()
        (folder / damage).write_bytes(b"" if damage == "RECORDS" else whole[: len(whole) // 3 | 1])
        with pytest.raises(InputError, match=sentence):
            list(load_mitdb(folder))
    (folder / "100.atr").unlink()
    with pytest.raises(InputError, match=r"no annotations \.atr beside"):
        read_annotations(folder / "100", "atr")


def test_ludbs_table_needs_its_columns(tmp_path: Path) -> None:
    (tmp_path / "RECORDS").write_text("1\n")
    (tmp_path / "ludb.csv").write_text("ID,Rhythms\n1,Sinus rhythm\n")
    with pytest.raises(InputError, match="no column 'Cardiac pacing'"):
        list(load_ludb(tmp_path))


def test_a_record_without_a_label_is_refused(tmp_path: Path, data_dir: Path) -> None:
    (tmp_path / "ptbxl").mkdir()
    for path in (data_dir / "ptbxl").iterdir():
        (tmp_path / "ptbxl" / path.name).symlink_to(path)
    assert ptbxl_records(tmp_path)
    table = tmp_path / "ptbxl" / "labels.csv"
    lines = table.read_text().splitlines()
    table.unlink()
    table.write_text("\n".join(lines[:-1]) + "\n")
    with pytest.raises(InputError, match="has no label in the table"):
        ptbxl_records(tmp_path)


def test_folds_for_choosing_and_testing_are_in_no_training(data_dir: Path) -> None:
    kept = (CINC_TEST_FOLD, CINC_VALIDATION_FOLD)
    groups = {record.group for record in load_rhythms(data_dir / "cinc2017")}
    assert groups and not any(fold_of(group) in kept for group in groups)
    folds = {identity: label.fold for identity, label in read_labels(data_dir / "ptbxl").items()}
    unlabelled = load_unlabelled(data_dir)
    assert unlabelled and {folds[record.group] for record in unlabelled} == set(range(1, 8))
    assert not any(len(record.target) for record in unlabelled)
    seen = seen_records(data_dir, None)
    assert groups < seen and not any(folds.get(record, 0) >= 9 for record in seen)


def test_findings_are_fitted_on_what_a_bundle_makes_of_records_and_told_from_one_half(
    data_dir: Path,
) -> None:
    rows = [row for row in ptbxl_records(data_dir) if row[2].fold in (1, 2, 9)]
    bundle = load_bundle("wrist")
    data = read_findings(rows, bundle, LEADS)
    assert set(data.leads) == set(LEADS) and not np.isnan(data.features).any()
    unseen = (data.folds == 9) & (data.leads == "I")
    head = RecordHead.from_manifest(bundle.manifest["record_head"])
    fitted = fit_findings(data[data.folds != 9], head)
    assert fitted.rhythm_weights == head.rhythm_weights
    assert "CRBBB" in fitted.findings and set(fitted.thresholds) == {0.5}
    told = np.array([fitted.finding_probabilities(row)["CRBBB"] for row in data.features[unseen]])
    has_it = data.cases[unseen][:, PATHOLOGIES.index("CRBBB")].astype(bool)
    assert np.mean(told[has_it][:, None] > told[~has_it]) > 0.8  # area under its curve


def test_no_fold_is_told_by_a_readout_of_itself() -> None:
    rng = np.random.default_rng(0)
    folds = np.arange(300) % 3
    cases = np.repeat((folds == 1)[:, None], 10, 1)  # what only a record's own fold could teach
    data = FindingData(
        np.eye(3)[folds] + rng.normal(0, 0.01, (300, 3)),
        cases,
        folds,
        folds.astype(str),
        np.full(300, "I"),
    )
    logits = crossed_logits(data)
    assert logits[folds == 1].max() < 0


def test_lead_two_teaches_rhythm_and_not_shapes() -> None:
    rng = np.random.default_rng(0)
    features, leads = rng.normal(size=(400, 3)), np.repeat(["I", "II"], 200)
    cases = np.repeat((features[:, 0] > 0.5)[:, None], len(PATHOLOGIES), 1)
    cases[200:] = (features[200:, 1] > 0.5)[:, None]  # lead II shows it elsewhere
    data = FindingData(features, cases, np.arange(400) % 8, leads, leads)
    both, own = fit_readouts(data, 1)[0], fit_readouts(data[leads == "I"], 1)[0]
    alike = np.isclose(both, own, atol=1e-4).all(1)
    assert [code for code, one in zip(PATHOLOGIES, alike, strict=True) if one] == list(SHAPES)
    assert (both[~alike, 1] > 0.3).all() and (np.abs(own[:, 1]) < 0.1).all()
