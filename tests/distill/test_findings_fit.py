"""Which findings can't be fitted, what is said of it, and what is refused before any work."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import wfdb

from leadone.distill import build
from leadone.distill.build import refit_bundle
from leadone.distill.findings_fit import FindingData, fit_findings, said_of, why_not_fitted
from leadone.distill.ptbxl import PATHOLOGIES
from leadone.edge.bundle import load_bundle
from leadone.edge.errors import InputError
from leadone.edge.record_head import RecordHead

FOLDS = np.arange(240) % 8 + 1
IN_EVERY, RARE, IN_ONE_FOLD, ALWAYS = "AFIB", "PVC", "PAC", "LAFB"


def made() -> FindingData:
    """One finding in every fold, one in three records of two, one in fold 3, one in all records."""
    cases = np.zeros((len(FOLDS), len(PATHOLOGIES)), bool)
    cases[::5, PATHOLOGIES.index(IN_EVERY)] = True
    cases[[1, 9, 10], PATHOLOGIES.index(RARE)] = True
    cases[FOLDS == 3, PATHOLOGIES.index(IN_ONE_FOLD)] = True
    cases[:, PATHOLOGIES.index(ALWAYS)] = True
    noise = np.random.default_rng(0).normal(0, 0.1, (len(FOLDS), 12))
    features = np.concatenate([noise, cases[:, :2] + 0.01 * noise[:, :2]], 1)
    return FindingData(features, cases, FOLDS, FOLDS.astype(str), np.full(len(FOLDS), "I"))


def test_what_can_t_be_fitted_has_a_reason() -> None:
    data = made()
    reasons = why_not_fitted(data.cases, data.folds)
    assert set(PATHOLOGIES) - set(reasons) == {IN_EVERY, RARE}
    assert reasons[IN_ONE_FOLD] == "in fold 3 alone" and reasons["STACH"] == "in no record"
    assert reasons[ALWAYS] == "in every record of all folds but one"
    absent = [code for code, reason in reasons.items() if reason == "in no record"]
    assert said_of(data) == [
        f"not fitted, and not told by the bundle: {', '.join(absent)} (in no record)",
        "not fitted, and not told by the bundle: PAC (in fold 3 alone)",
        "not fitted, and not told by the bundle: LAFB (in every record of all folds but one)",
        "fitted on few cases: PVC (3)",
    ]


def test_those_alone_are_in_the_head() -> None:
    data = made()
    head = RecordHead.from_manifest(load_bundle("wrist").manifest["record_head"])
    fitted = fit_findings(data, head)
    assert fitted.findings == (IN_EVERY, RARE)
    assert len(fitted.finding_weights) == len(fitted.finding_bias) == 2
    none = np.zeros(len(FOLDS), bool)
    with pytest.raises(InputError, match="0 records of PTB-XL hold enough beats, and no finding"):
        fit_findings(data[none], head)


def archive(data: Path, codes: str, folds: str) -> Path:
    """PTB-XL below `data`: a record in each fold, all with these statements."""
    folder = data / "ptbxl"
    folder.mkdir()
    rows = ["ecg_id,patient_id,age,sex,strat_fold,scp_codes,superclass"]
    for k, fold in enumerate(folds.split()):
        signal = np.zeros((2500, 1))
        wfdb.wrsamp(f"{k:05}", 250, ["mV"], ["I"], signal, fmt=["16"], write_dir=str(folder))
        rows.append(f"{k},{k},50,0,{fold},{codes},NORM")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")
    return data


@pytest.mark.parametrize(
    ("codes", "folds", "count"),
    [("SR;NORM", "1 2 3", 3), ("AFIB", "2 2", 2), ("AFIB;SR", "9 10 4", 1), ("PVC", "9 9", 0)],
)
def test_an_archive_without_findings_is_refused_before_the_work(
    codes: str, folds: str, count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "collect", lambda *_: pytest.fail("the rhythm was read first"))
    data, out = archive(tmp_path, codes, folds), tmp_path / "b"
    with pytest.raises(InputError, match=f"folds 1 to 8 below .* hold {count} records, and no "):
        refit_bundle(load_bundle("wrist"), data, out, version="9.9.9")
    assert not out.exists()
