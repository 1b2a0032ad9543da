"""Leads by name, limb leads by Einthoven and Goldberger."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from leadone.edge.errors import InputError
from leadone.edge.formats.wfdb_records import read_record
from leadone.edge.frontend import filter_record
from leadone.pretrain.twelve_leads import LEADS, read_twelve_leads

NAMES = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
Leads = dict[str, np.ndarray]
Heart = Callable[..., Leads]
Write = Callable[[Path, Leads], Path]


def test_leads_are_found_by_name_in_any_order(tmp_path: Path, heart: Heart, write: Write) -> None:
    leads = heart()
    shuffled = {f"Lead {name}": leads[name] for name in reversed(NAMES)}
    shuffled["RESP"] = np.ones(5000)
    record = read_twelve_leads(write(tmp_path / "r", shuffled))
    assert record.signal_mv.shape == (12, 2500) and record.present == set(LEADS)
    assert record.derived == () and record.limb_leads_agree is True
    for row, name in zip(record.signal_mv, NAMES, strict=True):
        alone = read_record(tmp_path / "r", name)
        np.testing.assert_array_equal(row, filter_record(alone.signal_mv, 500.0)[0])


def test_missing_limb_leads_are_derived_and_missing_chest_leads_are_not(
    tmp_path: Path, heart: Heart, write: Write
) -> None:
    leads = heart()
    kept = {name: leads[name] for name in ("II", "III", "V1", "V2")}
    kept["V3"] = np.zeros(5000)  # an electrode that was never on
    record = read_twelve_leads(write(tmp_path / "r", kept))
    whole = read_twelve_leads(write(tmp_path / "w", leads))
    assert set(record.derived) == {"i", "avr", "avl", "avf"}
    assert record.present == {"i", "ii", "iii", "avr", "avl", "avf", "v1", "v2"}
    np.testing.assert_allclose(record.signal_mv[:6], whole.signal_mv[:6], atol=0.005)
    assert record.limb_leads_agree is None  # two leads contradict nothing


@pytest.mark.parametrize(("a", "b"), [("I", "aVR"), ("II", "aVR"), ("I", "aVL"), ("aVR", "aVF")])
def test_swapped_names_are_noticed(
    tmp_path: Path, heart: Heart, write: Write, a: str, b: str
) -> None:
    leads = heart()
    leads[a], leads[b] = leads[b], leads[a]
    assert read_twelve_leads(write(tmp_path / "r", leads)).limb_leads_agree is False


def test_a_record_of_something_else_is_refused(tmp_path: Path, write: Write) -> None:
    with pytest.raises(InputError, match="none of the twelve"):
        read_twelve_leads(write(tmp_path / "r", {"RESP": np.ones(5000), "ABP": np.ones(5000)}))


@pytest.mark.parametrize("folder", ["ptbxl_mv", "cinc2021", "ptbxl"])
def test_real_archives(data_dir: Path, folder: str) -> None:
    for header in sorted((data_dir / folder).glob("*.hea"))[:10]:
        record = read_twelve_leads(header)
        assert record.present == set(LEADS) and record.signal_mv.shape == (12, 2500)
        assert record.limb_leads_agree is (None if folder == "ptbxl" else True)  # it has no gain


def test_a_record_at_1_khz_with_names_of_its_own(
    tmp_path: Path,
    heart: Callable[..., dict[str, np.ndarray]],
    write: Callable[..., Path],
) -> None:
    leads = {f"ECG_lead_{name.upper()}": x for name, x in heart(10.0, 1000.0).items()}
    leads |= {"VX": leads["ECG_lead_I"], "V3R": leads["ECG_lead_V3"]}  # Frank and right-sided
    (tmp_path / "isp").mkdir()
    write(tmp_path / "isp" / "0001", leads, 1000.0)
    record = read_twelve_leads(tmp_path / "isp" / "0001")
    assert len(record.present) == 12 and record.signal_mv.shape == (12, 2500)
    assert record.limb_leads_agree and not record.derived
