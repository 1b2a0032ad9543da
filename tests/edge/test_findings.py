"""Which findings are called found: those that the record's lead carries."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from leadone import Record
from leadone.edge.analyze import gather
from leadone.edge.bundle import load_bundle
from leadone.edge.events import Rhythm
from leadone.edge.formats import fhir_report

CONDUCTION = {"1AVB", "CRBBB", "CLBBB"}
RATE_AND_RHYTHM = {"AFIB", "PVC", "STACH", "SBRAD", "PAC"}


@pytest.mark.parametrize(
    ("lead", "expected"),
    [
        ("I", RATE_AND_RHYTHM | CONDUCTION),
        ("Lead 1", RATE_AND_RHYTHM | CONDUCTION),
        ("MLII", RATE_AND_RHYTHM),
        ("-I", RATE_AND_RHYTHM),
    ],
)
def test_conduction_is_called_found_on_lead_one_alone(lead: str, expected: set[str]) -> None:
    record = Record(np.zeros(30 * 250, np.float32), 250.0, lead)
    bundle = load_bundle("wrist")
    codes = bundle.manifest["record_head"]["findings"]
    assert set(codes) == RATE_AND_RHYTHM | CONDUCTION | {"IRBBB", "LAFB"}
    window = Rhythm(0.0, 30.0, "af", {"af": 1.0, "normal": 0.0, "other": 0.0, "noise": 0.0})
    high, low = (replace(window, findings=dict.fromkeys(codes, p)) for p in (0.9, 0.1))
    told = gather(record, bundle, [high])
    assert {finding.code for finding in told.findings if finding.is_found} == expected
    assert {finding.probability for finding in told.findings} == {0.9}
    assert not any(finding.is_found for finding in gather(record, bundle, [low]).findings)
    verdicts = {
        part["code"]["text"].split()[0]: part["interpretation"][0]["text"]
        for resource in fhir_report.report(told)
        for part in resource.get("component", [])
        if "interpretation" in part
    }
    silent = f"not told on lead {lead}"
    assert verdicts == {code: "found" if code in expected else silent for code in codes}
