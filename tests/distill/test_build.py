"""What the int8 network's scales are measured on, what it may lose, and what refuses a bundle."""

from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from leadone.distill import arithmetic_loss, build
from leadone.distill.arithmetic_loss import Figure, check_loss
from leadone.distill.build import build_bundle, calibration_windows, refit_bundle
from leadone.distill.datasets import LabelledLead
from leadone.distill.evaluate import Share, with_progress
from leadone.distill.finetune import FinetuneConfig, Multitask
from leadone.distill.tables import loss_table
from leadone.edge.bundle import load_bundle
from leadone.edge.errors import InputError
from leadone.edge.frontend import network_input
from leadone.edge.rhythm import RhythmModel


def _lead(dataset: str, lead: str, signal_mv: np.ndarray) -> LabelledLead:
    filtered_mv = signal_mv.astype(np.float32)
    return LabelledLead(f"{dataset}/1", dataset, lead, filtered_mv, (), (), (), False)


def test_calibration_takes_a_start_of_ludb_and_eight_stretches_of_mitdb() -> None:
    short, long = np.linspace(0, 1, 2500), np.linspace(-1, 1, 20_000)
    leads = [
        _lead("ludb", "iii", short - 1),
        _lead("ludb", "v5", short),
        _lead("qtdb", "0", short - 1),
        _lead("mitdb", "1", long),
        _lead("cinc2017", "i", short - 1),
    ]
    windows = calibration_windows(leads)
    assert windows.shape == (9, 2, 1, 2560)
    held = np.concatenate([short, np.ones(60)]).astype(np.float32)  # LUDB ends before the window
    np.testing.assert_array_equal(windows[0, :, 0], network_input(held))
    for window, start in ((1, 0), (8, 20_000 - 2560)):
        stretch = long[start : start + 2560].astype(np.float32)
        np.testing.assert_array_equal(windows[window, :, 0], network_input(stretch))


def test_calibration_without_ludb_and_mitdb_is_refused() -> None:
    with pytest.raises(InputError, match="neither ludb nor mitdb"):
        calibration_windows([_lead("qtdb", "0", np.zeros(2560))])


def test_more_than_the_limit_of_a_bounded_figure_is_refused() -> None:
    figures = [
        Figure("ludb", "P on F1", 0.990, 0.987),
        Figure("ludb", "P on error sd", 12.0, 19.0, "ms", False),
        Figure("mitdb", "S F1", 0.50, 0.40, bounded=False),
    ]
    assert [round(one.loss, 6) for one in figures] == [0.3, 7.0, 10.0]
    check_loss(figures, 0.3 + 1e-9)
    with pytest.raises(InputError, match=r"int8 loses 0\.30 points of P on F1 on ludb, more than"):
        check_loss(figures, 0.29)
    check_loss([])
    console = Console(file=StringIO(), width=120)
    console.print(loss_table(figures))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "99.00 %" in text and "19.00 ms" in text and "S F1*" in text and "+10.00" in text


def test_the_comparison_tells_how_far_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Record by record, half of each set by either arithmetic."""

    def score(name: str, *_: object, progress: Share | None = None, **__: object) -> object:
        assert list(with_progress(["a", "b"], progress)) == ["a", "b"]
        return name

    monkeypatch.setattr(arithmetic_loss, "evaluate_set", score)
    monkeypatch.setattr(
        arithmetic_loss, "evaluate_records", lambda *given: score(given[0], progress=given[-1])
    )
    monkeypatch.setattr(arithmetic_loss, "_figures", lambda result: [])
    for name in ("ludb", "ptbxl"):
        (tmp_path / name).mkdir()
    told: list[tuple[str, float]] = []
    arithmetic_loss.arithmetic_loss(
        tmp_path, tmp_path, tmp_path, None, progress=lambda *one: told.append(one)
    )
    shares = (0.25, 0.5, 0.75, 1.0)
    assert told == [(f"int8 on {name}", share) for name in ("ludb", "ptbxl") for share in shares]


def test_a_network_that_sees_both_ways_is_no_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = FinetuneConfig()
    config = replace(config, encoder=replace(config.encoder, causal=False))
    monkeypatch.setattr(build, "load_run", lambda run: (Multitask(config.encoder), config))
    with pytest.raises(InputError, match="sees both ways, as a teacher does"):
        build_bundle(tmp_path, tmp_path, tmp_path / "b", name="x", version="0")


def test_a_bundle_without_findings_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped, said = load_bundle("wrist"), list[str]()
    rhythm = RhythmModel.from_manifest(shipped.manifest["rhythm"])
    monkeypatch.setattr(build, "collect", lambda *_: None)
    monkeypatch.setattr(build, "fit", lambda _: rhythm)
    manifest = refit_bundle(shipped, tmp_path, tmp_path / "b", version="9.9.9", said=said.append)
    assert manifest["record_head"]["findings"] == []
    assert said == [f"{tmp_path} has no ptbxl: the bundle tells no findings"]


def test_what_is_fitted_anew_stands_among_what_a_bundle_has_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "_fitted", lambda parts, *_, **__: parts)
    monkeypatch.setattr(build, "fitted_records", lambda data: {"cinc2017/A99999"})
    shipped = load_bundle("wrist")
    manifest = refit_bundle(shipped, tmp_path, tmp_path / "b", version="9.9.9")
    seen = set(manifest["training"]["source_records"])
    assert seen == {*shipped.manifest["training"]["source_records"], "cinc2017/A99999"}
    assert "A99999" not in str(shipped.manifest)  # what was read is not changed
