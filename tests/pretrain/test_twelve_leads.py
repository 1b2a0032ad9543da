"""Leads by name, limb leads by Einthoven and Goldberger."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from leadone.edge.errors import InputError
from leadone.edge.formats.wfdb_records import read_leads, read_record
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


def test_reversed_arms_pass_as_their_equations_hold(
    tmp_path: Path, heart: Heart, write: Write
) -> None:
    """What the check can't see, as its docstring says."""
    leads = heart()
    reversed_ = leads | {"I": -leads["I"], "II": leads["III"], "III": leads["II"]}
    reversed_ |= {"aVR": leads["aVL"], "aVL": leads["aVR"]}
    assert read_twelve_leads(write(tmp_path / "r", reversed_)).limb_leads_agree is True


def test_gaps_and_still_stretches_are_marked(tmp_path: Path, heart: Heart, write: Write) -> None:
    """Gaps of 1 s and 20 ms; a lead that stands still at .3 mV for 3 s, one throughout."""
    leads = heart()
    whole = read_twelve_leads(write(tmp_path / "w", leads))
    leads["V1"][2000:2500] = leads["V2"][2000:2010] = np.nan
    leads["I"][:1500] = 0.3
    leads["V6"][:] = -1.2
    record = read_twelve_leads(write(tmp_path / "r", leads))
    missing = {
        lead: np.flatnonzero(np.isnan(row))
        for lead, row in zip(LEADS, record.signal_mv, strict=True)
    }
    np.testing.assert_array_equal(missing["v1"], np.arange(1000, 1250))
    np.testing.assert_array_equal(missing["i"], np.arange(750))
    assert len(missing["v6"]) == 2500 and len(missing["v2"]) == 0
    assert record.present == set(LEADS) - {"v1", "i", "v6"}
    assert record.limb_leads_agree is True and record.derived == ()
    np.testing.assert_array_equal(record.signal_mv[6, :1000], whole.signal_mv[6, :1000])


def test_limb_leads_are_derived_where_the_others_are_there(
    tmp_path: Path, heart: Heart, write: Write
) -> None:
    leads = heart()
    del leads["I"]
    leads["II"][3000:4000] = np.nan
    record = read_twelve_leads(write(tmp_path / "r", leads))
    assert record.derived == ("i",)
    np.testing.assert_array_equal(
        np.flatnonzero(np.isnan(record.signal_mv[0])), np.arange(1500, 2000)
    )


def test_a_lead_that_is_there_twice_is_refused(tmp_path: Path, heart: Heart, write: Write) -> None:
    leads = heart() | {"Lead 1": np.ones(5000)}
    with pytest.raises(InputError, match="two channels are lead i;"):
        read_twelve_leads(write(tmp_path / "r", leads))


@pytest.mark.parametrize("folder", ["ptbxl_mv", "cinc2021", "ptbxl"])
def test_real_archives(data_dir: Path, folder: str) -> None:
    for header in sorted((data_dir / folder).glob("*.hea"))[:50]:
        record = read_twelve_leads(header)
        # Two of Ningbo's were recorded without three chest electrodes.
        off = {"v2", "v4", "v6"} if header.stem in ("JS20004", "JS20008") else set()
        assert record.present == set(LEADS) - off and record.signal_mv.shape == (12, 2500)
        assert record.limb_leads_agree is (None if folder == "ptbxl" else True)  # it has no gain


def test_challenge_files_are_what_matlab_holds(data_dir: Path) -> None:
    """Samples begin 24 bytes into the file; a thousand codes are a millivolt, "mv" or "mV"."""
    for header in sorted((data_dir / "cinc2021").glob("*.hea"))[::7]:
        codes = scipy.io.loadmat(str(header.with_suffix(".mat")))["val"]
        leads = read_leads(header, LEADS)
        found = np.stack([leads[lead].signal_mv for lead in LEADS])
        np.testing.assert_array_equal(found, (codes / 1000).astype(np.float32))


@pytest.mark.parametrize("rate_hz", [257.0, 1000.0])
def test_rates_of_the_challenges_become_250_hz(
    tmp_path: Path, heart: Heart, write: Write, rate_hz: float
) -> None:
    """St. Petersburg and PTB."""
    found = read_twelve_leads(write(tmp_path / "r", heart(10.0, rate_hz), rate_hz)).signal_mv
    reference = read_twelve_leads(write(tmp_path / "w", heart())).signal_mv
    n = min(found.shape[1], 2500)
    assert n >= 2498
    np.testing.assert_allclose(found[:, 250:n], reference[:, 250:n], atol=0.02)


def test_names_of_other_makers_and_leads_beyond_the_twelve(
    tmp_path: Path, heart: Heart, write: Write
) -> None:
    """At ISP's rate; Frank's, right-sided and posterior leads are none of the twelve."""
    own = heart(10.0, 1000.0)
    leads = {f"ECG_lead_{name.upper()}": x for name, x in own.items()}
    leads["MDC_ECG_LEAD_I"], leads["DII"] = leads.pop("ECG_lead_I"), leads.pop("ECG_lead_II")
    leads["a VR"] = leads.pop("ECG_lead_AVR")
    others = ("VX", "X", "Y", "Z", "V3R", "V4R", "V7", "-aVR")
    leads |= {name: np.random.default_rng(0).normal(size=10_000) for name in others}
    record = read_twelve_leads(write(tmp_path / "r", leads, 1000.0))
    plain = read_twelve_leads(write(tmp_path / "p", own, 1000.0))
    assert record.present == set(LEADS) and record.limb_leads_agree and not record.derived
    np.testing.assert_array_equal(record.signal_mv, plain.signal_mv)
