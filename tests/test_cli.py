"""Commands as a user types them: exit codes, one sentence, nothing half-written."""

import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import wfdb
from click.testing import CliRunner
from rich.console import Console

from leadone.cli import DEMO_RECORD, _phases, cli
from leadone.edge.bundle import load_bundle, shipped_models

LEADONE = [sys.executable, "-m", "leadone.cli"]


def _run(*words: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "100"}
    command = [*LEADONE, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment)


def _refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("leadone: ")
    for word in words:
        assert word in lines[0]


def _write(path: Path, rate_hz: float, lead: str, signal_mv: np.ndarray) -> None:
    wfdb.wrsamp(
        path.name,
        rate_hz,
        ["mV"],
        [lead],
        signal_mv,
        fmt=["16"],
        adc_gain=[200.0],
        baseline=[0],
        write_dir=str(path.parent),
    )


@pytest.fixture
def short(tmp_path: Path) -> Path:
    """Twenty seconds of the shipped recording."""
    signal, fields = wfdb.rdsamp(str(DEMO_RECORD), sampto=360 * 20)
    _write(tmp_path / "short", 360, fields["sig_name"][0], signal)
    return tmp_path / "short"


def test_analyze_writes_json_annotations_and_report(short: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = _run(
        "analyze",
        short,
        "--json",
        tmp_path / "r.jsonl",
        "--annotations",
        "lone",
        "--out",
        out,
        "--report",
        "html",
    )
    assert done.returncode == 0, done.stderr
    (line,) = (tmp_path / "r.jsonl").read_text().splitlines()
    report = json.loads(line)
    contract = [
        "record",
        "rate_hz",
        "duration_s",
        "model",
        "beats",
        "rhythm",
        "episodes",
        "alerts",
        "quality",
        "intervals_ms",
        "heart_rate_bpm",
        "heart_rate_variability",
    ]
    assert set(contract) <= set(report)
    beat_keys = [
        "r_s",
        "p_on_s",
        "p_off_s",
        "qrs_on_s",
        "qrs_off_s",
        "t_on_s",
        "t_off_s",
        "label",
        "confidence",
    ]
    assert set(beat_keys) <= set(report["beats"][0])
    assert wfdb.rdann(str(out / "short"), "lone").fs == 360
    assert "<html" in (out / "short.html").read_text()
    assert not [p for p in out.iterdir() if p.name.startswith(".")]


def test_one_bad_file_does_not_stop_the_rest(short: Path, tmp_path: Path) -> None:
    done = _run("analyze", tmp_path / "absent", short, "--json", tmp_path / "r.jsonl")
    assert done.returncode == 1
    assert len((tmp_path / "r.jsonl").read_text().splitlines()) == 1
    assert "absent" in done.stderr and "1 of 2 records failed" in done.stderr


def test_bad_input_is_one_sentence_and_leaves_nothing(short: Path, tmp_path: Path) -> None:
    json_file = tmp_path / "r.jsonl"
    _refused(_run("analyze", tmp_path / "absent", "--json", json_file), "absent")
    _refused(_run("analyze", short, "--lead", "V9", "--json", json_file), "V9", "MLII")
    _refused(_run("analyze", short, "--model", "nope", "--json", json_file), "nope", "wrist")
    _refused(_run("analyze", short, "--annotations", "a/b"), "a/b")
    data = (tmp_path / "short.dat").read_bytes()
    (tmp_path / "short.dat").write_bytes(data[: len(data) // 2])
    _refused(_run("analyze", short, "--json", json_file), "short")
    _refused(_run("stream", short, "--speed", "max"), "short")
    assert not json_file.exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["short.dat", "short.hea"]


def test_no_output_is_lost_to_another(short: Path, tmp_path: Path) -> None:
    twin = tmp_path / "twin"
    twin.mkdir()
    for suffix in (".hea", ".dat"):
        (twin / f"short{suffix}").write_bytes(short.with_suffix(suffix).read_bytes())
    out = tmp_path / "out"
    done = _run("analyze", short, twin / "short", "--out", out, "--annotations", "lone")
    assert done.returncode == 1 and "same name" in done.stderr and "twin" in done.stderr
    short.with_suffix(".atr").write_bytes(b"reference")
    _refused(_run("analyze", short, "--annotations", "atr", "--out", tmp_path), "atr", "reference")
    assert short.with_suffix(".atr").read_bytes() == b"reference"
    _refused(_run("analyze", short, "--annotations", "lone"), "--out")


def test_outputs_that_cannot_be_are_refused_before_the_work(short: Path, tmp_path: Path) -> None:
    _refused(_run("analyze", short, "--json", tmp_path), "folder")
    _refused(_run("analyze", short, "--json", ""), "folder")
    _refused(_run("analyze", short, "--json", tmp_path / "no" / "r.jsonl"), "no folder")
    _refused(_run("analyze", short, "--out", short.with_suffix(".dat") / "x"), "cannot write")
    page = short.with_suffix(".dat") / "x.html"
    _refused(_run("stream", short, "--speed", "max", "--html", page), "cannot write")
    _refused(_run("demo", "--out", tmp_path), "folder")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["short.dat", "short.hea"]


def test_a_refused_training_leaves_no_run(tmp_path: Path) -> None:
    _refused(_run("finetune", "--data", tmp_path, "--out", tmp_path / "run"), "leadone data get")
    (tmp_path / "c.toml").write_text('epochs = "many"\n')
    words = ["finetune", "--data", tmp_path, "--out", tmp_path / "run", "--config"]
    _refused(_run(*words, tmp_path / "c.toml"), "epochs", "many")
    (tmp_path / "c.toml").write_text("epochs = = 3\n")
    _refused(_run(*words, tmp_path / "c.toml"), "TOML")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("seconds", [3, 0])
def test_too_short(tmp_path: Path, seconds: int) -> None:
    x = np.sin(np.arange(max(seconds, 1) * 250) / 9)[:, None]
    _write(tmp_path / "s", 250, "I", x)
    if seconds == 0:
        (tmp_path / "s.hea").write_text("s 1 250 0\ns.dat 16 200/mV 16 0 0 0 0 I\n")
        (tmp_path / "s.dat").write_bytes(b"")
    _refused(_run("analyze", tmp_path / "s"), "s")


def test_an_empty_path_is_not_this_folder(short: Path) -> None:
    """As of a variable that is not set in a script."""
    _refused(_run("analyze", "", cwd=short.parent), "a path is empty")


def test_rate_zero_and_all_nan(tmp_path: Path) -> None:
    x = np.full((5000, 1), np.nan)
    x[0] = 0.5
    _write(tmp_path / "n", 250, "I", x)
    raw = np.full(5000, -32768, "<i2").tobytes()
    (tmp_path / "n.dat").write_bytes(raw)
    _refused(_run("analyze", tmp_path / "n"), "no valid sample")
    header = (tmp_path / "n.hea").read_text()
    (tmp_path / "n.hea").write_text(header.replace(" 250 ", " 0 "))
    _refused(_run("analyze", tmp_path / "n"), "rate")


def test_demo_needs_no_torch_and_writes_its_page(tmp_path: Path) -> None:
    code = (
        "import sys; from leadone.cli import main; sys.argv = ['leadone', 'demo']\n"
        "try: main()\nfinally: print('torch' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.strip().endswith("False")
    assert (tmp_path / "leadone-demo.html").stat().st_size > 100_000
    assert "beat V" in done.stdout


def test_unknown_speed_and_unknown_config_key(short: Path, tmp_path: Path) -> None:
    _refused(_run("stream", short, "--speed", "fast"), "--speed")
    (tmp_path / "c.toml").write_text("epoch = 3\n")
    done = _run(
        "finetune", "--data", tmp_path, "--out", tmp_path / "r", "--config", tmp_path / "c.toml"
    )
    _refused(done, "epoch")


def test_evaluate_wants_the_data(tmp_path: Path) -> None:
    _refused(_run("evaluate", "ludb", "--data", tmp_path), "RECORDS")


def test_models_lists_the_shipped_one() -> None:
    result = CliRunner().invoke(cli, ["models"])
    assert result.exit_code == 0 and "wrist" in result.output and "int8" in result.output
    saw = "saw nstdb: the first 66% of each recording, as noise, ODC-BY"
    assert result.output.count(saw) == len(shipped_models())
    listed = json.loads(CliRunner().invoke(cli, ["models", "--json"]).output)
    assert {one["noise_share"] for one in listed} == {0.66}


def test_bundles_are_signed_shown_and_trusted(short: Path, tmp_path: Path) -> None:
    keys, path = tmp_path / "keys", tmp_path / "b.zip"
    private, public = keys / "leadone-private.pem", keys / "leadone-public.pem"
    assert _run("bundle", "pack", "wrist", "--out", path).returncode == 0
    made = _run("bundle", "keygen", "--out", keys)
    assert made.returncode == 0 and "BEGIN" not in made.stdout + made.stderr
    analyze = ["analyze", short, "--model", path, "--trust", public, "--json", tmp_path / "r.jsonl"]
    _refused(_run(*analyze), "b.zip", "not signed")
    _refused(_run("stream", short, "--model", path, "--trust", public), "not signed")
    _refused(_run("bundle", "verify", path), "not signed")
    assert "not signed" in _run("bundle", "show", path).stdout
    assert not (tmp_path / "r.jsonl").exists()

    assert _run("bundle", "sign", path, "--key", private).returncode == 0
    verified = _run("bundle", "verify", path, "--public-key", public)
    assert verified.returncode == 0 and "whole and signed by the key given" in verified.stdout
    shown = _run("bundle", "show", path).stdout
    assert f"{len(load_bundle('wrist').files['model.onnx']):,}" in shown and "right" in shown
    done = _run(*analyze)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "r.jsonl").read_text())["model"]["sha256"] in shown
    _refused(_run("bundle", "keygen", "--out", keys), "never overwritten")
    _refused(_run("bundle", "sign", tmp_path / "absent", "--key", private), "absent")
    _refused(_run("bundle", "sign", path, "--key", public), "no Ed25519 private key")
    _refused(_run("bundle", "pack", "wrist", "--out", keys), "folder")


def test_any_format_a_folder_and_an_archive_are_analysed(tmp_path: Path) -> None:
    from format_files import apple, apple_zip, edf

    signal_mv = wfdb.rdsamp(str(DEMO_RECORD), sampto=360 * 20)[0][:, 0]
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "holter.bin").write_bytes(edf(signal_mv, 360).content)
    (folder / "export.zip").write_bytes(apple_zip(signal_mv).content)
    out = tmp_path / "r.jsonl"
    done = _run("analyze", folder, "--json", out, "--fhir", tmp_path / "f", "--csv", tmp_path / "c")
    assert done.returncode == 0, done.stderr
    found = {line["record"]: line for line in map(json.loads, out.read_text().splitlines())}
    assert set(found) == {"holter.bin", "ecg_2026-05-30"}
    assert found["holter.bin"]["rate_hz"] == 360 and len(found["holter.bin"]["beats"]) > 20
    assert "Roe" not in out.read_text() + (tmp_path / "f").read_text()
    words = ("analyze", folder / "export.zip", "--keep-identity", "--json", "-")
    assert json.loads(_run(*words).stdout)["about"]["patient_name"] == "Jane Roe"
    (tmp_path / "a.csv").write_bytes(apple(signal_mv).content)
    done = _run("stream", tmp_path / "a.csv", "--speed", "max")
    assert done.returncode == 0 and "beat" in done.stdout, done.stderr
    _refused(_run("stream", tmp_path / "c"), "")
    _refused(_run("analyze", folder / "export.zip", "--recording", "9"), "ecg_2026-05-30")
    _refused(_run("analyze", tmp_path / "a.csv", "--unit", "mmHg"), "mmHg")


def test_a_report_takes_limits_of_the_alerts(short: Path, tmp_path: Path) -> None:
    limits = tmp_path / "limits.toml"
    limits.write_text("tachycardia_on_bpm = 200.0\n")
    pages = [tmp_path / "usual.html", tmp_path / "wide.html"]
    for page, more in zip(pages, ([], ["--alerts", limits]), strict=True):
        done = _run("report", short, "--html", page, *more)
        assert done.returncode == 0, done.stderr
    assert ["Tachycardia" in page.read_text() for page in pages] == [True, False]
    limits.write_text("pause = 1\n")
    _refused(_run("report", short, "--html", pages[0], "--alerts", limits), "unknown", "'pause'")


def test_a_bar_of_phases_tells_shares() -> None:
    """A count of shares said 0/1 until the end."""
    told = [("beats of mitdb", 0.25, " 25%"), ("beats of mitdb", 0.5, " 50%")]
    told.append(("findings", 0.1, " 10%"))
    for count in range(1, len(told) + 1):
        screen = Console(file=StringIO(), force_terminal=True, width=80)
        with _phases("network", screen) as progress:
            for phase, share, _ in told[:count]:
                progress(phase, share)
        drawn = screen.file.getvalue()  # type: ignore[attr-defined]
        phase, _, percent = told[count - 1]
        assert phase in drawn and percent in drawn and "0/1" not in drawn
