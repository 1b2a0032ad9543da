"""The command `leadone`. Each command imports its folder itself: `demo` never loads torch."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from functools import partial, wraps
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from . import __version__
from .edge.errors import InputError
from .edge.files import check_folder, check_target, whole_file

if TYPE_CHECKING:
    from .distill.arithmetic_loss import Figure
    from .edge.alert_limits import AlertLimits
    from .edge.batch import Outcome
    from .edge.bundle import Bundle
    from .edge.record import Record
    from .edge.sources.samples_text import Given
    from .firmware_sim.simulation import Simulation

ERROR_EXIT = 2
SOME_FAILED_EXIT = 1
C_TARGETS = (
    "cortex-m4",
    "cortex-m7",
    "cortex-m33",
    "cortex-m55",
    "aarch64-linux",
    "aarch64-linux-android",
    "aarch64-ios",
    "wasm32",
)
WEB_TARGET = "web"
STUDENTS = ("wrist", "phone")
NETWORKS = (*STUDENTS, "teacher", "rhythm")
TRAINING = ("tier", "epochs", "fold", "seed", "encoder", "config")  # options of `finetune`
RECORD_SETS = ("cinc2017", "ptbxl")
RUN_SETS = ("ludb", "qtdb", "mitdb")  # which a training run is scored on too
SETS = (*RUN_SETS, *RECORD_SETS, "alerts", "noise", "polarity")
REPORT_COLUMNS = 140  # of a table that goes to a file
DEMO_RECORD = Path(__file__).parent / "edge" / "demo" / "208demo"

model_option = click.option(
    "--model", default="wrist", show_default=True, help="A shipped model's name or a bundle's path."
)
trust_option = click.option(
    "--trust",
    "trusted",
    type=click.Path(path_type=Path),
    help="Refuse a model that is not signed by the key in this PUBLIC_KEY_FILE.",
)
backend_option = click.option(
    "--backend",
    type=click.Choice(["onnx", "litert", "c"]),
    default="onnx",
    show_default=True,
    help="What runs the model; litert and c (compiled here, fast) take a bundle of `export`.",
)
analysis_backend_option = click.option(
    "--backend",
    type=click.Choice(["auto", "onnx", "litert", "c"]),
    default="auto",
    show_default=True,
    help="What runs the model; auto is c (compiled here once) for records from an hour on where "
    "the export extra is installed, else onnx. litert takes a bundle of `export`.",
)
encoding_option = click.option(
    "--encoding",
    default="auto",
    show_default=True,
    help="Of a live source: text, int16 or frames; auto tells the last from text.",
)
gain_option = click.option(
    "--gain", type=float, default=1.0, help="Of int16: steps a unit, default 1."
)
lead_option = click.option("--lead", help="Lead by name; default lead I, else the first ECG lead.")
alerts_option = click.option(
    "--alerts",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="TOML with limits of the alerts; docs/alerts.toml has every key.",
)
recording_option = click.option(
    "--recording", metavar="NAME", help="One of several in a file, by name or number."
)


def text_options(command: Callable[..., None]) -> Callable[..., None]:
    """What plain text does not always say of itself."""
    for option in (
        click.option("--unit", help="mV, uV, V or nV, of a file (not WFDB) that does not say it."),
        click.option("--rate", "rate_hz", type=float, help="Hz, of plain CSV without times."),
    ):
        command = option(command)
    return command


@dataclass(frozen=True)
class Hearing:
    """How a record or a live source is heard, and by what: the `source_options`."""

    encoding: str
    gain: float
    recording: str | None
    rate_hz: float | None
    unit: str | None
    lead: str | None
    alerts: Path | None
    model: str
    backend: str
    trusted: Path | None

    def record(self, path: str) -> Record:
        """The record in a file."""
        from .edge.formats.read import read_record

        return read_record(
            path, self.lead, recording=self.recording, rate_hz=self.rate_hz, unit=self.unit
        )

    def given(self) -> Given:
        """What a live source may not say of itself; InputError for what can't be."""
        from .edge.formats.read import read_options
        from .edge.sources.samples_text import Given

        read_options(rate_hz=self.rate_hz, unit=self.unit)
        return Given(self.rate_hz, self.unit, self.lead, self.gain)


def source_options(command: Callable[..., None]) -> Callable[..., None]:
    """Options of a command whose argument `hearing` they become."""

    @wraps(command)
    def gathered(**given: Any) -> None:
        own = {field.name: given.pop(field.name) for field in fields(Hearing)}
        command(hearing=Hearing(**own), **given)

    options = (encoding_option, gain_option, recording_option, text_options, lead_option)
    for option in reversed((*options, alerts_option, model_option, backend_option, trust_option)):
        gathered = option(gathered)
    return gathered


data_option = click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    help="The folder that holds ludb, qtdb, mitdb, cinc2017, nstdb.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="leadone")
def cli() -> None:
    """One lead of ECG in; beats, waves, rhythm and alerts out. Research use only."""


@cli.command()
@click.option("--speed", default="max", show_default=True, help="1, 10, any factor, or max.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("leadone-demo.html"))
@model_option
@backend_option
def demo(speed: str, out: Path, model: str, backend: str) -> None:
    """Stream the shipped recording (MIT-BIH 208, 5 min) and write leadone-demo.html."""
    from .edge.formats.read import read_record

    _stream(read_record(DEMO_RECORD), _speed(speed), model, out, backend)


@cli.command()
@click.argument("record")
@click.option("--speed", default="1", show_default=True, help="1, 10, any factor, or max.")
@click.option("--html", type=click.Path(path_type=Path), help="Also write a report here.")
@source_options
def stream(record: str, speed: str, html: Path | None, hearing: Hearing) -> None:
    """Stream RECORD as a device would see it, beat by beat.

    RECORD is a file of any format, - for samples on standard input (one a line, or --encoding
    int16), tcp://HOST:PORT, serial:///dev/PORT, polar://ADDRESS for a Polar H10's ECG, ble://ADDRESS
    for any strap's RR intervals. docs/live.md has the frames for sockets and serial lines.
    """
    from .edge.sources.stream import is_live, stream_live

    if is_live(record):
        from .edge.monitor import Monitor

        if html is not None:
            raise InputError("--html works with records; save a live stream to a file first")
        given = hearing.given()

        def make_monitor(name: str) -> Monitor:
            return Monitor.load(
                hearing.model,
                lead=name,
                backend=hearing.backend,
                trusted=hearing.trusted,
                limits=_limits(hearing.alerts),
            )

        stream_live(record, hearing.encoding, given, make_monitor, Console())
        return
    read, limits = hearing.record(record), _limits(hearing.alerts)
    _stream(read, _speed(speed), hearing.model, html, hearing.backend, hearing.trusted, limits)


@cli.command()
@click.argument("source")
@click.option("--speed", default="1", show_default=True, help="Of a record: 1, 10, or max.")
@click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0: other machines too.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Default: any free one.")
@click.option(
    "--keep",
    "keep_h",
    type=click.FloatRange(0.02, 48),
    default=1.0,
    show_default=True,
    help="Hours that the page can scroll back.",
)
@source_options
def live(source: str, speed: str, host: str, port: int, keep_h: float, hearing: Hearing) -> None:
    """Show SOURCE on a page in the browser, as it comes: trace, waves, beats, rhythm, alerts.

    SOURCE is a record of any format, played at its own speed, or a device: -, tcp://HOST:PORT,
    serial:///dev/PORT, polar://ADDRESS (docs/live.md). The page is served to this machine alone,
    behind a secret link, until Ctrl-C.
    """
    if find_spec("starlette") is None or find_spec("uvicorn") is None:
        raise InputError("the live page needs a server: pip install 'leadone[live]'")
    from .edge.analyze import check_readable
    from .edge.bundle import load_bundle
    from .edge.live.log import About
    from .edge.live.run import Place, watch
    from .edge.monitor import Monitor
    from .edge.sources.chunk import Source
    from .edge.sources.played import PlayedRecord
    from .edge.sources.stream import is_live, open_ecg

    opened: Source
    if is_live(source):
        opened = open_ecg(source, hearing.encoding, hearing.given())
        about = About("standard input" if source == "-" else source)
    else:
        record = hearing.record(source)
        check_readable(record)
        opened = PlayedRecord(record, factor := _speed(speed))
        about = About(record.name, factor, is_device=False)
    loaded, limits = load_bundle(hearing.model, hearing.trusted), _limits(hearing.alerts)

    def make_monitor(name: str) -> Monitor:
        return Monitor(loaded, name, limits, hearing.backend)

    watch(opened, about, loaded, make_monitor, Place(host, port), 3600 * keep_h, click.echo)


@cli.command()
@click.argument("paths", nargs=-1, required=True)
@click.option(
    "--json",
    "json_file",
    type=click.Path(path_type=Path),
    help="JSON lines file, - for standard output.",
)
@click.option(
    "--csv", "csv_file", type=click.Path(path_type=Path), help="CSV file, a row a beat; or -."
)
@click.option(
    "--fhir",
    "fhir_file",
    type=click.Path(path_type=Path),
    help="FHIR R4 Bundle of DiagnosticReports and Observations.",
)
@click.option("--annotations", metavar="EXT", help="Write WFDB annotations with this extension.")
@click.option("--edf", is_flag=True, help="Write EDF+: the lead with its annotations.")
@click.option("--out", help="Folder for what each record gets; with --scheduler also a URL.")
@click.option(
    "--report",
    type=click.Choice(["html", "pdf"]),
    help="Write a report for each record: html to look about in, pdf the sheet of `report`.",
)
@click.option("--keep-identity", is_flag=True, help="Keep names and birth dates of the files.")
@click.option(
    "--workers", type=click.IntRange(1, 1024), default=1, help="Processes that share the records."
)
@click.option(
    "--resume",
    is_flag=True,
    help="Give each record a folder in OUT with its analysis.json; skip records that have one.",
)
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Of a Dask cluster, tcp://HOST:8786: its workers read PATHS, which may be URLs as s3://; "
    "results go to OUT as by --resume.",
)
@recording_option
@text_options
@lead_option
@alerts_option
@model_option
@analysis_backend_option
@trust_option
def analyze(
    paths: tuple[str, ...],
    alerts: Path | None,
    annotations: str | None,
    report: str | None,
    recording: str | None,
    out: str | None,
    workers: int,
    resume: bool,
    scheduler: str | None,
    model: str,
    backend: str,
    trusted: Path | None,
    **options: Any,
) -> None:
    """Read the records PATHS: one JSON object each, annotations, reports.

    Files of any format that leadone reads, folders and archives of them; plain CSV only where it
    is named. A bad file does not stop the rest; it is named at the end and the exit code is 1.
    """
    from .distill.export.c_backend import with_model_c
    from .edge.batch import Job, analyze_many
    from .edge.bundle import load_bundle
    from .edge.formats.read import read_options
    from .edge.formats.wfdb_annotations import check_extension
    from .edge.outputs import Outputs
    from .edge.reader import Reader
    from .edge.store import Store

    if "" in paths:
        raise InputError("a path is empty; name a record, a folder or . for this one")
    if annotations is not None:
        check_extension(annotations)
    if (resume or scheduler) and out is None:
        raise InputError("results need a folder to be kept in; name one with --out")
    names = ("json_file", "csv_file", "fhir_file", "edf")
    outputs = Outputs(
        annotations=annotations,
        html=report == "html",
        pdf=report == "pdf",
        out=None if out is None else Path(out),
        **{name: options[name] for name in names},
    )
    wanted = ("lead", "rate_hz", "unit", "keep_identity")
    reading = read_options(**{name: options[name] for name in wanted})
    bundle = load_bundle(model, trusted)
    store = Store(out) if out is not None and (resume or scheduler) else None
    reader = Reader(bundle, backend, with_model_c, _limits(alerts))
    job = Job(reader, reading, outputs, recording, store)
    is_piped = "-" in map(str, (outputs.json_file, outputs.csv_file, outputs.fhir_file))
    console = Console(stderr=True)
    if scheduler is not None:
        from .edge.cluster import analyze_on_cluster

        tell = console.print
        outcomes = analyze_on_cluster(scheduler, paths, job, model, tell)
    else:
        outcomes = analyze_many(map(Path, paths), job, workers)
    _tell(outcomes, len(paths), console, outputs.json_file is None and not is_piped)


def _tell(outcomes: Iterator[Outcome], paths: int, console: Console, shows_lines: bool) -> None:
    """A bar, a line a record, and at the end the failures; exit code 1 where there are some."""
    failures, notes, count = [], list[str](), 0
    with _progress(console) as bar:
        task = bar.add_task("records", total=paths)
        for outcome in outcomes:
            if outcome.note:
                notes.append(outcome.note)
                continue
            count += 1
            bar.update(task, completed=count, total=max(count, paths))
            if outcome.failure:
                name, why = outcome.name, outcome.failure
                failures.append(why if Path(name).stem in why else f"{name}: {why}")
            if outcome.line and shows_lines:
                click.echo(outcome.line)
    for note in notes:
        click.echo(f"leadone: {note}", err=True)
    if count == 1 and failures:
        raise InputError(failures[0])
    for failure in failures:
        click.echo(f"leadone: {failure}", err=True)
    if failures:
        click.echo(f"leadone: {len(failures)} of {count} records failed", err=True)
        sys.exit(SOME_FAILED_EXIT)


@cli.command()
@click.argument("record")
@click.option("--pdf", type=click.Path(path_type=Path), help="Write the page as PDF.")
@click.option("--html", type=click.Path(path_type=Path), help="Write the page as HTML.")
@click.option("--keep-identity", is_flag=True, help="Print names and birth dates of the file.")
@recording_option
@text_options
@lead_option
@alerts_option
@model_option
@analysis_backend_option
@trust_option
def report(
    record: str,
    pdf: Path | None,
    html: Path | None,
    recording: str | None,
    alerts: Path | None,
    model: str,
    backend: str,
    trusted: Path | None,
    **options: Any,
) -> None:
    """Print RECORD on one page: strips, rhythm, intervals, episodes, rate, hours, quality.

    Without --pdf and --html: RECORD.pdf in this folder.
    """
    from .distill.export.c_backend import with_model_c
    from .edge.bundle import load_bundle
    from .edge.formats.read import open_record, read_options
    from .edge.reader import Reader
    from .edge.sheet.sheet import write_sheet

    wanted = ("lead", "rate_hz", "unit", "keep_identity")
    reading = read_options(**{name: options[name] for name in wanted})
    opened = open_record(record, reading, recording)
    targets = [path for path in (pdf, html) if path] or [Path(f"{opened.name or 'record'}.pdf")]
    for path, suffixes in ((pdf, (".pdf",)), (html, (".html", ".htm"))):
        if path is not None and path.suffix.casefold() not in suffixes:
            raise InputError(f"{path} does not end in {suffixes[0]}; name it so")
    for path in targets:
        check_target(path)
    reader = Reader(load_bundle(model, trusted), backend, with_model_c, _limits(alerts))
    result = reader.analyze(opened)
    for path in targets:
        write_sheet(result, path)
        click.echo(f"report: {path}")


@cli.command()
@click.argument("record", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="FIG.png or FIG.svg.")
@click.option("--from", "start_s", type=float, help="Second to begin at; default: most of it.")
@click.option(
    "--duration",
    "duration_s",
    type=float,
    help="2 to 30 seconds, default 10; 30 for a rhythm or finding.",
)
@click.option(
    "--class",
    "name",
    help="Beats N, S, V, Q, waves P, QRS, T, rhythms normal, af, other, noise, or a finding "
    "as PVC; default V, else S, else N, where found.",
)
@lead_option
@model_option
def explain(
    record: Path,
    out: Path,
    start_s: float | None,
    duration_s: float | None,
    name: str | None,
    lead: str | None,
    model: str,
) -> None:
    """Draw which samples and beats of RECORD made the network name a class."""
    from .edge.bundle import load_bundle
    from .edge.formats.read import read_record

    _need_torch()
    from .distill.explain import explain as explained
    from .distill.explain_figure import draw_explanation
    from .distill.figure_file import check_figure_path

    check_figure_path(out)
    found = explained(
        read_record(record, lead),
        load_bundle(model),
        name=name,
        start_s=start_s,
        duration_s=duration_s,
    )
    draw_explanation(found, out)
    click.echo(
        f"{out}: {found.name} from {found.start_s:g} to {found.end_s:g} s; its waves change the "
        f"log-odds by {found.change:+.1f}, attributions miss {found.gap * abs(found.change):.1f}"
    )


@cli.command()
@click.argument("name", metavar="SET", type=click.Choice(SETS))
@data_option
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path), help="Write the figures here."
)
@click.option(
    "--fold",
    type=click.IntRange(0, 10),
    help="Only this fold's records: 0 to 4; ptbxl's own 1 to 10.",
)
@click.option("--lead", help="LUDB lead, default i.")
@click.option(
    "--csv", "csv_file", type=click.Path(path_type=Path), help="mitdb: EC57's tables by record."
)
@click.option(
    "--plot",
    type=click.Path(path_type=Path),
    help="cinc2017: reliability and coverage, FIG.png or FIG.svg.",
)
@click.option("--peers", is_flag=True, help="noise: other detectors beside, where installed.")
@click.option(
    "--model",
    default="wrist",
    show_default=True,
    help="A shipped model's name or a bundle's path; on ludb, qtdb and mitdb a training run's too.",
)
def evaluate(
    name: str,
    data: Path,
    json_file: Path | None,
    fold: int | None,
    lead: str | None,
    csv_file: Path | None,
    plot: Path | None,
    peers: bool,
    model: str,
) -> None:
    """Score a model on a public set.

    Delineation on ludb and qtdb, beats and AF episodes on mitdb, rhythm on cinc2017, findings on
    ptbxl. And what the wearer is told: alerts (episodes on mitdb), noise (mitdb with the noise of
    nstdb), polarity (swapped hands on ptbxl).
    """
    _need_torch()
    from .distill.calibration import plot_calibration
    from .distill.ec57 import write_ec57
    from .distill.evaluate import RUN_FILE, evaluate_set
    from .distill.evaluate_alerts import evaluate_alerts
    from .distill.evaluate_noise import evaluate_noise
    from .distill.evaluate_polarity import evaluate_polarity
    from .distill.evaluate_records import evaluate_records
    from .distill.figure_file import check_figure_path
    from .distill.tables import print_report

    if csv_file is not None and name != "mitdb":
        raise InputError("--csv works with mitdb: it writes EC57's tables of beats")
    if plot is not None and name != "cinc2017":
        raise InputError(
            "--plot works with cinc2017: it draws what the rhythm's probabilities mean"
        )
    if plot is not None:
        check_figure_path(plot)
    for target in (json_file, csv_file, plot):
        if target is not None:
            check_target(target)
    if lead is not None and name != "ludb":
        raise InputError("--lead works with ludb; the others have one lead to be scored on")
    if name not in RUN_SETS and (Path(model) / RUN_FILE).is_file():
        raise InputError(f"{name} takes a bundle; make one of {model} with `leadone quantize`")
    if peers and name != "noise":
        raise InputError("--peers works with noise: it runs other detectors beside")
    result: Any
    if name in RECORD_SETS:
        result = evaluate_records(name, data, model, fold)
    elif name == "noise":
        result = evaluate_noise(data, model, fold, peers=peers)
    elif name in ("alerts", "polarity"):
        scored = evaluate_alerts if name == "alerts" else evaluate_polarity
        result = scored(data, model, fold)
    else:
        result = evaluate_set(name, data, model, fold=fold, lead=lead)
    print_report(result, Console(width=None if sys.stdout.isatty() else REPORT_COLUMNS))
    if csv_file is not None:
        counts = (result.run.records, result.confusions, result.af_counts)
        write_ec57(csv_file, *counts, result.paced)
    if plot is not None:
        title = f"{result.run.model['name']} {result.run.model['version']} on CinC 2017"
        plot_calibration(result.probabilities, result.classes, title, plot)
    if json_file is not None:
        with whole_file(json_file) as unfinished:
            unfinished.write_text(json.dumps(result.to_dict(), indent=1) + "\n")


@cli.command()
@click.option("--method", help="lead-transfer (default), simclr, pcl, ts-tcc, tf-c, masked, ...")
@click.option(
    "--data",
    "folders",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    multiple=True,
    help="A folder of 12-lead WFDB records; give it again for more.",
)
@click.option(
    "--shards", help="Made from --data, or a URL of some made before. [default: OUT/shards]"
)
@click.option(
    "--leave-out",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Records kept for testing: a line each, such as ptbxl/24.",
)
@click.option(
    "--noise",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="NSTDB's folder: muscle, electrode and wander noise for the views.",
)
@click.option("--out", type=click.Path(path_type=Path), help="The run's folder.")
@click.option("--config", type=click.Path(path_type=Path, exists=True), help="TOML file.")
@click.option("--epochs", type=click.IntRange(1))
@click.option("--seed", type=int)
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True)
@click.option(
    "--show-augmentations",
    "picture",
    type=click.Path(path_type=Path),
    help="Only draw what the views do to lead I, as PNG.",
)
def pretrain(
    method: str | None,
    folders: tuple[Path, ...],
    shards: str | None,
    leave_out: Path | None,
    noise: Path | None,
    out: Path | None,
    config: Path | None,
    epochs: int | None,
    seed: int | None,
    threads: int,
    picture: Path | None,
) -> None:
    """Train an encoder on unlabelled 12-lead records: the other leads teach lead I.

    Shards are written once and used ever after. Stops and resumes at any epoch. Under torchrun all
    processes work on one joint batch.
    """
    _need_torch().set_num_threads(threads)
    from .pretrain.config import load_config
    from .pretrain.pretraining import ENCODER, PretrainConfig
    from .pretrain.pretraining import pretrain as train
    from .pretrain.ranks import joined_ranks
    from .pretrain.shards import Shards
    from .pretrain.views import Views, load_noises
    from .pretrain.windows import windows_of

    if shards is None and out is None:
        raise InputError("name --out, the run's folder, or --shards")
    place = shards or str(out / "shards" if out else "")
    settings = load_config(config, PretrainConfig, method=method, epochs=epochs, seed=seed)
    if leave_out is not None and not folders:
        raise InputError("--leave-out works on --data, when shards are made; name the folders")
    with joined_ranks() as ranks:
        console = Console(stderr=True, quiet=not ranks.is_first)
        if folders and ranks.is_first:
            _build_shards(folders, Path(place), leave_out, console)
        ranks.wait()
        views = Views(Shards(place), settings.views, load_noises(noise) if noise else None)
        windows = windows_of(views.shards.rows())
        if picture is not None:
            from .pretrain.plots import plot_augmentations

            plot_augmentations(views, windows, settings.seed, picture)
            click.echo(f"augmentations in {picture}")
            return
        if out is None:
            raise InputError("name --out, the run's folder")
        with _progress(console, TextColumn("{task.fields[speed]}")) as bar:
            name = f"{settings.method}, {len(windows)} windows"
            task = bar.add_task(name, total=None, speed="")

            def show(done: int, total: int, windows_per_s: float) -> None:
                bar.update(task, completed=done, total=total, speed=f"{windows_per_s:.0f}/s")

            for entry in train(settings, views, windows, out, ranks, show):
                if ranks.is_first:
                    click.echo(json.dumps({key: round(value, 4) for key, value in entry.items()}))
                    if entry.get("collapsed") and entry["epoch"]:  # at first all do look alike
                        warning = "leadone: the embedding has collapsed: all records look alike"
                        click.echo(warning, err=True)
        if ranks.is_first:
            from .pretrain.plots import plot_curves

            click.echo(f"encoder in {out / ENCODER}, curves in {plot_curves(out)}")


def _build_shards(
    folders: tuple[Path, ...], place: Path, leave_out: Path | None, console: Console
) -> None:
    """Shards of the records below the folders, with a progress bar."""
    from .pretrain.archive import entries
    from .pretrain.shards import build_shards

    kept = frozenset(leave_out.read_text().split()) if leave_out is not None else frozenset()
    with _phases("shards", console) as progress:
        listed = entries(list(folders), kept)
        manifest = build_shards(listed, place, progress=partial(progress, "shards"))
    for reason, count in manifest["skipped"].items():
        click.echo(f"left out {count} records: {reason}", err=True)


def training_options(command: Callable[..., None]) -> Callable[..., None]:
    """What `finetune` and `distill` share."""
    for option in (
        click.option("--threads", type=click.IntRange(1), default=1, show_default=True),
        click.option("--device", default="cpu", show_default=True, help="cpu, or cuda on a GPU."),
        click.option(
            "--workers",
            type=click.IntRange(0),
            help="Processes that make batches. [default: 0, and 2 for a GPU]",
        ),
        click.option("--seed", type=int),
        click.option(
            "--encoder",
            help="Start from this encoder.safetensors of `leadone pretrain`, or the shipped "
            "lead-transfer.",
        ),
        click.option("--fold", type=click.IntRange(0, 4), help="Leave this fold out of training."),
        click.option("--epochs", type=click.IntRange(1)),
        click.option("--config", type=click.Path(path_type=Path, exists=True), help="TOML file."),
        click.option(
            "--out", type=click.Path(path_type=Path), required=True, help="The run's folder."
        ),
        data_option,
    ):
        command = option(command)
    return command


@cli.command()
@training_options
@click.option("--tier", type=click.Choice(NETWORKS), help="Widths. [default: wrist]")
@click.option(
    "--person",
    "records",
    type=click.Path(path_type=Path),
    multiple=True,
    help="A wearer's WFDB record, beats labelled as .atr beside it; give it again for more.",
)
@click.option("--model", default="wrist", show_default=True, help="What --person adapts.")
@click.option(
    "--learn",
    "learn_s",
    type=click.FloatRange(min=10),
    default=300.0,
    show_default=True,
    help="Seconds of each record of --person to learn from; the rest is scored.",
)
def finetune(
    data: Path, out: Path, records: tuple[Path, ...], model: str, learn_s: float, **options: Any
) -> None:
    """Train the network on labels; stops and resumes at any epoch with the same result.

    --tier teacher and --tier rhythm are networks that `distill` learns waves and rhythms from; the
    latter are to leave one --fold of CinC 2017 out each, 1 to 4.

    With --person, adapt a bundle's beat classes to one wearer instead, and show how the wearer's
    recordings differ; no class of the bundle in OUT has a lower F1 on the general test: MIT-BIH's
    folds 1 and 3, from which nothing is learned.
    """
    if records:
        given = [name for name, value in options.items() if name in TRAINING and value is not None]
        if given:
            raise InputError(
                f"--{given[0]} is for training; --person adapts the bundle that --model names"
            )
        _adapt(data, out, records, model, learn_s)
        return
    for name, flag in (("model", "--model"), ("learn_s", "--learn")):
        if click.get_current_context().get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise InputError(f"{flag} works with --person; a training starts from --encoder")
    from .distill.finetune import finetune as train

    if options["tier"] == "rhythm":
        _train_rhythm_teacher(data, out, options)
        return
    settings, encoder, machine = _training_settings(options)
    weights = train(settings, data, out, encoder, machine=machine)
    click.echo(f"weights in {weights}; next: leadone quantize {out} --data {data} --out BUNDLE")


@cli.command()
@click.option(
    "--teacher",
    "teachers",
    type=click.Path(path_type=Path, exists=True),
    multiple=True,
    help="A run of `leadone finetune --tier teacher`; give it again to take the mean.",
)
@click.option(
    "--rhythm-teacher",
    "rhythm_teachers",
    type=click.Path(path_type=Path, exists=True),
    multiple=True,
    help="A run of `leadone finetune --tier rhythm --fold K`; one for each fold from 2 to 4.",
)
@training_options
@click.option("--tier", type=click.Choice(STUDENTS), help="Widths. [default: wrist]")
def distill(
    data: Path,
    out: Path,
    teachers: tuple[Path, ...],
    rhythm_teachers: tuple[Path, ...],
    **options: Any,
) -> None:
    """Train a student on labels and on teachers' probabilities where labels are absent or in doubt.

    CinC 2017 and PTB-XL's lead I, which nobody marked wave by wave, become training data. Stops and
    resumes as `finetune` does.
    """
    from .distill.distillation import distill as train

    if not teachers and not rhythm_teachers:
        raise InputError("name --teacher, --rhythm-teacher or both; see `leadone finetune --tier`")
    settings, encoder, machine = _training_settings(options)
    weights = train(
        settings, data, out, teachers, encoder, rhythm_teachers=rhythm_teachers, machine=machine
    )
    click.echo(f"weights in {weights}; next: leadone quantize {out} --data {data} --out BUNDLE")


def _adapt(data: Path, out: Path, records: tuple[Path, ...], model: str, learn_s: float) -> None:
    """Drift of the wearer's recordings; the adapted bundle where their beats are labelled."""
    _need_torch()
    from .distill.drift import drift
    from .distill.personal import adapt, write_personal
    from .distill.tables import drift_table, personal_table
    from .edge.analyze import analyze as analyze_record
    from .edge.bundle import load_bundle
    from .edge.formats.wfdb_records import read_record

    check_folder(out)
    bundle = load_bundle(model)
    stems = [path.with_suffix("") if path.suffix == ".hea" else path for path in records]
    console = Console(width=None if sys.stdout.isatty() else REPORT_COLUMNS, highlight=False)
    days = drift([analyze_record(read_record(stem), bundle) for stem in stems])
    console.print(drift_table(days))
    labelled = [stem for stem in stems if stem.with_suffix(".atr").is_file()]
    if not labelled:
        click.echo("no beats are labelled (.atr) beside these records: nothing was adapted")
        return
    personal = adapt(bundle, labelled, data, learn_s=learn_s)
    console.print(personal_table(personal))
    write_personal(bundle, personal, out, "personal")
    click.echo(f"adapted bundle in {out}; next: leadone analyze RECORD --model {out}")


def _train_rhythm_teacher(data: Path, out: Path, options: dict[str, Any]) -> None:
    """A teacher of rhythms; it has widths of its own, and starts from random weights."""
    _need_torch().set_num_threads(options["threads"])
    from .distill.machine import find_machine
    from .distill.rhythm_teacher import RhythmTeacherConfig, train_rhythm_teacher
    from .pretrain.config import load_config

    if options["encoder"]:
        raise InputError("--tier rhythm has an encoder of its own widths; leave --encoder out")
    given = {name: options[name] for name in ("epochs", "fold", "seed")}
    settings = load_config(options["config"], RhythmTeacherConfig, **given)
    machine = find_machine(options["device"], options["workers"])
    weights = train_rhythm_teacher(settings, data, out, machine)
    click.echo(f"weights in {weights}; next: leadone distill --rhythm-teacher {out} ...")


def _training_settings(options: dict[str, Any]) -> tuple[Any, Path | None, Any]:
    """The configuration from TOML and options, the encoder's file, and where to train."""
    _need_torch().set_num_threads(options["threads"])
    from .distill.finetune import FinetuneConfig
    from .distill.machine import find_machine
    from .distill.tiers import TIERS
    from .pretrain.config import load_config
    from .pretrain.shipped import find_encoder

    given = {name: options[name] for name in ("epochs", "fold", "seed")}
    settings = load_config(options["config"], FinetuneConfig, **given)
    if options["tier"] is not None:
        settings = replace(settings, encoder=TIERS[options["tier"]])
    encoder = options["encoder"]
    machine = find_machine(options["device"], options["workers"])
    return settings, find_encoder(encoder) if encoder else None, machine


@cli.command()
@click.argument("run", type=click.Path(path_type=Path, exists=True))
@data_option
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The bundle's folder.")
@click.option("--name", default="wrist", show_default=True)
@click.option("--model-version", default=__version__, show_default=True)
@click.option("--arithmetic", type=click.Choice(["int8", "float32"]), default="int8")
@click.option(
    "--cross",
    type=click.Path(path_type=Path, exists=True),
    multiple=True,
    help="A run that left a --fold out, to fit the beat classes on that fold; give it again.",
)
@click.option("--rhythm/--no-rhythm", default=True, help="Fit the rhythm on cinc2017.")
@click.option(
    "--percentile",
    type=click.FloatRange(90, 100),
    default=99.995,
    show_default=True,
    help="Of an activation's values that its 8 bits hold; 100 is its minimum to its maximum.",
)
@click.option(
    "--max-loss",
    type=click.FloatRange(0),
    default=0.3,
    show_default=True,
    help="Refuse a bundle that loses more points of a figure without a star to int8.",
)
@click.option("--compare/--no-compare", default=True, help="Measure what int8 loses.")
def quantize(
    run: Path,
    data: Path,
    out: Path,
    name: str,
    model_version: str,
    arithmetic: str,
    cross: tuple[Path, ...],
    rhythm: bool,
    percentile: float,
    max_loss: float,
    compare: bool,
) -> None:
    """Make a bundle of a training RUN: int8 network, beat classes, findings, rhythm, hashes.

    The float32 network's figures are printed beside the bundle's, on every set below --data.
    """
    check_folder(out)
    _need_torch().set_num_threads(1)
    from .distill.build import build_bundle
    from .distill.tables import loss_table

    def show(figures: list[Figure]) -> None:
        Console(width=None if sys.stdout.isatty() else REPORT_COLUMNS).print(loss_table(figures))

    with _phases("network", Console(stderr=True)) as progress:
        manifest = build_bundle(
            run,
            data,
            out,
            name=name,
            version=model_version,
            arithmetic=arithmetic,
            cross=cross,
            with_rhythm=rhythm,
            percentile=percentile,
            max_loss_points=max_loss if compare else None,
            progress=progress,
            compared=show,
            said=_say,
        )
    keys = ("parameters", "macs_per_second")
    click.echo(json.dumps({"bundle": str(out), **{key: manifest[key] for key in keys}}))


@cli.command()
@click.argument("model", default="wrist")
@click.option("--out", type=click.Path(path_type=Path), help="The exported bundle's folder.")
@click.option("--verify", "does_verify", is_flag=True, help="Run each target that can run here.")
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="With --verify: compare windows of LUDB and MIT-BIH below this folder byte by byte too, "
    "and read both sets on each runtime.",
)
@click.option(
    "--target",
    "targets",
    type=click.Choice((*C_TARGETS, WEB_TARGET)),
    multiple=True,
    help="Also compile the C core for it, to OUT/lib/TARGET; web is a page, OUT/web/index.html, "
    "that reads recordings in the browser. Give it again for more.",
)
def export(
    model: str, out: Path | None, does_verify: bool, data: Path | None, targets: tuple[str, ...]
) -> None:
    """Write a bundle for devices: LiteRT, ONNX and C99 of one int8 network, golden vectors.

    MODEL is a shipped model's name or a bundle's path. With --verify each target answers the
    golden vectors, and the exit code is 1 where one does not hold; without --out, MODEL is a bundle
    that was exported before.
    """
    _need_export()
    from .distill.export.bundle import export_bundle
    from .distill.export.verify import verify
    from .distill.export.verify_data import real_windows, verify_on_data
    from .distill.tables import set_table, verdict_table
    from .edge.bundle import list_built, load_bundle

    if targets and out is None:
        raise InputError("--target needs --out, the exported bundle's folder, to write to")
    if out is None and not does_verify:
        raise InputError("name --out, the folder to write to, or --verify an exported bundle")
    if data is not None and not does_verify:
        raise InputError("--data is what --verify reads; give both")
    bundle = load_bundle(model)
    if out is not None:
        bundle = export_bundle(bundle, out)
        for name, content in sorted(bundle.files.items()):
            click.echo(f"{len(content):>9,} {name}")
        built = []
        for target in targets:
            path, facts = _web_page(bundle, out) if target == WEB_TARGET else _built(out, target)
            click.echo(f"{path.stat().st_size:>9,} {path.relative_to(out)}{facts}")
            built.append(path)
        if built:
            list_built(bundle, out, built)
    if does_verify:
        console = Console(width=None if sys.stdout.isatty() else REPORT_COLUMNS)
        verdicts = verify(bundle, None if data is None else real_windows(data))
        console.print(verdict_table(verdicts, bundle.manifest.get("macs_per_second")))
        holds = all(verdict.holds for verdict in verdicts)
        on_data = list(verify_on_data(bundle, data)) if data is not None else []
        for dataset in dict.fromkeys(one.dataset for one in on_data):
            console.print(set_table([one for one in on_data if one.dataset == dataset]))
        if not holds or not all(one.holds for one in on_data):
            sys.exit(SOME_FAILED_EXIT)


def _web_page(bundle: Bundle, out: Path) -> tuple[Path, str]:
    """The page that carries the exported bundle's core, and what to say of it."""
    from tempfile import TemporaryDirectory

    from .edge.core_build import SOURCE_NAMES, build_library
    from .edge.web_page import write_web_page

    with TemporaryDirectory() as scratch:
        sources = [out / name for name in SOURCE_NAMES]
        wasm = build_library(sources, "wasm32", Path(scratch)).read_bytes()
    return write_web_page(bundle, wasm, out / "web"), ": open it in a browser"


def _built(out: Path, target: str) -> tuple[Path, str]:
    """Compile the exported bundle in `out` for a target: the library, and what to say of it."""
    from .edge.core_build import SOURCE_NAMES, build_library
    from .edge.elf_sizes import archive_sizes

    library = build_library([out / name for name in SOURCE_NAMES], target, out / "lib" / target)
    sizes = archive_sizes(library.read_bytes()) if library.suffix == ".a" else None
    parts = f": {sizes.text:,} of code and constants, {sizes.data:,} of data" if sizes else ""
    return library, parts


@cli.command()
@click.argument("model")
@data_option
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The bundle's folder.")
@click.option("--model-version", default=__version__, show_default=True)
def refit(model: str, data: Path, out: Path, model_version: str) -> None:
    """Fit rhythm and findings anew on the network of MODEL, a bundle: other records, same network.

    Reads CinC 2017's fold 1 and PTB-XL's folds 1 to 8 below --data; no network is trained.
    """
    check_folder(out)
    _need_torch()
    from .distill.build import refit_bundle
    from .edge.bundle import load_bundle

    bundle = load_bundle(model)
    with _phases("rhythm", Console(stderr=True)) as progress:
        refit_bundle(
            bundle,
            data,
            out,
            version=model_version,
            progress=progress,
            said=_say,
        )
    click.echo(f"bundle in {out}")


@cli.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Everything, for machines.")
def models(name: str | None, as_json: bool) -> None:
    """The shipped models: what they saw, score and cost. With NAME, that model's whole card."""
    from rich.markdown import Markdown

    from .edge.model_list import failures, list_models, score_lines
    from .pretrain.download import SOURCES

    found = [one for one in list_models() if name in (None, one.name)]
    if not found:
        known = ", ".join(one.name for one in list_models())
        raise InputError(f"there is no shipped model {name!r}; there is {known}")
    console = Console(width=None if sys.stdout.isatty() else REPORT_COLUMNS, highlight=False)
    if as_json:
        click.echo(json.dumps([one.to_dict() for one in found], indent=1))
        return
    for one in found:
        if name is not None and one.card:
            console.print(Markdown(one.card))
            continue
        console.print(
            f"[bold]{one.name}[/] {one.version}, {one.arithmetic}: {one.parameters:,} parameters, "
            f"{one.macs_per_second / 1e6:.2f} MMAC a second of signal, {one.bytes / 1e3:.0f} kB, "
            f"sha256 {one.sha256}"
        )
        for dataset, count in one.trained_on.items():
            console.print(f"  saw {dataset}: {count} source records, {SOURCES[dataset].licence}")
        if one.noise_share:
            share = f"the first {one.noise_share:.0%} of each recording, as noise"
            console.print(f"  saw nstdb: {share}, {SOURCES['nstdb'].licence}")
        for dataset, scores in one.scores.items():
            table = Table(box=None, pad_edge=False, show_header=False)
            for figure, value in score_lines(scores):
                table.add_row(f"    {figure}", value)
            fold = "" if scores.get("fold") is None else f", fold {scores['fold']}"
            its = f"{scores['model']['name']} {scores['model']['version']}"
            console.print(f"  [bold]{dataset}[/]: {len(scores['records'])} records{fold}, by {its}")
            console.print(table)
            for failure in failures(scores):
                console.print(f"    fails: {failure}")


@cli.group()
def bundle() -> None:
    """What a model bundle holds, who signed it, and as one zip."""


@bundle.command()
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The keys' folder.")
def keygen(out: Path) -> None:
    """Make an Ed25519 key pair. The private key signs bundles: keep it where only you can read."""
    from .edge.signature import make_keys, read_public_key

    private, public = make_keys(out)
    click.echo(f"private key {private}; keep it secret")
    click.echo(f"public key {public}, {read_public_key(public).hex()}")


@bundle.command("sign")
@click.argument("path", metavar="BUNDLE", type=click.Path(path_type=Path))
@click.option(
    "--key", type=click.Path(path_type=Path), required=True, help="The private key's file."
)
def sign_command(path: Path, key: Path) -> None:
    """Sign BUNDLE, a folder or a zip; an older signature is replaced."""
    from .edge.bundle import sign_bundle

    signature = sign_bundle(path, key)
    click.echo(f"{path} is signed by {signature.public_key.hex()}")


@bundle.command("verify")
@click.argument("path", metavar="BUNDLE")
@click.option(
    "--public-key",
    type=click.Path(path_type=Path),
    help="The key that has to have signed it; without, any key that did is named.",
)
def verify_command(path: str, public_key: Path | None) -> None:
    """Check every hash of BUNDLE and its signature."""
    from .edge.bundle import verify_bundle

    signature = verify_bundle(path, public_key)
    whose = "the key given" if public_key else "this key, which you have to know"
    click.echo(f"{path} is whole and signed by {whose}: {signature.public_key.hex()}")


@bundle.command()
@click.argument("path", metavar="BUNDLE")
def show(path: str) -> None:
    """Name, version, files with sizes and hashes, and the signature of BUNDLE."""
    from .edge.bundle import load_bundle
    from .edge.signature import can_check

    found = load_bundle(path)
    click.echo("{name} {version}, manifest sha256 {sha256}".format(**found.identity))
    for name, content in sorted(found.files.items()):
        click.echo(f"{len(content):>11,} {found.manifest['files'][name]} {name}")
    if found.signature is None:
        click.echo("not signed")
        return
    checked = "right" if can_check() else "not checked: pip install 'leadone[sign]'"
    click.echo(f"signature by {found.signature.public_key.hex()}: {checked}")


@bundle.command()
@click.argument("path", metavar="BUNDLE")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The zip to write.")
def pack(path: str, out: Path) -> None:
    """Write BUNDLE as one zip; the same bundle gives the same bytes."""
    from .edge.bundle import pack_bundle

    pack_bundle(path, out)
    click.echo(f"{out}: {out.stat().st_size:,} bytes")


@cli.group()
def firmware() -> None:
    """The device, simulated: build its firmware, run a record on it, see whether it fits."""


board_option = click.option(
    "--board",
    "board_name",
    default="nrf52840",
    show_default=True,
    help="A board's name, or the path of a TOML file like those in firmware_sim/boards.",
)
front_end_option = click.option("--front-end", help="In place of the board's own.")


@firmware.command("build")
@model_option
@trust_option
@board_option
@front_end_option
@click.option(
    "--update-key",
    type=click.Path(path_type=Path),
    help="The public key that updates have to be signed by; without, the device takes none.",
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The image's folder.")
def build_command(
    model: str,
    trusted: Path | None,
    board_name: str,
    front_end: str | None,
    update_key: Path | None,
    out: Path,
) -> None:
    """Compile the firmware around a model: OUT/firmware.elf."""
    _need_firmware()
    from .edge.files import make_folder
    from .edge.signature import read_public_key
    from .firmware_sim.board import load_board
    from .firmware_sim.image import build_image, read_image

    key = None if update_key is None else read_public_key(update_key)
    make_folder(out)
    path = build_image(_bundle_in_c(model, trusted), load_board(board_name, front_end), out, key)
    image = read_image(path)
    click.echo(f"{image.flash_bytes:>9,} bytes of flash, {image.variable_bytes:,} of RAM: {path}")


@firmware.command("pack")
@model_option
@trust_option
@board_option
@click.option(
    "--key", type=click.Path(path_type=Path), required=True, help="The private key's file."
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The file to write.")
def firmware_pack(model: str, trusted: Path | None, board_name: str, key: Path, out: Path) -> None:
    """Write a model as the signed update that a device's slots take."""
    _need_firmware()
    from .firmware_sim.board import load_board
    from .firmware_sim.image import check_state
    from .firmware_sim.slot import build_slot

    bundle, board = _bundle_in_c(model, trusted), load_board(board_name)
    slot = build_slot(bundle, board.core).signed(key)
    check_state(bundle, board)
    with whole_file(out) as unfinished:
        unfinished.write_bytes(slot.sent)
    click.echo(f"{out}: {slot.name}, {len(slot.sent):,} bytes, signed")


def simulation_options(command: Callable[..., None]) -> Callable[..., None]:
    """What `firmware run` and `firmware report` share."""
    for option in (
        click.option("--drift-ppm", type=click.FloatRange(-1000, 1000), default=0.0),
        click.option("--seconds", type=click.FloatRange(1), help="Only so much of the record."),
        lead_option,
        front_end_option,
        board_option,
        trust_option,
        model_option,
        click.argument("path", type=click.Path(path_type=Path), metavar="[RECORD]", required=False),
    ):
        command = option(command)
    return command


@firmware.command("run")
@simulation_options
def run_command(**asked: Any) -> None:
    """Run RECORD on the firmware of a board, simulated in this process; default: the demo's.

    Says the events as they come, then every figure beside its budget; exit code 1 where one breaks.
    """
    from .firmware_sim.events import event_lines

    def tell(events: bytes) -> None:
        for line in event_lines(events):
            click.echo(line)

    _end_with(_simulated(tell, **asked)[0])


@firmware.command("report")
@simulation_options
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The HTML page.")
def report_command(out: Path, **asked: Any) -> None:
    """Run RECORD as `firmware run`, and write memory, time, current and their budgets as a page."""
    _need_firmware()
    from .firmware_sim.report import write_firmware_report

    found, name = _simulated(None, **asked)
    write_firmware_report(found, name, out)
    click.echo(f"report in {out}")
    _end_with(found)


def _simulated(
    told: Callable[[bytes], None] | None,
    path: Path | None,
    model: str,
    trusted: Path | None,
    board_name: str,
    front_end: str | None,
    lead: str | None,
    seconds: float | None,
    drift_ppm: float,
) -> tuple[Simulation, str]:
    """The run of a record, and the record's name."""
    _need_firmware()
    from tempfile import TemporaryDirectory

    from .edge.formats.read import read_record
    from .firmware_sim.board import load_board
    from .firmware_sim.image import build_image
    from .firmware_sim.simulation import simulate

    board = load_board(board_name, front_end)
    record = read_record(path or DEMO_RECORD, lead)
    if seconds is not None:
        record = replace(record, signal_mv=record.signal_mv[: round(seconds * record.rate_hz)])
    with TemporaryDirectory() as scratch:
        image = build_image(_bundle_in_c(model, trusted), board, Path(scratch))
        return simulate(image, board, record, drift_ppm=drift_ppm, told=told), record.name


def _end_with(found: Simulation) -> None:
    """Every figure beside its budget; exit code 1 where one breaks."""
    table = Table("", "is", "at most", "", "")
    for budget in found.budgets():
        verdict = "kept" if budget.is_kept else "BROKEN"
        table.add_row(budget.what, budget.told(), budget.limit_told(), budget.unit, verdict)
    Console(width=None if sys.stdout.isatty() else REPORT_COLUMNS).print(table)
    (usual, low, high), board = found.current_ma(), found.board
    days, fewest, most = found.battery_days()
    click.echo(
        f"{1e3 * usual:.0f} uA on average ({1e3 * low:.0f} to {1e3 * high:.0f}), front end "
        f"included: a {board.battery.name} lasts {days:.0f} days ({fewest:.0f} to {most:.0f})"
    )
    if not all(budget.is_kept for budget in found.budgets()):
        sys.exit(SOME_FAILED_EXIT)


def _need_firmware() -> None:
    missing = [name for name in ("unicorn", "elftools", "ziglang") if find_spec(name) is None]
    if missing:
        raise InputError(
            f"the firmware needs {', '.join(missing)}: pip install 'leadone[firmware]'"
        )


def _bundle_in_c(model: str, trusted: Path | None) -> Bundle:
    """A bundle with model.c: its own, or as `leadone export` would write it."""
    from .distill.export.c_backend import with_model_c
    from .edge.bundle import load_bundle

    return with_model_c(load_bundle(model, trusted))


@cli.group()
def data() -> None:
    """Public data sets: what training and evaluation read."""


@data.command("get")
@click.argument("names", metavar="SET...", nargs=-1, required=True)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("data"),
    show_default=True,
    help="The folder above the sets; give it to --data later.",
)
@click.option("--source", metavar="URL", help="A mirror of https://physionet.org/files.")
def data_get(names: tuple[str, ...], out: Path, source: str | None) -> None:
    """Download SETs (ludb, qtdb, mitdb, cinc2017, nstdb, ptbxl, cinc2021), hashes checked.

    Files that are there are kept: the same command resumes.
    """
    from .pretrain.download import PHYSIONET, SOURCES, download

    for name in names:
        if name not in SOURCES:
            raise InputError(f"there is no set {name!r}; take {', '.join(SOURCES)}")
    for name in names:
        with _progress(Console(stderr=True)) as bar:
            task = bar.add_task(name, total=None)
            for done, total in download(name, out / name, source or PHYSIONET):
                bar.update(task, completed=done, total=total)
        about = SOURCES[name]
        click.echo(f"{out / name}: {total} files, {about.licence}; cite {about.citation}")


@cli.group()
def federated() -> None:
    """A fleet that learns together without sending a heartbeat, liars included."""


config_option = click.option(
    "--config",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="TOML file; docs/federated.toml has every key.",
)


@federated.command("simulate")
@data_option
@config_option
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The run's folder.")
@click.option(
    "--cache",
    type=click.Path(path_type=Path),
    default=Path("runs/federated"),
    show_default=True,
    help="Where features of recordings are kept.",
)
@click.option("--rounds", type=click.IntRange(1))
@click.option("--seed", type=int)
@click.option(
    "--engine",
    type=click.Choice(["process", "flower"]),
    default="process",
    show_default=True,
    help="This process, or Flower's simulation; the same numbers.",
)
def federated_simulate(
    data: Path,
    config: Path | None,
    out: Path,
    cache: Path,
    rounds: int | None,
    seed: int | None,
    engine: str,
) -> None:
    """Run a whole fleet on real recordings here; resumes where it stopped."""
    from .federated.config import read_config
    from .federated.report import plot, write_csv
    from .federated.research import run_simulation

    settings = read_config(config, rounds=rounds, seed=seed)
    if engine == "flower":
        _need_flwr()
        from .federated.flower.simulation import run_in_flower

        run_in_flower(settings, data, cache, out)
        liars: list[str] = []
    else:
        fleet, steps = run_simulation(settings, data, cache, out)
        liars = list(fleet.liars)
        _watch_rounds(out, settings.rounds, steps)
    from .federated.report import entries_of

    entries = entries_of(out)
    write_csv(entries, out / "rounds.csv")
    plot(entries, out / "rounds.png", liars)
    click.echo(
        f"{len(entries)} rounds in {out}: checkpoint.npz, rounds.jsonl, rounds.csv, rounds.png"
    )


@federated.command("keys")
@click.argument("nodes", nargs=-1, required=True)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="credentials' folder.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The server's address.")
@click.option("--days", type=click.IntRange(1), default=365, show_default=True)
def federated_keys(nodes: tuple[str, ...], out: Path, host: str, days: int) -> None:
    """Make the fleet's authority, the server's certificate, and a key pair for each of NODES."""
    _need_flwr()
    from .federated.flower.credentials import make_credentials

    make_credentials(out, host, list(nodes), days)
    click.echo(f"{out}: each node gets ca.crt and its own key from nodes; keep the rest here")


@federated.command("server")
@click.argument("settings", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The run's folder.")
def federated_server(settings: Path, out: Path) -> None:
    """Run the server of SETTINGS (TOML) until all rounds are done; resumes where it stopped."""
    _need_flwr()
    from rich.live import Live

    from .federated.config import read_config
    from .federated.flower.server import Server
    from .federated.report import plot, table, write_csv

    _end_as_by_hand()
    config = read_config(settings)
    console = Console(width=None if sys.stdout.isatty() else REPORT_COLUMNS)
    entries: list[dict[str, Any]] = []
    with Live(table([], out.name), console=console, auto_refresh=False) as live:
        for entries in Server(settings, config, out).rounds():
            shown = table(entries, out.name, config.rounds)
            live.update(shown, refresh=console.is_terminal)
    write_csv(entries, out / "rounds.csv")
    plot(entries, out / "rounds.png")


@federated.command("client")
@click.argument("settings", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def federated_client(settings: Path) -> None:
    """Take part as the device of SETTINGS (TOML) until stopped."""
    _need_flwr()
    from .federated.flower.node import run_node

    _end_as_by_hand()
    for sentence in run_node(settings):
        click.echo(sentence)


@federated.command("update")
@click.argument("offered", metavar="BUNDLE", type=click.Path(path_type=Path))
@click.option("--slot", type=click.Path(path_type=Path), required=True, help="The device's folder.")
@click.option(
    "--trust",
    "trusted",
    type=click.Path(path_type=Path, exists=True),
    required=True,
    help="The fleet's public key.",
)
@click.option(
    "--settings",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The client's TOML: its own labelled recordings have to be told no worse.",
)
@model_option
def federated_update(
    offered: Path, slot: Path, trusted: Path, settings: Path | None, model: str
) -> None:
    """Take a published BUNDLE into use on this device, or refuse it with the reason."""
    from .federated.device import load_client
    from .federated.update_slot import UpdateSlot, anything, own_check

    check = own_check(load_client(settings).data) if settings is not None else anything
    installed = UpdateSlot(slot, model, trusted).install(offered, check)
    click.echo("{name} {version} is in use".format(**installed.identity))


@federated.command("report")
@click.argument("run", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--csv", "csv_file", type=click.Path(path_type=Path), help="Write the rounds here.")
@click.option("--plot", "picture", type=click.Path(path_type=Path), help="FIG.png or FIG.svg.")
@click.option("--json", "as_json", is_flag=True, help="Every round as a line of JSON.")
def federated_report(run: Path, csv_file: Path | None, picture: Path | None, as_json: bool) -> None:
    """Show the rounds of RUN: loss, trust, and who was left out and why."""
    from .federated.report import entries_of, plot, table, write_csv

    entries = entries_of(run)
    if as_json:
        for entry in entries:
            click.echo(json.dumps(entry))
    else:
        console = Console(width=None if sys.stdout.isatty() else REPORT_COLUMNS)
        console.print(table(entries, run.name))
    if csv_file is not None:
        write_csv(entries, csv_file)
    if picture is not None:
        plot(entries, picture)


def _end_as_by_hand() -> None:
    """A service manager's SIGTERM ends as Ctrl-C does: child processes too."""
    import signal

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)


def _watch_rounds(run: Path, total: int, steps: Any) -> None:
    """A table that grows with the rounds, where there is a terminal to see it."""
    from dataclasses import asdict

    from rich.live import Live

    from .federated.checkpoint import read_log
    from .federated.report import table

    console = Console(width=None if sys.stdout.isatty() else REPORT_COLUMNS)
    entries = read_log(run)
    with Live(table(entries, run.name, total), console=console, auto_refresh=False) as live:
        for step in steps:
            entries.append(asdict(step))
            live.update(table(entries, run.name, total), refresh=console.is_terminal)


def main() -> None:
    """Run; every InputError becomes one sentence and exit code 2."""
    try:
        cli.main(standalone_mode=False)
    except InputError as error:
        _fail(str(error), ERROR_EXIT)
    except click.exceptions.Abort:
        _fail("stopped", 130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        _fail(f"{place}{error.strerror or error}; check the path and its permissions", ERROR_EXIT)


def _stream(
    record: Record,
    speed: float | None,
    model: str,
    html: Path | None,
    backend: str,
    trusted: Path | None = None,
    limits: AlertLimits | None = None,
) -> None:
    from .edge.analyze import check_readable, gather
    from .edge.monitor import Monitor
    from .edge.terminal import stream_to_terminal

    check_readable(record)
    if html is not None:
        check_target(html)
    monitor = Monitor.load(model, lead=record.lead, backend=backend, trusted=trusted, limits=limits)
    seen, events = stream_to_terminal(record, monitor, speed, Console())
    if html is not None:
        from .edge.report import write_report

        write_report(gather(seen, monitor.bundle, events), html)
        click.echo(f"report: {html}")


def _limits(file: Path | None) -> AlertLimits:
    from .edge.alert_limits import AlertLimits, load_limits

    return AlertLimits() if file is None else load_limits(file)


def _speed(text: str) -> float | None:
    if text == "max":
        return None
    try:
        factor = float(text)
    except ValueError:
        factor = 0.0
    if not 0 < factor < 1e6:
        raise InputError(f"--speed takes a factor such as 1 or 10, or max, not {text!r}")
    return factor


def _progress(console: Console, *more: TextColumn) -> Progress:
    """A bar of things that are counted."""
    return _bar(console, MofNCompleteColumn(), TimeRemainingColumn(), *more)


@contextmanager
def _phases(first: str, console: Console) -> Iterator[Callable[[str, float], None]]:
    """A bar of work in phases: it is told their names, and the share of each that is done."""
    with _bar(console, TaskProgressColumn(), TimeRemainingColumn()) as bar:
        task = bar.add_task(first, total=None)

        def progress(phase: str, share: float) -> None:
            if phase != bar.tasks[0].description:
                bar.reset(task, description=phase)  # the time that is left is this phase's
            bar.update(task, completed=share, total=1.0)

        yield progress


def _bar(console: Console, *columns: ProgressColumn) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        *columns,
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _need_torch() -> Any:
    try:
        import torch
    except ImportError:
        raise InputError("this needs torch: pip install 'leadone[train]'") from None
    return torch


def _need_flwr() -> None:
    if find_spec("flwr") is None:
        raise InputError("a fleet needs flwr: pip install 'leadone[federated]'")


def _need_export() -> None:
    _need_torch().set_num_threads(1)
    missing = [name for name in ("onnx", "ai_edge_litert", "ziglang") if find_spec(name) is None]
    if missing:
        what = ", ".join(missing)
        raise InputError(f"exporting needs {what}: pip install 'leadone[train,export]'")


def _say(sentence: str) -> None:
    click.echo(sentence, err=True)


def _fail(sentence: str, code: int) -> None:
    click.echo(f"leadone: {sentence}", err=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
