"""backend="c": an exported bundle as a Monitor, compiled once, refused where it is not data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from leadone import Monitor, Record, analyze
from leadone.cli import C_TARGETS, DEMO_RECORD, cli
from leadone.distill.export.bundle import export_bundle
from leadone.distill.export.c_model import model_source
from leadone.distill.export.onnx_reader import read_quantized
from leadone.edge import core_build, core_library
from leadone.edge.alert_limits import AlertLimits
from leadone.edge.bundle import Bundle, load_bundle
from leadone.edge.core_build import SOURCE_NAMES, TARGETS
from leadone.edge.elf_sizes import archive_sizes
from leadone.edge.errors import InputError
from leadone.edge.events import Alert, Beat


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, wrist: Bundle) -> Path:
    out = tmp_path_factory.mktemp("backend") / "wrist"
    export_bundle(wrist, out)
    return out


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    core_library._compiled.cache_clear()
    return tmp_path


def test_a_monitor_runs_the_core(folder: Path, cache: Path, demo: Record) -> None:
    signal = demo.signal_mv[: 60 * 360]
    monitor = Monitor.load(folder, lead="MLII", backend="c")
    (library,) = (file for file in cache.rglob("core-*") if file.is_file())
    written = library.stat().st_mtime_ns
    assert monitor.signal_now is None
    parts = [monitor.push(signal[k : k + 50], 360.0) for k in range(0, len(signal), 50)]
    assert monitor.signal_now is not None and 50 < monitor.signal_now.end_s <= 60
    events = [event for part in parts for event in part] + monitor.finish()
    assert monitor.push(signal, 360.0) + monitor.finish() == events  # ready for another record
    others = Monitor.load(folder, lead="MLII")
    by_onnx = [e for e in others.push(signal, 360.0) + others.finish() if isinstance(e, Beat)]
    beats = [event for event in events if isinstance(event, Beat)]
    apart = np.sort([abs(a.r_s - b.r_s) for a, b in zip(beats, by_onnx, strict=True)])
    assert len(beats) > 90 and apart[-2] < 0.008  # one QRS has two peaks of one height
    core_library._compiled.cache_clear()
    assert analyze(Record(signal, 360.0, "MLII"), folder, "c").beats == tuple(beats)
    assert library.stat().st_mtime_ns == written  # compiled once


def test_limits_are_the_callers(folder: Path, demo: Record) -> None:
    limits = AlertLimits(tachycardia_on_bpm=60.0, tachycardia_off_bpm=55.0, rate_hold_s=2.0)
    bundle = load_bundle(folder)

    def alerts(backend: str) -> list[str]:
        monitor = Monitor(bundle, "MLII", limits, backend)
        events = monitor.push(demo.signal_mv[: 60 * 360], 360.0) + monitor.finish()
        return [event.text for event in events if isinstance(event, Alert)]

    assert "heart rate above 60 per minute for 2 s" in alerts("c")
    assert alerts("c") == alerts("onnx")


def test_without_a_compiler_it_is_said(
    folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core_build, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'leadone\[export\]' brings one"):
        Monitor.load(folder, backend="c")
    assert not list(cache.rglob("core-*"))


def test_a_bundle_without_c_says_how_to_get_it() -> None:
    with pytest.raises(InputError, match="`leadone export wrist --out DIR` writes one"):
        Monitor.load("wrist", backend="c")


@pytest.mark.parametrize(
    "harm",
    [
        "void __attribute__((constructor)) f(void) {}\n",
        '#include "/etc/passwd"\n',
        "%:include <stdio.h>\n",
        "?" + "?=include <stdio.h>\n",
        "static const int32_t x[1] = {sizeof(int)};\n",
        'static const char *s = "x";\n',
        "/* */",
        "\\\n",
        "int32_t a<:1:>;\n",
    ],
)
def test_a_model_that_is_more_than_tables_is_refused(folder: Path, harm: str) -> None:
    text = (folder / "model.c").read_text()
    core_library.check_is_data(text.encode())
    half = text.index("static const", len(text) // 2)
    version = text.index(".version")
    for at in (0, half, version, len(text)):
        with pytest.raises(InputError, match="more than tables"):
            core_library.check_is_data((text[:at] + harm + text[at:]).encode())


def test_parts_that_do_not_fit_the_core_are_refused(wrist: Bundle) -> None:
    quantized = read_quantized(wrist.files[wrist.manifest["network"]])
    head = wrist.manifest["record_head"]

    def source(**changed: object) -> str:
        manifest = {**wrist.manifest, "record_head": {**head, **changed}}
        return model_source(replace(wrist, manifest=manifest), quantized)

    assert "lo_the_model" in source()
    longer = {name: [[*row, 0.0] for row in head[name]] for name in head if "weights" in name}
    with pytest.raises(InputError, match="reads other features than C pools"):
        source(**longer)
    many = {name: 2 * head[name] for name in head if not name.startswith("rhythm")}
    with pytest.raises(InputError, match="more than 16 findings"):
        source(**many)


def test_the_command_line_takes_it(folder: Path, tmp_path: Path) -> None:
    runner = CliRunner()
    command = ["analyze", str(DEMO_RECORD), "--model", str(folder), "--backend", "c"]
    done = runner.invoke(cli, command)
    assert done.exit_code == 0 and "beats (N " in done.output
    done = runner.invoke(
        cli, ["export", "wrist", "--out", str(tmp_path / "w"), "--target", "cortex-m4"]
    )
    assert done.exit_code == 0 and "lib/cortex-m4/libleadone.a: 1" in done.output
    sizes = archive_sizes((tmp_path / "w" / "lib" / "cortex-m4" / "libleadone.a").read_bytes())
    assert sizes is not None and f"{sizes.text:,} of code" in done.output
    load_bundle(tmp_path / "w")  # libraries beside it are no part of it
    done = runner.invoke(cli, ["export", "wrist", "--target", "cortex-m4", "--verify"])
    assert isinstance(done.exception, InputError) and "--target needs --out" in str(done.exception)


def test_the_command_line_knows_every_target() -> None:
    assert set(C_TARGETS) == set(TARGETS)
    assert {"model.c", "monitor.c", "block.c"} <= set(SOURCE_NAMES)
