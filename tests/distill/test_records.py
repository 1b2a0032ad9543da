"""Heads of whole records: trained and running, they read the same numbers."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from leadone.distill import findings_fit
from leadone.distill.datasets import (
    CINC_TEST_FOLD,
    CINC_VALIDATION_FOLD,
    fold_of,
    read_cinc2017,
)
from leadone.distill.ptbxl import read_labels
from leadone.distill.record_heads import RecordHeads, pooled
from leadone.distill.records import (
    GentleConfig,
    LabelledRecord,
    RecordSource,
    load_findings,
    load_rhythms,
    ptbxl_records,
    read_lead_one,
    seen_records,
)
from leadone.edge.bundle import load_bundle
from leadone.edge.errors import InputError
from leadone.edge.network import StreamingNetwork
from leadone.edge.pooling import Pool
from leadone.edge.record_features import pooled_features
from leadone.edge.record_head import RecordHead

CHANNELS = 5


@pytest.fixture
def heads() -> RecordHeads:
    torch.manual_seed(0)
    heads = RecordHeads(CHANNELS).train()
    for _ in range(50):  # batch norm statistics of its own
        heads(3 * torch.randn(8, CHANNELS, 1, 40) + 1, torch.full((8,), 640))
    return heads.eval()


def test_training_and_runtime_pool_alike(heads: RecordHeads) -> None:
    deep = torch.randn(1, CHANNELS, 1, 400)
    deep[..., 300:] = 99.0  # beyond the record's end
    rhythm, _ = heads(deep, torch.tensor([300 * 16]))
    pool = Pool()
    pool.push(deep[0, :, 0, :300].numpy())
    statistics = pool.statistics(0.0, 30.0)
    assert statistics is not None
    head = heads.exported()
    assert head.rhythm_logits(statistics) == pytest.approx(rhythm[0].detach().numpy(), abs=1e-4)
    assert head.finding_probabilities(statistics) == {}  # these are fitted on the bundle's network


def test_the_masked_end_counts_for_nothing() -> None:
    deep = torch.randn(2, 3, 50)
    other = deep.clone()
    other[0, :, 20:] = 7.0
    frames = torch.tensor([20, 50])
    assert torch.equal(pooled(deep, frames), pooled(other, frames))


def test_a_head_goes_through_a_manifest_and_its_faults_are_refused(heads: RecordHeads) -> None:
    from leadone.edge.errors import InputError

    rows = heads.exported().rhythm_weights
    head = replace(
        heads.exported(),
        findings=("AFIB", "CRBBB"),
        finding_weights=rows[:2],
        finding_bias=(0.1, -0.2),
        thresholds=(0.5, 0.4),
    )
    values = head.as_manifest()
    assert RecordHead.from_manifest(values) == head
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
    findings = load_findings(data_dir)
    assert findings and {folds[record.group] for record in findings} == set(range(1, 8))
    seen = seen_records(data_dir, None)
    assert groups < seen and not any(folds.get(record, 0) >= 9 for record in seen)


def test_findings_are_fitted_on_pooled_features_and_told_from_one_half(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = ptbxl_records(data_dir)
    few = [row for row in rows if row[2].fold in (1, 2, 8, 9)]
    monkeypatch.setattr(findings_fit, "ptbxl_records", lambda data: few)
    bundle = load_bundle("wrist")
    network = bundle.files[bundle.manifest["network"]]
    before = RecordHead.from_manifest(bundle.manifest["record_head"])
    head = findings_fit.fit_findings(data_dir, network, before)
    assert head.rhythm_weights == before.rhythm_weights
    assert "CRBBB" in head.findings and set(head.thresholds) == {0.5}
    stream = StreamingNetwork(network)
    told: dict[bool, list[float]] = {True: [], False: []}
    for path, _, label in few:
        if label.fold == 9:  # neither fitted on nor chosen on
            features = pooled_features(read_lead_one(path), stream)
            told["CRBBB" in label.codes].append(head.finding_probabilities(features)["CRBBB"])
    assert np.median(told[True]) > 0.5 > np.median(told[False])
